"""How many requests are at work at once, and how long nobody may ask.

Microsoft allows 4 at once for an application and a mailbox (learn.microsoft.com/graph/throttling-limits);
one revision of that page counted all mailboxes of an application together. So an application begins with 16,
2 a mailbox, and goes down to 4 in all as soon as Graph says that a mailbox had too many.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

AN_APP: Final = 16
A_MAILBOX: Final = 2
AN_APP_IN_NEED: Final = 4


class Slots:
    """At most `limit` at once; `pause` lets nobody begin for some seconds."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._clock = clock
        self._used = 0
        self._not_before = 0.0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, count: int = 1) -> Iterator[None]:
        """Wait until so many slots are free, and hold them."""
        with self._changed:
            self._changed.wait_for(lambda: self._used == 0 or self._used + count <= self.limit)
            self._used += count
        try:
            yield
        finally:
            with self._changed:
                self._used -= count
                self._changed.notify_all()

    def lower(self, limit: int) -> None:
        """From now on at most so many."""
        with self._changed:
            self.limit = min(self.limit, limit)

    def pause(self, seconds: float) -> None:
        """Nobody is to begin before so many seconds have passed."""
        with self._changed:
            self._not_before = max(self._not_before, self._clock() + seconds)

    @property
    def pause_left(self) -> float:
        """Seconds for which nobody is to begin."""
        return max(0.0, self._not_before - self._clock())


_slots: dict[Hashable, Slots] = {}
_lock = threading.Lock()


def slots_of(key: Hashable, limit: int) -> Slots:
    """The one set of slots for an application or a mailbox, as long as the process lives."""
    with _lock:
        return _slots.setdefault(key, Slots(limit))


def forget_slots() -> None:
    """Begin anew, as a new process would."""
    with _lock:
        _slots.clear()
