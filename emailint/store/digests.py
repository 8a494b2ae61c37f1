"""The name under which a message's files lie in the store."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emailint.store.records import Key


def folder_name(key: Key) -> str:
    """SHA-256 in hexadecimal over scope and fingerprint, each with its length before it."""
    digest = sha256()
    for part in (key.scope, key.fingerprint):
        octets = part.encode("utf-8", "surrogatepass")
        digest.update(len(octets).to_bytes(8, "big"))
        digest.update(octets)
    return digest.hexdigest()
