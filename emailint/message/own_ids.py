"""Message-IDs that prove a reply is ours: `<CS-000042.<keyed hash>@domain>`.

Made when a reply is composed, known again in the In-Reply-To or References of an answer. Without the key
nobody can make one for a case that he did not get a reply about.
"""

from __future__ import annotations

import hashlib
import hmac
import re

_OCTETS = 16
_CASE = r"(?P<case>[A-Za-z0-9_-]{0,40}-[0-9]{6,12})"
_PROOF = rf"(?P<proof>[0-9A-Fa-f]{{{2 * _OCTETS}}})"
_ID = re.compile(rf"<?(?P<name>{_CASE}(?:-[1-9][0-9]{{0,4}})?)\.{_PROOF}@[^<>\s@]{{1,255}}>?")


def make(case_id: str, key: bytes, domain: str) -> str:
    """The Message-ID of a reply: `case_id` is `CS-000042`, or `CS-000042-1` for a follow-up's."""
    return f"<{case_id}.{_proof(case_id, key)}@{domain}>"


def case_of(message_id: str, key: bytes) -> str | None:
    """The case (`CS-000042`, without a follow-up's number) whose reply has this id; None if it is not ours.

    The hash is compared in constant time; the domain does not count.
    """
    match = _ID.fullmatch(message_id.strip())
    if match is None:
        return None
    genuine = hmac.compare_digest(match["proof"].lower(), _proof(match["name"], key))
    return match["case"] if genuine else None


def _proof(name: str, key: bytes) -> str:
    return hmac.digest(key, name.encode(), hashlib.sha256)[:_OCTETS].hex()
