"""Replies through an SMTP server (RFC 5321): one connection a sweep, four round trips a mail or fewer."""

from __future__ import annotations

import math
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Self

from emailint.errors import OutboundDeferred, OutboundRefused, OutboundUnavailable, OutcomeUnknown
from emailint.outbound.gate import KEPT, admit
from emailint.outbound.trial import ConnectionLost, Skipped, Unusable, deliver_trial, steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from emailint.errors import OutboundError
    from emailint.oauth.tokens import Tokens
    from emailint.outbound.protocol import OutgoingMail
    from emailint.outbound.session import Session
    from emailint.outbound.wire import Answer
    from emailint.probe import Step

SECONDS_A_MAIL: Final = 60.0
"""From the first command of a mail, connecting included, to the server's last word about it."""
CLOSING: Final = 421
"""The server closes the connection (RFC 5321 section 3.8)."""
GO_AHEAD: Final = 354

_LOGIN_FIRST: Final = frozenset({530, 534, 535, 538})
"""About the login and not about the mail (RFC 4954 section 6)."""


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """One server and login.

    `password` is asked for when a connection logs in; with `tokens` the login is by OAuth instead.
    `ca_file`: authorities to trust instead of the system's. `timeout`: seconds that a single answer may
    take. `hostname`: what EHLO says, this machine's name unless given. `tls` "none" is refused for a peer
    that is not on the loopback interface.
    """

    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    username: str | None = None
    password: Callable[[], str] | None = field(default=None, repr=False)
    ca_file: Path | None = None
    timeout: float = 20.0
    hostname: str | None = None
    tokens: Tokens | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"SMTP server {self.host}:{self.port}"


