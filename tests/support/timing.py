"""Bounds of time on a machine that others use too."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def assert_within(seconds: float, call: Callable[[], object], tries: int = 6) -> None:
    """`call` takes no more processor time than this in the best of some tries: noise only ever adds."""
    taken = []
    for _ in range(tries):
        begun = time.process_time()
        call()
        taken.append(time.process_time() - begun)
        if taken[-1] < seconds:
            return
    raise AssertionError(f"took {min(taken):.2f} s of processor time at best, and {seconds} s are allowed")
