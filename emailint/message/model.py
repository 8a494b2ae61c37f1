"""What was read from one mail: frozen values, no decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Kind(StrEnum):
    """Who or what wrote the mail."""

    PERSON = "person"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    LIST = "list"
    FEEDBACK = "feedback"
    OWN = "own"


class Automatic(StrEnum):
    """Why a mail must not be answered, as far as the mail itself tells."""

    NULL_SENDER = "null_sender"
    """Return-Path is `<>` (RFC 3834 section 2)."""
    AUTOMATED_SENDER = "automated_sender"
    """Local part is mailer-daemon, no-reply, owner-…, …-request and the like (RFC 3834 section 2)."""
    AUTO_SUBMITTED = "auto_submitted"
    """Auto-Submitted is present and not `no` (RFC 3834 section 2 and 5)."""
    REPORT = "report"
    """multipart/report or a part of one (RFC 6522, RFC 3464, RFC 5965, RFC 8098)."""
    LIST = "list"
    """List-* (RFC 2369, RFC 2919), Precedence bulk, list or junk (RFC 3834 section 2), Feedback-ID."""
    SUPPRESSED = "suppressed_by_sender"
    """X-Auto-Response-Suppress holds All or AutoReply (MS-OXCMAIL 2.2.3.2.14)."""
    MACHINE = "machine"
    """X-Autoreply, X-Autorespond, X-Loop, X-Auto-Generated and the like, or the text alone shows it."""
    OWN = "own"
    """The mail came from this program or from one of its own addresses."""


class _Positional:
    """A value that is pickled as a call with its fields in order, a third of what a dataclass takes for it.

    What reads mail in a process of its own hands all of it back so (`parallel.py`).
    """

    __slots__: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), tuple([getattr(self, name) for name in self.__slots__])


@dataclass(frozen=True, slots=True)
class Signal(_Positional):
    """One thing in a mail that says it is automatic: `source` names the header (or `subject`, `body`)."""

    source: str
    reason: Automatic


@dataclass(frozen=True, slots=True)
class Address(_Positional):
    """A display name (decoded, one line) and an addr-spec (RFC 5322 section 3.4); either may be empty."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Attachment(_Positional):
    """A part that is kept as a file: the sender's `name` as data, the transfer-decoded `content`."""

    name: str
    content_type: str
    content: bytes
    inline: bool = False
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class Authentication(_Positional):
    """Verdicts of the configured authserv-id (RFC 8601 section 2.7), lower case; None where it gave none."""

    dmarc: str | None = None
    spf: str | None = None
    dkim: str | None = None


@dataclass(frozen=True, slots=True)
class Bounce(_Positional):
    """What a delivery status notification (RFC 3464) says of one failed recipient."""

    recipient: str
    status: str | None = None
    diagnostic: str | None = None
    original_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class InboundMessage(_Positional):
    """One message as read. Texts hold no lone surrogates and only `\\n` as line end.

    `subject` is one line, decoded, "" when there is none. `senders` are all addresses of From, as they
    stand. `sender` is the one that can be answered without doubt; None where there is none, and
    `sender_problem` then says why. `recipients` maps the header names
    X-Original-To, Envelope-To, Delivered-To, Resent-To, To and Cc, in this order where present, to their
    addresses. `return_path` is None without the header, "" for `<>`. `text` is what the sender wrote now,
    `quoted` the history; the two together hold all text of the mail. `html` is cleaned for display.
    `defects` say in words what was wrong with the mail and how it was read all the same.
    """

    fingerprint: str
    raw_sha256: str
    size: int
    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    date: datetime | None = None
    subject: str = ""
    senders: tuple[Address, ...] = ()
    sender: Address | None = None
    reply_to: tuple[Address, ...] = ()
    recipients: Mapping[str, tuple[Address, ...]] = field(default_factory=dict)
    return_path: str | None = None
    language: str | None = None
    text: str = ""
    quoted: str = ""
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    kind: Kind = Kind.PERSON
    signals: tuple[Signal, ...] = ()
    authentication: Authentication = Authentication()
    bounces: tuple[Bounce, ...] = ()
    defects: tuple[str, ...] = ()
    sender_problem: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds before and while parsing; sizes in octets (1 MB = 10⁶), counts in items."""

    message: int = 35_000_000
    header_block: int = 256_000
    header: int = 16_000
    headers: int = 1_000
    parts: int = 200
    depth: int = 20
    attachments: int = 50
    decoded: int = 50_000_000
    text: int = 1_000_000


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """What reading has to know of the mailbox.

    `own_addresses`: lower case, every configured mailbox and alias. `authserv_id`: the authentication
    service that is trusted (RFC 8601 section 2.5), `topmost-without-id` for servers that write none.
    """

    own_addresses: frozenset[str] = frozenset()
    authserv_id: str | None = None
    limits: Limits = Limits()
