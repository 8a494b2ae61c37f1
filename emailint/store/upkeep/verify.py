"""The whole store, read and compared; nothing is changed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.errors import StoreError
from emailint.store import read_lock
from emailint.store.errors_log import NAME as ERRORS
from emailint.store.records import Journal
from emailint.store.sqlite_ledger import NAME, REBUILD
from emailint.store.upkeep import siblings
from emailint.store.upkeep.comparing import LedgerState, ledger_state
from emailint.store.upkeep.findings import Findings
from emailint.store.upkeep.ledger import UpkeepLedger
from emailint.store.upkeep.verify_files import attachment_findings, octet_findings, stray_findings
from emailint.store.upkeep.verify_lines import error_findings, line_findings
from emailint.store.upkeep.verify_rows import age_findings, key_findings, row_findings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emailint.store.lock import Holder
    from emailint.store.upkeep.findings import Finding


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found. `cases` and `follow_ups` are lines that were compared; `sweep` ran meanwhile."""

    findings: Findings
    cases: int
    follow_ups: int
    sweep: Holder | None = None


def verify(folder: Path, *, host: str | None = None) -> Verified:
    """Compare ledger, JSON lines, attachments and kept octets with each other.

    Works while a sweep runs: the ledger is read as of one moment, and what is younger is left out. Raises
    StoreError where there is no ledger to compare with.
    """
    lock = read_lock(folder)
    holder = lock.holder
    young = min(time.time(), holder.started_at.timestamp() if holder and holder.started_at else time.time())
    _require_ledger(folder)
    findings = Findings()
    sizes = {
        each.inode: each.size for journal in (*Journal, ERRORS) for each in siblings.siblings(folder, journal)
    }
    with UpkeepLedger.open(folder, host=host, read_only=True) as ledger, ledger.snapshot():
        for finding in _findings(ledger, folder, sizes, young if holder else None, lock.replies_begun):
            findings.add(finding)
        cases, follow_ups = (sum(1 for _ in ledger.listed(journal)) for journal in Journal)
    return Verified(findings, cases, follow_ups, holder)


def _findings(
    ledger: UpkeepLedger, folder: Path, sizes: dict[int, int], young: float | None, begun: int
) -> Iterator[Finding]:
    """`young` is when the sweep began that is running; `begun` is of before the ledger was read."""
    before = young if young is not None else float("inf")
    yield from line_findings(ledger, folder, sizes, sweeping=young is not None)
    yield from attachment_findings(ledger, folder)
    yield from stray_findings(ledger, folder, before)
    yield from octet_findings(ledger, folder)
    yield from row_findings(ledger)
    yield from age_findings(ledger, begun)
    yield from error_findings(folder, sizes)
    yield from key_findings(ledger, folder)


def _require_ledger(folder: Path) -> None:
    state, why = ledger_state(folder)
    if state is LedgerState.DAMAGED:
        raise StoreError(f"the ledger {folder / NAME} is damaged: {why}", hint=REBUILD)
    if state is LedgerState.MISSING and any(siblings.siblings(folder, journal) for journal in Journal):
        raise StoreError(f"the ledger of {folder} is missing, but there are JSON lines", hint=REBUILD)
