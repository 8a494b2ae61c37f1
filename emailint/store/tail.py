"""How the JSON lines end: cheaply, whatever their size."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.store import disk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.store.records import Journal

_ID = rb'"([^"\\{}\x00-\x1f]+)"'
# Looks beyond the ids, so that a torn line which another program wrote on is not taken for one of ours.
_START = re.compile(rb'\n(\{"schema":\d+,"case_id":' + _ID + rb'(?:,"followup_id":' + _ID + rb")?)(?=[,}])")
_SCHEMA = b'\n{"schema":'
_WINDOW = 65_536
_LARGEST_WINDOW = 65_536 * 8**3
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".lz4")


@dataclass(frozen=True, slots=True)
class LineStart:
    """The beginning of a line, up to the ids it names."""

    file: str
    case_id: str
    start: bytes


@dataclass(frozen=True, slots=True)
class Tail:
    """How a journal ends: `last` is the start of its last line of ours, None where there is none to be read.

    `archived`: there are compressed files of it, which were not read.
    """

    journal: Journal
    last: LineStart | None = None
    archived: bool = False


def read_tail(within: int, journal: Journal) -> Tail:
    """Look into the current file, then into those it was rotated into, newest first."""
    with os.scandir(within) as entries:
        found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in _siblings(entries, journal)]
    filled = [(name, status.st_mtime) for name, status in found if status.st_size]
    archived = any(name.endswith(_COMPRESSED) for name, _ in filled)
    plain = [(name, age) for name, age in filled if not name.endswith(_COMPRESSED)]
    for name, _ in sorted(plain, key=lambda each: (each[0] == journal, each[1]), reverse=True):
        if last := _last_start(within, name):
            return Tail(journal, last, archived)
    return Tail(journal, None, archived)


def _siblings(entries: Iterator[os.DirEntry[str]], journal: Journal) -> Iterator[os.DirEntry[str]]:
    for entry in entries:
        if entry.name.startswith(journal) and entry.is_file(follow_symlinks=False):
            yield entry


def _last_start(within: int, name: str) -> LineStart | None:
    with disk.held(disk.open_file(name, within)) as descriptor:
        size = os.fstat(descriptor).st_size
        window = _WINDOW
        while True:
            begin = max(0, size - window)
            octets = disk.read_at(descriptor, size - begin, begin)
            if found := _search(octets if begin else b"\n" + octets):
                return LineStart(name, found[2].decode("ascii", "replace"), found[1])
            if begin == 0 or window >= _LARGEST_WINDOW:
                return None
            window *= 8


def _search(octets: bytes) -> re.Match[bytes] | None:
    at = octets.rfind(_SCHEMA)
    while at >= 0:
        if found := _START.match(octets, at):
            return found
        at = octets.rfind(_SCHEMA, 0, at)
    return None
