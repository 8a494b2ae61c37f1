"""What one IMAP command may cost: time, octets, lines, literals."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emailint.errors import ConnectionFailed, ProtocolFailed

if TYPE_CHECKING:
    from collections.abc import Callable

LINE = 8_000_000
"""Octets of one line: the answer to a SEARCH that finds a million messages fits."""
_LINES_TOGETHER = 16_000_000
_LINES = 500_000
_SMALL_LITERAL = 65_536
_SMALL_LITERALS = 100
AFTERWARDS = 3.0
"""Seconds after the sweep's end for an answer that is under way: what is marked then need not be again.

Less than what the watchdog allows, which ends the process."""
_SLOWEST = 50_000  # octets a second: who sends a large message more slowly than this is timed out


@dataclass(slots=True)
class Budget:
    """Bounds on one command, renewed by `restart`; all methods raise SourceErrors, named by `where`.

    `timeout` is seconds without an octet, `command_timeout` seconds for the whole answer; literals add
    to it what a slow connection takes for them. `time_left` is how many seconds the sweep has; nothing waits
    longer than `AFTERWARDS` beyond. `heard`: whether any line has come at all.
    """

    where: str
    timeout: float
    command_timeout: float
    clock: Callable[[], float] = time.monotonic
    time_left: Callable[[], float] = lambda: math.inf
    heard: bool = field(init=False, default=False)
    _until: float = field(init=False, default=0.0)
    _lines: int = field(init=False, default=0)
    _octets: int = field(init=False, default=0)
    _literals: int = field(init=False, default=_SMALL_LITERALS)
    _literal: int = field(init=False, default=_SMALL_LITERAL)

    def restart(self, *, literals: int = _SMALL_LITERALS, literal: int = _SMALL_LITERAL) -> None:
        """Begin a command whose answer holds at most so many literals of at most so many octets."""
        self._until = self.clock() + self.command_timeout
        self._lines = self._octets = 0
        self._literals, self._literal = literals, literal

    def renew(self) -> None:
        """Give the same command its time once more."""
        self._until = self.clock() + self.command_timeout

    def extend(self, seconds: float) -> None:
        """Time that passed while nobody waited for the server does not count."""
        self._until += seconds

    def wait(self) -> float:
        """How many seconds the next octet may take."""
        left, sweep = self._until - self.clock(), self.time_left() + AFTERWARDS
        if min(left, sweep) <= 0:
            bound = f"within {self.command_timeout:.3g} s" if left <= 0 else "before the sweep had to end"
            raise ConnectionFailed(
                f"{self.where} did not finish its answer {bound}",
                hint="the mail stays unread, and the next run tries again",
            )
        return min(self.timeout, left, sweep)

    def spend_line(self, octets: int) -> None:
        """Take a line into account, its end included."""
        self._lines += 1
        self._octets += octets
        if octets > LINE or self._octets > _LINES_TOGETHER or self._lines > _LINES:
            raise ProtocolFailed(f"{self.where} sent an answer without end; it was not read further")

    def spend_literal(self, octets: int) -> None:
        """Take a literal into account, before any memory is given to it."""
        self._literals -= 1
        if octets > self._literal or self._literals < 0:
            raise ProtocolFailed(
                f"{self.where} sent {octets:,} octets at once, more than was asked for; they were not read",
                hint="the mail stays unread; if this comes again, the server or a proxy before it is broken",
            )
        self._until += octets / _SLOWEST
