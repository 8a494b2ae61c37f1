"""The index of a directory file: a SQLite database that is made anew when the file has changed.

It holds nothing that the file does not, so it may be thrown away at any time. It is written aside and
renamed, so a reader sees a whole one or none.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emailint.directory.columns import PersonRow
from emailint.directory.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from emailint.config.problems import Problem
    from emailint.directory.columns import OrganisationRow

FORMAT: Final = 1
"""Another number, and every index is made anew."""
_MODE: Final = 0o600
_AT_ONCE: Final = 10_000

_TABLES: Final = """
    CREATE TABLE source (format, path, size, modified, changed, inode);
    CREATE TABLE people (row INTEGER PRIMARY KEY, kind INTEGER, id TEXT, name TEXT, workspace, changed);
    CREATE TABLE addresses (address TEXT, person INTEGER);
    CREATE TABLE organisations (row INTEGER PRIMARY KEY, id TEXT, name TEXT, workspace, number TEXT);
    CREATE TABLE domains (domain TEXT, organisation INTEGER);
"""
_INDEXES: Final = """
    CREATE INDEX by_address ON addresses (address, person);
    CREATE INDEX by_domain ON domains (domain, organisation);
    CREATE INDEX by_number ON organisations (number);
    CREATE TABLE workspaces AS
        SELECT workspace FROM people UNION SELECT workspace FROM organisations;
    CREATE INDEX by_workspace ON workspaces (workspace);
"""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a file looks like from outside: when none of it has changed, neither has the file."""

    path: str
    size: int
    modified: int
    changed: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """The stamp of a file now. Raises OSError."""
        status = path.stat()
        return cls(str(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class NotBuilt(Exception):
    """The file has problems, and no index was made of it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(str(problems[0]))
        self.problems = problems


class Unsettled(Exception):
    """The file was changed while it was read, and no index was made of it."""


def stamp_of(index: sqlite3.Connection) -> Stamp | None:
    """The stamp of the file that an index was made of; None for anything that is no index of this format."""
    try:
        row = index.execute("SELECT format, path, size, modified, changed, inode FROM source").fetchone()
    except sqlite3.DatabaseError:
        return None
    return Stamp(*row[1:]) if row and row[0] == FORMAT else None


def build(source: Path, stamp: Stamp, target: Path | None) -> sqlite3.Connection:
    """Make the index of a file, whole and durable at `target`, and leave it open.

    Without a target it lives in a temporary file that goes when it is closed. Raises NotBuilt when the file
    has problems, Unsettled when it changes meanwhile, OSError and sqlite3.Error when the index cannot be
    written; the target is untouched then.
    """
    if target is None:
        return _filled(sqlite3.connect("", check_same_thread=False), source, stamp)
    aside = target.with_name(f"{target.name}.{os.urandom(4).hex()}.new")
    _remove_unfinished(target)
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, _MODE))
    try:
        index = _filled(sqlite3.connect(aside, check_same_thread=False), source, stamp)
        _put(aside, target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    return index


def _filled(index: sqlite3.Connection, source: Path, stamp: Stamp) -> sqlite3.Connection:
    """The connection, once everything is in it; closed when that fails."""
    reading = Reading(source)
    try:
        index.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES}")
        _fill(index, reading)
        _judge(reading, stamp)
        index.executescript(_INDEXES)
        values = (FORMAT, stamp.path, stamp.size, stamp.modified, stamp.changed, stamp.inode)
        index.execute("INSERT INTO source VALUES (?, ?, ?, ?, ?, ?)", values)
        index.commit()
        index.execute("PRAGMA query_only = ON")
    except BaseException:
        index.close()
        raise
    return index


def _judge(reading: Reading, stamp: Stamp) -> None:
    if Stamp.of(reading.path) != stamp:
        raise Unsettled
    if reading.problems:
        raise NotBuilt(reading.problems)


def _fill(index: sqlite3.Connection, reading: Reading) -> None:
    people: list[tuple[int, PersonRow]] = []
    organisations: list[tuple[int, OrganisationRow]] = []
    for number, (_, row) in enumerate(reading.rows(), 1):
        if isinstance(row, PersonRow):
            people.append((number, row))
        else:
            organisations.append((number, row))
        if not number % _AT_ONCE:
            _insert_people(index, people)
            people.clear()
    _insert_people(index, people)
    _insert_organisations(index, organisations)


def _insert_people(index: sqlite3.Connection, people: Sequence[tuple[int, PersonRow]]) -> None:
    index.executemany(
        "INSERT INTO people VALUES (?, ?, ?, ?, ?, ?)",
        ((number, *row[:5]) for number, row in people),
    )
    index.executemany(
        "INSERT INTO addresses VALUES (?, ?)",
        ((address, number) for number, row in people for address in row.addresses),
    )


def _insert_organisations(
    index: sqlite3.Connection, organisations: Sequence[tuple[int, OrganisationRow]]
) -> None:
    index.executemany(
        "INSERT INTO organisations VALUES (?, ?, ?, ?, ?)",
        ((number, *row[:4]) for number, row in organisations),
    )
    index.executemany(
        "INSERT INTO domains VALUES (?, ?)",
        ((domain, number) for number, row in organisations for domain in row.domains),
    )


def _put(aside: Path, target: Path) -> None:
    """Make it durable under its name."""
    _sync(aside)
    aside.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_unfinished(target: Path) -> None:
    """What builders that were killed have left; whoever builds holds the lock of the store."""
    for left in target.parent.glob(f"{target.name}.*.new"):
        with suppress(OSError):
            left.unlink()
