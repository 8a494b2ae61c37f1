"""Whether each line of the ledger stands once in the JSON-lines files, and nothing else does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from emailint.store.errors_log import NAME as ERRORS
from emailint.store.records import Journal
from emailint.store.upkeep import siblings
from emailint.store.upkeep.compare import Comparison, Fault
from emailint.store.upkeep.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from emailint.store.upkeep.comparing import ComparingVerbs, Listed

REBUILD = "`emailint store rebuild` puts it right, and keeps what it takes away aside"
SWEEP = "the next `emailint process` finishes it"

_WHAT = {
    Fault.FOREIGN: "a line that is none of this store",
    Fault.TORN: "a line without its end",
    Fault.CHANGED: "the line of {case} is not as it was written",
    Fault.NO_ROW: "the ledger knows nothing of this line ({case})",
    Fault.PRUNED: "a line of {case}, whose content was pruned",
    Fault.TWICE: "the line of {case} stands here once more",
    Fault.ORDER: "the line of {case} stands behind later ones",
}


def line_findings(
    ledger: ComparingVerbs, folder: Path, sizes: Mapping[int, int], *, sweeping: bool
) -> Iterator[Finding]:
    """Compare both journals with the ledger. `sizes` are those of before the snapshot, by inode."""
    for journal in Journal:
        comparison = Comparison(ledger, folder, journal, sizes)
        for odd in comparison.odd_lines():
            case = odd.case_id or "a case"
            what = _WHAT[odd.fault].format(case=case)
            yield Finding(odd.fault.value, f"{odd.file}:{odd.number}", what, REBUILD)
        yield from _missing(journal, comparison.missing(), sweeping=sweeping)


def _missing(journal: Journal, missing: Iterable[tuple[int, Listed]], *, sweeping: bool) -> Iterator[Finding]:
    """Neighbours as one finding."""
    unwritten = 0
    first = last = None
    begun = until = 0
    for place, each in missing:
        if not each.projected:
            unwritten += 1
            continue
        if first is not None and last is not None and place > until + 1:
            yield _gone(journal, first, last, until - begun + 1)
            first = None
        if first is None:
            first, begun = each, place
        last, until = each, place
    if first is not None and last is not None:
        yield _gone(journal, first, last, until - begun + 1)
    if unwritten and not sweeping:
        what = f"{unwritten} line{'s are' if unwritten > 1 else ' is'} in the ledger and not yet written"
        yield Finding("line_waits", journal.value, what, SWEEP, harmless=True)


def _gone(journal: Journal, first: Listed, last: Listed, count: int) -> Finding:
    if count == 1:
        what = f"the line of {first.case_id} is missing"
    else:
        what = f"{count} lines are missing, from {first.case_id} to {last.case_id}"
    return Finding("line_missing", journal.value, what, REBUILD)


def error_findings(folder: Path, sizes: Mapping[int, int]) -> Iterator[Finding]:
    """Lines of errors.jsonl that no program can read."""
    for sibling in siblings.siblings(folder, ERRORS):
        known = sizes.get(sibling.inode, 0)
        offset = 0
        for number, line in enumerate(siblings.lines(folder, sibling), 1):
            written_before = sibling.packed or offset + len(line) <= known
            if written_before and line != b"\n" and not is_error_line(line):
                where = f"{sibling.name}:{number}"
                yield Finding("errors_line", where, "a line that tells of no error", REBUILD)
            offset += len(line)


def is_error_line(line: bytes) -> bool:
    """Whether this is a whole line of errors.jsonl."""
    if not line.endswith(b"\n"):
        return False
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and isinstance(said.get("error_id"), str)
