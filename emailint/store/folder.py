"""The store folder as a whole: checked, opened, closed. What comes first in every sweep."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from emailint.errors import StoreError
from emailint.store import aside, disk
from emailint.store.attachments import FOLDER as ATTACHMENTS
from emailint.store.attachments import AttachmentStore
from emailint.store.errors_log import ErrorsLog, to_standard_error
from emailint.store.lock import read_lock
from emailint.store.projection import Projection, ProjectionReport
from emailint.store.raw_mail import HOLD, QUARANTINE, RawMail
from emailint.store.records import Journal
from emailint.store.secret_key import NAME as SECRET_KEY
from emailint.store.secret_key import SIZE as KEY_SIZE
from emailint.store.secret_key import load_secret_key
from emailint.store.sqlite_ledger import REBUILD, SqliteLedger
from emailint.store.tail import Tail, read_tail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from emailint.case import ErrorRecord

RESERVE = 64_000_000
"""Octets that must be free on the disk of the store before anything is begun."""

PARTS = (ATTACHMENTS, QUARANTINE, HOLD)

REBUILT = ".rebuild"
"""Where a ledger is made anew before it gets its name (`upkeep/rebuild.py`)."""


@dataclass(frozen=True, slots=True)
class Store:
    """An open store. `own_key` makes our Message-IDs; `warnings` are told by `project`."""

    folder: Path
    ledger: SqliteLedger
    projection: Projection
    attachments: AttachmentStore
    quarantine: RawMail
    hold: RawMail
    errors_log: ErrorsLog
    own_key: bytes = field(repr=False)
    warnings: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the ledger; harmless when repeated."""
        self.ledger.close()

    def project(self) -> ProjectionReport:
        """The step `project`: all lines of the ledger are durable in their files when it returns.

        What was odd about the store when it was opened is told with what is odd about the files.
        """
        report = self.projection.project(self.ledger)
        return replace(report, warnings=(*self.warnings, *report.warnings)) if self.warnings else report

    def write_error(self, record: ErrorRecord) -> None:
        """Append to errors.jsonl, best effort; never raises."""
        self.errors_log.write(record)


def open_store(
    folder: Path,
    *,
    host: str | None = None,
    reserve: int = RESERVE,
    trust_attachments: bool = False,
    read_only: bool = False,
    otherwise: Callable[[str], None] = to_standard_error,
) -> Store:
    """Check the store and open it; made when it is missing. Take the run lock before.

    Raises StoreError, whose text says why and whose hint says what mends it, when the store cannot be
    written, its disk has less than `reserve` octets free, it belongs to another `host` (this one unless
    said), `attachments/` is a symbolic link or open to everybody (unless `trust_attachments`), the ledger
    is damaged, newer than this program, or behind its own JSON lines or the replies that the lock counts.
    Where nothing is to be done, opening and closing change nothing.

    With `read_only` nothing is made or written, a missing store is an empty one, and no lock is needed.
    `otherwise` takes the lines that errors.jsonl cannot.
    """
    if not read_only:
        disk.make_tree(folder)
        _check_folder(folder, reserve)
        _check_parts(folder, trust_attachments=trust_attachments)
    ledger, key, warnings = _open_ledger(folder, host, read_only=read_only)
    return Store(
        folder=folder,
        ledger=ledger,
        projection=Projection(folder),
        attachments=AttachmentStore(folder),
        quarantine=RawMail(folder, QUARANTINE),
        hold=RawMail(folder, HOLD),
        errors_log=ErrorsLog(folder, otherwise),
        own_key=key,
        warnings=warnings,
    )


def _open_ledger(
    folder: Path, host: str | None, *, read_only: bool
) -> tuple[SqliteLedger, bytes, tuple[str, ...]]:
    """The ledger, compared with its lines before and after it is opened; the key; warnings."""
    tails = _tails(folder)
    if not read_only:
        _refuse_lost_ledger(folder, tails)
    ledger = SqliteLedger.open(folder, host=host, read_only=read_only)
    try:
        if not read_only:
            _refuse_old_ledger(folder, ledger, tails)
        return ledger, *_own_key(folder, ledger, read_only=read_only)
    except BaseException:
        ledger.close()
        raise


