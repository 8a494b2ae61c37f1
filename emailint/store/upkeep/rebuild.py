"""`store rebuild`: the ledger from the JSON lines, the JSON lines from the ledger, each from what is left.

    rows that only lines know → the ledger → lines that only the ledger knows → the files → what lies about

It may die anywhere: each step ends with one rename or one commit, and what is done is found done when it is
begun again. Until the ledger knows the last line of each file, sweeps refuse the store.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emailint.store import disk
from emailint.store.folder import REBUILT as WORK
from emailint.store.lock import read_lock
from emailint.store.projection import Projection
from emailint.store.records import Journal
from emailint.store.secret_key import load_secret_key
from emailint.store.sqlite_ledger import NAME as LEDGER
from emailint.store.upkeep.compare import Comparison, Fault
from emailint.store.upkeep.comparing import LedgerState
from emailint.store.upkeep.ledger import UpkeepLedger
from emailint.store.upkeep.loose import settle_loose
from emailint.store.upkeep.mend_errors import mend_errors
from emailint.store.upkeep.parsed import record
from emailint.store.upkeep.rebuild_lines import write_journal
from emailint.store.upkeep.rebuild_plan import survey
from emailint.store.upkeep.restored import restored
from emailint.store.upkeep.salvage import salvaged_lines, salvaged_number
from emailint.store.upkeep.set_aside import Aside

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from emailint.store.records import Key
    from emailint.store.upkeep.rebuild_plan import Plan
    from emailint.store.upkeep.restored import Mailboxes
    from emailint.store.upkeep.restoring import Restorer

READY = "ready.db"
"""In the folder WORK: a ledger that is whole and only has to get its name."""


@dataclass(slots=True)
class Rebuilt:
    """What was done. `lost` says what cannot be had, one sentence each; `aside` is where old files are."""

    plan: Plan
    done: bool = False
    rows: int = 0
    doubted: int = 0
    held: int = 0
    lost: list[str] = field(default_factory=list)
    aside: Path | None = None


def rebuild(
    folder: Path,
    mailboxes: Mailboxes,
    now: datetime,
    *,
    confirm: Callable[[Plan], bool],
    host: str | None = None,
) -> Rebuilt:
    """Put ledger and JSON lines right from each other. The run lock is the caller's.

    Nothing is changed before `confirm` has agreed to the plan. Raises StoreError.
    """
    finish_swap(folder, now)
    plan = survey(folder, mailboxes)
    result = Rebuilt(plan)
    if plan.idle or plan.nameless or not confirm(plan):
        return result
    aside = Aside(folder, now)
    try:
        _Rebuild(folder, mailboxes, now, aside, result, host).go()
    except OSError as error:
        raise disk.store_error(
            f"the store {folder} could not be rebuilt to its end; begin again", error
        ) from error
    result.done = True
    result.aside = aside.path if aside.taken else None
    return result


@dataclass(slots=True)
class _Rebuild:
    folder: Path
    mailboxes: Mailboxes
    now: datetime
    aside: Aside
    result: Rebuilt
    host: str | None

    def go(self) -> None:
        """All steps."""
        plan = self.result.plan
        if plan.state is not LedgerState.SOUND:
            self._new_ledger()
        elif plan.add or plan.changed or plan.unknown_replies:
            self._old_ledger()
        with UpkeepLedger.open(self.folder, host=self.host) as ledger:
            projection = Projection(self.folder)
            for journal in Journal:
                write_journal(ledger, self.folder, journal, self.aside, projection)
            settle_loose(ledger, self.folder, self.mailboxes, self.aside, self.result, self.now)
            numbers = ledger.case_number() - ledger.cases()
        mend_errors(self.folder, self.aside)
        if numbers:
            self.result.lost.append(
                f"{numbers} case number{'' if numbers == 1 else 's'} that no row and no line knows of"
            )

    def _new_ledger(self) -> None:
        """Made beside the store, and renamed into it when it is whole."""
        work = self.folder / WORK
        shutil.rmtree(work, ignore_errors=True)
        with disk.folder(self.folder) as within:
            disk.make_folder(WORK, within)
        with UpkeepLedger.scratch(work, self.host) as ledger:
            with ledger.restoring() as restorer:
                self._add_lines(ledger, restorer)
                self._salvage(ledger, restorer)
                restorer.order_lines()
                restorer.count_begun(read_lock(self.folder).replies_begun)
            ledger.finish_scratch()
        with disk.folder(work) as within:
            with disk.held(disk.open_file(LEDGER, within)) as descriptor:
                os.fsync(descriptor)
            os.rename(LEDGER, READY, src_dir_fd=within, dst_dir_fd=within)
            os.fsync(within)
        self.result.lost.append(
            "which mail was ignored, where mail was moved, errors that were open: what the lines do not say;"
            " mail that was ignored and is set unread is decided anew"
        )
        _swap(self.folder, self.aside)

    def _old_ledger(self) -> None:
        """In one transaction, with a copy of what it was."""
        with UpkeepLedger.open(self.folder, host=self.host) as ledger:
            copy = self.aside.place_for(LEDGER)
            ledger.copy_to(str(copy))
            with ledger.restoring() as restorer:
                self._add_lines(ledger, restorer)
                if self.result.rows or self.result.plan.unknown_replies:
                    self.result.doubted += restorer.doubt_replies()
                restorer.order_lines()
                restorer.count_begun(read_lock(self.folder).replies_begun)

    def _add_lines(self, ledger: UpkeepLedger, restorer: Restorer) -> None:
        """Rows of all lines that the ledger does not know, cases first."""
        own_key = load_secret_key(self.folder)
        for journal in Journal:
            for odd in Comparison(ledger, self.folder, journal).odd_lines():
                if odd.fault is Fault.NO_ROW:
                    self._add(restorer, journal, odd.content, own_key)
                elif odd.fault is Fault.CHANGED:
                    self._remember(restorer, journal, odd.content, own_key)

    def _add(self, restorer: Restorer, journal: Journal, line: bytes, own_key: bytes) -> None:
        said = record(line, journal)
        mailbox = said and self.mailboxes.find(str(said["integration"]), str(said["message"]["locus"]))
        if said and mailbox:
            restorer.add(restored(said, line, mailbox, own_key, self._is_quarantined))
            self.result.rows += 1

    def _remember(self, restorer: Restorer, journal: Journal, line: bytes, own_key: bytes) -> None:
        """A line in the place of another one: its mail, where that is another, makes no second case."""
        said = record(line, journal)
        mailbox = said and self.mailboxes.find(str(said["integration"]), str(said["message"]["locus"]))
        if said and mailbox and restorer.remember(restored(said, line, mailbox, own_key).entry):
            self.result.lost.append(
                f"{said['case_id']} is the case of two mails; one line goes aside, and its mail makes no case"
            )

    def _salvage(self, ledger: UpkeepLedger, restorer: Restorer) -> None:
        """Lines that can still be read in a damaged ledger, and that no file has."""
        if self.result.plan.state is not LedgerState.DAMAGED:
            return
        own_key = load_secret_key(self.folder)
        for journal, line in salvaged_lines(self.folder, ledger):
            self._add(restorer, journal, line, own_key)
        restorer.take_number(salvaged_number(self.folder))

    def _is_quarantined(self, key: Key) -> bool:
        from emailint.store.raw_mail import QUARANTINE, RawMail  # noqa: PLC0415 - only for what was not read

        return RawMail(self.folder, QUARANTINE).path(key).is_file()


def finish_swap(folder: Path, now: datetime) -> None:
    """A ledger that was made anew and whole by a rebuild that died gets its name."""
    work = folder / WORK
    if not (work / READY).is_file():
        return
    try:
        if (folder / LEDGER).exists():
            shutil.rmtree(work)
        else:
            _swap(folder, Aside(folder, now))
    except OSError as error:
        raise disk.store_error(f"the ledger {work / READY} cannot be put in place", error) from error


def _swap(folder: Path, aside: Aside) -> None:
    """The old ledger first: without one no sweep begins."""
    for name in (LEDGER, f"{LEDGER}-wal", f"{LEDGER}-shm"):
        if (folder / name).exists():
            aside.take(name)
    with disk.folder(folder) as within, disk.folder(WORK, within) as work:
        os.rename(READY, LEDGER, src_dir_fd=work, dst_dir_fd=within)
        os.fsync(within)
    shutil.rmtree(folder / WORK, ignore_errors=True)
