"""errors.jsonl: best effort. What cannot be written is said elsewhere, and never stops a sweep."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from emailint.case import json_line
from emailint.store import disk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emailint.case import ErrorRecord

NAME = "errors.jsonl"
_APPEND = os.O_RDWR | os.O_APPEND


def to_standard_error(line: str) -> None:
    """The place of last resort; where that is closed too, nothing more can be done."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{line}\n")


class ErrorsLog:
    """Appends to errors.jsonl of one store. Threads may share it."""

    def __init__(self, folder: Path, otherwise: Callable[[str], None] = to_standard_error) -> None:
        """`otherwise` gets why a line could not be written, and the line itself (ASCII, one line)."""
        self._folder = folder
        self._otherwise = otherwise
        self._lock = Lock()

    def write(self, record: ErrorRecord) -> None:
        """Append one line; never raises."""
        line = json_line(record.record())
        try:
            with self._lock:
                self._append(line)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            text = line.decode("ascii").rstrip()
            self._otherwise(f"{self._folder / NAME} cannot be written ({reason}): {text}")

    def _append(self, line: bytes) -> None:
        with disk.folder(self._folder) as within, disk.held(_open(within)) as descriptor:
            end = os.fstat(descriptor).st_size
            torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
            disk.append(descriptor, b"\n" + line if torn else line)


def _open(within: int) -> int:
    try:
        return disk.open_file(NAME, within, _APPEND)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.close(disk.create_file(NAME, within))
        return disk.open_file(NAME, within, _APPEND)