def _check_folder(folder: Path, reserve: int) -> None:
    try:
        status = folder.stat()
        disk_status = os.statvfs(folder)
        writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise disk.store_error(f"the store {folder} cannot be used; no mailbox was touched", error) from error
    if not writable:
        raise StoreError(
            f"the store {folder} cannot be written; no mailbox was touched",
            hint="check owner, mode and mount of this folder",
        )
    _refuse_open_to_all(folder, status)
    free = disk_status.f_bavail * disk_status.f_frsize
    if free < reserve:
        raise StoreError(
            f"the disk of the store {folder} has {free // 1_000_000} MB free, less than the reserve of"
            f" {reserve // 1_000_000} MB; no mailbox was touched",
            hint="free space on this disk; the next run takes it up again",
        )


def _check_parts(folder: Path, *, trust_attachments: bool) -> None:
    """Folders of the store: made when missing, refused when a link or open to everybody."""
    try:
        with disk.folder(folder) as within:
            for name in PARTS:
                disk.make_folder(name, within)
                status = os.stat(name, dir_fd=within, follow_symlinks=False)
                if not (trust_attachments and name == ATTACHMENTS):
                    _refuse_link(folder / name, status)
                    _refuse_open_to_all(folder / name, status)
                with disk.folder(folder / name) as part:
                    aside.clean(part)
    except OSError as error:
        raise disk.store_error(f"the store {folder} cannot be used; no mailbox was touched", error) from error


def _refuse_link(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISDIR(status.st_mode):
        raise StoreError(
            f"{path} is a symbolic link or no folder; no mailbox was touched",
            hint="make it a folder of its own, or move the whole store to where there is room",
        )


def _refuse_open_to_all(path: Path, status: os.stat_result) -> None:
    if status.st_mode & stat.S_IWOTH:
        raise StoreError(f"everybody may write to {path}; no mailbox was touched", hint=f"chmod 700 {path}")


def _tails(folder: Path) -> Sequence[Tail]:
    try:
        with disk.folder(folder) as within:
            return [read_tail(within, journal) for journal in Journal]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise disk.store_error(f"the store {folder} cannot be read; no mailbox was touched", error) from error


def _refuse_lost_ledger(folder: Path, tails: Sequence[Tail]) -> None:
    """Before a new ledger is made: nothing may say that there was one."""
    if SqliteLedger.exists(folder):
        return
    if (folder / REBUILT).exists():
        raise StoreError(
            f"a rebuild of {folder} did not come to its end; no mailbox was touched",
            hint="begin it again with `emailint store rebuild`",
        )
    for tail in tails:
        if tail.last or tail.archived:
            raise StoreError(
                f"the ledger of {folder} is missing, but {tail.journal} holds lines; no mailbox was touched",
                hint=REBUILD,
            )


def _refuse_old_ledger(folder: Path, ledger: SqliteLedger, tails: Sequence[Tail]) -> None:
    """The ledger must know the last line that each file holds (written from there), and all replies."""
    for tail in tails:
        last = tail.last
        if last is not None and not ledger.knows(tail.journal, last.case_id, last.start):
            raise StoreError(
                f"the ledger of {folder} does not know the last line of {last.file} (case {last.case_id});"
                " it was lost or restored from an older backup; no mailbox was touched",
                hint=REBUILD,
            )
        if last is None and tail.archived and not ledger.has_cases():
            raise StoreError(
                f"the ledger of {folder} knows no case, but there are archived files of {tail.journal};"
                " no mailbox was touched",
                hint=REBUILD,
            )
    if read_lock(folder).replies_begun > ledger.replies_begun():
        raise StoreError(
            f"the ledger of {folder} knows of fewer replies than were begun; it was restored from an older"
            " backup, and would send some of them again; no mailbox was touched",
            hint=REBUILD,
        )


def _own_key(folder: Path, ledger: SqliteLedger, *, read_only: bool) -> tuple[bytes, tuple[str, ...]]:
    missing = not (folder / SECRET_KEY).exists()
    if missing and read_only:
        return os.urandom(KEY_SIZE), ()
    if missing and ledger.has_cases():
        warning = "was missing and was made anew: answers to earlier replies are known less surely"
        return load_secret_key(folder), (f"{folder / SECRET_KEY} {warning}",)
    return load_secret_key(folder), ()
