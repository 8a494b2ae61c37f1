"""The port through which mailboxes are read: list, measure, fetch, mark, move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from emailint.probe import Step


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Where one message is, and what the server says of it.

    `locus` is stable text, unique over all mailboxes: an RFC 5092 URL for IMAP
    (`imap://user@host/INBOX;UIDVALIDITY=1/;UID=7`), `maildir:/path/UNIQUE` for a Maildir. It never
    changes with flags. `size` (octets, as announced; it only plans batches) and `received_at`
    (INTERNALDATE, modification time; aware) are None until measured.
    """

    locus: str
    size: int | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A message that lies in the folder, measured, and whether it is marked read."""

    ref: MessageRef
    read: bool


@dataclass(frozen=True, slots=True)
class RawMessage:
    """The octets of one message. `whole` is False when only its header block was asked for."""

    ref: MessageRef
    raw: bytes
    whole: bool = True


class MailSource(Protocol):
    """A mailbox folder, connected between `__enter__` and `__exit__`.

    All methods take many messages, since a round trip a message is what makes such tools slow.
    They raise `SourceError`s only. A source opened read-only changes nothing and refuses
    `mark_read` and `move`.
    """

    @property
    def account(self) -> str:
        """Protocol, host and user as text; every locus of this source begins with it."""
        ...

    def __enter__(self) -> Self:
        """Connect, log in, select the folder."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Log out and close; never raises."""
        ...

    def list_unread(self) -> Sequence[MessageRef]:
        """All unread messages not older than `since`, oldest first. Loci only where sizes cost more."""
        ...

    def list_received(self, since: datetime) -> Sequence[Received]:
        """All messages received from `since` on, read or not, oldest first; the settings do not limit it."""
        ...

    def measure(self, refs: Sequence[MessageRef]) -> Sequence[MessageRef]:
        """The same refs in the same order with size and received_at; those that vanished are left out."""
        ...

    def fetch(self, refs: Sequence[MessageRef], *, headers_only: bool = False) -> Iterator[RawMessage]:
        """Octets of the messages, in any order, never marking them read; vanished ones are left out.

        A message that the server does not give keeps no other back: the error that ends the iteration names
        it in `loci`. An error that names none may have ended it early. Other verbs work after either.
        """
        ...

    def mark_read(self, loci: Sequence[str]) -> None:
        """Mark read. Loci that are no longer there (expunged, other UIDVALIDITY) are passed over.

        When it returns, the server has confirmed. Raises FolderReadOnly where marking is refused; an error
        that names messages in `loci` is about these, and the others are marked.
        """
        ...

    def move(self, loci: Sequence[str], folder: str) -> Mapping[str, str | None]:
        """Move to another folder of the same mailbox; old locus → new locus, None where unknown.

        Loci that are no longer there are passed over. Repeating it is harmless. An error that names messages
        in `loci` is about these; asked again without them, it says where the others are.
        """
        ...

    def test(self) -> Iterator[Step]:
        """Connection test, step by step, outside of `with`; changes nothing."""
        ...
