"""What is imported only where there is mail, while its server is waited for.

An idle sweep, which cron starts each minute, does without; a sweep that finds mail waits for the server
several times before it needs it.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MAKES_CASES: Final = "emailint.sweep.taking"
READS_MAIL: Final = "emailint.message.read"


def ahead(*names: str) -> None:
    """Import these modules in a thread of their own, unless they are there; returns at once."""
    missing = [name for name in names if name not in sys.modules]
    if not missing:
        return
    with suppress(RuntimeError):  # no more threads are to be had; then whoever needs them imports them
        Thread(target=_load, args=[missing], name="loading", daemon=True).start()


def _load(names: Sequence[str]) -> None:
    for name in names:
        with suppress(Exception):  # whoever needs it meets the same failure, where it can be told
            import_module(name)
