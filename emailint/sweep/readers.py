"""Where messages are read: here, or, where there are many of them, in processes beside this one.

With processes, one batch is read while the next is fetched and the last one written; on a machine with one
core, and for the few mails of a usual sweep, there are none.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Protocol, Self

from emailint.errors import MessageError
from emailint.sweep import mailbox
from emailint.sweep.mailbox import Read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emailint.message.model import InboundMessage, ReadSettings
    from emailint.message.parallel import Parallel
    from emailint.sources.protocol import MessageRef, RawMessage

MANY = 250
"""From so many messages on, processes that start first are still the quicker way."""

LARGEST_AHEAD = 8_000_000
"""Octets of a batch that is read ahead: it is in memory here and there, beside the one before."""

MOST_PROCESSES = 4


class Reader(Protocol):
    """Reads the batches of one mailbox."""

    def read_one(self, raw: RawMessage) -> Read:
        """A message that has just come; perhaps not read yet."""
        ...

    def next(self, batch: Sequence[Read]) -> Sequence[Read]:
        """Hand a batch over, and get one that is read: this one, or the one before."""
        ...

    def rest(self) -> Sequence[Read]:
        """The batch that was handed over last, where `next` has not given it back."""
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """Reads each message when it comes."""

    settings: ReadSettings

    def read_one(self, raw: RawMessage) -> Read:
        """Read it."""
        return mailbox.read(raw, self.settings)

    def next(self, batch: Sequence[Read]) -> Sequence[Read]:
        """The batch, which is read already."""
        return batch

    def rest(self) -> Sequence[Read]:
        """Nothing."""
        return ()


@dataclass(slots=True)
class Beside:
    """Reads one batch ahead in other processes; here headers alone, and everything once one has died.

    What a process died over comes back as a failure, to be read alone; no attempt of it has counted yet.
    """

    parallel: Parallel
    settings: ReadSettings
    in_hand: Sequence[Read] = ()

    def read_one(self, raw: RawMessage) -> Read:
        """The message as it came, to be read with its batch."""
        if raw.whole and self.parallel.usable:
            return Read(raw.ref, None, raw.raw)
        return mailbox.read(raw, self.settings)

    def next(self, batch: Sequence[Read]) -> Sequence[Read]:
        """The batch before."""
        before = self.rest()
        self.parallel.begin([read.raw for read in batch if _is_unread(read)], self.settings)
        self.in_hand = batch
        return before

    def rest(self) -> Sequence[Read]:
        """The batch in hand, when all of it is read."""
        batch, self.in_hand = self.in_hand, ()
        if not batch:
            return ()
        messages = iter(self.parallel.results())
        return [_with(read, next(messages)) if _is_unread(read) else read for read in batch]


def _is_unread(read: Read) -> bool:
    return read.message is None and read.failure is None


def _with(read: Read, message: InboundMessage | None) -> Read:
    if message is None:
        return replace(read, failure=MessageError("the process that read the mail has died"))
    return replace(read, message=message)


@dataclass(slots=True)
class Readers:
    """The reading processes of a run, for one mailbox at a time; started when there is much to read."""

    processes: int = field(default_factory=lambda: min(MOST_PROCESSES, os.cpu_count() or 1))
    _parallel: Parallel | None = None
    _lent: Lock = field(default_factory=Lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._end()

    @contextmanager
    def lent(self, refs: Sequence[MessageRef], settings: ReadSettings) -> Iterator[Reader]:
        """A reader for these messages: with processes if they are many and no other mailbox has them."""
        if self.processes < 2 or len(refs) < MANY or not self._lent.acquire(blocking=False):
            yield Here(settings)
            return
        try:
            parallel = self._started()
            reader = Beside(parallel, settings) if parallel is not None else Here(settings)
            yield reader
            if isinstance(reader, Beside) and (reader.in_hand or not reader.parallel.usable):
                self._end()
        except BaseException:
            self._end()  # a batch may be in their hands that nobody asks for any more
            raise
        finally:
            self._lent.release()

    def _started(self) -> Parallel | None:
        from emailint.message.parallel import Parallel  # noqa: PLC0415 - few sweeps have so much to read

        if self._parallel is None:
            try:
                self._parallel = Parallel(self.processes)
            except OSError:  # no more processes are allowed, or no memory is left for them
                return None
        return self._parallel

    def _end(self) -> None:
        parallel, self._parallel = self._parallel, None
        if parallel is not None:
            parallel.close()
