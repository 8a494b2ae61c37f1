"""What somebody sees of a command in this process: on a terminal (a pseudo terminal), or through a pipe."""

from __future__ import annotations

import io
import os
import pty
import sys
import threading
import tty
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.cli import main

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True)
class Seen:
    """Exit status; what came on standard output and standard error (of a terminal: both, in `out`)."""

    status: int
    out: str
    err: str = ""


class _Reader:
    """Takes what is written to a descriptor until its other end is closed."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pieces: list[bytes] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with suppress(OSError):  # EIO is how a terminal ends
            while piece := os.read(self._descriptor, 65_536):
                self._pieces.append(piece)

    def text(self) -> str:
        """All of it, once the other end is closed; raises UnicodeDecodeError for what is no UTF-8."""
        self._thread.join(20)
        os.close(self._descriptor)
        return b"".join(self._pieces).decode("utf-8")


def _stream(descriptor: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(os.fdopen(descriptor, "wb", 0), encoding="utf-8", write_through=True)


def on_a_pipe(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Seen:
    """Run the command as another program starts it."""
    (out_end, out), (err_end, err) = os.pipe(), os.pipe()
    readers = _Reader(out_end), _Reader(err_end)
    with monkeypatch.context() as patch, _stream(out) as stdout, _stream(err) as stderr:
        patch.setattr(sys, "stdout", stdout)
        patch.setattr(sys, "stderr", stderr)
        status = main(arguments)
    return Seen(status, readers[0].text(), readers[1].text())


def on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, *arguments: str, term: str = "xterm-256color", columns: int = 160
) -> Seen:
    """Run the command where a person is looking, so many columns wide."""
    controller, terminal = pty.openpty()
    tty.setraw(terminal)  # nothing is added to what the command writes
    reader = _Reader(controller)
    with monkeypatch.context() as patch, _stream(terminal) as stream:
        patch.setenv("TERM", term)
        patch.setenv("COLUMNS", str(columns))
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "stderr", stream)
        status = main(arguments)
    return Seen(status, reader.text())
