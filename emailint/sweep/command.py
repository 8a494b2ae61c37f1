"""One command of the owner's: given octets on standard input, bounded in time, ended with its children."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emailint.terminal import clip, terminal_safe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

LOOK: Final = 0.1
"""Seconds between two looks whether it is to be ended, and whether it has ended."""

KEPT: Final = 4_000
"""Octets of its standard error that are kept, the last ones."""

SHOWN: Final = 300

HANDED_ON: Final = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)
"""What a command gets of our environment, which may hold the passwords of mailboxes."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. `failure` is one line, "" where all is well; `cut`: it was not given its time."""

    failure: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """Where a command runs, with what beside `HANDED_ON` in its environment, and for how many seconds.

    `ending` is asked all the while: once it is true the command is ended, through no fault of its own.
    """

    folder: Path
    variables: Mapping[str, str]
    seconds: float
    ending: Callable[[], bool]


def run(argv: Sequence[str], given: bytes, terms: Terms) -> Ended:
    """Run it to its end, without a shell and in a session of its own. Never raises.

    It need not read what it is given. What it leaves running in the background when it ends well is left
    alone; when it is ended, its whole process group is.
    """
    environment = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=terms.folder,
            env={**environment, **terms.variables},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return Ended(f"cannot be started: {getattr(error, 'strerror', None) or error}")
    with process:
        conversation = _Conversation(process, given)
        return _judged(process, conversation, terms)


def _judged(process: subprocess.Popen[bytes], conversation: _Conversation, terms: Terms) -> Ended:
    until = time.monotonic() + terms.seconds
    while process.poll() is None:
        cut = terms.ending()
        if cut or time.monotonic() >= until:
            _end(process)
            late = f"was not done within {terms.seconds:g} s"
            return Ended(_with_last_line(late, conversation.said), cut=cut)
        conversation.wait(LOOK)
    conversation.wait(0)
    if process.returncode == 0:
        return Ended()
    status = process.returncode
    how = f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"
    return Ended(_with_last_line(how, conversation.said))


class _Conversation:
    """Gives a process what it is to read, and keeps the end of what it says on standard error."""

    def __init__(self, process: subprocess.Popen[bytes], given: bytes) -> None:
        assert process.stdin is not None  # noqa: S101 - says to mypy what PIPE says to people
        assert process.stderr is not None  # noqa: S101 - likewise
        self._stdin, self._stderr = process.stdin, process.stderr
        self._left = memoryview(given)
        self.said = b""
        self._selector = selectors.DefaultSelector()
        for stream, events in ((self._stdin, selectors.EVENT_WRITE), (self._stderr, selectors.EVENT_READ)):
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, events)

    def wait(self, seconds: float) -> None:
        """Talk for at most so long; shorter where there is something to say or to hear."""
        if not self._selector.get_map():
            time.sleep(min(seconds, 0.01))  # it has closed both, and is about to end
            return
        for key, _ in self._selector.select(seconds):
            try:
                self._give() if key.fileobj is self._stdin else self._hear()
            except BlockingIOError:
                continue
            except OSError:  # it does not want to read on
                self._finish(key.fileobj)

    def _give(self) -> None:
        self._left = self._left[os.write(self._stdin.fileno(), self._left[:65_536]) :]
        if not self._left:
            self._finish(self._stdin)

    def _hear(self) -> None:
        piece = os.read(self._stderr.fileno(), 65_536)
        self.said = (self.said + piece)[-KEPT:]
        if not piece:
            self._finish(self._stderr)

    def _finish(self, stream: object) -> None:
        self._selector.unregister(stream)  # type: ignore[arg-type]  # what was registered
        if stream is self._stdin:
            os.set_blocking(self._stdin.fileno(), True)
            self._stdin.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()


def _with_last_line(how: str, said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return f"{how}: {clip(terminal_safe(lines[-1].strip()), SHOWN)}" if lines else how
