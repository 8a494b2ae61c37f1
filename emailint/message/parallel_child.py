"""The processes of `parallel.py`: `python -m emailint.message.parallel_child IN OUT [IN OUT …]`.

The numbers are descriptors of pipes, two for each process. What is needed to read mail is imported once; the
other processes are forks of the first one, so that they share its memory.
"""

from __future__ import annotations

import gc
import os
import pickle
import resource
import signal
import sys
from contextlib import suppress

from emailint.message.read import read_message

CPU_SECONDS = 60
"""For one share of a batch. A mail that takes for ever ends its process, and is then found by `child.py`."""


def main() -> None:
    """Serve until nobody asks any more."""
    # A sweep that is told to end does so after its current step, for which it needs these.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gc.freeze()  # a collection would touch, and so copy, all that the forks share
    descriptors = list(map(int, sys.argv[1:]))
    pairs = list(zip(descriptors[::2], descriptors[1::2], strict=True))
    children = [_forked(pairs, number) for number in range(1, len(pairs))]
    _serve(pairs, 0)
    for pid in children:
        os.waitpid(pid, 0)


def _forked(pairs: list[tuple[int, int]], number: int) -> int:
    """The process that has this pair of pipes."""
    pid = os.fork()
    if pid == 0:
        _serve(pairs, number)
        os._exit(0)
    return pid


def _serve(pairs: list[tuple[int, int]], number: int) -> None:
    """Answer by one of the pairs until nobody asks by it, or nobody wants to know."""
    for descriptor in (each for other, pair in enumerate(pairs) if other != number for each in pair):
        os.close(descriptor)
    asked, answered = os.fdopen(pairs[number][0], "rb"), os.fdopen(pairs[number][1], "wb")
    with suppress(EOFError, BrokenPipeError), asked, answered:
        while True:
            _allow(CPU_SECONDS)
            raws, settings = pickle.load(asked)  # noqa: S301 - from the process that started this one
            pickle.dump([read_message(raw, settings) for raw in raws], answered, pickle.HIGHEST_PROTOCOL)
            answered.flush()


def _allow(seconds: int) -> None:
    """Let the process use so much more processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
