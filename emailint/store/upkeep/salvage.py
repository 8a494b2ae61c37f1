"""What can still be read in a ledger that is damaged: lines, each by itself, and the last case number."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from emailint.errors import StoreError
from emailint.store.database import Database
from emailint.store.records import Journal
from emailint.store.sqlite_ledger import NAME
from emailint.store.upkeep.comparing import ComparingVerbs, Known
from emailint.store.upkeep.parsed import names, record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

_AT_ONCE = 256


def salvaged_lines(folder: Path, ledger: ComparingVerbs) -> Iterator[tuple[Journal, bytes]]:
    """Whole lines of the damaged ledger that `ledger` does not hold."""
    try:
        damaged = Database(folder / NAME, read_only=True)
    except StoreError:
        return
    try:
        last = _last(damaged)
        for begin in range(1, last + 1, _AT_ONCE):
            for journal, line in _stretch(damaged, begin, min(begin + _AT_ONCE - 1, last)):
                if _is_lacking(ledger, journal, line):
                    yield journal, line
    finally:
        with suppress(StoreError):
            damaged.close()


def salvaged_number(folder: Path) -> int:
    """The last case number that the damaged ledger knows of; 0 where that cannot be read."""
    with suppress(StoreError):
        damaged = Database(folder / NAME, read_only=True)
        try:
            return ComparingVerbs(damaged).case_number()
        finally:
            damaged.close()
    return 0


def _last(damaged: Database) -> int:
    for query in ("SELECT max(id) FROM line", "SELECT max(id) FROM line INDEXED BY line_unprojected"):
        with suppress(StoreError):
            found = damaged.rows(query)
            return int(found[0][0] or 0)
    return 0


def _stretch(damaged: Database, begin: int, end: int) -> Iterator[tuple[Journal, bytes]]:
    """All lines from `begin` to `end`; where one cannot be read, each by itself."""
    for journal, content in _read(damaged, begin, end):
        with suppress(ValueError):
            yield Journal(journal), bytes(content)


def _read(damaged: Database, begin: int, end: int) -> list[tuple[Any, ...]]:
    query = "SELECT journal, content FROM line WHERE id BETWEEN ? AND ? ORDER BY id"
    try:
        return damaged.rows(query, begin, end)
    except StoreError:
        if begin == end:
            return []
        middle = (begin + end) // 2
        return [*_read(damaged, begin, middle), *_read(damaged, middle + 1, end)]


def _is_lacking(ledger: ComparingVerbs, journal: Journal, line: bytes) -> bool:
    named = names(line)
    if named is None or record(line, journal) is None:
        return False
    return ledger.find_line(journal, named, line) is Known.NO_ROW
