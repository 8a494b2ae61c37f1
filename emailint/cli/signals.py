"""Signals that end a sweep: the step at hand is finished, then it ends."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from emailint.sweep.clock import Budget

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended:
    """Which signal came, if any; `status` is what a shell reports for it."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.status: int | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """The first signal lets the step at hand finish; the second ends at once."""
        if self.status is not None:
            raise KeyboardInterrupt
        self.status = 128 + number
        self._budget.stop()


@contextmanager
def ended_gracefully(budget: Budget) -> Iterator[Ended]:
    """Within, the ending signals stop the budget. Those that are ignored (nohup) stay ignored."""
    ended = Ended(budget)
    taken = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, ended) for number in taken}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