class SmtpOutbound:
    """An `Outbound` over SMTP, for one thread.

    `sender` and `envelope_from` are what the connection test uses. A mail, connecting included, takes at
    most `seconds`, and no longer than `time_left` says when it begins.
    """

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        sender: str = "",
        envelope_from: str = "",
        seconds: float = SECONDS_A_MAIL,
        time_left: Callable[[], float] = lambda: math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._sender = sender
        self._envelope_from = envelope_from
        self._seconds = seconds
        self._time_left = time_left
        self._clock = clock
        self._session: Session | None = None
        self._transaction = False
        """Whether the server may still hold a sender or recipient: RSET is due before the next mail."""

    def __enter__(self) -> Self:
        """Nothing is connected yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say QUIT and close; never raises."""
        session, self._session = self._session, None
        if session is not None:
            session.end()

    def send(self, mail: OutgoingMail, begin: Callable[[], None]) -> None:
        """As `Outbound.send`; `begin` is called when the server has accepted the recipient, before DATA."""
        admit(mail)
        until = self._until()
        if until <= self._clock():
            raise self._unavailable("no time is left to begin a mail")
        try:
            session = self._accepted(mail, until)
        except Unusable as error:
            self._forget()
            raise self._unavailable(str(error), error.cure) from error
        begin()
        self._transfer(session, mail)

    def test(self, send_to: str | None = None) -> Iterator[Step]:
        """Name, connection, TLS, login, sender; and one mail where `send_to` is given."""
        from emailint.outbound.session import Session  # noqa: PLC0415 - smtplib only when it is needed

        session = Session(self.settings, self._clock)
        session.until = self._until()
        self._session, self._transaction = session, False
        with self:
            yield from steps(
                (
                    ("outbound name", self._resolve),
                    ("outbound connection", session.reach),
                    ("outbound TLS", session.secure),
                    ("outbound login", lambda: self._log_in(session)),
                    ("outbound sender", lambda: self._sender_accepted(session)),
                    ("outbound mail", lambda: self._deliver(send_to)),
                )
            )

    # Before DATA: nothing is delivered, whatever goes wrong

    def _accepted(self, mail: OutgoingMail, until: float) -> Session:
        """A session that has taken sender and recipient.

        A kept connection that turns out to be dead is made anew, once.
        """
        kept = self._session is not None
        try:
            return self._envelope(mail, until)
        except ConnectionLost:
            if not kept:
                raise
            self._forget()
            return self._envelope(mail, until)

    def _envelope(self, mail: OutgoingMail, until: float) -> Session:
        session = self._session or self._connect(until)
        session.until = until
        if session.unread:
            raise ConnectionLost("it said more than it was asked")  # which would answer this mail's commands
        parameters = self._parameters(session, mail)
        commands = [f"MAIL FROM:<{mail.envelope_from}>{parameters}", f"RCPT TO:<{mail.recipient}>"]
        if self._transaction:
            commands.insert(0, "RSET")
        answers = session.exchange(commands)
        self._transaction = True
        self._judge(commands, answers, mail)
        return session

    def _judge(self, commands: list[str], answers: list[Answer], mail: OutgoingMail) -> None:
        """Nothing when all were accepted. ConnectionLost where the server takes its leave."""
        command, answer = next(
            (pair for pair in zip(commands, answers, strict=False) if pair[1].refused), ("", None)
        )
        if answer is None:
            return
        if answer.code == CLOSING or command == "RSET":
            raise ConnectionLost(f"it wants no more of this connection: {answer}")
        refusal = self._refusal(answer, mail)
        if refusal is None:
            raise Unusable(f"it answered what was not asked: {answer}")
        raise refusal

    def _connect(self, until: float) -> Session:
        from emailint.outbound.session import Session  # noqa: PLC0415 - as above

        session = Session(self.settings, self._clock)
        session.until = until
        self._session, self._transaction = session, False
        session.reach()
        session.secure()
        session.log_in()
        return session

    def _parameters(self, session: Session, mail: OutgoingMail) -> str:
        if (mail.envelope_from + mail.recipient).isascii():
            return ""
        if session.has_extn("smtputf8"):
            return " BODY=8BITMIME SMTPUTF8"  # RFC 6531 section 3.4
        raise OutboundRefused(
            f"{self.settings} takes no address beyond ASCII such as {mail.recipient}; {KEPT}",
            hint="a server that offers SMTPUTF8 does",
        )

    # From DATA on: without a clear answer nobody knows

    def _transfer(self, session: Session, mail: OutgoingMail) -> None:
        try:
            answer = session.command("DATA")
            if answer.code == GO_AHEAD:
                answer = session.hand_over(_stuffed(mail.content))
                self._transaction = answer.refused
                if not answer.refused:
                    return
        except ConnectionLost as error:
            self._forget()
            raise self._unknown(mail, str(error)) from error
        except BaseException:
            self._forget()
            raise
        raise self._refusal(answer, mail) or self._unknown(mail, f"its answer was {answer}")

    # What goes wrong

    def _refusal(self, answer: Answer, mail: OutgoingMail) -> OutboundError | None:
        """4xx and what is about the login: later. 5xx: never. None for what is no refusal at all."""
        if answer.code == CLOSING:
            self._forget()
        if answer.code == CLOSING or answer.code in _LOGIN_FIRST:
            return self._unavailable(f"it does not take the reply to {mail.recipient} now: {answer}")
        if answer.code // 100 == 4:
            return OutboundDeferred(
                f"{self.settings} does not take the reply to {mail.recipient} now: {answer};"
                " nothing was sent, and the reply is tried again"
            )
        if answer.code // 100 == 5:
            return OutboundRefused(
                f"{self.settings} refused the reply to {mail.recipient}: {answer}; {KEPT}",
                hint="once the cause is removed, `emailint retry` with the case id sends it",
            )
        self._forget()
        return None

    def _unavailable(self, what: str, cure: str = "") -> OutboundUnavailable:
        return OutboundUnavailable(
            f"{self.settings}: {what}; nothing was sent, and the reply is tried again", hint=cure
        )

    def _unknown(self, mail: OutgoingMail, why: str) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"{self.settings} was being handed the reply to {mail.recipient} and did not say whether it took "
            f"it ({why}); it is not sent again",
            hint="look whether it arrived; if not, `emailint retry` with the case id sends it",
        )

    def _forget(self) -> None:
        """Close without a word: whatever the server has not confirmed, it must not take."""
        session, self._session = self._session, None
        self._transaction = False
        if session is not None:
            session.close()

    def _until(self) -> float:
        return self._clock() + min(self._seconds, self._time_left())

    # Stages of the connection test

    def _resolve(self) -> str:
        try:
            found = socket.getaddrinfo(self.settings.host, self.settings.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unusable(
                f"the host name {self.settings.host} is not known: {error.strerror}",
                "check outbound.host, and DNS on this machine",
            ) from error
        return ", ".join(dict.fromkeys(str(each[4][0]) for each in found))

    def _log_in(self, session: Session) -> str:
        if self.settings.username is None:
            raise Skipped("no login is configured")
        return session.log_in()

    def _sender_accepted(self, session: Session) -> str:
        answer = session.command(f"MAIL FROM:<{self._envelope_from}>")
        self._transaction = True
        if answer.refused:
            raise Unusable(
                f"it refused the sender <{self._envelope_from}>: {answer}",
                "set reply.envelope_from to an address that this login may send from",
            )
        return f"sender <{self._envelope_from}> accepted"

    def _deliver(self, send_to: str | None) -> str:
        return deliver_trial(self.send, self._sender, self._envelope_from, send_to)


def _stuffed(content: bytes) -> bytes:
    """Dot-stuffed, with the dot that ends it (RFC 5321 section 4.5.2); lines end with CRLF."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    return (b"." if stuffed.startswith(b".") else b"") + stuffed + b".\r\n"
