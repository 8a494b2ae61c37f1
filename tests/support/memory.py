"""A mailbox, an outbound and a clock in memory: each call is noted, and any of them can be made to fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from emailint.errors import ConnectionFailed, SourceError
from emailint.sources.protocol import MessageRef, RawMessage, Received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from emailint.outbound.protocol import OutgoingMail
    from emailint.probe import Step

START = datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)


class StillClock:
    """A clock that moves only when it is told to."""

    def __init__(self, now: datetime = START) -> None:
        self.wall = now
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def forward(self, by: timedelta) -> None:
        self.wall += by
        self.seconds += by.total_seconds()


@dataclass
class Mail:
    """One mail of a mailbox in memory."""

    raw: bytes
    seen: bool = False
    size: int | None = None
    received_at: datetime = START


@dataclass
class MemorySource:
    """A `MailSource` whose mailbox is a dict of UIDs.

    `calls` notes each verb; `before` is called with the verb before anything is done and may raise.
    `withheld` are UIDs that the server does not give, with why; `breaking` those at which it breaks.
    """

    mails: dict[int, Mail] = field(default_factory=dict)
    folders: dict[str, list[bytes]] = field(default_factory=dict)
    account: str = "memory://payroll@example.org"
    validity: int = 1
    calls: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _verb: None
    fetching: bool = False
    withheld: dict[int, SourceError] = field(default_factory=dict)
    breaking: set[int] = field(default_factory=set)

    def deliver(self, raw: bytes, **about: object) -> int:
        """Put a new unread mail into the mailbox."""
        uid = max(self.mails, default=0) + 1
        self.mails[uid] = Mail(raw, **about)  # type: ignore[arg-type]  # tests name the fields of Mail
        return uid

    def locus(self, uid: int) -> str:
        return f"{self.account}/INBOX;{self.validity}/{uid}"

    def unread(self) -> list[int]:
        return [uid for uid, mail in self.mails.items() if not mail.seen]

    def __enter__(self) -> Self:
        self._call("connect")
        self.fetching = False
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.calls.append("close")

    def list_unread(self) -> Sequence[MessageRef]:
        self._call("list")
        return [MessageRef(self.locus(uid)) for uid in sorted(self.unread())]

    def list_received(self, since: datetime) -> Sequence[Received]:
        self._call("list received")
        return [
            Received(MessageRef(self.locus(uid), mail.size or len(mail.raw), mail.received_at), mail.seen)
            for uid, mail in sorted(self.mails.items())
            if mail.received_at >= since
        ]

    def measure(self, refs: Sequence[MessageRef]) -> Sequence[MessageRef]:
        self._call("measure")
        found = ((ref.locus, self._mail(ref.locus)) for ref in refs)
        return [
            MessageRef(locus, mail.size or len(mail.raw), mail.received_at)
            for locus, mail in found
            if mail is not None
        ]

    def fetch(self, refs: Sequence[MessageRef], *, headers_only: bool = False) -> Iterator[RawMessage]:
        """As over a wire: no other verb while this one is being answered."""
        self._call("fetch")
        self.fetching = True
        try:
            for ref in refs:
                self._call("fetch one")
                uid, mail = self._uid(ref.locus), self._mail(ref.locus)
                if uid in self.breaking and not headers_only:
                    raise ConnectionFailed("the connection was lost")
                if mail is not None and (headers_only or uid not in self.withheld):
                    raw = mail.raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if headers_only else mail.raw
                    yield RawMessage(ref, raw, whole=not headers_only)
        except SourceError:
            self.fetching = False  # it connects anew by itself
            raise
        self.fetching = False
        missing = {ref.locus: self.withheld.get(self._uid(ref.locus)) for ref in refs if not headers_only}
        for error in filter(None, missing.values()):
            error.loci = tuple(locus for locus, why in missing.items() if why)
            raise error

    def mark_read(self, loci: Sequence[str]) -> None:
        self._call("mark")
        for locus in loci:
            if (mail := self._mail(locus)) is not None:
                mail.seen = True

    def move(self, loci: Sequence[str], folder: str) -> Mapping[str, str | None]:
        self._call("move")
        moved: dict[str, str | None] = {}
        for locus in loci:
            mail = self._mail(locus)
            moved[locus] = None
            if mail is not None:
                self.folders.setdefault(folder, []).append(mail.raw)
                del self.mails[self._uid(locus)]
        return moved

    def test(self) -> Iterator[Step]:
        yield from ()

    def _call(self, verb: str) -> None:
        assert verb in {"fetch one", "connect"} or not self.fetching, f"{verb} inside a fetch"
        self.calls.append(verb)
        self.before(verb)

    def _uid(self, locus: str) -> int:
        return int(locus.rpartition("/")[2])

    def _mail(self, locus: str) -> Mail | None:
        if not locus.startswith(f"{self.account}/INBOX;{self.validity}/"):
            return None
        return self.mails.get(self._uid(locus))


@dataclass
class MemoryOutbound:
    """An `Outbound` that keeps what it took. `before` may raise ahead of `begin`, `after` behind it."""

    sent: list[OutgoingMail] = field(default_factory=list)
    connections: int = 0
    before: Callable[[OutgoingMail], None] = lambda _mail: None
    after: Callable[[OutgoingMail], None] = lambda _mail: None

    def __enter__(self) -> Self:
        self.connections += 1
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def send(self, mail: OutgoingMail, begin: Callable[[], None]) -> None:
        self.before(mail)
        begin()
        self.after(mail)
        self.sent.append(mail)

    def test(self, send_to: str | None = None) -> Iterator[Step]:  # noqa: ARG002 - the verb of the port
        yield from ()


def letter(
    number: int = 1,
    *,
    to: str = "payroll@example.org",
    sender: str = "ann@example.com",
    headers: str = "",
    body: str = "Please help.",
) -> bytes:
    """A plain mail of a person, different for each number."""
    text = (
        f"Return-Path: <{sender}>\nFrom: Ann <{sender}>\nTo: {to}\nSubject: Question {number}\n"
        f"Date: Tue, 24 Nov 2026 17:00:00 +0000\nMessage-ID: <{number}@example.com>\n{headers}\n{body}\n"
    )
    return text.replace("\n", "\r\n").encode()
