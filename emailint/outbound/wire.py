"""SMTP commands and answers on which nothing waits, grows or leaks without bound (RFC 5321 section 4.5.3).

smtplib knows the commands and what EHLO tells; the reading of answers and the clock are here.
"""

from __future__ import annotations

import math
import smtplib
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from emailint.outbound.trial import ConnectionLost

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

LINE_OCTETS: Final = 4_096
"""Of one line of an answer; RFC 5321 section 4.5.3.1.5 has 512."""
ANSWER_LINES: Final = 200
ANSWER_TEXT: Final = 200
"""Characters of an answer that are told."""
PORTS_CURE: Final = (
    "check host, port and tls of outbound: 465 is tls: implicit, 587 is tls: starttls; 993 and 143 are IMAP's"
)
CLOSING: Final = 421
"""The server closes the connection (RFC 5321 section 3.8)."""


class Answer(NamedTuple):
    """A reply code and its text, cleaned for people; the lines of the text are joined by blanks."""

    code: int
    text: str

    @property
    def refused(self) -> bool:
        """Anything but a positive completion (RFC 5321 section 4.2.1)."""
        return self.code // 100 != 2

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


class Wire(smtplib.SMTP):
    """A connection to one server. `until` (monotonic) ends every wait; `patience` (seconds) a single one.

    `hidden` are secrets, which no text that comes out of here shows.
    """

    ehlo_msg = "EHLO"

    def __init__(self, hostname: str, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(local_hostname=hostname, timeout=patience)
        self.command_encoding = "utf-8"
        self.until = math.inf
        self.patience = patience
        self.hidden: tuple[str, ...] = ()
        self._clock = clock
        self._received = bytearray()

    def getreply(self) -> tuple[int, bytes]:
        """One answer, as smtplib wants it. Raises ConnectionLost, after which the connection is closed."""
        lines: list[bytes] = []
        while len(lines) < ANSWER_LINES:
            line = self._line()
            if not line[:3].isdigit() or line[3:4] not in {b"", b" ", b"-"}:
                raise self._lost(f"it answered what is no SMTP: {self.clean(line)!r}", PORTS_CURE)
            lines.append(line[4:].strip())
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)
        raise self._lost("its answer has no end")

    def send(self, s: object) -> None:
        """Octets, or ASCII or UTF-8 text, to the server. Raises ConnectionLost."""
        octets = s if isinstance(s, bytes) else str(s).encode(self.command_encoding)
        try:
            self.ready(self.patience).sendall(octets)
        except OSError as error:
            raise self._lost(cause(error)) from error

    def command(self, line: str) -> Answer:
        """One command and its answer. Raises ConnectionLost."""
        self.putcmd(line)
        return self.answer()

    def answer(self) -> Answer:
        """The next answer. Raises ConnectionLost."""
        code, text = self.getreply()
        return Answer(code, self.clean(text))

    def hand_over(self, content: bytes) -> Answer:
        """Send a mail with its dot; what the server says to that. Raises ConnectionLost.

        So it does, before anything is sent, where the server has answered already.
        """
        if self.unread:
            raise self._lost("it answered the mail before it had it")
        self.send(content)
        return self.last_word()

    def last_word(self) -> Answer:
        """What the server says to the dot; filters take their time, so only `until` ends this wait."""
        patience, self.patience = self.patience, math.inf
        try:
            return self.answer()
        finally:
            self.patience = patience

    def exchange(self, commands: Sequence[str]) -> list[Answer]:
        """Commands and their answers, up to the first that is refused.

        Where the server offers PIPELINING (RFC 2920) the commands go out together, in one round trip.
        """
        together = self.has_extn("pipelining")
        if together:
            self.send("".join(f"{line}\r\n" for line in commands))
        answers: list[Answer] = []
        for line in commands:
            answers.append(self.answer() if together else self.command(line))
            if answers[-1].code == CLOSING or (answers[-1].refused and not together):
                break
        return answers

    def clean(self, text: bytes) -> str:
        """What a server said: one line, printable, without the secrets that it may have echoed."""
        said = self._without_secrets(text[:LINE_OCTETS].decode("utf-8", "replace"))
        line = " ".join("".join(each if each.isprintable() else " " for each in said).split())
        return self._without_secrets(line)[:ANSWER_TEXT]

    def _without_secrets(self, text: str) -> str:
        for secret in self.hidden:
            text = text.replace(secret, "***")
        return text

    @property
    def unread(self) -> bool:
        """Whether the server has said more than was read."""
        return bool(self._received)

    def end(self) -> None:
        """Say QUIT without waiting long for the answer, and close; never raises."""
        self.until = self._clock() + 1.0
        try:
            if self.sock is not None:
                self.command("QUIT")
        except ConnectionLost:
            pass
        finally:
            self.close()

    def _line(self) -> bytes:
        while (end := self._received.find(b"\n")) < 0:
            if len(self._received) > LINE_OCTETS:
                raise self._lost("a line of its answer has no end")
            try:
                piece = self.ready(self.patience).recv(LINE_OCTETS)
            except OSError as error:
                raise self._lost(cause(error)) from error
            if not piece:
                raise self._lost("it closed the connection")
            self._received += piece
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line.rstrip(b"\r")

    def ready(self, seconds: float) -> socket.socket:
        """The socket, with the time-out that holds for the next call. Raises ConnectionLost."""
        if self.sock is None:
            msg = "the connection is closed"
            raise ConnectionLost(msg)
        left = min(seconds, self.until - self._clock())
        if left <= 0:
            raise self._lost("the time for this mail is up")
        self.sock.settimeout(left)
        return self.sock

    def _lost(self, why: str, cure: str = "") -> ConnectionLost:
        self.close()
        return ConnectionLost(why, cure)


def cause(error: OSError) -> str:
    """What an operating-system error says, in few words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    reason = getattr(error, "reason", None)  # of ssl.SSLError: WRONG_VERSION_NUMBER
    if isinstance(reason, str):
        return reason.replace("_", " ").lower()
    return error.strerror or str(error) or type(error).__name__
