"""The port of the ledger: how far each message has got.

The ledger is the truth; the JSON lines are its projection. Every verb that changes something has
committed durably when it returns; but for `begin`, `release`, `projected` and `marked`, which any death
leaves standing, and a power cut until the next of the others: what they note is harmless to find out, and to
do, once more. Verbs are safe to call from several threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from emailint.store.records import (
        CaseFacts,
        Disposition,
        Entry,
        Health,
        Journal,
        JournalEnd,
        Key,
        Known,
        Line,
        Move,
        OpenError,
        Rates,
        Reply,
        ReplyState,
        Trouble,
        Waiting,
    )


class Batch(Protocol):
    """One open transaction; sees what it has added itself."""

    def find(self, key: Key) -> Known | None:
        """The row of this key."""
        ...

    def answered(self, fingerprint: str, *, besides: int | None = None) -> bool:
        """Whether a row of this fingerprint, in whatever scope, has a reply that is not withheld.

        `besides` is a row that is not asked.
        """
        ...

    def has_message_id(self, scope: str, message_id: str, *, before: int | None = None) -> bool:
        """Whether a row of this scope, and before that row where one is given, has this Message-ID."""
        ...

    def next_case_number(self) -> int:
        """The next number; taken for good once the transaction commits."""
        ...

    def next_follow_up_number(self, case_id: str) -> int:
        """The next follow-up number of this case, from 1."""
        ...

    def case_facts(self, case_id: str) -> CaseFacts | None:
        """Facts of a case by its id."""
        ...

    def case_of(self, message_ids: Iterable[str]) -> str | None:
        """The case that one of these Message-IDs (a message of it, or our reply) belongs to."""
        ...

    def cases_since(self, account: str, moment: datetime) -> int:
        """How many cases of this mailbox were made since then (the breaker)."""
        ...

    def add(self, entry: Entry) -> None:
        """Add the row, its locus (no longer in flight), its line and its reply."""
        ...

    def add_locus(self, known: Known, locus: str, account: str, folder: str | None) -> None:
        """Another place of a known message; it is to be marked (and moved) like the first."""
        ...

    def replace(self, known: Known, entry: Entry) -> None:
        """A held message becomes what it was held from: its row, line and reply; its places stay.

        Raises StoreError when it is held no more.
        """
        ...

    def reread(self, known: Known, line: bytes) -> None:
        """A quarantined message was read after all: `line` follows up its case, and it waits no more.

        Raises StoreError when it waits no more.
        """
        ...


class Ledger(Protocol):
    """The record of how far each message has got."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    # Reading a mailbox
    def done(self, loci: Sequence[str]) -> frozenset[str]:
        """Those loci whose message has a row already."""
        ...

    def begin(self, loci: Sequence[str]) -> None:
        """Note loci as in flight, before they are fetched."""
        ...

    def suspects(self, loci: Sequence[str]) -> Mapping[str, int]:
        """Of these loci those found in flight when the ledger was opened, with their counted attempts.

        A message with counted attempts stays suspect, though it was released.
        """
        ...

    def attempt(self, locus: str) -> int:
        """Count one failed attempt of a message that was alone; returns how many there are now."""
        ...

    def release(self, loci: Sequence[str]) -> None:
        """No longer in flight: they vanished, or were not read for a reason outside of them."""
        ...

    def given(self, account: str, count: int) -> Sequence[str]:
        """Places in this mailbox of messages that could be read, those that were taken last first."""
        ...

    def transaction(self) -> AbstractContextManager[Batch]:
        """One transaction; commits durably on a clean exit, else nothing of it stays."""
        ...

    def waiting(self, disposition: Disposition) -> Sequence[Waiting]:
        """What is HELD, or QUARANTINED and not read since, oldest first."""
        ...

    def settled(self) -> Sequence[Waiting]:
        """What waits no more, and whose octets are still to be removed."""
        ...

    def forget(self, settled: Sequence[Waiting]) -> None:
        """The octets of these are removed."""
        ...

    # Comparing a mailbox
    def known(self, loci: Sequence[str]) -> Mapping[str, Known]:
        """Those loci whose message has a row, with that row."""
        ...

    def rules(self, rows: Sequence[int]) -> Mapping[int, str]:
        """Why nothing was made of these ignored messages, as far as that was noted."""
        ...

    def received_between(self, account: str, since: datetime, until: datetime) -> frozenset[int]:
        """Rows with a place in this mailbox, received since then, and made not after `until`."""
        ...

    # The steps
    def unprojected(self) -> Sequence[Line]:
        """The first lines not yet known durable in their file, in the order in which they must stand.

        Bounded in number and octets: whoever projects asks again until there are none.
        """
        ...

    def place(self, lines: Sequence[Line]) -> None:
        """Record file and offset of each line, before the bytes are written."""
        ...

    def projected(self, lines: Sequence[Line]) -> None:
        """These lines are durable in their file, at their place."""
        ...

    def end_of(self, journal: Journal) -> JournalEnd | None:
        """Where the last line that is known durable ends; a shorter file was cut by somebody."""
        ...

    def unmarked(self, account: str) -> Sequence[str]:
        """Loci of this mailbox whose message is projected (or makes no line) and not yet marked read."""
        ...

    def marked(self, loci: Sequence[str]) -> None:
        """The server has confirmed that these are read (or they are gone)."""
        ...

    def unmoved(self, account: str) -> Sequence[Move]:
        """Marked messages of this mailbox that are still to be moved."""
        ...

    def moved(self, places: Mapping[str, str | None]) -> None:
        """Old locus → new locus (None: unknown or gone). The new one counts as done and marked."""
        ...

    # Replies
    def recover_replies(self, traceable: Callable[[Reply], bool] = lambda _reply: False) -> Sequence[Reply]:
        """Replies found SENDING become UNKNOWN, but for those that can be traced; returns all of them.

        Called once at the start of a run.
        """
        ...

    def due_replies(self, now: datetime, *, after: int = 0) -> Sequence[Reply]:
        """Pending replies of projected lines whose next try is not after `now`, oldest first.

        Bounded in number; `after` leaves out rows up to this one, for whoever has those in hand.
        """
        ...

    def sending(
        self, reply: Reply, now: datetime, token: str | None = None, message_id: str | None = None
    ) -> None:
        """Commit that handing over begins now. Refuses (StoreError) if the fingerprint was begun before.

        `message_id`: what the server calls the reply, should that not be what we call it; answers to either
        are answers to this case.
        """
        ...

    def settle(self, reply: Reply, state: ReplyState, reason: str | None = None) -> None:
        """SENT, WITHHELD, FAILED or UNKNOWN, for good."""
        ...

    def postpone(self, reply: Reply, until: datetime, reason: str) -> None:
        """Back to PENDING, to be tried again not before `until`; counts one attempt."""
        ...

    def sent_with_copy(self, integration: str, since: datetime) -> Sequence[Reply]:
        """Replies SENT that were begun after `since`, and of which the server may still have a copy."""
        ...

    def copy_cleared(self, reply: Reply) -> None:
        """The server has no copy of a SENT reply any more, or none that is ours."""
        ...

    def failed_replies(self) -> Sequence[Reply]:
        """All that FAILED, oldest first."""
        ...

    def replies_of(self, case_id: str) -> Sequence[Reply]:
        """The replies to a case and to its follow-ups, in whatever state, oldest first."""
        ...

    def send_again(self, reply: Reply) -> None:
        """FAILED, UNKNOWN or PENDING becomes PENDING, due now; counts one attempt.

        By a person's order, or because the server shows that it was not sent and never will be.

        The only way by which a reply that was begun is begun a second time. Raises StoreError for one that
        was sent or withheld, or is being sent.
        """
        ...

    def rates(self, recipient: str, now: datetime) -> Rates:
        """Replies begun to this address (lower case, plus-tag cut) and domain; future stamps count as now."""
        ...

    def begun_lately(self, integration: str, now: datetime) -> int:
        """Replies of this integration begun within the last minute; future stamps count as now."""
        ...

    # Errors and health
    def note_error(self, line: bytes) -> None:
        """The command `on_error`, where one is configured, is to be given this line."""
        ...

    def trouble(self, trouble: Trouble, now: datetime) -> OpenError:
        """Open an error, or count it again."""
        ...

    def close_errors(self, ids: Iterable[str], now: datetime) -> Sequence[OpenError]:
        """Close these errors; returns those that were open."""
        ...

    def told(self, ids: Iterable[str], now: datetime) -> None:
        """Standard error has spoken of these."""
        ...

    def errors(self, *, closed: bool = False) -> Sequence[OpenError]:
        """Open errors, oldest first; with `closed` all that are still kept."""
        ...

    def health(self, account: str) -> Health:
        """How this mailbox has been doing."""
        ...

    def set_health(self, account: str, health: Health) -> None:
        """Record it; writes nothing when it is unchanged."""
        ...
