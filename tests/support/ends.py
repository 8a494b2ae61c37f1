"""The mailbox and the mail server as a run meets them: each verb is a call at which it may die or fail."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from emailint.errors import (
    ConnectionFailed,
    LoginRefused,
    OutboundDeferred,
    OutboundRefused,
    OutboundUnavailable,
    OutcomePending,
    OutcomeUnknown,
    Throttled,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from emailint.outbound.protocol import Begin, OutgoingMail
    from emailint.sources.protocol import MailSource, MessageRef, RawMessage, Received
    from tests.support.month import Month

SOURCE_ERRORS: Final[Mapping[str, Callable[[], Exception]]] = {
    "down": lambda: ConnectionFailed("the server is down"),
    "throttled": lambda: Throttled("later, please", retry_after=300),
    "refused": lambda: LoginRefused("no such password"),
}
OUTBOUND_ERRORS: Final = ("down", "deferred", "refused", "unknown, lost", "unknown, taken")


@dataclass
class Watched:
    """A `MailSource` that may fail, or see its run die, at each verb; it is looked at when it marks."""

    source: MailSource
    month: Month

    @property
    def account(self) -> str:
        return self.source.account

    def __enter__(self) -> Self:
        self.month.call("connect")
        self.source.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.source.__exit__(None, None, None)

    def list_unread(self) -> Sequence[MessageRef]:
        self.month.call("list")
        return self.source.list_unread()

    def list_received(self, since: datetime) -> Sequence[Received]:
        self.month.call("list received")
        return self.source.list_received(since)

    def measure(self, refs: Sequence[MessageRef]) -> Sequence[MessageRef]:
        self.month.call("measure")
        return self.source.measure(refs)

    def fetch(self, refs: Sequence[MessageRef], *, headers_only: bool = False) -> Iterator[RawMessage]:
        self.month.call("fetch")
        yield from self.source.fetch(refs, headers_only=headers_only)

    def mark_read(self, loci: Sequence[str]) -> None:
        self.month.call("mark")
        self.month.effects += 1
        self.month.holds.note_marking(loci)
        self.source.mark_read(loci)

    def move(self, loci: Sequence[str], folder: str) -> Mapping[str, str | None]:
        self.month.call("move")
        self.month.effects += 1
        return self.source.move(loci, folder)


@dataclass
class Post:
    """An `Outbound` that counts how often each mail was handed over."""

    month: Month
    handed: Counter[str] = field(default_factory=Counter)
    recipients: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def send(self, mail: OutgoingMail, begin: Begin) -> None:
        self.month.fate.tick("outbound.reach")
        how = self.month.post
        if how == "down":
            raise OutboundUnavailable("the server is down")
        if how == "deferred":
            raise OutboundDeferred("450 come back")
        if how == "refused":
            raise OutboundRefused("550 no such user")
        self.begin(mail, begin)
        self.month.effects += 1
        lost = how == "unknown, lost"
        if not lost:
            self.take(mail)
        self.month.fate.tick("outbound.answer")
        if how.startswith("unknown"):
            self.month.fate.doubted.add(self.month.stored.case_of(mail.message_id))
            raise self.no_answer()

    def begin(self, mail: OutgoingMail, begin: Begin) -> None:  # noqa: ARG002 - one kind needs it
        begin()

    def take(self, mail: OutgoingMail) -> None:
        self.handed[mail.message_id] += 1
        self.recipients.append(mail.recipient)
        self.ids.append(mail.message_id)

    def no_answer(self) -> Exception:
        return OutcomeUnknown("no answer came")

    def test(self, send_to: str | None = None) -> Iterator[Any]:  # noqa: ARG002 - the verb of the port
        yield from ()


@dataclass
class TracingPost(Post):
    """As over Graph: what became of a mail can be asked."""

    drafts: dict[str, str] = field(default_factory=dict)

    def begin(self, mail: OutgoingMail, begin: Begin) -> None:
        token = f"draft-{len(self.drafts)}"
        self.drafts[token] = mail.message_id
        begin(token)

    def no_answer(self) -> Exception:
        return OutcomePending("no answer came")

    def was_sent(self, token: str, message_id: str, *, take_back: bool = False) -> bool | None:
        self.month.fate.tick("outbound.was_sent")
        assert self.drafts[token] == message_id
        if self.handed[message_id]:
            return True
        return False if take_back else None
