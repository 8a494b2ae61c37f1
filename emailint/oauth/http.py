"""HTTPS as sign-in and Graph share it: verified, without redirects, its failures in our own words.

HTTPS_PROXY and NO_PROXY are respected. A `ca_file` takes the place of all other authorities; without one
REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE, then SSL_CERT_FILE name them, and else requests brings its own.
"""

from __future__ import annotations

import logging
import math
import os
import ssl
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from emailint.errors import ConnectionFailed, ProtocolFailed, SourceError, Throttled, TlsFailed
from emailint.oauth.lost import AGAIN, certificate_error, lost, tls_lost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests

CONNECT_SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 20.0
"""Seconds that a server may be silent."""
LONGEST_WAIT: Final = 3_600.0
"""Seconds: whatever longer wait a server names is cut to this."""
SKEW: Final = 300.0
"""Seconds by which this machine's clock may be wrong before tokens are refused for it."""

_TEXT: Final = 300
_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_CURES: Final = {
    9: "set this machine's clock, or ask the server's operator: the certificate is not valid yet",
    10: "check this machine's clock; else the certificate has to be renewed by whoever runs the server",
    18: "name the certificate as ca_file, if the server (or the proxy before it) is yours",
    19: "name the authority's certificate as ca_file: a proxy that opens TLS has one of its own",
    20: "name the authority's certificate as ca_file: a proxy that opens TLS has one of its own",
    21: "name the authority's certificate as ca_file: a proxy that opens TLS has one of its own",
    62: "the host answers with another host's certificate: check DNS, proxy, and the configured address",
}
"""By the verification code of OpenSSL (x509_vfy.h)."""


def new_session(ca_file: Path | None) -> requests.Session:
    """A session that sends no credential of its own: a `.netrc` would overwrite bearer tokens.

    Raises TlsFailed where the authorities to be believed cannot be read.
    """
    import requests  # noqa: PLC0415 - costs 100 ms, and only these mailboxes need it

    quiet("urllib3")
    session = requests.Session()
    session.auth = _as_it_is
    verify = session.verify = _authorities(ca_file)
    # requests lets the environment win over the session, so the environment is asked for proxies alone
    session.merge_environment_settings = _settings_for(session, verify)  # type: ignore[method-assign]
    return session


def unreachable(error: Exception, url: str) -> SourceError:
    """The error for a request that got no whole answer; to be raised `from None`, as URLs may tell much."""
    import requests  # noqa: PLC0415 - loaded already where this happens

    refused = certificate_error(error)
    if refused is not None:
        return TlsFailed(
            f"the certificate of {urlsplit(url).netloc} is refused: {refused.verify_message};"
            " nothing was sent",
            hint=_CURES.get(refused.verify_code, "check ca_file and REQUESTS_CA_BUNDLE"),
        )
    if isinstance(error, requests.exceptions.SSLError):
        what, cure = tls_lost(error, url)
        return TlsFailed(what, hint=cure)
    what, cure = lost(error, url)
    return ConnectionFailed(what, hint=cure)


def time_outs(time_left: float) -> tuple[float, float]:
    """Seconds for connecting, and for which a server may be silent: never longer than there is time."""
    return max(1.0, min(CONNECT_SECONDS, time_left)), max(1.0, min(SILENCE_SECONDS, time_left))


def quiet(library: str) -> None:
    """Let a library log nothing: it writes tracebacks, and whole answers that may hold tokens."""
    logger = logging.getLogger(library)
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: a number, or a date (RFC 9110 section 10.2.3)."""
    said = headers.get("Retry-After", "").strip()
    if not said:
        return None
    try:
        seconds = float(said) if said.replace(".", "", 1).isdecimal() else _until(said)
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def clean(text: str, *secrets: str) -> str:
    """What a server said, as one short line: no control characters, no secret that it echoes."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    line = " ".join("".join(char if char.isprintable() else " " for char in text[:4_000]).split())
    return line if len(line) <= _TEXT else f"{line[:_TEXT]}…"


class TokenHttp:
    """What msal and the others ask token endpoints with; both verbs raise SourceErrors.

    429 and 5xx end here, so that msal cannot keep such an answer and give it to the next who asks.
    `skew` is by how many seconds the server's clock is ahead of this machine's; `said` is the last answer.
    """

    def __init__(self, ca_file: Path | None, time_left: Callable[[], float] = lambda: math.inf) -> None:
        self._session = new_session(ca_file)
        self._time_left = time_left
        self.skew = 0.0
        self.said: requests.Response | None = None

    def get(self, url: str, **options: Any) -> requests.Response:
        """GET."""
        return self._ask("GET", url, **options)

    def post(self, url: str, **options: Any) -> requests.Response:
        """POST."""
        return self._ask("POST", url, **options)

    def close(self) -> None:
        """Close connections."""
        self._session.close()

    def _ask(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        import requests  # noqa: PLC0415 - loaded already

        try:
            answer = self._session.request(
                method,
                url,
                params=params,
                data=data,
                headers=headers,
                allow_redirects=False,
                timeout=time_outs(self._time_left()),
            )
        except (requests.RequestException, OSError) as error:
            raise unreachable(error, url) from None
        self.skew, self.said = _skew(answer.headers), answer
        _refuse(answer, urlsplit(url).netloc)
        return answer


def _refuse(answer: requests.Response, host: str) -> None:
    """Raise for what is no answer to the question: later, not now, elsewhere."""
    if answer.status_code == 429:
        wait = retry_after(answer.headers)
        told = f" ({wait:.0f} s)" if wait else ""
        raise Throttled(f"{host} asks to sign in later{told}", hint=AGAIN, retry_after=wait)
    if answer.status_code >= 500:
        raise ConnectionFailed(
            f"{host} cannot sign anybody in now: status {answer.status_code}",
            hint=AGAIN,
            retry_after=retry_after(answer.headers),
        )
    if 300 <= answer.status_code < 400:
        raise ProtocolFailed(
            f"{host} sends elsewhere, which is not followed; no secret was sent there",
            hint="check oauth.authority, and whether a proxy wants a sign-in of its own",
        )


def _authorities(ca_file: Path | None) -> str | bool:
    """Which authorities are believed, as requests wants to be told; raises TlsFailed."""
    named = ((name, os.environ.get(name)) for name in _BUNDLES)
    who, path = ("ca_file", str(ca_file)) if ca_file else next(((n, p) for n, p in named if p), ("", ""))
    if not path:
        return True
    kind = "capath" if Path(path).is_dir() else "cafile"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(**{kind: path})
    except OSError as error:
        unread = isinstance(error, ssl.SSLError)
        reason = "there is no PEM certificate in it" if unread else error.strerror
        raise TlsFailed(
            f"the certificates in {path} ({who}) cannot be read: {reason}; nothing was sent",
            hint=f"{who} must name a PEM file of the authorities to believe",
        ) from None
    return path


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _settings_for(session: requests.Session, verify: str | bool) -> Callable[..., Any]:
    merge = session.merge_environment_settings

    def settings(url: str, proxies: Any, stream: Any, _verify: Any, cert: Any) -> Any:
        return {**merge(url, proxies, stream, verify, cert), "verify": verify}

    return settings


def _until(said: str) -> float:
    return parsedate_to_datetime(said).timestamp() - time.time()


def _skew(headers: Mapping[str, str]) -> float:
    try:
        return _until(headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):
        return 0.0
