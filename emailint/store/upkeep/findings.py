"""What is found amiss in a store: one line each, so many of a kind, the rest counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

SHOWN = 20
"""Findings of one kind that are kept; all others are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is amiss: what, where, what to do.

    `where` is a file (with its line) or a row, relative to the store; mail-derived: clean it before showing.
    `harmless`: a state that ends by itself, or disturbs nobody.
    """

    kind: str
    where: str
    what: str
    cure: str
    harmless: bool = False


@dataclass(slots=True)
class Findings:
    """The first of each kind, and how many there are."""

    kept: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    grave: int = 0

    def add(self, finding: Finding) -> None:
        """Keep it, or count it."""
        self.counts[finding.kind] += 1
        self.grave += not finding.harmless
        if self.counts[finding.kind] <= SHOWN:
            self.kept.append(finding)

    @property
    def more(self) -> dict[str, int]:
        """Kinds of which not all are kept, and how many more there are."""
        return {kind: count - SHOWN for kind, count in self.counts.items() if count > SHOWN}
