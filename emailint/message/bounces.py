"""Whom a returned mail did not reach, and which mail it was (RFC 3464; free text where it is safe)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emailint.message.model import Bounce

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from emailint.message.headers import Headers
    from emailint.message.structure import Part

STATUS_TYPES: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED_TYPES: Final = frozenset(
    {
        "message/rfc822",
        "message/global",
        "text/rfc822-headers",
        "message/rfc822-headers",
        "message/global-headers",
        "text/rfc822",
    }
)
_POSITIVE: Final = frozenset({"delivered", "relayed", "expanded"})
_MOST: Final = 100
_LONGEST: Final = 200_000
_LONGEST_DIAGNOSTIC: Final = 1_000

_FIELD: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,40})[ \t]*:[ \t]*(.*)")
_ADDRESS: Final = r"[^\s<>()\[\]\"',;:@]{1,128}@[A-Za-z0-9.-]{1,255}[A-Za-z0-9]"
_ANY_ADDRESS: Final = re.compile(_ADDRESS)
_STATUS: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
# A status that cannot be taken for anything else: behind an SMTP reply code (RFC 2034), or in qmail's way.
_SURE_STATUS: Final = re.compile(r"(?:(?<![\d.])[45]\d\d[- ]|#)([45]\.\d{1,3}\.\d{1,3})(?![\d.])")
_MESSAGE_ID: Final = re.compile(
    r"^[> \t]*Message-ID[ \t]*:\s*(<[^<>\s]{1,900}>)", re.IGNORECASE | re.MULTILINE
)
# Postfix, qmail: `<ann@example.com>: host … said: 550 5.1.1 …`, the diagnosis runs to the next blank line.
_IN_ANGLES: Final = re.compile(rf"^<({_ADDRESS})>:(.*)", re.MULTILINE)
# What Exim, sendmail, Exchange, Gmail, Domino, IMail, OpenSMTPD and others say before they name recipients.
_ANNOUNCED: Final = re.compile(
    r"following\s+(?:list\s+of\s+)?(?:address|recipient)[^\n:]{0,80}[:.](?=\s)|"
    r"permanent (?:fatal )?errors?|wasn['\u2019]t delivered to|"
    r"couldn['\u2019]t be delivered to|delivery has failed to these recipients|could not be delivered to:?|"
    r"delivery to the following recipients?|failed recipients?:|did not reach the following recipient|"
    r"was not delivered to:|user mailbox exceeds allowed size:|unknown user:|undeliverable to:?|"
    rf"your message to:?\s+(?=<?{_ADDRESS})|"
    r"konnte nicht an |folgende[nr]? empfänger|destinataires? suivants?|"
    r"destinatari(?:os)? (?:siguientes|seguenti)",
    re.IGNORECASE,
)
_LINK: Final = re.compile(r"^[>)\]]*(?:<mailto:[^<>]*>)?")
_BLANK_LINE: Final = re.compile(r"\n[ \t\r]*\n")
_STATUS_WITHIN: Final = 4_000
_LINES_AFTER: Final = 12


def report_parts(root: Part) -> Iterator[Part]:
    """All parts of the mail itself, without those of mails that it holds."""
    waiting = [root]
    while waiting:
        part = waiting.pop()
        yield part
        if not part.content_type.startswith("message/"):
            waiting.extend(reversed(part.children))


def is_only_good_news(root: Part) -> bool:
    """Whether a delivery report says of every recipient that the mail was delivered or handed on."""
    actions = [group.get("action", "failed").lower() for group in _groups(root)]
    return bool(actions) and all(action in _POSITIVE for action in actions)


def read(headers: Headers, root: Part, text: str) -> tuple[Bounce, ...]:
    """One entry a recipient whom the mail did not reach; delays and deliveries are left out.

    From the report's fields where it has them, else from X-Failed-Recipients, else from the text's forms:
    those of Postfix, qmail, Exim, sendmail, Exchange, Gmail and some more. An entry without recipient ("")
    says only which mail came back. At most 100.
    """
    original = _original_id(root, text)
    groups = list(_groups(root)) or list(_groups_of(text[:_LONGEST]))
    if groups:
        found = [
            _of_group(group, original)
            for group in groups
            if group.get("action", "failed").lower() == "failed"
        ]
    else:
        found = _of_header(headers, text, original) or _of_text(text[:_LONGEST], original)
        if len(found) == 1 and found[0].status is None:
            status = _SURE_STATUS.search(text[:_STATUS_WITHIN])
            found = [replace(found[0], status=status[1] if status else None)]
    if not found and not groups and original is not None:
        found = [Bounce(recipient="", original_message_id=original)]
    return tuple({bounce.recipient.lower(): bounce for bounce in reversed(found)}.values())[::-1][:_MOST]


def _groups(root: Part) -> Iterator[Mapping[str, str]]:
    for part in report_parts(root):
        if part.content_type in STATUS_TYPES:
            yield from _groups_of(part.body[:_LONGEST].decode("utf-8", "replace"))


def _groups_of(text: str) -> Iterator[Mapping[str, str]]:
    """The fields of each recipient; those of the message as a whole are left out (RFC 3464 section 2.1)."""
    group: dict[str, str] = {}
    name = ""
    for line in [*text.splitlines(), ""]:
        if not line.strip():
            if "final-recipient" in group or "original-recipient" in group:
                yield group
            group, name = {}, ""
        elif line[0] in " \t" and name:
            group[name] += f" {line.strip()}"
        else:
            match = _FIELD.match(line)
            name = match[1].lower() if match else ""
            if match:
                group.setdefault(name, match[2].strip())


def _of_group(group: Mapping[str, str], original: str | None) -> Bounce:
    diagnostic = _without_type(group.get("diagnostic-code", ""))
    status = _STATUS.search(group.get("status", "")) or _STATUS.search(diagnostic)
    recipient = _recipient(group.get("final-recipient", "")) or _recipient(
        group.get("original-recipient", "")
    )
    return Bounce(
        recipient=recipient,
        status=status[1] if status else None,
        diagnostic=diagnostic[:_LONGEST_DIAGNOSTIC] or None,
        original_message_id=original,
    )


def _without_type(value: str) -> str:
    """`smtp; 550 no such user` without its type."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and " " not in kind.strip() else value.strip()


