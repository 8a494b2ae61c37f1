"""A connection test as a sequence of steps, each ok, failed with cause and cure, or skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emailint.errors import SourceError
from emailint.probe import Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_STANDS_ALONE = {"mark read"}  # mail can be counted where it cannot be marked


def run_steps(steps: Mapping[str, Callable[[], str]]) -> Iterator[Step]:
    """Run steps in order; each says what it found or raises a SourceError, which ends the test."""
    failed = ""
    for name, step in steps.items():
        if failed:
            yield Step(name, Outcome.SKIPPED, f"not tried, since this failed: {failed}")
            continue
        try:
            yield Step(name, Outcome.OK, step())
        except SourceError as error:
            yield Step(name, Outcome.FAILED, str(error), error.hint)
            failed = "" if name in _STANDS_ALONE else name
