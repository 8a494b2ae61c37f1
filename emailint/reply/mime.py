"""A reply as octets on the wire (RFC 5322, RFC 2045): CRLF, seven bits, one recipient, the same each time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from emailint.addresses import is_deliverable
from emailint.errors import TemplateError
from emailint.message.clean import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from emailint.reply.render import Rendered

REFERENCES: Final = 20
"""Ids in References; of more, the first and the last ones stay (RFC 5322 section 3.6.4)."""
ID_OCTETS: Final = 900
"""Longer ids are left out, since a line may have 998 octets (RFC 5322 section 2.1.1)."""
LINE: Final = 78
"""Characters of a line, where there is a blank to fold at (RFC 5322 section 2.1.1)."""

_ID: Final = re.compile(r"<[!-;=?-~]+>")
_NAMED: Final = re.compile(r"(?P<name>[^<>]*?)\s*<(?P<address>[^<>]*)>")
_BARE_LINE_END: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_SEVEN_BIT: Final = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Letter:
    """All that stands in the mail. `sender` may hold a display name.

    `answered` and `references` are ids as strangers wrote them: cleaned before they stand in a header.
    """

    rendered: Rendered
    sender: str
    recipient: str
    reply_to: str
    date: datetime
    message_id: str
    case_id: str
    answered: str | None = None
    references: Sequence[str] = ()


def letter_bytes(letter: Letter) -> bytes:
    """The mail, with CRLF line ends and nothing that is not ASCII (but for RFC 6531 addresses).

    Raises TemplateError when the configured sender or what the template made cannot stand in a mail.
    """
    head = "".join(f"{field}\r\n" for field in _fields(letter))
    raw = head.encode() + _body(letter).as_bytes(policy=_SEVEN_BIT)
    if _BARE_LINE_END.search(raw) or b"\r\n\r\n" in head.encode() or not raw.endswith(b"\r\n"):
        raise TemplateError(f"case {letter.case_id}: the reply would hold a bare line end; it was not sent")
    return raw


def clean_ids(ids: Sequence[str]) -> tuple[str, ...]:
    """Those that may stand in a header of ours: `<…>`, printable ASCII, short, each once, at most 20."""
    clean = [each for each in ids if len(each) <= ID_OCTETS and _ID.fullmatch(each)]
    once = list(dict.fromkeys(reversed(clean)))[::-1]
    return tuple(once if len(once) <= REFERENCES else [once[0], *once[1 - REFERENCES :]])


def unstructured(name: str, text: str) -> str:
    """A field of free text, folded; in encoded words (RFC 2047) unless it is plain.

    Plain is ASCII that could not be taken for an encoded word. The header classes of EmailMessage are not
    used here: they decode encoded words in the text they are given, line breaks and all.
    """
    if text.isascii() and text.isprintable() and "=?" not in text:
        return _folded(name, text.split())
    return f"{name}: " + Header(text, "utf-8", header_name=name, maxlinelen=75).encode(linesep="\r\n")


def _fields(letter: Letter) -> Iterator[str]:
    name, address = sender_of(letter)
    yield _folded("From", [_phrase(name), f"<{address}>"] if name else [address])
    yield f"To: {_checked(letter.recipient, letter)}"
    if letter.reply_to.lower() != address.lower():
        yield f"Reply-To: {_checked(letter.reply_to, letter)}"
    yield unstructured("Subject", letter.rendered.subject)
    yield f"Date: {format_datetime(letter.date)}"
    yield f"Message-ID: {letter.message_id}"
    answered = clean_ids([letter.answered or ""])
    references = clean_ids([*letter.references, *answered])
    if answered:
        yield f"In-Reply-To: {answered[0]}"
    if references:
        yield _folded("References", references)
    yield "Auto-Submitted: auto-replied"
    yield "X-Auto-Response-Suppress: All"
    yield f"X-Emailint-Id: {letter.case_id}"
    if letter.rendered.language:
        yield f"Content-Language: {letter.rendered.language}"


def _body(letter: Letter) -> EmailMessage:
    mail = EmailMessage(_SEVEN_BIT)
    mail.set_content(letter.rendered.text)
    if letter.rendered.html:
        mail.add_alternative(letter.rendered.html, subtype="html")
        digest = sha256(letter.message_id.encode()).hexdigest()
        # "=_" can stand neither in quoted-printable nor in base64 (RFC 2045 section 6.7)
        mail.set_boundary(f"=_{digest[:32]}")
    return mail


def sender_of(letter: Letter) -> tuple[str, str]:
    """`reply.from`: an address, or a display name and an address in angle brackets."""
    found = _NAMED.fullmatch(letter.sender.strip())
    name, address = (found["name"], found["address"]) if found else ("", letter.sender.strip())
    if not is_deliverable(address):
        raise TemplateError(
            f"case {letter.case_id}: reply.from is no address: {letter.sender[:100]!r}; no reply was sent",
            hint="write it as payroll@example.org or as Payroll <payroll@example.org>",
        )
    quoted = len(name) > 1 and name.startswith('"') and name.endswith('"')
    return one_line(re.sub(r"\\(.)", r"\1", name[1:-1]) if quoted else name), address


def _checked(address: str, letter: Letter) -> str:
    if not is_deliverable(address):
        raise TemplateError(
            f"case {letter.case_id}: not an address that a reply can bear: {address[:100]!r}; none was sent"
        )
    return address


def _phrase(name: str) -> str:
    """A display name (RFC 5322 section 3.2.5), quoted or in encoded words."""
    if not name.isascii() or "=?" in name:
        return Header(name, "utf-8", header_name="From", maxlinelen=75).encode(linesep="\r\n")
    if re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+", name):
        return name
    return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'


def _folded(name: str, words: Sequence[str]) -> str:
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > LINE and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines)
