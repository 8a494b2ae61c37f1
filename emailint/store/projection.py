"""The JSON lines: written byte for byte from the ledger, each at a place that is recorded before.

After a crash the same bytes go to the same place, which mends torn, zero-filled and unsynced tails
alike. Bytes that are not ours are never altered.
"""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emailint.store import disk
from emailint.store.journal_files import Fit, JournalFiles
from emailint.store.records import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from emailint.errors import StoreError
    from emailint.store.ledger import Ledger
    from emailint.store.records import JournalEnd, Line


@dataclass(frozen=True, slots=True)
class ProjectionReport:
    """How many lines became durable, and what was odd about the files (one sentence each)."""

    lines: int = 0
    warnings: tuple[str, ...] = ()


class Projection:
    """The JSON-lines files of one store folder. Threads may share it: one projects, the others wait."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._broken: StoreError | None = None

    def project(self, ledger: Ledger) -> ProjectionReport:
        """Bring all lines of the ledger into their files; they are durable when it returns.

        Raises StoreError on a full or failing disk: the lines stay in the ledger and are written by the
        next run. After a failed sync every later call of this run raises, too, for then nobody knows
        what the disk holds.
        """
        lines = 0
        warnings: list[str] = []
        if self._lock.locked() and not self._broken and not ledger.unprojected():
            return ProjectionReport()  # of thousands of idle mailboxes none waits for another to know it
        with self._lock:
            if self._broken:
                raise self._broken
            while pending := ledger.unprojected():
                warnings += self._project_some(ledger, pending)
                lines += len(pending)
        return ProjectionReport(lines, tuple(dict.fromkeys(warnings)))

    def _project_some(self, ledger: Ledger, pending: Sequence[Line]) -> list[str]:
        written: list[Line] = []
        warnings: list[str] = []
        with self._open_folder() as within:
            for journal in Journal:
                lines = [line for line in pending if line.journal == journal]
                if lines:
                    placed, odd = self._project_journal(ledger, within, journal, lines)
                    written += placed
                    warnings += odd
        ledger.projected(written)
        return warnings

    def _project_journal(
        self, ledger: Ledger, within: int, journal: Journal, lines: Sequence[Line]
    ) -> tuple[list[Line], list[str]]:
        with closing(JournalFiles(within, journal)) as files:
            try:
                placed, warnings = _find_places(files, lines, ledger.end_of(journal))
                ledger.place([new for new, old in zip(placed, lines, strict=True) if new != old])
                files.write()
            except OSError as error:
                raise self._failure("writing", journal, error) from error
            try:
                files.sync()
            except OSError as error:
                self._broken = self._failure("syncing", journal, error)
                raise self._broken from error
        return placed, warnings

    def _open_folder(self) -> AbstractContextManager[int]:
        try:
            return disk.folder(self._folder)
        except OSError as error:
            raise disk.store_error(f"the store {self._folder} cannot be opened", error) from error

    def _failure(self, doing: str, journal: Journal, error: OSError) -> StoreError:
        where = self._folder / journal
        return disk.store_error(
            f"{doing} {where} failed; its cases are safe in the ledger, their mail stays unread", error
        )


def _find_places(
    files: JournalFiles, lines: Sequence[Line], known: JournalEnd | None
) -> tuple[list[Line], list[str]]:
    """Each line with its place: the recorded one where that still holds, else at the end."""
    placed: list[Line] = []
    warnings: list[str] = []
    displaced = False
    if known is not None and files.is_shorter_than(known):
        warnings.append(f"{files.journal}: {_WARNINGS[Fit.CUT]}")
    if known is not None and files.has_lost(known):
        warnings.append(f"{files.journal}: {_LOST}")
    for line in lines:
        fit = files.fit(line)
        if fit is Fit.WHOLE or (fit is Fit.OURS and not displaced):
            files.keep(line)
            placed.append(line)
            continue
        displaced = True
        if warning := _WARNINGS.get(fit):
            warnings.append(f"{files.journal}: {warning}")
        place, mended = files.append(line)
        if mended:
            warnings.append(f"{files.journal}: {_WARNINGS[Fit.FOREIGN]}")
        placed.append(replace(line, file=place.file_id, offset=place.offset))
    return placed, warnings


_LOST = (
    "the file with the earlier lines has gone, and there is no rotated one;"
    " `emailint store rebuild` restores what is lost"
)
_WARNINGS = {
    Fit.GONE: "the file that lines were being written to has gone; they are in the new file",
    Fit.CUT: (
        "somebody cut the file short (copytruncate?); lines go to its end,"
        " and `emailint store rebuild` restores what is lost"
    ),
    Fit.FOREIGN: "another program left a half line; it was kept, and a line feed was put after it",
}
