"""The steps of a connection test, each as it comes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from emailint.case import SCHEMA
from emailint.probe import Outcome
from emailint.report.sheet import Cell, Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emailint.config.model import Integration
    from emailint.probe import Step

WIDTHS: Final = (9, 20)
"""Characters for the outcome and for the name of the step; what was found takes the rest."""

_TONES: Final = {Outcome.OK: Tone.GOOD, Outcome.FAILED: Tone.BAD, Outcome.SKIPPED: Tone.QUIET}


def row(step: Step) -> tuple[Cell, ...]:
    """How it ended, what was tried, what was found; the cure below."""
    cure = f"What to do: {step.cure}" if step.cure else ""
    return Cell(step.outcome.value, _TONES[step.outcome]), Cell(step.name), Cell(step.detail, below=cure)


def connection_document(tested: Sequence[tuple[Integration, Sequence[Step]]]) -> dict[str, Any]:
    """What `test-connection --json` prints. `ok`: no step failed, of one integration and of all."""
    integrations = [
        {
            "name": integration.name,
            "mailbox": integration.mailbox,
            "ok": all(step.outcome is not Outcome.FAILED for step in steps),
            "steps": [{**asdict(step), "outcome": step.outcome.value} for step in steps],
        }
        for integration, steps in tested
    ]
    return {"schema": SCHEMA, "ok": all(each["ok"] for each in integrations), "integrations": integrations}
