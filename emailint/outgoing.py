"""A mail that is ready to go: what composing makes and outbounds take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One reply, ready to go: exactly one recipient, CRLF line ends in `content`.

    `envelope_from` is "" for the null reverse-path (RFC 5321 section 4.5.5).
    """

    message_id: str
    envelope_from: str
    recipient: str
    content: bytes
