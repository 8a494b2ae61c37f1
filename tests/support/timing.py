"""Bounds of time on a machine that others use too."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

SLACK: Final = 2


def assert_within(seconds: float, call: Callable[[], object], tries: int = 6) -> None:
    """`call` takes about so much processor time in the best of some tries: noise only ever adds.

    The bound is one for a quick machine. A slow one, where all else runs too, is given twice as much: what
    is to be found out is work that grows with the square, and that takes hundreds of times as much.
    """
    seconds *= SLACK
    taken = []
    for _ in range(tries):
        begun = time.process_time()
        call()
        taken.append(time.process_time() - begun)
        if taken[-1] < seconds:
            return
    raise AssertionError(f"took {min(taken):.2f} s of processor time at best, and {seconds:g} s are allowed")
