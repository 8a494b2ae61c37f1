"""Reading many messages in processes beside this one, which meanwhile fetches the next and writes the last.

Reading is most of the work of a sweep with much new mail, and one Python process uses one core. Beside the
child the only part of this room that has effects: it starts `python -m emailint.message.parallel_child`.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emailint.message.model import InboundMessage, ReadSettings

_PIPE = 1_000_000
_PATIENCE = 5.0
# Whatever can be wrong with an answer that a dying process left half written.
_DIED = (OSError, EOFError, pickle.UnpicklingError, AttributeError, ValueError)


@dataclass(slots=True)
class _Process:
    """The pipes to one process; `count` is how many messages it has in hand."""

    asking: BinaryIO
    answering: BinaryIO
    count: int = 0
    usable: bool = True


class Parallel:
    """Some processes that read one batch at a time. Not for several threads at once.

    A process that dies takes the readings of its share with it, and is used no more; so it is for the caller
    to find out, alone with each message, which of them it died of.
    """

    def __init__(self, count: int) -> None:
        """Start them; raises OSError where that is refused. They are ready when their imports are done."""
        self._processes: list[_Process] = []
        theirs: list[int] = []
        try:
            for _ in range(count):
                (their_in, our_out), (our_in, their_out) = _pipe(), _pipe()
                theirs += [their_in, their_out]
                self._processes.append(_Process(os.fdopen(our_out, "wb"), os.fdopen(our_in, "rb")))
            command = [sys.executable, "-m", "emailint.message.parallel_child", *map(str, theirs)]
            self._first = subprocess.Popen(
                command, pass_fds=theirs, stdin=subprocess.DEVNULL, process_group=0
            )
        except OSError:
            self._close_pipes()
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes: each does so when nobody can ask it any more; one that does not is killed."""
        self._close_pipes()
        try:
            self._first.wait(_PATIENCE)  # it waits for the others
        except subprocess.TimeoutExpired:
            os.killpg(self._first.pid, signal.SIGKILL)
            self._first.wait()

    @property
    def usable(self) -> bool:
        """Whether all of them are alive, as far as is known."""
        return all(process.usable for process in self._processes)

    def begin(self, raws: Sequence[bytes], settings: ReadSettings) -> None:
        """Hand a batch over; `results` has what becomes of it, and must be asked before the next one."""
        for process, share in zip(self._processes, shares(raws, len(self._processes)), strict=True):
            process.count = len(share)
            if share and process.usable:
                try:
                    # Neither side is a stranger to the other: both are this program, under one user.
                    pickle.dump((share, settings), process.asking, pickle.HIGHEST_PROTOCOL)
                    process.asking.flush()
                except OSError:
                    process.usable = False

    def results(self) -> list[InboundMessage | None]:
        """The readings in the order of the batch; None for those that a process died over."""
        return [reading for process in self._processes for reading in self._of(process)]

    def _of(self, process: _Process) -> Sequence[InboundMessage | None]:
        count, process.count = process.count, 0
        if count and process.usable:
            try:
                readings: list[InboundMessage] = pickle.load(process.answering)  # noqa: S301 - see `begin`
            except _DIED:
                process.usable = False
            else:
                return readings
        return [None] * count

    def _close_pipes(self) -> None:
        for process in self._processes:
            for pipe in (process.asking, process.answering):
                with suppress(OSError):  # what was not flushed to a process that is dead
                    pipe.close()


def shares(raws: Sequence[bytes], count: int) -> Iterator[Sequence[bytes]]:
    """The messages in so many pieces, in order, of about as many octets each; some may be empty."""
    total = sum(map(len, raws))
    middles = [end - len(raw) / 2 for end, raw in zip(accumulate(map(len, raws)), raws, strict=True)]
    start = 0
    for number in range(1, count + 1):
        end = start
        while end < len(raws) and (number == count or middles[end] * count <= total * number):
            end += 1
        yield raws[start:end]
        start = end


def _pipe() -> tuple[int, int]:
    """A pipe that holds as much as may be, so that the two sides take turns less often."""
    reading, writing = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # over what the system lets one user have
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE)
    return reading, writing
