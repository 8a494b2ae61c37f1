"""What IMAP servers refuse, in this program's own errors; their words cleaned before anybody sees them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emailint.errors import (
    ConnectionFailed,
    FolderMissing,
    FolderReadOnly,
    LoginRefused,
    ProtocolFailed,
    SourceError,
    Throttled,
    TlsFailed,
)

# RFC 5530, RFC 9208 (OVERQUOTA), and THROTTLED, which Gmail and Yahoo say. Not CANNOT: it says only that what
# was asked never can be, of a folder's name for instance.
_BY_CODE: dict[str, type[SourceError]] = {
    "THROTTLED": Throttled,
    "UNAVAILABLE": Throttled,
    "INUSE": Throttled,
    "LIMIT": Throttled,
    "OVERQUOTA": Throttled,
    "NONEXISTENT": FolderMissing,
    "TRYCREATE": FolderMissing,
    "READ-ONLY": FolderReadOnly,
    "NOPERM": FolderReadOnly,
    "PRIVACYREQUIRED": TlsFailed,
    "AUTHENTICATIONFAILED": LoginRefused,
    "AUTHORIZATIONFAILED": LoginRefused,
    "EXPIRED": LoginRefused,
}
GONE = frozenset({"EXPUNGEISSUED", "NONEXISTENT"})
"""Codes that say that some of the messages are no longer there."""

_BUSY = re.compile(r"throttl|too many|rate limit|limit exceeded|try again later|temporar", re.IGNORECASE)
_BACKOFF = re.compile(r"backoff time: (\d{1,9}) millisecond", re.IGNORECASE)  # Exchange Online
_CODE = re.compile(r"\[([A-Z0-9-]+)", re.IGNORECASE)
_NOT_CONNECTED = "authenticated but not connected"  # Exchange Online: in passing, or for want of a right
_CONNECT_CURE = (
    "Microsoft says so in passing, and where this login may not open the mailbox: IMAP must be on for the"
    " mailbox (Set-CASMailbox -ImapEnabled $true), and the login its owner or one with full access"
)
_LONGEST = 300


def clean(text: bytes | str, *secrets: str) -> str:
    """Server text as one short line: no control characters, no secret that it echoes."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        words = words.replace(secret, "***")
    line = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


@dataclass(frozen=True, slots=True)
class Answer:
    """The words of a tagged NO or BAD, or of a BYE."""

    status: str
    text: str

    @property
    def code(self) -> str:
        """The response code (RFC 5530), "" without one."""
        match = _CODE.match(self.text)
        return match[1].upper() if match else ""

    @property
    def busy(self) -> bool:
        """Whether it says to come back later."""
        return _BY_CODE.get(self.code) is Throttled or bool(_BUSY.search(self.text))


class Refused(Exception):
    """A command was answered NO or BAD. Never leaves the package: the session says what it means."""

    def __init__(self, command: str, answer: Answer) -> None:
        super().__init__(command)
        self.command = command
        self.answer = answer


def refusal(doing: str, answer: Answer, otherwise: type[SourceError], hint: str = "") -> SourceError:
    """The error for an answer: by its code, by words that ask for patience, else `otherwise`."""
    if _NOT_CONNECTED in answer.text:
        return ConnectionFailed(f"{doing}: the server said {answer.status} {answer.text}", hint=_CONNECT_CURE)
    kind = Throttled if answer.busy else _BY_CODE.get(answer.code)
    if kind is None:
        kind = ProtocolFailed if answer.status == "BAD" else otherwise
    message = f"{doing}: the server said {answer.status} {answer.text}".rstrip()
    if kind is Throttled:
        wait = _BACKOFF.search(answer.text)
        hint = "wait; the mail stays unread, and later runs take it up"
        return Throttled(message, hint=hint, retry_after=int(wait[1]) / 1000 if wait else None)
    return kind(message, hint=hint)


def farewell(doing: str, text: str) -> SourceError:
    """The error for a BYE that nobody asked for."""
    answer = Answer("BYE", text)
    return refusal(doing, answer, ConnectionFailed)
