"""A store for `--dry-run`: it answers from the ledger there is, and keeps what is decided in memory only."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from emailint.case import StoredAttachment
from emailint.store.projection import ProjectionReport
from emailint.store.records import Known, OpenError, Rates, ReplyState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from emailint.case import ErrorRecord
    from emailint.message.model import Attachment
    from emailint.store.ledger import Batch, Ledger
    from emailint.store.records import (
        CaseFacts,
        Disposition,
        Entry,
        Health,
        Journal,
        JournalEnd,
        Key,
        Line,
        Move,
        Reply,
        Trouble,
        Waiting,
    )


@dataclass(slots=True)
class DryBatch:
    """A transaction that sees what this sweep decided before, and commits nothing."""

    batch: Batch
    made: dict[Key, Entry]
    taken: list[int]

    def find(self, key: Key) -> Known | None:
        """The row of this key, stored or only decided."""
        entry = self.made.get(key)
        return Known(0, entry.disposition, entry.case_id) if entry else self.batch.find(key)

    def answered(self, fingerprint: str, *, besides: int | None = None) -> bool:
        """Whether a reply of this fingerprint is stored or decided."""
        decided = any(
            entry.key.fingerprint == fingerprint
            and entry.reply is not None
            and entry.reply.state is not ReplyState.WITHHELD
            for entry in self.made.values()
        )
        return decided or self.batch.answered(fingerprint, besides=besides)

    def has_message_id(self, scope: str, message_id: str, *, before: int | None = None) -> bool:
        """Whether a stored or decided row of this scope has this Message-ID."""
        decided = any(key.scope == scope and made.message_id == message_id for key, made in self.made.items())
        return decided or self.batch.has_message_id(scope, message_id, before=before)

    def next_case_number(self) -> int:
        """The number that a real sweep would take, if nothing else came between."""
        self.taken.append(self.taken[-1] + 1 if self.taken else self.batch.next_case_number())
        return self.taken[-1]

    def next_follow_up_number(self, case_id: str) -> int:
        """The next follow-up number of this case."""
        return self.batch.next_follow_up_number(case_id)

    def case_facts(self, case_id: str) -> CaseFacts | None:
        """Facts of a stored case."""
        return self.batch.case_facts(case_id)

    def case_of(self, message_ids: Iterable[str]) -> str | None:
        """The stored case that one of these Message-IDs belongs to."""
        return self.batch.case_of(message_ids)

    def cases_since(self, account: str, moment: datetime) -> int:
        """How many cases of this mailbox were made since then."""
        return self.batch.cases_since(account, moment)

    def add(self, entry: Entry) -> None:
        """Remember the decision until the sweep ends."""
        self.made[entry.key] = entry

    def add_locus(self, known: Known, locus: str, account: str, folder: str | None) -> None:
        """Nothing to remember."""

    def replace(self, known: Known, entry: Entry) -> None:
        """Nothing is replaced."""

    def reread(self, known: Known, line: bytes) -> None:
        """Nothing is written."""


@dataclass(slots=True)
class DryLedger:
    """The verbs of a ledger that a sweep uses; those that write do nothing."""

    ledger: Ledger
    made: dict[Key, Entry] = field(default_factory=dict)
    taken: list[int] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Whoever opened the ledger closes it."""

    def done(self, loci: Sequence[str]) -> frozenset[str]:
        """Those loci whose message has a row already."""
        return self.ledger.done(loci)

    def begin(self, loci: Sequence[str]) -> None:
        """Nothing is noted."""

    def suspects(self, loci: Sequence[str]) -> Mapping[str, int]:
        """What an earlier run died of is read in a child here too."""
        return self.ledger.suspects(loci)

    def attempt(self, locus: str) -> int:
        """Attempts so far, and this one; not counted."""
        return self.ledger.suspects([locus]).get(locus, 0) + 1

    def given(self, account: str, count: int) -> Sequence[str]:
        """What was taken before."""
        return self.ledger.given(account, count)

    def release(self, loci: Sequence[str]) -> None:
        """Nothing was noted."""

    def waiting(self, disposition: Disposition) -> Sequence[Waiting]:
        """What waits for a person."""
        return self.ledger.waiting(disposition)

    def settled(self) -> Sequence[Waiting]:
        """Nothing is removed."""
        return ()

    def forget(self, settled: Sequence[Waiting]) -> None:
        """Nothing was removed."""

    @contextmanager
    def transaction(self) -> Iterator[DryBatch]:
        """Reads from the ledger; what is added stays in memory."""
        with self.ledger.transaction() as batch:
            yield DryBatch(batch, self.made, self.taken)

    def known(self, loci: Sequence[str]) -> Mapping[str, Known]:
        """Those loci whose message has a row."""
        return self.ledger.known(loci)

    def rules(self, rows: Sequence[int]) -> Mapping[int, str]:
        """Why nothing was made of these."""
        return self.ledger.rules(rows)

    def received_between(self, account: str, since: datetime, until: datetime) -> frozenset[int]:
        """Rows of that time."""
        return self.ledger.received_between(account, since, until)

    def unprojected(self) -> Sequence[Line]:
        """Nothing is written."""
        return ()

    def place(self, lines: Sequence[Line]) -> None:
        """Nothing is written."""

    def projected(self, lines: Sequence[Line]) -> None:
        """Nothing was written."""

    def end_of(self, journal: Journal) -> JournalEnd | None:  # noqa: ARG002 - the verb of the port
        """Nothing is written, so nobody needs to know."""
        return None

    def unmarked(self, account: str) -> Sequence[str]:  # noqa: ARG002 - the verb of the port
        """Nothing is marked."""
        return ()

    def unmoved(self, account: str) -> Sequence[Move]:  # noqa: ARG002 - the verb of the port
        """Nothing is moved."""
        return ()

    def marked(self, loci: Sequence[str]) -> None:
        """Nothing was marked."""

    def moved(self, places: Mapping[str, str | None]) -> None:
        """Nothing was moved."""

    def recover_replies(
        self,
        traceable: Callable[[Reply], bool] = lambda _reply: False,  # noqa: ARG002 - the port's
    ) -> Sequence[Reply]:
        """Replies are left as they are."""
        return ()

    def due_replies(self, now: datetime, *, after: int = 0) -> Sequence[Reply]:  # noqa: ARG002 - the port's
        """Nothing is sent."""
        return ()

    def sending(
        self, reply: Reply, now: datetime, token: str | None = None, message_id: str | None = None
    ) -> None:
        """Nothing is sent."""

    def settle(self, reply: Reply, state: ReplyState, reason: str | None = None) -> None:
        """Nothing was sent."""

    def postpone(self, reply: Reply, until: datetime, reason: str) -> None:
        """Nothing was sent."""

    def sent_with_copy(self, integration: str, since: datetime) -> Sequence[Reply]:  # noqa: ARG002 - the port's
        """No copy is removed."""
        return ()

    def copy_cleared(self, reply: Reply) -> None:
        """No copy was removed."""

    def failed_replies(self) -> Sequence[Reply]:
        """All that failed."""
        return self.ledger.failed_replies()

    def replies_of(self, case_id: str) -> Sequence[Reply]:
        """The replies to a case."""
        return self.ledger.replies_of(case_id)

    def send_again(self, reply: Reply) -> None:
        """Nothing is sent."""

    def rates(self, recipient: str, now: datetime) -> Rates:
        """What was begun until now."""
        return self.ledger.rates(recipient, now)

    def begun_lately(self, integration: str, now: datetime) -> int:
        """What was begun until now."""
        return self.ledger.begun_lately(integration, now)

    def errors(self, *, closed: bool = False) -> Sequence[OpenError]:  # noqa: ARG002 - the verb of the port
        """None is closed, so none needs to be known."""
        return ()

    def trouble(self, trouble: Trouble, now: datetime) -> OpenError:
        """The error as it would be opened."""
        return OpenError(trouble.error_id, trouble, now, now, 1)

    def close_errors(self, ids: Iterable[str], now: datetime) -> Sequence[OpenError]:  # noqa: ARG002
        """None is closed."""
        return ()

    def told(self, ids: Iterable[str], now: datetime) -> None:
        """Not noted."""

    def note_error(self, line: bytes) -> None:
        """No command is called."""

    def health(self, account: str) -> Health:
        """How this mailbox has been doing."""
        return self.ledger.health(account)

    def set_health(self, account: str, health: Health) -> None:
        """Not noted."""


