"""A mail that is ready to go: what composing makes and outbounds take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Written:
    """What a reply says, apart from how it is put into octets: for servers that make the mail themselves.

    `subject` is one line; `text` and `html` end with a line feed, `html` may be empty. `sender` is a bare
    address. `reply_to` is "" where answers go to the sender. `answers` is the locus of the message that is
    answered.
    """

    subject: str
    text: str
    html: str
    sender: str
    reply_to: str
    case_id: str
    answers: str


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One reply, ready to go: exactly one recipient, CRLF line ends in `content`.

    `envelope_from` is "" for the null reverse-path (RFC 5321 section 4.5.5). `written` says the same as
    `content`; None for what is no reply.
    """

    message_id: str
    envelope_from: str
    recipient: str
    content: bytes
    written: Written | None = None
