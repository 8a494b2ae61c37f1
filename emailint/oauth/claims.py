"""What stands in an access token that this program may look at, without believing it.

Microsoft calls access tokens opaque to clients; this is used for nothing but the words of a connection test.
"""

from __future__ import annotations

import base64
import json


def roles_of(token: str) -> frozenset[str] | None:
    """Application roles and delegated scopes that a token claims; None where it cannot be read."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    if not isinstance(claims, dict):
        return None
    roles, scopes = claims.get("roles"), claims.get("scp")
    listed = [each for each in roles if isinstance(each, str)] if isinstance(roles, list) else []
    return frozenset([*listed, *(scopes.split() if isinstance(scopes, str) else [])])


def may(token: str, permissions: frozenset[str]) -> bool | None:
    """Whether a token names one of these permissions.

    None where it names none for mail at all: what RBAC for Applications gives stands in no token
    (learn.microsoft.com/exchange/permissions-exo/application-rbac).
    """
    named = roles_of(token) or frozenset()
    if not any(each.startswith("Mail.") for each in named):
        return None
    return bool(permissions & named)