class DryAttachments:
    """Says where attachments would be stored."""

    def save_many(
        self, messages: Mapping[Key, Sequence[Attachment]]
    ) -> dict[Key, tuple[StoredAttachment, ...]]:
        """Their names, types and sizes; nothing is written."""
        return {key: tuple(map(_unstored, attachments)) for key, attachments in messages.items()}


class DryRawMail:
    """Keeps nothing."""

    def keep(self, key: Key, raw: bytes) -> None:
        """Nothing is written."""


@dataclass(frozen=True, slots=True)
class DryStore:
    """What a sweep needs of a store."""

    ledger: DryLedger
    own_key: bytes = b"dry run"
    attachments: DryAttachments = field(default_factory=DryAttachments)
    quarantine: DryRawMail = field(default_factory=DryRawMail)
    hold: DryRawMail = field(default_factory=DryRawMail)

    def project(self) -> ProjectionReport:
        """Nothing is written."""
        return ProjectionReport()

    def write_error(self, record: ErrorRecord) -> None:
        """Nothing is written."""


def _unstored(attachment: Attachment) -> StoredAttachment:
    return StoredAttachment(
        name=attachment.name,
        path="",
        content_type=attachment.content_type,
        size=len(attachment.content),
        sha256="",
        inline=attachment.inline,
        content_id=attachment.content_id,
    )
