"""What all mailboxes of one run share, and the tally of one of them."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Protocol

from emailint.errors import StoreWarning
from emailint.sweep.options import MessageDone
from emailint.sweep.readers import Readers
from emailint.sweep.result import Counts, IntegrationResult
from emailint.sweep.troubles import About

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from emailint.case import ErrorRecord, StoredAttachment
    from emailint.config.model import Config
    from emailint.message.model import Attachment
    from emailint.routing.knowledge import Knowledge
    from emailint.store.ledger import Ledger
    from emailint.store.projection import ProjectionReport
    from emailint.store.records import Key
    from emailint.sweep.clock import Budget, Clock
    from emailint.sweep.options import Event, SweepOptions
    from emailint.sweep.outbox import Outbox
    from emailint.sweep.result import MessageResult
    from emailint.sweep.troubles import Troubles


class AttachmentKeeper(Protocol):
    """Where attachments are kept."""

    def save_many(
        self, messages: Mapping[Key, Sequence[Attachment]]
    ) -> Mapping[Key, tuple[StoredAttachment, ...]]:
        """Store them all; durable when it returns."""
        ...


class RawKeeper(Protocol):
    """Where the octets of whole messages are kept."""

    def keep(self, key: Key, raw: bytes) -> object:
        """Store them; durable when it returns."""
        ...


class SweepStore(Protocol):
    """What a sweep needs of a store: the real one, or that of a dry run."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def attachments(self) -> AttachmentKeeper: ...

    @property
    def quarantine(self) -> RawKeeper: ...

    @property
    def hold(self) -> RawKeeper: ...

    @property
    def own_key(self) -> bytes: ...

    def project(self) -> ProjectionReport:
        """All lines of the ledger are durable in their files when it returns."""
        ...

    def write_error(self, record: ErrorRecord) -> None:
        """Append to errors.jsonl; never raises."""
        ...


class Quota:
    """How many messages the whole run may still take (`--limit`)."""

    def __init__(self, limit: int | None) -> None:
        self._left = limit
        self._lock = Lock()

    def take(self, wanted: int) -> int:
        """So many of the wanted ones are granted."""
        with self._lock:
            if self._left is None:
                return wanted
            granted = min(wanted, self._left)
            self._left -= granted
            return granted


class Room:
    """How many large batches may be in memory at once, whichever mailboxes they are of.

    Without it, 32 mailboxes with a batch of 16 MB each would take a gigabyte. Small ones never wait.
    """

    LARGE = 1_000_000
    """Octets, as the server announces them."""

    AT_ONCE = 3

    def __init__(self) -> None:
        self._turns = BoundedSemaphore(self.AT_ONCE)

    def of(self, octets: int) -> AbstractContextManager[object]:
        """While it is open, a batch of so many octets may be fetched and taken."""
        return self._turns if octets > self.LARGE else nullcontext()


@dataclass(frozen=True, slots=True)
class Run:
    """Everything a mailbox needs besides its own source."""

    config: Config
    options: SweepOptions
    store: SweepStore
    knowledge: Knowledge
    clock: Clock
    budget: Budget
    troubles: Troubles
    quota: Quota
    outbox: Outbox
    tell: Callable[[Event], None]
    readers: Readers = field(default_factory=Readers)
    room: Room = field(default_factory=Room)

    def project(self) -> None:
        """The step `project`; what was found amiss with the JSON lines is told."""
        for warning in self.store.project().warnings:
            self.troubles.report(StoreWarning(warning), about=About(key=warning))


@dataclass(slots=True)
class Tally:
    """What one mailbox has done so far. One thread at a time adds to it."""

    name: str
    tell: Callable[[Event], None]
    messages: list[MessageResult] = field(default_factory=list)
    error: str | None = None
    in_passing: bool = False
    well: bool = False
    replies: dict[str, str] = field(default_factory=dict)
    _numbers: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    @property
    def counts(self) -> Counts:
        """What was counted so far."""
        with self._lock:
            return Counts(**self._numbers)

    def add(self, **counts: int) -> None:
        """Add to the counts of these names."""
        with self._lock:
            self._numbers.update(counts)

    def done(self, result: MessageResult) -> None:
        """One message is through."""
        self.add(**{result.outcome: 1})
        self.messages.append(result)
        self.tell(MessageDone(self.name, result))

    def close(self) -> IntegrationResult:
        """The final figures: what was listed and not dealt with is `left`."""
        counts = self.counts
        dealt = (
            counts.cases
            + counts.follow_ups
            + counts.held
            + counts.ignored
            + counts.already_known
            + counts.vanished
            + counts.failed
            + counts.quarantined
        )
        balanced = replace(counts, left=counts.listed - dealt)
        messages = (
            replace(message, reply=self.replies.get(message.case_id or "", message.reply))
            if message.reply == "pending"
            else message
            for message in self.messages
        )
        return IntegrationResult(
            self.name, balanced, self.error, tuple(messages), in_passing=self.in_passing, well=self.well
        )
