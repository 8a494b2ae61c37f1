"""Tokens of Google, Yahoo and AOL: by a refresh token, or by a service account of Google.

RFC 6749 section 6, RFC 7523.
"""

from __future__ import annotations

import json
import math
import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from emailint.config.secrets import reveal
from emailint.errors import LoginRefused, ProtocolFailed, SecretUnavailable
from emailint.oauth.cache import PrivateFile, read_key_file
from emailint.oauth.http import SKEW, TokenHttp, clean

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emailint.config.secrets import SecretSource

SOON: Final = 300.0
"""Seconds before its end at which a token counts as expired."""

TOKEN_URLS: Final = {
    "google": "https://oauth2.googleapis.com/token",
    "yahoo": "https://api.login.yahoo.com/oauth2/get_token",
    "aol": "https://api.login.aol.com/oauth2/get_token",
}
MAIL_SCOPE: Final = "https://mail.google.com/"
_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_SCOPED: Final = "allow the app the scope https://mail.google.com/"
_CURES: Final = {
    "invalid_client": "check oauth.client_id and oauth.client_secret",
    "unauthorized_client": "the refresh token must be made with the same oauth.client_id",
    "invalid_scope": _SCOPED,
    "access_denied": "allow the app in the Admin console (Security, API controls)",
}
_CURES_OF_ACCOUNTS: Final = {
    "unauthorized_client": "allow the service account's client id the scope https://mail.google.com/ in the"
    " Admin console (Security, API controls, Domain-wide delegation)",
    "invalid_grant": "check that the mailbox is a user of the domain (username, where it is an alias), that"
    " the key was not removed, and the clock here",
    "invalid_scope": _SCOPED,
}


@dataclass(frozen=True, slots=True)
class RefreshSignIn:
    """A sign-in that is renewed by a refresh token, or by the key of a service account.

    `issuer` is a key of TOKEN_URLS; `authority` takes the place of its scheme and host. The refresh token is
    `refresh_token`, else what `emailint authorize` has kept in `cache`. `service_account` is Google's key
    file, which speaks for `user`. Without `keep` a refresh token that takes the place of another is not
    written, nor is anything locked. `readable`: others may read the key file.
    """

    issuer: str
    client_id: str = ""
    client_secret: SecretSource | None = None
    refresh_token: SecretSource | None = None
    service_account: Path | None = None
    user: str = ""
    cache: Path | None = None
    authority: str = ""
    ca_file: Path | None = None
    name: str = ""
    keep: bool = True
    readable: bool = False

    @property
    def token_url(self) -> str:
        """Where tokens come from."""
        usual = TOKEN_URLS[self.issuer]
        return f"{self.authority.rstrip('/')}{urlsplit(usual).path}" if self.authority else usual

    def __str__(self) -> str:
        return f"{self.user or self.client_id} at {urlsplit(self.token_url).netloc}"


