"""Tokens as IMAP and SMTP servers want them: XOAUTH2 (Google, Microsoft) and OAUTHBEARER (RFC 7628)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

_USUAL: Final = ("XOAUTH2", "OAUTHBEARER")
_BEARER_FIRST: Final = (".yahoo.com", ".aol.com")
"""Hosts whose provider documents OAUTHBEARER alone (senders.yahooinc.com/developer/documentation)."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One login: the mechanism, what is said first, and what is said to the refusal's challenge.

    A refusing server sends a challenge with the reason and waits for an answer before it says NO.
    """

    mechanism: str
    first: bytes = field(repr=False)
    last: bytes


class Talk:
    """One login as it goes on: called with each challenge, it gives what to answer, None to give up.

    `reason` is why the server refuses, in its own words, which may repeat the token. Where nothing was ever
    `asked`, the server has refused the mechanism by its name and has not seen the token.
    """

    def __init__(self, said: Exchange) -> None:
        self._said = said
        self.asked = 0
        self.reason = ""

    def __call__(self, challenge: bytes) -> bytes | None:
        """What to answer to a challenge."""
        self.asked += 1
        if self.asked == 1:
            return self._said.first
        self.reason = self.reason or reason_in(challenge)
        return self._said.last if self.asked == 2 else None


def mechanisms(offered: Collection[str], host: str) -> tuple[str, ...]:
    """Those that a server offers (upper case), the one to try first before the other.

    XOAUTH2 first, since it is the one that Google and Microsoft document; at Yahoo and AOL the standard one.
    """
    bearer_first = f".{host.lower()}".endswith(_BEARER_FIRST)
    return tuple(name for name in (reversed(_USUAL) if bearer_first else _USUAL) if name in offered)


def exchange(mechanism: str, user: str, token: str, host: str, port: int) -> Exchange:
    """The login by one of `mechanisms`."""
    if mechanism == "XOAUTH2":
        return Exchange(mechanism, f"user={user}\1auth=Bearer {token}\1\1".encode(), b"")
    identity = user.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 section 4
    said = f"n,a={identity},\1host={host}\1port={port}\1auth=Bearer {token}\1\1"
    return Exchange(mechanism, said.encode(), b"\1")


def reason_in(challenge: bytes) -> str:
    """`status 400, scope https://mail.google.com/` of a refusal's JSON (RFC 7628 section 3.2.2).

    Whatever else was said, as it is; nothing is cleaned.
    """
    text = challenge.decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(found, dict):
        return text
    return ", ".join(f"{name} {value}" for name, value in found.items() if isinstance(value, str | int))
