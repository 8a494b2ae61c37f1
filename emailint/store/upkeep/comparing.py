"""What the ledger is asked when it is compared with the files."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from emailint.errors import StoreError
from emailint.store import schema
from emailint.store.database import Database
from emailint.store.ledger_part import LedgerPart
from emailint.store.sqlite_ledger import NAME, SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from emailint.store.records import Journal
    from emailint.store.upkeep.parsed import Names

_OCTETS_AT_ONCE = 4_000_000
_LINES_AT_ONCE = 1_000
_PROBLEMS = 5
_TABLES = ("message", "line", "reply", "locus", "kept", "reference", "journal", "error")


class LedgerState(StrEnum):
    """Whether there is a ledger that can be built on."""

    SOUND = "sound"
    MISSING = "missing"
    DAMAGED = "damaged"


class Known(StrEnum):
    """Why a line that begins as ours is not one that the ledger holds."""

    NO_ROW = "no_row"
    CHANGED = "changed"
    PRUNED = "pruned"


@dataclass(frozen=True, slots=True)
class Expected:
    """A line that must stand in the files."""

    line_id: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the ledger without its content."""

    line_id: int
    case_id: str
    projected: bool


class ComparingVerbs(LedgerPart):
    """Reading that is bounded in memory."""

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Within, all that is read is of one moment, whatever a sweep commits meanwhile."""
        with self._database.reading() as connection:
            connection.execute("BEGIN")
            try:
                connection.execute("SELECT count(*) FROM meta").fetchone()
                yield
            finally:
                connection.execute("ROLLBACK")

    def rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, one at a time."""
        with self._database.reading() as connection:
            cursor = connection.execute(query, values)
        while True:
            with self._database.reading():  # not while whoever asked looks at a row
                row: tuple[Any, ...] | None = cursor.fetchone()
            if row is None:
                return
            yield row

    def one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        """The first row of a query."""
        found: tuple[Any, ...] | None = next(self.rows(query, *values), None)
        return found

    def expected(self, journal: Journal, after: int) -> Iterator[Expected]:
        """Lines of this file in their order, beyond line `after`; pruned ones are left out."""
        query = (
            "SELECT id, content FROM line WHERE id > ? AND journal = ? AND content <> x'' ORDER BY id LIMIT ?"
        )
        while True:
            octets, last = 0, after
            for line_id, content in self.rows(query, after, journal, _LINES_AT_ONCE):
                yield Expected(line_id, content)
                last, octets = line_id, octets + len(content)
                if octets > _OCTETS_AT_ONCE:
                    break
            if last == after:
                return
            after = last

    def listed(self, journal: Journal) -> Iterator[Listed]:
        """All lines that must stand in this file, in their order."""
        query = (
            "SELECT line.id, message.case_id, line.projected FROM line JOIN message USING (row)"
            " WHERE line.journal = ? AND line.content <> x'' ORDER BY line.id"
        )
        return (Listed(row[0], row[1] or "", bool(row[2])) for row in self.rows(query, journal))

    def find_line(self, journal: Journal, named: Names, line: bytes) -> int | Known:
        """The number of this very line, or why there is none."""
        query = (
            "SELECT line.id, line.content = ?, line.content = x'', substr(line.content, 1, ?) = ?"
            " FROM message JOIN line USING (row) WHERE message.case_id = ? AND line.journal = ?"
        )
        found = list(self.rows(query, line, len(named.start), named.start, named.case_id, journal))
        for line_id, same, _, _ in found:
            if same:
                return int(line_id)
        if any(alike for _, _, _, alike in found):
            return Known.CHANGED
        return Known.PRUNED if any(pruned for _, _, pruned, _ in found) else Known.NO_ROW

    def has_table(self, name: str) -> bool:
        """Whether there is this table; older ledgers lack some until they are opened for writing."""
        return self.one("SELECT 1 FROM sqlite_master WHERE name = ?", name) is not None

    def case_number(self) -> int:
        """The last case number that was taken."""
        row = self.one("SELECT value FROM meta WHERE name = 'case_number'")
        return int(row[0]) if row else 0

    def cases(self) -> int:
        """How many cases there are."""
        row = self.one("SELECT count(*) FROM message WHERE counted_at IS NOT NULL")
        return int(row[0]) if row else 0

    def damages(self) -> list[str]:
        """What SQLite finds wrong with the file."""
        found = [str(row[0]) for row in self.rows(f"PRAGMA integrity_check({_PROBLEMS})")]
        if found != ["ok"]:
            return found
        return [f"a row of {row[0]} belongs to nothing" for row in self.rows("PRAGMA foreign_key_check")]


def ledger_state(folder: Path) -> tuple[LedgerState, str]:
    """How the ledger in this folder is, and why. Raises StoreError where it cannot be read at all.

    One that cannot be read because it is damaged is DAMAGED; that it is another host's or a newer version's
    is for whoever opens it.
    """
    if not SqliteLedger.exists(folder):
        return LedgerState.MISSING, "there is none"
    try:
        database = Database(folder / NAME, read_only=True)
        try:
            found = ComparingVerbs(database).damages() or _wrong_tables(ComparingVerbs(database))
        finally:
            database.close()
    except StoreError as error:
        if _says_damaged(error):
            return LedgerState.DAMAGED, str(error.__cause__)
        raise
    return (LedgerState.DAMAGED, "; ".join(found)) if found else (LedgerState.SOUND, "")


def _wrong_tables(ledger: ComparingVerbs) -> list[str]:
    """Why this is no ledger; a missing table raises."""
    row = ledger.one("SELECT value FROM meta WHERE name = 'schema'")
    if not row or not isinstance(row[0], int) or row[0] < 1:
        return ["it is no ledger of emailint"]
    if row[0] <= schema.VERSION:
        for table in _TABLES:
            ledger.one(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608  a name of ours
    return []


def _says_damaged(error: StoreError) -> bool:
    cause = error.__cause__
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    return isinstance(cause, sqlite3.Error) and code in {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_ERROR,  # no such table
    }
