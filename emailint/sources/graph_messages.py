"""Messages as Graph lists them: size and time of one, and its header block without the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from email.header import Header
from typing import TYPE_CHECKING, Any, Final

from emailint.graph_client.properties import expanded, integer_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The message resource has no size. This is PidTagMessageSize (MS-OXCMSG section 2.2.1.7), asked for as a
# single-value extended property; where a server gives none, the download is bounded instead.
_SIZE: Final = "Integer 0x0E08"
SIZE_EXPANDED: Final = expanded(_SIZE)
LISTED: Final = "id,receivedDateTime"
HEADERS: Final = (
    "id,internetMessageHeaders,internetMessageId,subject,from,toRecipients,ccRecipients,sentDateTime"
)


def size_of(message: Mapping[str, Any]) -> int | None:
    """Octets as Exchange counts them, None where it does not say."""
    return integer_of(message, _SIZE)


def received_at(message: Mapping[str, Any]) -> datetime | None:
    """receivedDateTime, which is in UTC; a seventh digit of a second is cut."""
    text = str(message.get("receivedDateTime") or "").removesuffix("Z")
    whole, dot, fraction = text.partition(".")
    try:
        moment = datetime.fromisoformat(f"{whole}{dot}{fraction[:6]}" if dot else whole)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def header_block(message: Mapping[str, Any], limit: int) -> bytes:
    """The headers as octets, with the blank line that ends them, cut at `limit`.

    Mail that never left Exchange has no internetMessageHeaders; of such the properties stand in for them.
    """
    named = message.get("internetMessageHeaders")
    pairs = (
        [(str(each.get("name")), str(each.get("value"))) for each in named] if named else list(_made(message))
    )
    lines = (f"{name}: {_unfolded(value)}\r\n".encode("utf-8", "surrogateescape") for name, value in pairs)
    return (b"".join(lines) + b"\r\n")[:limit]


def _unfolded(value: str) -> str:
    return " ".join(value.split("\n")).replace("\r", "") if "\n" in value or "\r" in value else value


def _made(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "From", _people([message.get("from")])
    for name, key in (("To", "toRecipients"), ("Cc", "ccRecipients")):
        if message.get(key):
            yield name, _people(message[key])
    yield "Subject", _encoded(str(message.get("subject") or ""))
    if message.get("internetMessageId"):
        yield "Message-ID", str(message["internetMessageId"])


def _people(recipients: Any) -> str:
    found = []
    for each in recipients if isinstance(recipients, list) else ():
        address = (each or {}).get("emailAddress") or {}
        name = str(address.get("name") or "").replace("\\", "").replace('"', "")
        mailbox = str(address.get("address") or "")
        shown = f'"{name}"' if name.isascii() else _encoded(name)
        found.append(f"{shown} <{mailbox}>" if name else mailbox)
    return ", ".join(found)


def _encoded(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=10_000).encode()
