"""The JSON lines made again from the ledger: by the step that writes them in every sweep."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from emailint.store import disk
from emailint.store.upkeep.compare import Comparison
from emailint.store.upkeep.rebuild_plan import journal_plan

if TYPE_CHECKING:
    from pathlib import Path

    from emailint.store.projection import Projection
    from emailint.store.records import Journal
    from emailint.store.upkeep.compare import FileSeen
    from emailint.store.upkeep.ledger import UpkeepLedger
    from emailint.store.upkeep.set_aside import Aside

AT_ONCE = 1_000
"""So many lines are set back before they are written; SQLite keeps in memory what one statement changes."""


def write_journal(
    ledger: UpkeepLedger, folder: Path, journal: Journal, aside: Aside, projection: Projection
) -> None:
    """Files that are not well go aside; what then is missing is projected, in order.

    Raises OSError and StoreError. Cut off anywhere, it comes to the same end when it is begun again: it looks
    anew at what stands in the files.
    """
    comparison = Comparison(ledger, folder, journal)
    faults = Counter(odd.fault.value for odd in comparison.odd_lines())
    missing = sum(each.projected for _, each in comparison.missing())
    _confirm_written(ledger, folder, journal, comparison)
    plan = journal_plan(journal, comparison.files, missing, faults)
    for name in plan.go:
        aside.take(name)
    if plan.idle:
        _note_end(ledger, folder, journal, comparison.files)
    else:
        after = plan.after
        while last := ledger.write_again(journal, after, AT_ONCE):
            after = last
            projection.project(ledger)
    projection.project(ledger)


def _confirm_written(ledger: UpkeepLedger, folder: Path, journal: Journal, comparison: Comparison) -> None:
    """Lines that stand in a file, and of which the ledger does not know it."""
    found = [
        each.line_id
        for each in ledger.listed(journal)
        if not each.projected and each.line_id in comparison.seen
    ]
    if not found:
        return
    with disk.folder(folder) as within:
        for seen in comparison.files:
            with disk.held(disk.open_file(seen.sibling.name, within)) as descriptor:
                os.fsync(descriptor)
    with ledger.restoring() as restorer:
        for line_id in found:
            restorer.projected(line_id)


def _note_end(ledger: UpkeepLedger, folder: Path, journal: Journal, files: list[FileSeen]) -> None:
    """Where the last file ends, unless the ledger knows it."""
    last = files[-1].sibling if files else None
    if last is None or last.packed:
        ledger.note_end(journal, None, 0)
        return
    known = ledger.end_of(journal)
    status = (folder / last.name).stat()
    file_id = f"{status.st_dev}:{status.st_ino}"
    if known is None or (known.file, known.offset) != (file_id, status.st_size):
        ledger.note_end(journal, file_id, status.st_size)
