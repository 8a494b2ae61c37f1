"""Times and spans as people read them: the local zone with its offset (the stores keep UTC)."""

from __future__ import annotations

from emailint.terminal import local

__all__ = ["age", "local"]

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def age(seconds: float) -> str:
    """The largest whole unit: `3 min`, `2 h`, `5 d`; what lies in the future is `now`."""
    if seconds < 1:
        return "now"
    return next(
        (f"{seconds // size:.0f} {unit}" for size, unit in _UNITS if seconds >= size), f"{seconds:.0f} s"
    )