def _recipient(value: str) -> str:
    address = _without_type(value).strip("<> ")
    match = _ANY_ADDRESS.search(address)
    return match[0] if match else address[:300]


def _of_header(headers: Headers, text: str, original: str | None) -> list[Bounce]:
    recipients = _ANY_ADDRESS.findall(" ".join(headers.all("X-Failed-Recipients"))[:_LONGEST])
    return [
        _of_diagnosis(recipient, _after(text[:_LONGEST], recipient), original)
        for recipient in recipients[:_MOST]
    ]


def _after(text: str, recipient: str) -> str:
    """What stands below a recipient's name, to the next blank line."""
    start = text.find(recipient)
    return "" if start < 0 else _paragraph(text, start + len(recipient))


def _paragraph(text: str, start: int) -> str:
    below = text[start : start + 2 * _LONGEST_DIAGNOSTIC]
    below = below.lstrip(":> \t\r").removeprefix("\n")
    return _BLANK_LINE.split(f"\n{below}", maxsplit=1)[0]


def _of_diagnosis(recipient: str, diagnosis: str, original: str | None) -> Bounce:
    status = _STATUS.search(diagnosis)
    return Bounce(
        recipient=recipient,
        status=status[1] if status else None,
        diagnostic=" ".join(diagnosis.split())[:_LONGEST_DIAGNOSTIC] or None,
        original_message_id=original,
    )


def _of_text(text: str, original: str | None) -> list[Bounce]:
    named = [(match[1], _paragraph(text, match.start(2))) for match in _IN_ANGLES.finditer(text)]
    if not named:
        named = list(_announced(text))
    return [_of_diagnosis(recipient, diagnosis, original) for recipient, diagnosis in named[:_MOST]]


def _announced(text: str) -> Iterator[tuple[str, str]]:
    """The address that stands right after the sentence that announces it."""
    match = _ANNOUNCED.search(text)
    if match is None:
        return
    below: Sequence[str] = text[match.end() : match.end() + 4 * _LONGEST_DIAGNOSTIC].split("\n")[
        :_LINES_AFTER
    ]
    for number, line in enumerate(below):
        address = _ANY_ADDRESS.search(line)
        if address:
            rest = _LINK.sub("", line[address.end() :])
            diagnosis = "\n".join([rest, *below[number + 1 :]])
            yield address[0], _paragraph(diagnosis, 0)
            return


def _original_id(root: Part, text: str) -> str | None:
    """The Message-ID of the mail that came back, as the report holds it."""
    for part in report_parts(root):
        if part is not root and part.content_type in _RETURNED_TYPES:
            head = part.body[:_LONGEST].decode("utf-8", "replace").replace("\r\n", "\n")
            match = _MESSAGE_ID.search(head)
            if match:
                return match[1]
    match = _MESSAGE_ID.search(text[:_LONGEST])
    return match[1] if match else None
