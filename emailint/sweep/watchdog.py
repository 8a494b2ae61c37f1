"""Ends a process whose threads hang where no time-out reaches (name resolution, a dead disk)."""

from __future__ import annotations

import os
import sys
from threading import Event, Thread
from typing import TYPE_CHECKING, Self

from emailint.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emailint.sweep.clock import Budget

NOTING = 2.0
"""Seconds that writing down who hangs may take: the store may be what hangs."""

GRACE = 5.0
"""Seconds after the deadline, or after a signal to end."""


def end_process(text: str) -> None:
    """Say it and end at once. For the store this is one more crash point, and harmless."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
    os._exit(Exit.TROUBLE)


class Watchdog:
    """Watches over one sweep between `__enter__` and `__exit__`.

    `running` names the mailboxes that are at work. When they do not end, `note` is called with these names
    (it may write them down, for as long as `NOTING`), then `end` with a line for people.
    """

    def __init__(
        self,
        budget: Budget,
        running: Callable[[], list[str]],
        note: Callable[[Sequence[str]], None] = lambda _names: None,
        end: Callable[[str], None] = end_process,
        grace: float = GRACE,
    ) -> None:
        self._budget = budget
        self._running = running
        self._note = note
        self._end = end
        self._grace = grace
        self._over = Event()

    def __enter__(self) -> Self:
        Thread(target=self._watch, name="watchdog", daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()

    def _watch(self) -> None:
        self._budget.wait_stopped(self._budget.remaining())
        if self._over.wait(self._grace):
            return
        running = sorted(self._running())
        noting = Thread(target=self._note, args=(running,), name="watchdog notes", daemon=True)
        noting.start()
        noting.join(NOTING)
        names = ", ".join(running) or "the store"
        self._end(
            f"emailint: the sweep did not end {self._grace:g} s after its deadline; hanging: {names}. "
            "The process is ended; nothing is lost, the next sweep takes up what is left."
        )
