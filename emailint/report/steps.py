"""The steps of a connection test, each as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emailint.probe import Outcome
from emailint.report.sheet import Cell, Tone

if TYPE_CHECKING:
    from emailint.probe import Step

WIDTHS: Final = (9, 20)
"""Characters for the outcome and for the name of the step; what was found takes the rest."""

_TONES: Final = {Outcome.OK: Tone.GOOD, Outcome.FAILED: Tone.BAD, Outcome.SKIPPED: Tone.QUIET}


def row(step: Step) -> tuple[Cell, ...]:
    """How it ended, what was tried, what was found; the cure below."""
    cure = f"What to do: {step.cure}" if step.cure else ""
    return Cell(step.outcome.value, _TONES[step.outcome]), Cell(step.name), Cell(step.detail, below=cure)
