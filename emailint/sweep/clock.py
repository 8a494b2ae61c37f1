"""The clock port: wall time for stamps, monotonic time for deadlines."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Order never depends on `now`; deadlines are measured in `monotonic` seconds."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class SystemClock:
    """The clocks of the machine."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class Budget:
    """How long a sweep may still begin new work.

    `seconds` is None for a sweep without a deadline. A fifth of a short deadline, ten seconds of a long one,
    is kept for replies while any wait; no DATA begins inside that reserve's last part.
    """

    def __init__(self, clock: Clock, seconds: float | None) -> None:
        self._clock = clock
        self._end = None if seconds is None else clock.monotonic() + seconds
        self.reserve = 0.0 if seconds is None else min(10.0, seconds / 5)
        self._stop = threading.Event()

    def stop(self) -> None:
        """End the sweep after the current step (a signal, or a store that failed)."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def wait_stopped(self, seconds: float | None) -> bool:
        """Wait for `stop`; True when it was called."""
        return self._stop.wait(seconds)

    def remaining(self) -> float | None:
        """Seconds left, None without a deadline."""
        return None if self._end is None else self._end - self._clock.monotonic()

    def over(self, keep: float = 0.0) -> bool:
        """Whether no new work may begin; `keep` seconds are left for what comes after."""
        if self.stopped:
            return True
        remaining = self.remaining()
        return remaining is not None and remaining <= keep
