"""One connection to an SMTP server: TCP, TLS, greeting, login.

Nothing is sent in clear text but to the loopback interface, and no credential before the server's
certificate and name are verified (RFC 8314, RFC 3207).
"""

from __future__ import annotations

import base64
import ipaddress
import socket
import ssl
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from emailint.errors import EmailintError
from emailint.oauth.sasl import Talk, exchange, mechanisms
from emailint.outbound.trial import ConnectionLost, Unusable
from emailint.outbound.wire import PORTS_CURE, Answer, Wire, cause

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emailint.oauth.sasl import Exchange
    from emailint.oauth.tokens import Tokens
    from emailint.outbound.smtp import SmtpSettings

DAY: Final = 86_400
AUTHENTICATED: Final = 235
CHALLENGE: Final = 334
NO_SUCH_MECHANISM: Final = 504
REFUSED: Final = 535
"""RFC 4954 sections 4 and 6."""
COMMAND_OCTETS: Final = 512
"""Of one command line, CRLF included (RFC 5321 section 4.5.3.1.4, RFC 4954 section 4)."""


class Session(Wire):
    """`reach`, `secure`, `log_in`, in this order; each returns what a person may want to know of it."""

    def __init__(self, settings: SmtpSettings, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(settings.hostname or ehlo_name(), settings.timeout, clock)
        self.settings = settings

    def reach(self) -> str:
        """TCP. Raises Unusable."""
        where = (self.settings.host, self.settings.port)
        try:
            self.sock = socket.create_connection(
                where, timeout=max(0.1, min(self.patience, self.until - self._clock()))
            )
        except socket.gaierror as error:
            raise Unusable(
                f"the host name is not known: {error.strerror}",
                "check outbound.host, and DNS on this machine",
            ) from error
        except OSError as error:
            raise Unusable(
                f"no connection: {cause(error)}", "check host and port, and whether a firewall is between"
            ) from error
        peer = self.sock.getpeername()[0]
        if self.settings.tls == "none" and not ipaddress.ip_address(peer.partition("%")[0]).is_loopback:
            self.close()
            raise Unusable(
                f"tls: none is for the loopback interface, and {peer} is not on it",
                "use tls: implicit or starttls",
            )
        return f"connected to {peer}"

    def secure(self) -> str:
        """TLS, the greeting, and what the server offers. Raises Unusable."""
        if self.settings.tls == "implicit":
            self._handshake()
        self._expect(self._greeting(), 220, "the greeting")
        self._hello()
        if self.settings.tls == "starttls":
            self._starttls()
            self._hello()
        return (
            self._certificate()
            if isinstance(self.sock, ssl.SSLSocket)
            else "clear text, on this machine alone"
        )

    def log_in(self) -> str:
        """AUTH PLAIN (RFC 4616), LOGIN, or by a token; nothing without a login. Raises Unusable."""
        if self.settings.tokens is not None and self.settings.username is not None:
            return self._log_in_by_token(self.settings.tokens, self.settings.username)
        username, password = self.settings.username, self._password()
        if username is None or password is None:
            return ""
        plain = _encoded(f"\0{username}\0{password}".encode())
        self.hidden = (password, plain, _encoded(password.encode()))
        offered = self.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in offered:
            answer = self.command(f"AUTH PLAIN {plain}")
        elif "LOGIN" in offered:
            answer = self._auth_login(username, password)
        else:
            raise Unusable(
                f"it offers no login with a password ({' '.join(offered) or 'no AUTH'}), so none was sent",
                "leave the login out if it needs none, or ask its provider for the host that does",
            )
        if answer.code != AUTHENTICATED:
            self.close()
            raise Unusable(f"it refused the login of {username}: {answer}", "check username and password")
        return f"logged in as {username}"

    def _log_in_by_token(self, tokens: Tokens, username: str) -> str:
        """With a kept token, and where that is refused with another, once."""
        names = self._token_mechanisms()
        try:
            token = tokens.token()
            answer = self._auth_token(names, username, token)
            if answer.code == REFUSED:
                answer = self._once_more(answer, names, username, tokens.renewed(token))
        except EmailintError as error:
            self.close()
            raise Unusable(str(error), error.hint) from None
        if answer.code != AUTHENTICATED:
            self.close()
            raise Unusable(f"it refused the login of {username} by OAuth: {answer}", _OAUTH_CURE)
        return "; ".join([f"logged in as {username} by OAuth", *tokens.warnings()])

    def _token_mechanisms(self) -> tuple[str, ...]:
        offered = self.esmtp_features.get("auth", "").upper().split()
        names = mechanisms(offered, self.settings.host)
        if not names:
            self.close()
            raise Unusable(
                f"it offers neither XOAUTH2 nor OAUTHBEARER ({' '.join(offered) or 'no AUTH'});"
                " no token was sent",
                "give outbound a password, or name the provider's own SMTP server",
            )
        return names

    def _once_more(self, refused: Answer, names: tuple[str, ...], username: str, token: str) -> Answer:
        try:
            return self._auth_token(names, username, token)
        except ConnectionLost:  # some servers hang up after the first refusal, which says more
            return refused

    def _auth_token(self, names: tuple[str, ...], username: str, token: str) -> Answer:
        """By the first mechanism; by the other where the server does not know the first (RFC 4954)."""
        settings = self.settings
        *others, last = (exchange(name, username, token, settings.host, settings.port) for name in names)
        for said in others:
            answer = self._auth(said, token)
            if answer.code != NO_SUCH_MECHANISM:
                return answer
        return self._auth(last, token)

    def _auth(self, said: Exchange, token: str) -> Answer:
        """AUTH; the token comes with it only where the line stays within the limit of RFC 5321."""
        first = _encoded(said.first)
        self.hidden = (token, first)
        talk = Talk(said)
        line = f"AUTH {said.mechanism} {first}"
        if len(line) + 2 > COMMAND_OCTETS:
            line = f"AUTH {said.mechanism}"
        else:
            talk(b"")
        code, text = self._asked(line)
        while code == CHALLENGE:
            reply = talk(_decoded(text))
            code, text = self._asked("*" if reply is None else _encoded(reply))
        reason = self.clean(talk.reason.encode())
        return Answer(code, f"{self.clean(text)} ({reason})" if reason else self.clean(text))

    def _asked(self, line: str) -> tuple[int, bytes]:
        self.putcmd(line)
        return self.getreply()

    def _password(self) -> str | None:
        try:
            return self.settings.password() if self.settings.password is not None else None
        except EmailintError as error:
            self.close()
            raise Unusable(str(error), error.hint) from error

    def _auth_login(self, username: str, password: str) -> Answer:
        answer = self.command("AUTH LOGIN")
        for word in (username, password):
            if answer.code != CHALLENGE:
                return answer
            answer = self.command(_encoded(word.encode()))
        return answer

    def _greeting(self) -> Answer:
        """Without one it may be no SMTP server, or one that waits for TLS."""
        try:
            return self.answer()
        except ConnectionLost as error:
            error.cure = error.cure or PORTS_CURE
            raise

    def _hello(self) -> None:
        code, text = self.ehlo()
        self._expect(Answer(code, self.clean(text)), 250, "EHLO")

    def _starttls(self) -> None:
        """RFC 3207; whatever came along with the answer was not protected, so it ends the connection."""
        if not self.has_extn("starttls"):
            self.close()
            raise Unusable(
                "it does not offer STARTTLS; no password was sent", "try tls: implicit with port 465"
            )
        self._expect(self.command("STARTTLS"), 220, "STARTTLS; no password was sent")
        if self.unread:
            self.close()
            raise Unusable(
                "something slipped unprotected text in with STARTTLS; no password was sent",
                "use tls: implicit with port 465, and find out what is between here and the server",
            )
        self._handshake()

    def _handshake(self) -> None:
        plain = self.ready(self.patience)
        try:
            context = trust(self.settings.ca_file)
            self.sock = context.wrap_socket(plain, server_hostname=self.settings.host)
        except ssl.SSLCertVerificationError as error:
            self.close()
            raise Unusable(
                f"its certificate was refused: {error.verify_message}; no password was sent",
                _CURES.get(error.verify_code, "a certificate of your own authority needs ca_file"),
            ) from error
        except OSError as error:
            self.close()
            raise Unusable(
                f"TLS failed: {cause(error)}; no password was sent",
                "check that port and tls belong together: 465 is implicit, 587 is starttls",
            ) from error

    def _certificate(self) -> str:
        assert isinstance(self.sock, ssl.SSLSocket)  # noqa: S101 - said to mypy; the caller has looked
        until = (self.sock.getpeercert() or {}).get("notAfter")
        version = self.sock.version() or "TLS"
        if not isinstance(until, str):
            return version
        days = int((ssl.cert_time_to_seconds(until) - time.time()) // DAY)
        return f"{version}, certificate valid for {days} more days"

    def _expect(self, answer: Answer, code: int, what: str) -> None:
        if answer.code != code:
            self.close()
            raise Unusable(f"it refused {what}: {answer}", "look up the answer with its provider")


_OAUTH_CURE: Final = (
    "the app needs SMTP.SendAsApp (an app) or SMTP.Send (a person) at Microsoft, https://mail.google.com/ at"
    " Google; at Microsoft, SMTP AUTH must be on for the mailbox (Set-CASMailbox"
    " -SmtpClientAuthenticationDisabled $false)"
)

_CURES: Final = {
    10: "it has expired: renew it on the server",
    18: "it is self-signed: give its certificate as ca_file",
    19: "its authority is not known here: give that authority's certificate as ca_file",
    20: "its authority is not known here: give that authority's certificate as ca_file",
    62: "it belongs to another name: use the host name that stands in it",
}
"""By the verification code of OpenSSL (x509_vfy.h)."""


@lru_cache(maxsize=16)
def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates and names are checked, always. One context for all connections: it is slow to make."""
    return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))


def ehlo_name() -> str:
    """This machine's name without asking DNS, or the address literal of RFC 5321 section 4.1.4."""
    name = socket.gethostname()
    return name if "." in name.strip(".") and name.isascii() else "[127.0.0.1]"


def _encoded(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def _decoded(challenge: bytes) -> bytes:
    """What a challenge says; as it is where it is no Base64."""
    try:
        return base64.b64decode(challenge, validate=True)
    except ValueError:
        return challenge
