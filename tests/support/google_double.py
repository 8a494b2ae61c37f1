"""Google's token endpoint: refresh tokens, service accounts.

developers.google.com/identity/protocols/oauth2
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, Final

import jwt

if TYPE_CHECKING:
    from collections.abc import Mapping

CLIENT: Final = "1234-abc.apps.googleusercontent.com"
SECRET: Final = "GOCSPX-very-s3cret"
REFRESH: Final = "1//0refresh-token"


class Google:
    """`delegated` is whether an administrator lets service accounts speak for mailboxes.

    `rotates`: each refresh token is good once, and another comes with the answer (RFC 6749 section 6).
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[dict[str, str]] = []
        self.refresh_tokens = {REFRESH}
        self.delegated = True
        self.rotates = False
        self.public_key: Any = None
        self.challenge = ""
        self.issued = 0

    def post(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """The token endpoint."""
        self.asked.append(dict(form))
        if form.get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return self._for_service_account(form)
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client", "error_description": "The OAuth client was not found."}
        if form.get("grant_type") == "authorization_code":
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != self.challenge:
                return 400, {"error": "invalid_grant", "error_description": "Invalid code verifier."}
            return 200, {**self._token(), "refresh_token": REFRESH}
        return self._refreshed(form)

    def _refreshed(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        if form.get("refresh_token") not in self.refresh_tokens:
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        if not self.rotates:
            return 200, self._token()
        self.refresh_tokens = {f"1//rotated-{self.issued}"}
        return 200, {**self._token(), "refresh_token": next(iter(self.refresh_tokens))}

    def _for_service_account(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        claims = jwt.decode(form["assertion"], self.public_key, ["RS256"], audience=self.url)
        if claims["scope"] != "https://mail.google.com/" or "@" not in claims["sub"]:
            return 400, {"error": "invalid_scope"}
        if not self.delegated:
            text = "Client is unauthorized to retrieve access tokens using this method"
            return 401, {"error": "unauthorized_client", "error_description": text}
        return 200, self._token()

    def _token(self) -> dict[str, Any]:
        self.issued += 1
        return {"access_token": f"ya29.token-{self.issued}", "expires_in": 3599, "token_type": "Bearer"}
