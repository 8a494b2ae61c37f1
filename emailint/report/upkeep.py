"""What `emailint store` found, would do, or did: lines for people, documents for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from emailint.case import SCHEMA
from emailint.terminal import local, terminal_safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emailint.store.upkeep.prune import PrunePlan
    from emailint.store.upkeep.rebuild import Rebuilt
    from emailint.store.upkeep.rotate import Rotation
    from emailint.store.upkeep.verify import Verified


def verified_lines(found: Verified) -> Iterator[str]:
    """A line each finding, how many more there are, and a last line."""
    for each in found.findings.kept:
        note = "  (no harm)" if each.harmless else ""
        yield terminal_safe(f"{each.where}: {each.what}; {each.cure}{note}")
    for kind, count in found.findings.more.items():
        yield f"… and {count:,} more of {kind}"
    if found.sweep is not None:
        yield terminal_safe(f"{found.sweep} is running; what it does meanwhile was left out")
    compared = f"{_count(found.cases, 'case')} and {_count(found.follow_ups, 'follow-up')}"
    grave = found.findings.grave
    yield f"{compared}: {_count(grave, 'finding') if grave else 'all is well'}"


def verified_document(found: Verified) -> dict[str, Any]:
    """What `store verify --json` prints."""
    return {
        "schema": SCHEMA,
        "clean": not found.findings.grave,
        "cases": found.cases,
        "follow_ups": found.follow_ups,
        "sweep": str(found.sweep) if found.sweep else None,
        "counts": dict(found.findings.counts),
        "findings": [asdict(each) for each in found.findings.kept],
        "more": found.findings.more,
    }


def plan_lines(steps: Sequence[str]) -> Iterator[str]:
    """What is to be done, a line each step."""
    yield "what is amiss, and what is done about it:"
    for step in steps:
        yield terminal_safe(f"- {step}")


def rebuilt_lines(result: Rebuilt) -> Iterator[str]:
    """What was done, and what cannot be had."""
    if not result.done:
        yield "nothing is to be done" if result.plan.idle else "nothing was done"
        return
    if result.rows:
        yield f"{_count(result.rows, 'row')} made from lines"
    if result.doubted:
        doubted = "replies were due; they are" if result.doubted > 1 else "reply was due; it is"
        yield f"{result.doubted} {doubted} unknown now, and not sent: emailint retry CASE_ID sends one again"
    if result.held:
        yield f"{_count(result.held, 'mail')} held that nothing else is known of: emailint list-errors"
    for each in result.lost:
        yield terminal_safe(f"cannot be had: {each}")
    if result.aside is not None:
        yield terminal_safe(f"what was taken away is in {result.aside}")


def rotation_lines(done: Sequence[Rotation]) -> Iterator[str]:
    """A line each file."""
    for each in done:
        yield f"{each.name} ({each.size:,} octets) is {each.new_name} now"
    if not done:
        yield "nothing is to be rotated"


def rotation_document(done: Sequence[Rotation]) -> dict[str, Any]:
    """What `store rotate --json` prints."""
    return {"schema": SCHEMA, "rotated": [asdict(each) for each in done]}


def prune_line(plan: PrunePlan) -> str:
    """What goes, and what is kept for a reason."""
    gone = ((plan.cases, "case"), (plan.follow_ups, "follow-up"), (plan.errors, "closed error"))
    what = ", ".join(_count(*each) for each in gone)
    waiting = f"; {plan.waiting} as old that wait for something are kept" if plan.waiting else ""
    return f"older than {local(plan.before)}: {what}{waiting}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
