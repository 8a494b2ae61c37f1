"""Login over IMAP by an access token (RFC 7628), by the mechanism that the server offers."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from emailint.errors import ConnectionFailed, LoginRefused, ProtocolFailed
from emailint.oauth.sasl import Talk, exchange, mechanisms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from emailint.oauth.sasl import Exchange
    from emailint.sources.imap_session import Session
    from emailint.sources.imap_wire import Wire

_NONE_OFFERED: Final = "this server takes passwords: use password in place of oauth"


class TokenUnseen(LoginRefused):
    """The server has not looked at the token, so that another will not help."""

    kind = "login_refused"


class TokenLogin:
    """AUTHENTICATE over one connection; `edge` lets nothing but SourceErrors out.

    `user` is whose token it is, `hint` the cure where it is refused; `where` is the configured host and port,
    which OAUTHBEARER names.
    """

    def __init__(
        self, session: Session, wire: Wire, edge: Callable[..., AbstractContextManager[None]]
    ) -> None:
        self._session = session
        self._wire = wire
        self._edge = edge

    def log_in(self, user: str, token: str, where: tuple[str, int], hint: str) -> None:
        """By the mechanism to try first; by the other one where the server refuses the first by its name.

        Raises TokenUnseen where the token was not sent, LoginRefused and other SourceErrors.
        """
        *others, last = self._offered(where[0])
        for name in others:
            try:
                self._by(exchange(name, user, token, *where), user, token, hint)
            except TokenUnseen:
                continue
            return
        self._by(exchange(last, user, token, *where), user, token, hint)

    def _offered(self, host: str) -> tuple[str, ...]:
        with self._edge("capabilities", ProtocolFailed):
            names = _mechanisms_in(self._session.capabilities(), host)
            if not names:  # what a greeting announces may be less than what CAPABILITY says
                names = _mechanisms_in(self._session.ask_capabilities(), host)
        if not names:
            what = f"{self._session.where} offers neither XOAUTH2 nor OAUTHBEARER; no token was sent"
            raise TokenUnseen(what, hint=_NONE_OFFERED)
        return names

    def _by(self, said: Exchange, user: str, token: str, hint: str) -> None:
        talk = Talk(said)
        self._wire.conceal(token, base64.b64encode(said.first).decode("ascii"))
        try:
            with self._edge(f"login as {user}", LoginRefused, hint):
                self._wire.authenticate(said.mechanism, talk)
                if "CAPABILITY" in self._wire.untagged_responses:
                    self._session.capabilities()
        except (LoginRefused, ProtocolFailed) as error:
            if talk.asked == 0:
                raise TokenUnseen(str(error), hint=hint) from None
            raise self._told(error, talk, hint) from None
        except ConnectionFailed as error:
            raise self._told(error, talk, hint) from None

    def _told(
        self, error: LoginRefused | ProtocolFailed | ConnectionFailed, talk: Talk, hint: str
    ) -> LoginRefused | ProtocolFailed | ConnectionFailed:
        """With the reason that the server gave before it said NO, or hung up."""
        reason = self._wire.clean(talk.reason)
        return LoginRefused(f"{error} (of the token it says: {reason})", hint=hint) if reason else error


def _mechanisms_in(capabilities: Iterable[bytes], host: str) -> tuple[str, ...]:
    names = (name.decode("ascii", "ignore").upper() for name in capabilities)
    return mechanisms({name.removeprefix("AUTH=") for name in names if name.startswith("AUTH=")}, host)
