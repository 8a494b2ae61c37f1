"""Secrets: where they come from, how they are asked for, and a text that nothing prints.

A value is revealed at the moment a mailbox connects, by `reveal`, and by nothing else.
"""

from __future__ import annotations

import hmac
import os
import select
import signal
import stat
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, assert_never

from emailint.errors import SecretUnavailable

if TYPE_CHECKING:
    from pathlib import Path

COMMAND_SECONDS: Final = 10.0
MAXIMUM_SECRET: Final = 64_000
"""Octets; a secret is a line, and whatever is longer is not one."""

_MASK: Final = "***"


class SecretText:
    """A text that is neither printed, formatted, iterated nor pickled; compared in constant time."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def disclose(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return _MASK

    def __str__(self) -> str:
        return _MASK

    def __format__(self, specification: str) -> str:
        return _MASK

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretText):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((SecretText, self._text))

    def __reduce__(self) -> NoReturn:
        msg = "a secret cannot be pickled or copied"
        raise TypeError(msg)


@dataclass(frozen=True, slots=True)
class GivenSecret:
    """A secret that stands in the configuration, or came from the environment (`literal` is False)."""

    text: SecretText
    literal: bool


@dataclass(frozen=True, slots=True)
class SecretFile:
    """The first line of a file that only its owner may read (unless `readable` allows others)."""

    path: Path
    readable: bool = False


@dataclass(frozen=True, slots=True)
class SecretCommand:
    """The first line that a command prints; no shell, no standard input, ten seconds."""

    argv: tuple[str, ...]


SecretSource = GivenSecret | SecretFile | SecretCommand


def reveal(source: SecretSource, *, seconds: float = COMMAND_SECONDS) -> str:
    """The secret as text, never empty.

    Raises SecretUnavailable, which names the file or program and the cause, and never what was read.
    """
    match source:
        case GivenSecret(text):
            return _not_empty(text.disclose(), "the password in the configuration")
        case SecretFile():
            return _from_file(source)
        case SecretCommand(argv):
            return _from_command(argv, seconds)
        case _:
            assert_never(source)


def is_private(mode: int) -> bool:
    """True when neither group nor others may read or write; `mode` is `st_mode`."""
    return stat.S_IMODE(mode) & 0o077 == 0


def _from_file(source: SecretFile) -> str:
    what = f"the secret file {source.path}"
    try:
        with source.path.open("rb") as file:
            if not source.readable and not is_private(os.fstat(file.fileno()).st_mode):
                raise SecretUnavailable(
                    f"{what} can be read by others, so it was not used; nobody was asked to log in",
                    hint=f"run: chmod 600 {source.path}",
                )
            raw = file.read(MAXIMUM_SECRET + 1)
    except OSError as error:
        raise SecretUnavailable(
            f"{what} cannot be read: {error.strerror}; nobody was asked to log in",
            hint="check that it exists and belongs to the user who runs emailint",
        ) from None
    _refuse_excess(raw, what)
    return _first_line(raw, what)


def _from_command(argv: tuple[str, ...], seconds: float) -> str:
    what = f"the secret command {argv[0]!r}"
    raw, status = _run(argv, seconds, what)
    _refuse_excess(raw, what)
    if status != 0:
        ending = f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"
        raise SecretUnavailable(
            f"{what} {ending}; nobody was asked to log in",
            hint="run it by hand as the user who runs emailint; cron gives it an almost empty environment",
        )
    return _first_line(raw, what)


def _run(argv: tuple[str, ...], seconds: float, what: str) -> tuple[bytes, int]:
    """Standard output and exit status; the command's own children end with it."""
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise SecretUnavailable(
            f"{what} cannot be started: {error.strerror}; nobody was asked to log in",
            hint="give its whole path; cron's PATH is short",
        ) from None
    assert process.stdout is not None  # noqa: S101 - says to mypy what stdout=PIPE says to people
    with process:
        try:
            raw = _read(process.stdout.fileno(), time.monotonic() + seconds)
            if len(raw) > MAXIMUM_SECRET:
                _end(process)
            process.wait(timeout=seconds)
        except (TimeoutError, subprocess.TimeoutExpired):
            _end(process)
            raise SecretUnavailable(
                f"{what} was not done within {seconds:g} s; nobody was asked to log in",
                hint="it must not ask questions: cron has no terminal",
            ) from None
    return raw, process.returncode


def _read(descriptor: int, until: float) -> bytes:
    """All octets up to the end, or just more than a secret can be; TimeoutError at `until`."""
    raw = b""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while len(raw) <= MAXIMUM_SECRET:
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise TimeoutError
        piece = os.read(descriptor, MAXIMUM_SECRET)
        if not piece:
            break
        raw += piece
    return raw


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()


def _refuse_excess(raw: bytes, what: str) -> None:
    if len(raw) > MAXIMUM_SECRET:
        raise SecretUnavailable(f"{what} gave more than a secret can be", hint="it must give one line")


def _first_line(raw: bytes, what: str) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretUnavailable(f"{what} gave what is not UTF-8", hint="it must give one line") from None
    return _not_empty(text.split("\n", 1)[0].rstrip("\r"), what)


def _not_empty(text: str, what: str) -> str:
    if not text:
        raise SecretUnavailable(f"{what} is empty", hint="put the secret into its first line")
    return text
