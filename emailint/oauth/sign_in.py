"""Sign-in of a person at Google, Yahoo or AOL, once: in a browser on this machine.

RFC 8252, with PKCE (RFC 7636).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from emailint.config.secrets import reveal
from emailint.errors import LoginRefused
from emailint.oauth.cache import PrivateFile
from emailint.oauth.http import TokenHttp, clean
from emailint.oauth.refresh import MAIL_SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from emailint.oauth.refresh import RefreshSignIn

SIGN_IN_URLS: Final = {
    "google": "https://accounts.google.com/o/oauth2/v2/auth",
    "yahoo": "https://api.login.yahoo.com/oauth2/request_auth",
    "aol": "https://api.login.aol.com/oauth2/request_auth",
}
_SCOPES: Final = {"google": MAIL_SCOPE, "yahoo": "mail-w", "aol": "mail-w"}
SILENCE: Final = 5.0
"""Seconds that a browser may be silent on a connection."""
PATIENCE: Final = 600.0
"""Seconds that somebody has for signing in."""


@dataclass(slots=True)
class _Answer:
    """What the browser brought back."""

    query: dict[str, list[str]]


def sign_in(settings: RefreshSignIn, show: Callable[[str], None], *, seconds: float = PATIENCE) -> None:
    """Show an address, wait for the browser to come back, keep the refresh token in `settings.cache`.

    Raises LoginRefused where it was declined, came back wrong, or took longer than `seconds`.
    """
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    answer = _Answer({})
    until = time.monotonic() + seconds
    with HTTPServer(("127.0.0.1", 0), _handler(answer)) as server:
        redirect = f"http://127.0.0.1:{server.server_port}/"
        where = _address(settings, redirect, verifier, state)
        show(f"open this address in a browser on this machine:\n{where}")
        while not answer.query and (left := until - time.monotonic()) > 0:
            server.timeout = left
            server.handle_request()  # browsers ask for an icon too, or open a connection in vain
    code = _code(answer, state)
    _keep(settings, {"code": code, "redirect_uri": redirect, "code_verifier": verifier})


def _address(settings: RefreshSignIn, redirect: str, verifier: str, state: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    query = {
        "client_id": settings.client_id,
        "redirect_uri": redirect,
        "response_type": "code",
        "scope": _SCOPES[settings.issuer],
        "state": state,
        "code_challenge": challenge.decode("ascii"),
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
        "login_hint": settings.user,
    }
    return f"{SIGN_IN_URLS[settings.issuer]}?{urlencode(query)}"


def _code(answer: _Answer, state: str) -> str:
    said = {name: values[0] for name, values in answer.query.items()}
    if not said:
        raise LoginRefused("nobody came back from signing in in time", hint="run the command again")
    if not hmac.compare_digest(said.get("state", "").encode(), state.encode()):
        raise LoginRefused("what came back belongs to another sign-in; it was not used")
    if "code" not in said:
        raise LoginRefused(f"the sign-in was declined: {clean(said.get('error', 'no reason given'))}")
    return said["code"]


def _keep(settings: RefreshSignIn, asked: dict[str, str]) -> None:
    asked |= {"grant_type": "authorization_code", "client_id": settings.client_id}
    if settings.client_secret is not None:
        asked["client_secret"] = reveal(settings.client_secret)
    answer = TokenHttp(settings.ca_file).post(settings.token_url, data=asked)
    try:
        result: Any = json.loads(answer.text)
    except ValueError:
        result = {}
    token = result.get("refresh_token") if isinstance(result, dict) else None
    if not token or settings.cache is None:
        error = clean(str(result.get("error", ""))) if isinstance(result, dict) else ""
        raise LoginRefused(f"no refresh token came of the sign-in: {error or 'it was not given'}")
    file = PrivateFile(settings.cache)
    with file.locked():
        file.write(json.dumps({"refresh_token": token}))


def _handler(answer: _Answer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SILENCE

        def do_GET(self) -> None:
            answer.query = answer.query or parse_qs(urlsplit(self.path).query)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.end_headers()
            self.wfile.write(b"You may close this window and go back to the terminal.\n")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            """Say nothing: the path holds the code."""

    return Handler
