"""Run commands and see what they cost: seconds, processor time, memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST = 600.0
_LOOK = 0.05
"""Seconds between two looks at the memory of a run: each look costs it a little time."""


@dataclass(frozen=True, slots=True)
class Cost:
    """`seconds` by the clock, `processor` seconds of the process and its children, `memory` in octets.

    `memory` is the largest that the process and the children it has at one time were seen to take together,
    what several of them share counted once;
    `began` is when it was started, by `time.perf_counter`.
    """

    seconds: float
    processor: float
    memory: int
    began: float = 0.0


@dataclass(frozen=True, slots=True)
class Spread:
    """Several figures as one."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """Of at least one figure."""
        return cls(statistics.median(figures), min(figures), max(figures))


class Failed(Exception):
    """A command that should have ended well."""


def run(
    command: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None, *, look: bool = True
) -> Cost:
    """Run a command to its end; raises Failed for an exit status that is not 0.

    Without `look` its memory is 0: looking slows down whoever is looked at, several processes the most.
    """
    with (folder / "output").open("w+b") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        with _Memory(process.pid) if look else nullcontext() as memory:
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode(errors="replace")[-2000:]
    if process.returncode:
        raise Failed(f"{command[0]} ended with {process.returncode}: {said}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, memory.octets if memory else 0, began)


class _Memory:
    """Looks, until the end, how large a process and all below it are together.

    Not `ru_maxrss`: on Linux that begins with the size of whoever started the process.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.octets = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK):
            together = sum(map(_share, _family(self._pid)))
            self.octets = max(self.octets, together)


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(each for child in children for each in _family(int(child)))]


def _share(pid: int) -> int:
    """Octets of memory, each page divided by how many processes have it."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return int(next((line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")), "0")) * 1024
