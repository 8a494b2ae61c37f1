"""Tokens of Microsoft Entra, by msal: as an application (secret, certificate) or for a person (device code).

What msal does not do by itself, and is done here: it hands out a token that a server has refused until that
is removed; its constructor goes to the network; it returns failures as dicts; it looks for unknown hosts at
login.microsoftonline.com, which a configured authority must not need.
"""

from __future__ import annotations

import json
import math
import threading
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from emailint.config.secrets import reveal
from emailint.errors import (
    ConfigError,
    ConnectionFailed,
    LoginRefused,
    ProtocolFailed,
    SourceError,
    Throttled,
)
from emailint.oauth.cache import PrivateFile
from emailint.oauth.certificate import key_pair
from emailint.oauth.entra_causes import cause_of, no_tenant, number_in
from emailint.oauth.http import SKEW, TokenHttp, clean, quiet
from emailint.oauth.tokens import End

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    from emailint.config.secrets import SecretSource

DEFAULT_AUTHORITY: Final = "https://login.microsoftonline.com"

_NOT_UNDERSTOOD: Final = (ValueError, KeyError, TypeError, AttributeError, RuntimeError)
"""What msal raises over answers that it does not understand."""

_Result = dict[str, Any]
"""A dict of msal's: an answer of the token endpoint."""


@dataclass(frozen=True, slots=True)
class EntraApp:
    """One sign-in at Entra.

    `scopes`: one `<resource>/.default` for an application, delegated scopes for a person. `cache`: where a
    person's sign-in is kept, which makes it one; else `secret`, or `certificate` (a PEM or PFX file) with its
    `passphrase`. `authority` may hold the tenant already. `name`: the integration, for advice.
    `secret_expires`: the last day of the secret, as far as the configuration says. Without `keep` nothing is
    written: neither the renewed sign-in of a person (the one that is kept stays good), nor a lock.
    `readable`: others may read the certificate.
    """

    tenant: str
    client_id: str
    scopes: tuple[str, ...]
    secret: SecretSource | None = None
    certificate: Path | None = None
    passphrase: SecretSource | None = None
    cache: Path | None = None
    authority: str = DEFAULT_AUTHORITY
    ca_file: Path | None = None
    name: str = ""
    secret_expires: date | None = None
    keep: bool = True
    readable: bool = False

    @property
    def authority_url(self) -> str:
        """Authority and tenant, as msal wants it."""
        base = self.authority.rstrip("/")
        return base if urlsplit(base).path else f"{base}/{self.tenant}"

    def __str__(self) -> str:
        return f"application {self.client_id} in tenant {self.tenant}"


