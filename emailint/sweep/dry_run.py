"""A store for `--dry-run`: it answers from the ledger there is, and keeps what is decided in memory only."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from emailint.case import StoredAttachment
from emailint.store.batch_rows import Added
from emailint.store.projection import ProjectionReport
from emailint.store.records import OpenError, Rates
from emailint.sweep.dry_batch import DryBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from emailint.case import ErrorRecord
    from emailint.message.model import Attachment
    from emailint.store.ledger import Ledger
    from emailint.store.records import (
        Disposition,
        Health,
        Journal,
        JournalEnd,
        Key,
        Known,
        Line,
        Move,
        Reply,
        ReplyState,
        Trouble,
        Waiting,
    )


@dataclass(slots=True)
class DryLedger:
    """The verbs of a ledger that a sweep uses; those that write do nothing."""

    ledger: Ledger
    made: Added = field(default_factory=Added)
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
