"""A person at a terminal: waits for a question, types the answer, and sees what the terminal shows."""

from __future__ import annotations

import os
import select
import subprocess
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

PATIENCE = 60.0
"""Seconds that a question may take to come."""


class TypingPerson:
    """Runs a command with a terminal of its own. `seen` is all that the terminal showed."""

    def __init__(self, command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
        self._terminal, inner = os.openpty()
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environ, "TERM": "dumb", "COLUMNS": "100"},
            stdin=inner,
            stdout=inner,
            stderr=inner,
            preexec_fn=lambda: os.login_tty(os.dup(inner)),  # noqa: PLW1509 - no thread runs here, and getpass wants its terminal
        )
        os.close(inner)
        self.seen = ""
        self._read_to = 0

    def __enter__(self) -> Self:
        """The command runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing running."""
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)

    def answers(self, question: str, answer: str) -> None:
        """Wait until the question is there (after what was answered before), and type the answer."""
        self.waits_for(question)
        os.write(self._terminal, f"{answer}\n".encode())

    def interrupts(self, question: str) -> None:
        """Wait until the question is there, and press Control-C until a line comes of it.

        Python's line editing misses one that arrives just before it waits for a key.
        """
        self.waits_for(question)
        os.write(self._terminal, b"\x03")
        while self._sees_no_line(1.0):
            os.write(self._terminal, b"\x03")

    def waits_for(self, text: str) -> None:
        """Wait until the text is there, after what was waited for before."""
        until = time.monotonic() + PATIENCE
        while (at := self.seen.find(text, self._read_to)) < 0:
            assert time.monotonic() < until, f"no {text!r} in {self.seen!r}"
            assert self._sees_more(until - time.monotonic()), f"it ended without {text!r}: {self.seen!r}"
        self._read_to = at + len(text)

    def ends(self) -> int:
        """Wait for the end; the exit status."""
        while self._sees_more(PATIENCE):
            pass
        return self.process.wait(timeout=PATIENCE)

    def _sees_no_line(self, seconds: float) -> bool:
        """Whether so long nothing but what stands beside the question comes, and the command goes on."""
        until = time.monotonic() + seconds
        while "\n" not in self.seen[self._read_to :]:
            if time.monotonic() >= until:
                return self.process.poll() is None
            if not self._sees_more(until - time.monotonic()) and self.process.poll() is not None:
                return False
        return False

    def _sees_more(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._terminal], [], [], max(seconds, 0))
        try:
            piece = os.read(self._terminal, 65_536) if ready else b""
        except OSError:  # EIO is how a terminal ends
            return False
        self.seen += piece.decode().replace("\r\n", "\n")
        return bool(piece)