class EntraTokens:
    """`Tokens` of one EntraApp."""

    def __init__(self, app: EntraApp, time_left: Callable[[], float] = lambda: math.inf) -> None:
        """`time_left`: seconds until the sweep ends, so that no server is waited for longer."""
        self.app = app
        self._time_left = time_left
        self._lock = threading.Lock()
        self._msal: Any = None
        self._state: Any = None
        self._http: TokenHttp | None = None
        self._last_day: date | None = None
        self._kept = ""

    def token(self) -> str:
        """As `Tokens.token`."""
        with self._lock:
            return self._keep(self._acquire(fresh=False))

    def renewed(self, dead: str) -> str:
        """As `Tokens.renewed`; several who come with the same dead token get one new one."""
        with self._lock:
            if self._kept and self._kept != dead:
                return self._kept
            return self._keep(self._acquire(fresh=True))

    def warnings(self) -> list[str]:
        """As `Tokens.warnings`; the certificate's end is known once it was used."""
        skew = self._http.skew if self._http else 0.0
        clock = [f"this machine's clock is {abs(skew):.0f} s off: set it"] if abs(skew) > SKEW else []
        end = self.end()
        if end is None:
            return clock
        return [*clock, f"{end}: make a new one in time" if end.soon else str(end)]

    def end(self) -> End | None:
        """As `Tokens.end`."""
        if self._last_day is not None:
            return End("certificate", self._last_day)
        expires = self.app.secret_expires
        return End("client secret", expires) if expires is not None and self.app.secret else None

    def sign_in(self, show: Callable[[str], None]) -> str:
        """Device-code sign-in of a person, for `emailint authorize`; returns who it is.

        `show` gets the text that says where to go and which code to enter. Waits until it is done, refused or
        expired. Raises SourceErrors.
        """
        with self._lock:
            client = self._msal = self._new_client()  # without what an earlier person has signed in for
            flow = self._answer(lambda: client.initiate_device_flow(scopes=list(self.app.scopes)))
            if "user_code" not in flow:
                raise self._refused(flow)
            show(clean(str(flow.get("message", ""))))
            result = self._wait_for_person(client, flow, show)
            if "access_token" not in result:
                raise self._refused(result)
            accounts = client.get_accounts()
            self._write()
        return clean(str(accounts[0].get("username", ""))) if accounts else ""

    def _wait_for_person(self, client: Any, flow: _Result, show: Callable[[str], None]) -> _Result:
        """Ask until it is done, refused or expired; trouble on the way ends nothing (RFC 8628 section 3.5).

        Nothing is locked meanwhile: sweeps go on with what was kept before.
        """
        while True:
            try:
                return self._answer(lambda: client.acquire_token_by_device_flow(flow))
            except (ConnectionFailed, Throttled) as error:
                pause = max(float(flow["interval"]), error.retry_after or 0.0)
                if time.time() + pause >= flow["expires_at"]:
                    raise
                show(f"{error}; still waiting")
                time.sleep(pause)

    def _write(self) -> None:
        """Keep the sign-in of a person, in place of any that was there."""
        file = PrivateFile(self._cache())
        with file.locked():
            file.write(self._state.serialize())

    def _keep(self, result: _Result) -> str:
        token = result.get("access_token")
        if not isinstance(token, str) or not token:
            self._msal = None  # it would give the same refusal for a minute without asking again
            raise self._refused(result)
        self._kept = token
        return token

    def _acquire(self, *, fresh: bool) -> _Result:
        if self.app.cache is not None:
            return self._for_person(fresh=fresh)
        client = self._client()
        if fresh:
            client.remove_tokens_for_client()
        return self._answer(lambda: client.acquire_token_for_client(scopes=list(self.app.scopes)))

    def _for_person(self, *, fresh: bool) -> _Result:
        with self._person() as client:
            accounts = client.get_accounts()
            if not accounts:
                raise LoginRefused(
                    f"nobody has signed in for {self.app} yet",
                    hint=f"run: emailint authorize {self.app.name}",
                )
            return self._answer(
                lambda: client.acquire_token_silent_with_error(
                    list(self.app.scopes), account=accounts[0], force_refresh=fresh
                )
            )

    @contextmanager
    def _person(self) -> Iterator[Any]:
        """msal with what is kept of a person's sign-in; written back where it changed, under a lock."""
        file = PrivateFile(self._cache())
        with file.locked() if self.app.keep else nullcontext():
            client = self._client()
            self._read(file.read())
            yield client
            if self._state.has_state_changed and self.app.keep:
                file.write(self._state.serialize())

    def _cache(self) -> Path:
        if self.app.cache is None:
            raise ConfigError(f"{self.app} signs in by itself; there is nobody to authorize")
        return self.app.cache

    def _read(self, text: str) -> None:
        try:
            sound = not text or isinstance(json.loads(text), dict)
        except ValueError:
            sound = False
        if not sound:
            raise LoginRefused(
                f"the sign-in that is kept for {self.app} cannot be read",
                hint=f"remove {self.app.cache}, and run: emailint authorize {self.app.name}",
            )
        self._state.deserialize(text)

    def _answer(self, ask: Callable[[], _Result | None]) -> _Result:
        """msal's answer. What it raises besides our own errors is over answers that it cannot read."""
        try:
            return ask() or {"error": "invalid_grant"}
        except _NOT_UNDERSTOOD:
            raise self._unreadable() from None

    def _client(self) -> Any:
        if self._msal is None:
            self._msal = self._new_client()
        return self._msal

    def _new_client(self) -> Any:
        import msal  # noqa: PLC0415 - costs 150 ms, and only these mailboxes need it

        quiet("msal")
        app = self.app
        self._http = self._http or TokenHttp(app.ca_file, self._time_left)
        self._state = msal.SerializableTokenCache()
        credential = self._credential()
        kind = msal.PublicClientApplication if credential is None else msal.ConfidentialClientApplication
        options: dict[str, Any] = {} if credential is None else {"client_credential": credential}
        try:
            return kind(
                app.client_id,
                authority=app.authority_url,
                http_client=self._http,
                token_cache=self._state,
                instance_discovery=False,
                **options,
            )
        except _NOT_UNDERSTOOD:
            pass
        if not app.authority_url.startswith("https://"):
            raise ConfigError(f"oauth.authority {app.authority} is not https; nothing was sent")
        said = self._http.said
        if said is None:
            raise self._unreadable()
        raise no_tenant(app.authority_url, said.status_code, said.text)

    def _credential(self) -> str | dict[str, Any] | None:
        app = self.app
        if app.cache is not None:
            return None
        if app.certificate is not None:
            passphrase = reveal(app.passphrase) if app.passphrase else None
            pair = key_pair(app.certificate, passphrase, readable=app.readable)
            self._last_day = pair.until.date()
            return pair.credential
        if app.secret is None:
            raise LoginRefused(f"{app} has neither a secret nor a certificate")
        return reveal(app.secret)

    def _refused(self, result: _Result) -> SourceError:
        error, description = str(result.get("error", "")), str(result.get("error_description", ""))
        number = number_in(description)
        code = f"AADSTS{number}" if number else clean(error)[:60] or "no reason given"
        cause = cause_of(error, description, self.end())
        trace = result.get("trace_id") or result.get("correlation_id")
        traced = f", trace {clean(str(trace))[:60]}" if trace else ""
        skew = self._http.skew if self._http else 0.0
        clock = f"; this machine's clock is {abs(skew):.0f} s off, set it first" if abs(skew) > SKEW else ""
        kept = error in ("invalid_grant", "interaction_required") and self.app.cache is not None
        told = "The access token is invalid: " if kept else ""  # so whoever knows ClientSpace finds it
        return LoginRefused(
            f"Entra refused to sign in {self.app}: {told}{cause.what} ({code}{traced})",
            hint=f"{cause.cure_for(self.app.name)}{clock}",
        )

    def _unreadable(self) -> SourceError:
        return ProtocolFailed(
            f"{urlsplit(self.app.authority_url).netloc} answered what is no token",
            hint="the mail stays unread, and the next run tries again",
        )