class RefreshTokens:
    """`Tokens` of one RefreshSignIn."""

    def __init__(self, sign_in: RefreshSignIn, time_left: Callable[[], float] = lambda: math.inf) -> None:
        """`time_left`: seconds until the sweep ends, so that no server is waited for longer."""
        self.sign_in = sign_in
        self._time_left = time_left
        self._lock = threading.Lock()
        self._http: TokenHttp | None = None
        self._token = ""
        self._until = 0.0

    def token(self) -> str:
        """As `Tokens.token`."""
        with self._lock:
            if not self._token or time.monotonic() >= self._until:
                self._renew()
            return self._token

    def renewed(self, dead: str) -> str:
        """As `Tokens.renewed`."""
        with self._lock:
            if self._token in ("", dead):
                self._renew()
            return self._token

    def warnings(self) -> list[str]:
        """Nothing is known of the end of these."""
        return []

    def end(self) -> None:
        """As `warnings`."""

    def _renew(self) -> None:
        self._http = self._http or TokenHttp(self.sign_in.ca_file, self._time_left)
        if self.sign_in.service_account:
            self._take(self._asked(self._http, self._by_key()))
        elif self.sign_in.refresh_token is not None:
            given = reveal(self.sign_in.refresh_token)
            self._take(self._asked(self._http, self._by_refresh_token(given)))
        elif self.sign_in.cache is not None:
            self._renew_kept(self._http, PrivateFile(self.sign_in.cache))
        else:
            raise self._nobody()

    def _renew_kept(self, http: TokenHttp, file: PrivateFile) -> None:
        """By the refresh token that is kept; another that came along takes its place (RFC 6749 section 6)."""
        with file.locked() if self.sign_in.keep else nullcontext():
            kept = self._kept(file)
            result = self._asked(http, self._by_refresh_token(kept))
            new = result.get("refresh_token")
            if isinstance(new, str) and new not in ("", kept) and self.sign_in.keep:
                file.write(json.dumps({"refresh_token": new}))
        self._take(result)

    def _asked(self, http: TokenHttp, form: dict[str, str]) -> dict[str, Any]:
        answer = http.post(self.sign_in.token_url, data=form)
        result = _mapping(answer.text)
        if answer.status_code != 200 or not isinstance(result.get("access_token"), str):
            raise self._refused(result, answer.status_code)
        return result

    def _take(self, result: dict[str, Any]) -> None:
        seconds = result.get("expires_in")
        lifetime = float(seconds) if isinstance(seconds, int | float) else 600.0
        self._token, self._until = result["access_token"], time.monotonic() + max(lifetime - SOON, 30.0)

    def _by_refresh_token(self, token: str) -> dict[str, str]:
        sign_in = self.sign_in
        asked = {"grant_type": "refresh_token", "client_id": sign_in.client_id, "refresh_token": token}
        if sign_in.client_secret is not None:
            asked["client_secret"] = reveal(sign_in.client_secret)
        return asked

    def _kept(self, file: PrivateFile) -> str:
        token = _mapping(file.read()).get("refresh_token")
        if not isinstance(token, str) or not token:
            raise self._nobody()
        return token

    def _nobody(self) -> LoginRefused:
        return LoginRefused(
            f"nobody has signed in for {self.sign_in} yet",
            hint=f"run: emailint authorize {self.sign_in.name}, or give oauth.refresh_token",
        )

    def _by_key(self) -> dict[str, str]:
        """A signed request to speak for the mailbox (RFC 7523)."""
        import jwt  # noqa: PLC0415 - costs 50 ms, and only these mailboxes need it

        path = self.sign_in.service_account
        account = _mapping(read_key_file(path, readable=self.sign_in.readable)) if path else {}
        now = int(time.time())
        claims = {
            "iss": account.get("client_email"),
            "sub": self.sign_in.user,
            "scope": MAIL_SCOPE,
            "aud": self.sign_in.token_url,
            "iat": now,
            "exp": now + 3_600,
        }
        try:
            signed = jwt.encode(
                claims, account["private_key"], "RS256", headers={"kid": account.get("private_key_id")}
            )
        except (KeyError, ValueError, TypeError, jwt.PyJWTError):
            signed = ""
        if not signed:
            raise SecretUnavailable(
                f"{path} is no key file of a service account; nobody was asked to sign in",
                hint="make a key of type JSON in the Google Cloud console (IAM, Service accounts, Keys)",
            )
        return {"grant_type": _BEARER, "assertion": signed}

    def _refused(self, result: dict[str, Any], status: int) -> LoginRefused | ProtocolFailed:
        error = clean(str(result.get("error", "")))[:60]
        if not error:
            return ProtocolFailed(
                f"{self.sign_in}: status {status}, and no token in the answer",
                hint="check oauth.authority, and whether a proxy answers in its place",
            )
        said = clean(str(result.get("error_description", "")))
        skew = self._http.skew if self._http else 0.0
        clock = f"; this machine's clock is {abs(skew):.0f} s off, set it first" if abs(skew) > SKEW else ""
        person = error == "invalid_grant" and self.sign_in.service_account is None
        told = "The access token is invalid: " if person else ""  # as ClientSpace says it
        return LoginRefused(
            f"{self.sign_in} refused the sign-in: {told}{error} {said}".rstrip(),
            hint=self._cure(error) + clock,
        )

    def _cure(self, error: str) -> str:
        sign_in = self.sign_in
        if sign_in.service_account:
            return _CURES_OF_ACCOUNTS.get(error, "check the keys under oauth")
        if error != "invalid_grant":
            return _CURES.get(error, "check the keys under oauth")
        anew = f"emailint authorize {sign_in.name}"
        if sign_in.refresh_token is not None:
            return f"put a new one into oauth.refresh_token; or take it out, and run: {anew}"
        return f"sign in anew: {anew} (an app in testing at Google loses its sign-ins after 7 days)"


def _mapping(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
