"""The files of one journal while lines are written: the current one and those it was rotated into."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from emailint.store import disk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emailint.store.records import Journal, JournalEnd, Line

_NOT_ZERO = re.compile(rb"[^\0]+")


class Fit(Enum):
    """How a line's recorded place looks now."""

    NEW = auto()
    """No place was recorded yet."""
    WHOLE = auto()
    """The line stands there whole."""
    OURS = auto()
    """There is nothing, a part of the line, or zeros that a power cut left."""
    FOREIGN = auto()
    """There are bytes that are not ours."""
    CUT = auto()
    """The file ends before the place."""
    GONE = auto()
    """The file is not in the folder any more."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line goes."""

    file_id: str
    offset: int


@dataclass(slots=True)
class OpenFile:
    """One open file. `size` is what it had when it was opened, `end` where the next line may go."""

    descriptor: int
    file_id: str
    size: int
    end: int
    ours_until: int = 0
    pieces: list[tuple[int, bytes]] = field(default_factory=list)


class JournalFiles:
    """Opens files as lines need them; `close` closes them all."""

    def __init__(self, within: int, journal: Journal) -> None:
        """`within`: descriptor of the store folder, which stays the caller's."""
        self.journal = journal
        self._within = within
        self._open: dict[str, OpenFile | None] = {}
        self._current: OpenFile | None = None

    def close(self) -> None:
        """Close all files."""
        for file in self._open.values():
            if file is not None:
                os.close(file.descriptor)
        self._open.clear()

    def fit(self, line: Line) -> Fit:
        """How the recorded place of this line looks now. Ask in the order of the lines."""
        if line.file is None or line.offset is None:
            return Fit.NEW
        file = self._find(line.file)
        if file is None:
            return Fit.GONE
        if line.offset > file.end:
            return Fit.CUT
        there = disk.read_at(file.descriptor, len(line.content), line.offset)
        if there == line.content:
            return Fit.WHOLE
        return Fit.OURS if _is_remnant(there, line.content) else Fit.FOREIGN

    def is_shorter_than(self, known: JournalEnd) -> bool:
        """Whether the file ends before what was known durable in it."""
        file = self._find(known.file)
        return file is not None and file.size < known.offset

    def has_lost(self, known: JournalEnd) -> bool:
        """Whether the file in which lines were known durable has gone without a rotated or packed one."""
        if self._find(known.file) is not None:
            return False
        with os.scandir(self._within) as entries:
            return not any(
                entry.name.startswith(self.journal) and entry.name != self.journal for entry in entries
            )

    def keep(self, line: Line) -> None:
        """The line goes to its recorded place."""
        file = self._find(line.file or "")
        if file is not None and line.offset is not None:
            self._plan(file, line.offset, line.content)

    def append(self, line: Line) -> tuple[Place, bool]:
        """Plan the line at the end of the current file; True if a foreign half line was closed first."""
        file = self._current or self._open_current()
        mended = file.ours_until < file.end and self._close_half_line(file)
        place = Place(file.file_id, file.end)
        self._plan(file, file.end, line.content)
        return place, mended

    def write(self) -> None:
        """Write what was planned; neighbours in one call. Not yet durable."""
        for file in self._files():
            for offset, content in _joined(file.pieces):
                disk.write_all(file.descriptor, content, offset)

    def sync(self) -> None:
        """Make durable what was written: one sync a file."""
        for file in self._files():
            if file.pieces:
                os.fsync(file.descriptor)

    def _files(self) -> list[OpenFile]:
        return [file for file in self._open.values() if file is not None]

    def _plan(self, file: OpenFile, offset: int, content: bytes) -> None:
        file.pieces.append((offset, content))
        file.ours_until = max(file.ours_until, offset + len(content))
        file.end = max(file.end, file.ours_until)

    def _find(self, file_id: str) -> OpenFile | None:
        """By inode: all siblings are on the device of the folder, whose number a reboot may change."""
        inode = _inode(file_id)
        if inode not in self._open:
            self._open[inode] = self._search(int(inode))
        return self._open[inode]

    def _search(self, inode: int) -> OpenFile | None:
        with os.scandir(self._within) as entries:
            names = [entry.name for entry in entries if entry.inode() == inode and self._is_sibling(entry)]
        for name in names:
            return _opened(disk.open_file(name, self._within, os.O_RDWR))
        return None

    def _is_sibling(self, entry: os.DirEntry[str]) -> bool:
        return entry.name.startswith(self.journal) and entry.is_file(follow_symlinks=False)

    def _open_current(self) -> OpenFile:
        try:
            inode = os.stat(self.journal, dir_fd=self._within, follow_symlinks=False).st_ino
        except FileNotFoundError:
            file = _opened(disk.create_file(self.journal, self._within))
            self._open[_inode(file.file_id)] = file
            os.fsync(self._within)
        else:
            known = self._open.get(str(inode))
            file = known or _opened(disk.open_file(self.journal, self._within, os.O_RDWR))
            self._open[str(inode)] = file
        self._current = file
        return file

    def _close_half_line(self, file: OpenFile) -> bool:
        """A tail that is not ours gets a line feed, durable before a place after it is recorded."""
        if file.end == 0 or os.pread(file.descriptor, 1, file.end - 1) == b"\n":
            return False
        disk.write_all(file.descriptor, b"\n", file.end)
        os.fsync(file.descriptor)
        file.end += 1
        file.ours_until = file.end
        return True


def _inode(file_id: str) -> str:
    return file_id.rpartition(":")[2]


def _opened(descriptor: int) -> OpenFile:
    status = os.fstat(descriptor)
    return OpenFile(descriptor, f"{status.st_dev}:{status.st_ino}", status.st_size, status.st_size)


def _is_remnant(there: bytes, line: bytes) -> bool:
    """Whether these bytes are what a torn write of the line may leave: parts of it, zeros elsewhere.

    A line holds no zeros itself.
    """
    return all(line.startswith(part[0], part.start()) for part in _NOT_ZERO.finditer(there))


def _joined(pieces: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Neighbouring pieces as one, so that a batch is one write."""
    runs: list[tuple[int, list[bytes]]] = []
    end = -1
    for offset, content in pieces:
        if offset == end:
            runs[-1][1].append(content)
        else:
            runs.append((offset, [content]))
        end = offset + len(content)
    return [(offset, b"".join(contents)) for offset, contents in runs]
