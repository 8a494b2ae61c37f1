"""The stages of an IMAP connection: all at once for a sweep, each with its result for a connection test."""

from __future__ import annotations

import ssl
from functools import partial
from typing import TYPE_CHECKING

from emailint.errors import ConnectionFailed, FolderMissing, FolderReadOnly, LoginRefused, SourceError
from emailint.sources.imap_budget import Budget
from emailint.sources.imap_connection import describe, dial, require_loopback, resolve, secure
from emailint.sources.imap_session import Selected, Session
from emailint.sources.imap_token_login import TokenUnseen

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from emailint.oauth.tokens import Tokens
    from emailint.sources.imap import ImapSettings
    from emailint.sources.imap_connection import Address

_GOOGLE = "Gmail takes app passwords only (accounts with 2-step verification can make one), or OAuth"
_MICROSOFT = "Microsoft takes no passwords over IMAP any more: use provider office365 or outlook, with oauth"
_YAHOO = "Yahoo, AOL and AIM take app passwords only: make one in the account's security settings"
_APPLE = "iCloud takes app-specific passwords only: make one at account.apple.com"
_LOGIN_CURES = {
    "gmail.com": _GOOGLE,
    "googlemail.com": _GOOGLE,
    "outlook.com": _MICROSOFT,
    "office365.com": _MICROSOFT,
    "yahoo.com": _YAHOO,
    "aol.com": _YAHOO,
    "aim.com": _YAHOO,
    "me.com": _APPLE,
    "icloud.com": _APPLE,
}
_LOGIN_CURE = "try username and password in a mail program; some servers want a password made for programs"
_OAUTH_CURES = {
    "office365.com": "an app needs IMAP.AccessAsApp of Office 365 Exchange Online, with admin consent, and in"
    " Exchange New-ServicePrincipal with the object id of the enterprise app, then Add-MailboxPermission;"
    " IMAP must be on for the mailbox (Set-CASMailbox -ImapEnabled $true)",
    "gmail.com": "the token must be for username and have the scope https://mail.google.com/; IMAP must be"
    " allowed for the account",
}
_OAUTH_CURE = "the token must be for username, with a scope that lets mail be read over IMAP"
_SILENT_CURE = (
    "a port that speaks TLS from the start says nothing before: if this is one (993 mostly), use port: 993"
    " with tls: implicit; tls: starttls goes with port 143"
)
_NAMES_SHOWN = 20


class Stages:
    """A connection in the making. Each stage says what it found, or raises a SourceError."""

    def __init__(self, settings: ImapSettings) -> None:
        self._settings = settings
        self._where = f"{settings.host}:{settings.port}"
        self._addresses: Sequence[Address] = ()
        self._socket: socket.socket | None = None
        self._session: Session | None = None
        self._selected: Selected | None = None

    @property
    def session(self) -> Session:
        """The session, once there is one."""
        if self._session is None:
            raise ConnectionFailed(f"there is no connection to {self._where}")
        return self._session

    @property
    def selected(self) -> Selected:
        """The folder, once it is selected."""
        if self._selected is None:
            raise ConnectionFailed(f"no folder of {self._where} is open")
        return self._selected

    def name(self) -> str:
        """Resolve the host's name."""
        self._addresses = resolve(self._settings.host, self._settings.port)
        return ", ".join(address for _, address, _ in self._addresses)

    def connect(self) -> str:
        """Connect, to nobody but this machine where the text would be clear."""
        settings = self._settings
        if settings.tls == "none":
            require_loopback(self._addresses, settings.host)
        self._socket = dial(self._addresses, settings.host, settings.timeout)
        return f"connected to {self._where}"

    def greet(self) -> str:
        """TLS and the server's greeting, or the greeting and TLS; no credential is sent before."""
        settings = self._settings
        if self._socket is None:
            raise ConnectionFailed(f"there is no connection to {self._where}")
        wrap = partial(secure, host=settings.host, port=settings.port, ca_file=settings.ca_file)
        if settings.tls == "implicit":
            self._socket = wrap(self._socket)
        budget = Budget(self._where, settings.timeout, settings.command_timeout, time_left=settings.time_left)
        try:
            self._session = Session(self._socket, budget, wrap if settings.tls == "starttls" else None)
        except ConnectionFailed as error:
            if settings.tls != "implicit" and not budget.heard:
                error.hint = _SILENT_CURE
            raise
        sock = self._session.sock
        return describe(sock) if isinstance(sock, ssl.SSLSocket) else "clear text, on this machine only"

    def log_in(self) -> str:
        """Log in; the password or token is asked for now and not kept."""
        settings = self._settings
        if settings.tokens is not None:
            self._log_in_by_token(settings.tokens)
            return "; ".join([f"logged in as {settings.username} by OAuth", *settings.tokens.warnings()])
        self.session.log_in(settings.username, settings.password(), _login_cure(settings.host))
        return f"logged in as {settings.username}"

    def _log_in_by_token(self, tokens: Tokens) -> None:
        """With a kept token, and where that is refused with another, once."""
        settings = self._settings
        hint = _token_cure(settings.host)
        token = tokens.token()
        where = (settings.host, settings.port)
        try:
            self.session.log_in_by_token(settings.username, token, where, hint)
        except TokenUnseen:
            raise
        except LoginRefused as refused:
            fresh = tokens.renewed(token)
            try:
                self.session.log_in_by_token(settings.username, fresh, where, hint)
            except SourceError:  # some servers hang up after the first refusal, which says more
                raise refused from None

    def open_folder(self, keys: Sequence[str]) -> str:
        """Select the folder (EXAMINE where read-only), with a search for `keys` (RFC 3501 section 6.4.4)."""
        settings = self._settings
        self._selected = self.session.open_folder(settings.folder, read_only=settings.read_only, keys=keys)
        return f"{settings.folder} is open"

    def find_folder(self, keys: Sequence[str]) -> str:
        """Select the folder; where it is missing, the error says which there are."""
        try:
            return self.open_folder(keys)
        except FolderMissing as error:
            error.hint = self._folders_that_exist() or error.hint
            raise

    def check_marking(self) -> str:
        """Whether mail may be marked read, as far as the server tells; nothing is tried."""
        if not self.selected.may_mark:
            raise FolderReadOnly(
                f"{self._where}: the folder {self._settings.folder} does not let mail be marked read",
                hint="give this login the right to change flags (\\Seen) in the folder",
            )
        return "mail may be marked read"

    def close(self) -> None:
        """Log out and close whatever is open; never raises."""
        if self._session is not None:
            self._session.leave()
        elif self._socket is not None:
            self._socket.close()
        self._session = self._socket = None

    def _folders_that_exist(self) -> str:
        try:
            names = sorted(self.session.folder_names())
        except SourceError:
            return ""
        more = ", …" if len(names) > _NAMES_SHOWN else ""
        return f"there are these folders: {', '.join(names[:_NAMES_SHOWN])}{more}"


def _login_cure(host: str) -> str:
    return _cure_for(host, _LOGIN_CURES) or _LOGIN_CURE


def _token_cure(host: str) -> str:
    return _cure_for(host, _OAUTH_CURES) or _OAUTH_CURE


def _cure_for(host: str, cures: Mapping[str, str]) -> str:
    name = host.lower()
    fitting = (cure for domain, cure in cures.items() if name == domain or name.endswith(f".{domain}"))
    return next(fitting, "")
