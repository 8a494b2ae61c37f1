"""A reply as octets on the wire (RFC 5322, RFC 2045): CRLF, seven bits, one recipient, the same each time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from emailint.errors import TemplateError
from emailint.message.clean import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from email.policy import EmailPolicy, Policy

    from emailint.reply.render import Rendered

REFERENCES: Final = 20
"""Ids in References; of more, the first and the last ones stay (RFC 5322 section 3.6.4)."""
ID_OCTETS: Final = 900
"""Longer ids are left out, since a line may have 998 octets (RFC 5322 section 2.1.1)."""

_ID: Final = re.compile(r"<[!-;=?-~]+>")
_BARE_LINE_END: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n")


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
    sender = _sender(letter.sender, letter.case_id)
    plain = (letter.recipient + letter.reply_to + sender.addr_spec).isascii()
    policy = _ASCII if plain else _UTF8
    mail = EmailMessage(policy)
    _set_headers(mail, letter, sender)
    _set_body(mail, letter)
    raw = mail.as_bytes(policy=policy)
    if _BARE_LINE_END.search(raw) or not raw.endswith(b"\r\n"):
        raise TemplateError(f"case {letter.case_id}: the reply would hold a bare line end; it was not sent")
    return raw


def clean_ids(ids: Sequence[str]) -> tuple[str, ...]:
    """Those that may stand in a header of ours: `<…>`, printable ASCII, short, each once, at most 20."""
    clean = [each for each in ids if len(each) <= ID_OCTETS and _ID.fullmatch(each)]
    once = list(dict.fromkeys(reversed(clean)))[::-1]
    return tuple(once if len(once) <= REFERENCES else [once[0], *once[1 - REFERENCES :]])


def _set_headers(mail: EmailMessage, letter: Letter, sender: Address) -> None:
    mail["From"] = sender
    mail["To"] = _address(letter.recipient)
    if letter.reply_to.lower() != sender.addr_spec.lower():
        mail["Reply-To"] = _address(letter.reply_to)
    mail["Subject"] = letter.rendered.subject
    mail["Date"] = letter.date
    mail["Message-ID"] = letter.message_id
    answered = clean_ids([letter.answered or ""])
    references = clean_ids([*letter.references, *answered])
    if answered:
        mail["In-Reply-To"] = answered[0]
    if references:
        mail["References"] = " ".join(references)
    mail["Auto-Submitted"] = "auto-replied"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["X-Emailint-Id"] = letter.case_id


def _set_body(mail: EmailMessage, letter: Letter) -> None:
    mail.set_content(letter.rendered.text)
    if letter.rendered.html:
        mail.add_alternative(letter.rendered.html, subtype="html")
        digest = sha256(letter.message_id.encode()).hexdigest()
        # "=_" can stand neither in quoted-printable nor in base64 (RFC 2045 section 6.7)
        mail.set_boundary(f"=_{digest[:32]}")


def _sender(written: str, case_id: str) -> Address:
    """`reply.from`: an address, or a display name and an address in angle brackets."""
    name, address = parseaddr(written)
    if "@" not in address:
        raise TemplateError(
            f"case {case_id}: reply.from is not an address: {written[:100]!r}; no reply was sent",
            hint="write it as payroll@example.org or as Payroll <payroll@example.org>",
        )
    local, _, domain = address.rpartition("@")
    return Address(one_line(name), local, domain)


def _address(address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address("", local, domain)


class _IdsHeader(UnstructuredHeader, BaseHeader):
    """Message ids, one a line: the standard folding makes encoded words of long ones."""

    def fold(self, *, policy: Policy) -> str:
        """RFC 5322 section 3.6.4."""
        return f"{self.name}: " + f"{policy.linesep} ".join(str(self).split()) + policy.linesep


def _policy(*, utf8: bool) -> EmailPolicy[EmailMessage]:
    registry = HeaderRegistry()
    for name in ("references", "in-reply-to", "message-id"):
        registry.map_to_type(name, _IdsHeader)
    return SMTP.clone(header_factory=registry, utf8=utf8, cte_type="7bit")


_ASCII: Final = _policy(utf8=False)
_UTF8: Final = _policy(utf8=True)
