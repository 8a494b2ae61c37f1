"""Tokens as IMAP and SMTP servers want them: XOAUTH2 (Google, Microsoft) and OAUTHBEARER (RFC 7628)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True)
class Exchange:
    """One login: the mechanism, what is said first, and what is said to the refusal's challenge.

    A refusing server sends a challenge with the reason and waits for an answer before it says NO.
    """

    mechanism: str
    first: bytes = field(repr=False)
    last: bytes


def exchange(offered: Collection[str], user: str, token: str, host: str, port: int) -> Exchange | None:
    """The login by a mechanism that the server offers (upper case); None where it offers neither.

    XOAUTH2 where both are offered, since it is the one that Google and Microsoft document.
    """
    if "XOAUTH2" in offered:
        return Exchange("XOAUTH2", f"user={user}\1auth=Bearer {token}\1\1".encode(), b"")
    if "OAUTHBEARER" in offered:
        identity = user.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 section 4
        said = f"n,a={identity},\1host={host}\1port={port}\1auth=Bearer {token}\1\1"
        return Exchange("OAUTHBEARER", said.encode(), b"\1")
    return None
