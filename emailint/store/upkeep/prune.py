"""`store prune`: what old cases say is removed; that their mail was there is never forgotten.

    choose → current files with such lines are rotated → rotated files without them → attachments → ledger

The ledger forgets last, and chooses anew whenever it is begun again, so that it may die anywhere.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.case import stamp
from emailint.store import disk
from emailint.store.attachments import FOLDER as ATTACHMENTS
from emailint.store.digests import folder_name
from emailint.store.errors_log import NAME as ERRORS
from emailint.store.raw_mail import HOLD, QUARANTINE, RawMail
from emailint.store.records import Journal
from emailint.store.upkeep import siblings
from emailint.store.upkeep.mend_errors import write_filtered
from emailint.store.upkeep.parsed import names
from emailint.store.upkeep.rotate import rotate
from emailint.store.upkeep.verify_files import OCTETS_LEFT, attachments_of, strays

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from emailint.store.upkeep.ledger import UpkeepLedger


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What would go: cases, follow-ups, errors that are closed. `waiting` are as old, and are kept."""

    before: datetime
    cases: int
    follow_ups: int
    errors: int
    waiting: int

    @property
    def idle(self) -> bool:
        """Whether nothing is old enough."""
        return not (self.cases or self.errors)


def prune(
    folder: Path,
    ledger: UpkeepLedger,
    before: datetime,
    now: datetime,
    *,
    confirm: Callable[[PrunePlan], bool],
) -> tuple[PrunePlan, bool]:
    """Remove what the cases before this moment say; whether that was done. The run lock is the caller's.

    All lines must have been projected. Raises StoreError.
    """
    cases, follow_ups, waiting = ledger.choose(before)
    plan = PrunePlan(before, cases, follow_ups, ledger.old_errors(before), waiting)
    if plan.idle or not confirm(plan):
        return plan, False
    try:
        for journal in Journal:
            _prune_files(folder, journal, _stays(ledger), now)
        _prune_files(folder, ERRORS, _error_stays(ledger, before), now)
        _prune_attachments(folder, ledger, before)
        ledger.forget_content(before)
        _forget_gone_ends(folder, ledger)
        _remove_settled(folder, ledger, before)
    except OSError as error:
        raise disk.store_error(f"the store {folder} could not be pruned; begin again", error) from error
    return plan, True


def _stays(ledger: UpkeepLedger) -> Callable[[bytes], bool]:
    """Lines of other cases, and lines that are none of ours."""

    def stays(line: bytes) -> bool:
        named = names(line)
        return named is None or not ledger.is_chosen(named.case_id)

    return stays


def _error_stays(ledger: UpkeepLedger, before: datetime) -> Callable[[bytes], bool]:
    """Lines of open errors and later lines, and lines that are none of ours."""
    moment = str(stamp(before))

    def stays(line: bytes) -> bool:
        try:
            said = json.loads(line)
            at, error_id = str(said["at"]), str(said["error_id"])
        except (ValueError, LookupError, TypeError):
            return True
        return at >= moment or ledger.is_open(error_id)

    return stays


def _prune_files(folder: Path, name: str, stays: Callable[[bytes], bool], now: datetime) -> None:
    """The current file is rotated first, so that no file in which somebody waits for lines is replaced."""
    for sibling in siblings.siblings(folder, name):
        if all(map(stays, siblings.lines(folder, sibling))):
            continue
        where = sibling
        if sibling.name == name:
            (rotated,) = rotate(folder, now, names=(name,))
            where = siblings.Sibling(rotated.new_name, sibling.inode, sibling.size, sibling.modified)
        write_filtered(folder, where, stays)


def _prune_attachments(folder: Path, ledger: UpkeepLedger, before: datetime) -> None:
    """Folders of chosen cases, and those that were kept of mail which then was ignored or known."""
    gone = False
    with disk.folder(folder / ATTACHMENTS) as within:
        for line in ledger.chosen_lines():
            for name in sorted({str(each["path"]).split("/")[1] for each in attachments_of(line)}):
                gone |= _remove_folder(name, within)
        for key in ledger.without_content(before):
            gone |= _remove_folder(folder_name(key), within)
        if gone:
            os.fsync(within)


def _remove_folder(name: str, within: int) -> bool:
    """With all that is in it; no link is followed. False where there is none."""
    if name in {"", ".", ".."}:
        return False
    try:
        os.stat(name, dir_fd=within, follow_symlinks=False)
    except FileNotFoundError:
        return False
    shutil.rmtree(name, dir_fd=within)
    return True


def _forget_gone_ends(folder: Path, ledger: UpkeepLedger) -> None:
    """Where the last line of a journal ends is not known when its file is gone."""
    for journal in Journal:
        end = ledger.end_of(journal)
        inodes = {each.inode for each in siblings.siblings(folder, journal)}
        if end is not None and int(end.file.rpartition(":")[2]) not in inodes:
            ledger.note_end(journal, None, 0)


def _remove_settled(folder: Path, ledger: UpkeepLedger, before: datetime) -> None:
    """Octets of mail that waits no more: what a run died before it removed, and what it kept too early."""
    for stray in list(strays(ledger, folder, before.timestamp())):
        if stray.kind == OCTETS_LEFT:
            (folder / stray.path).unlink()
    settled = ledger.settled()
    for each in settled:
        for name in (HOLD, QUARANTINE):
            with suppress(FileNotFoundError):
                RawMail(folder, name).remove(each.key)
    ledger.forget(settled)
