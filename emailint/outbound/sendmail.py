"""Replies through a sendmail program of this machine (Postfix, Exim, OpenSMTPD, msmtp and the like)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, Self

from emailint.errors import OutboundRefused, OutboundUnavailable, OutcomeUnknown
from emailint.outbound.gate import KEPT, admit
from emailint.outbound.trial import Unusable, deliver_trial, steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from emailint.errors import OutboundError
    from emailint.outbound.protocol import OutgoingMail
    from emailint.probe import Step

_SAID_OCTETS: Final = 2_000
_SAID_LENGTH: Final = 200

_REFUSED: Final = frozenset({65, 67, 68, 69, 77})
"""EX_DATAERR, EX_NOUSER, EX_NOHOST, EX_UNAVAILABLE, EX_NOPERM (sysexits.h): this mail, and for good."""
_LATER: Final = frozenset({64, 66, 71, 72, 73, 74, 75, 78, 126, 127})
"""EX_TEMPFAIL, and what is about the program, its machine or its configuration: nothing was taken."""


@dataclass(frozen=True, slots=True)
class SendmailSettings:
    """`command` is the program and its first arguments; no shell. `timeout` is in seconds."""

    command: tuple[str, ...] = ("/usr/sbin/sendmail",)
    timeout: float = 30.0


class SendmailOutbound:
    """An `Outbound` that runs `COMMAND -i -f ENVELOPE_FROM -- RECIPIENT` with the mail on standard input.

    The null reverse-path is given as `<>`. The program reads from a file that is whole before it starts, so
    that the death of this process never makes it send half a mail.
    """

    def __init__(self, settings: SendmailSettings, *, sender: str = "", envelope_from: str = "") -> None:
        self.settings = settings
        self._sender = sender
        self._envelope_from = envelope_from

    def __enter__(self) -> Self:
        """Nothing is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing runs any more."""

    def send(self, mail: OutgoingMail, begin: Callable[[], None]) -> None:
        """As `Outbound.send`; `begin` is called before the program starts: its input is there at once."""
        admit(mail)
        try:
            self._find()
        except Unusable as error:
            raise self._later(str(error)) from error
        with self._files(mail) as (source, said):
            begin()
            code = self._run(mail, source, said)
            if code != 0:
                raise self._failure(code, mail, _words(said))

    def test(self, send_to: str | None = None) -> Iterator[Step]:
        """The program; and one mail where `send_to` is given."""
        return steps(
            (
                ("outbound program", self._find),
                (
                    "outbound mail",
                    lambda: deliver_trial(self.send, self._sender, self._envelope_from, send_to),
                ),
            )
        )

    def _find(self) -> str:
        program = shutil.which(self.settings.command[0])
        if program is None:
            raise Unusable(
                "is not there, or cannot be run",
                "give its whole path as outbound.command; cron's PATH is short",
            )
        return program

    @contextmanager
    def _files(self, mail: OutgoingMail) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """The mail, whole, with the line ends of this system; and a place for what the program says."""
        with ExitStack() as stack:
            try:
                source = stack.enter_context(tempfile.TemporaryFile())
                said = stack.enter_context(tempfile.TemporaryFile())
                source.write(mail.content.replace(b"\r\n", b"\n"))
                source.seek(0)
            except OSError as error:
                raise self._later(f"cannot be fed: {error.strerror}") from error
            yield source, said

    def _run(self, mail: OutgoingMail, source: IO[bytes], said: IO[bytes]) -> int:
        """The exit status, negative for a signal. Raises OutcomeUnknown when it does not end."""
        envelope_from = mail.envelope_from or "<>"
        argv = [*self.settings.command, "-i", "-f", envelope_from, "--", mail.recipient]
        try:
            process = subprocess.Popen(argv, stdin=source, stdout=said, stderr=said, start_new_session=True)
        except OSError as error:
            raise self._later(f"cannot be started: {error.strerror}") from error
        with process:
            try:
                return process.wait(timeout=self.settings.timeout)
            except subprocess.TimeoutExpired as error:
                raise self._unknown(mail, f"not done within {self.settings.timeout:g} s") from error
            finally:
                if process.returncode is None:
                    _end(process)

    def _failure(self, code: int, mail: OutgoingMail, words: str) -> OutboundError:
        status = f"status {code}" + (f": {words}" if words else "")
        if code in _LATER:
            return self._later(f"did not take the reply to {mail.recipient} ({status})")
        if code in _REFUSED:
            return OutboundRefused(
                f"{self.settings.command[0]} refused the reply to {mail.recipient} ({status}); {KEPT}",
                hint="once the cause is removed, `emailint retry` with the case id sends it",
            )
        return self._unknown(mail, status if code > 0 else f"ended by signal {-code}")

    def _later(self, what: str) -> OutboundUnavailable:
        return OutboundUnavailable(
            f"{self.settings.command[0]} {what}; nothing was sent, and the reply is tried again",
            hint="run it by hand as the user who runs emailint",
        )

    def _unknown(self, mail: OutgoingMail, why: str) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"{self.settings.command[0]} was handed the reply to {mail.recipient} and did not say whether it "
            f"took it ({why}); it is not sent again",
            hint="look into the mail log; if it was not sent, `emailint retry` with the case id sends it",
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _words(said: IO[bytes]) -> str:
    """What the program said: one line, printable."""
    said.seek(0)
    text = said.read(_SAID_OCTETS).decode("utf-8", "replace")
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:_SAID_LENGTH]
