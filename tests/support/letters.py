"""Mail of every kind, and how it is told apart: by fingerprint, as the store does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emailint.errors import MessageError
from emailint.message.fingerprint import fingerprint
from emailint.message.read import read_message
from tests.support.memory import letter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

POISON: Final = b"X-Poison"
LARGE: Final = 20_000
KINDS: Final = (
    "person",
    "person",
    "twin",
    "reused id",
    "answer",
    "tagged answer",
    "auto-reply",
    "ignored auto-reply",
    "list",
    "bounce",
    "poison",
    "oversize",
    "no alias fits",
    "held",
)
_SPECIAL: Final[dict[str, dict[str, str]]] = {
    "auto-reply": {"headers": "Auto-Submitted: auto-replied\n"},
    "ignored auto-reply": {"to": "quiet@example.org", "headers": "Auto-Submitted: auto-generated\n"},
    "list": {"headers": "List-Id: <all.example.com>\nPrecedence: bulk\n"},
    "bounce": {
        "sender": "mailer-daemon@example.com",
        "headers": 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n',
        "body": "--b\n\nIt failed.\n--b\nContent-Type: message/delivery-status\n\nAction: failed\n--b--",
    },
    "poison": {"headers": "X-Poison: yes\n"},
    "oversize": {"body": "far too much\n" * 2_000},
    "no alias fits": {"to": "nobody@example.net"},
    "held": {"to": "vip@example.org"},
}


def write(
    kind: str,
    number: int,
    chosen: int,
    *,
    earlier: Sequence[bytes],
    answers: Sequence[str],
    case_of: Callable[[str], str],
) -> bytes:
    """One mail of this kind. `chosen` selects what it is a twin of, answers, or comes from."""
    if kind == "twin" and earlier:
        return b"Delivered-To: urgent@example.org\r\n" + earlier[chosen % len(earlier)]
    special = _SPECIAL.get(kind, {})
    if kind == "answer" and answers:
        special = {"headers": f"In-Reply-To: {answers[chosen % len(answers)]}\n"}
    raw = letter(number, **{"sender": f"p{chosen % 5}@example.com", **special})
    if kind == "reused id":
        reused = f"<{1 + chosen % number}@example.com>"
        return raw.replace(f"<{number}@example.com>".encode(), reused.encode())
    if kind == "tagged answer" and answers:
        tag = case_of(answers[chosen % len(answers)])
        return raw.replace(b"Subject: ", f"Subject: Re: [{tag}] ".encode())
    return raw


def poisoned(raw: bytes, settings: Any, *_more: Any) -> Any:
    """Reading poison fails, wherever it is read; children cost more than all the rest."""
    if POISON in raw:
        raise MessageError("reading the mail was ended by signal 9")
    return read_message(raw, settings)


def fingerprint_of(raw: bytes) -> str:
    """As the store knows a mail: of the headers alone where it is too large."""
    return fingerprint(raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if len(raw) > LARGE else raw)
