"""What the parts of the SQLite ledger share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emailint.store.database import Database
    from emailint.store.records import Hook

Item = TypeVar("Item")
CHUNK = 500  # values in one statement; SQLite has allowed 999 since its beginnings


class LedgerPart:
    """Verbs of one concern over the one database."""

    _hooks: frozenset[Hook] = frozenset()

    def __init__(self, database: Database) -> None:
        self._database = database


def chunks(values: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The values in pieces that fit into one statement."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def placeholders(values: Sequence[object]) -> str:
    """Placeholders for these values: `?,?,?`."""
    return ",".join("?" * len(values))
