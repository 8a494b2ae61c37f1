"""What one transaction adds to the ledger: the rows that are still to be written, and how to find them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emailint.store.records import Entry, Key, Known, ReplyState

if TYPE_CHECKING:
    from emailint.store.database import Database


class BatchRows:
    """Rows by the statement that writes them; nobody else adds any while the transaction is open."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, list[tuple[object, ...]]] = {}
        self._last_row: int | None = None

    def next_row(self) -> int:
        """The number of the next message, as SQLite would give it."""
        if self._last_row is None:
            ((last,),) = self._database.rows("SELECT max(row) FROM message")
            self._last_row = int(last or 0)
        self._last_row += 1
        return self._last_row

    def add(self, statement: str, *values: object) -> None:
        """Keep a row for its statement."""
        self._waiting.setdefault(statement, []).append(values)

    def write(self) -> None:
        """Write all that waits, in the order in which the statements first came."""
        waiting, self._waiting = self._waiting, {}
        for statement, rows in waiting.items():
            self._database.many(statement, rows)


@dataclass(slots=True)
class Added:
    """The messages that a transaction has added, by what later ones of it are compared with.

    `answered`: fingerprints with a reply that is not withheld; `bearers`: the first row with a scope and
    Message-ID; `cases`: the first case that a Message-ID, a mail's or a reply's, belongs to.
    """

    known: dict[Key, Known] = field(default_factory=dict)
    answered: dict[str, int] = field(default_factory=dict)
    bearers: dict[tuple[str, str], int] = field(default_factory=dict)
    cases: dict[str, str] = field(default_factory=dict)

    def note(self, entry: Entry, row: int) -> None:
        """A message was added under this row."""
        self.known[entry.key] = Known(row, entry.disposition, entry.case_id)
        if entry.message_id is not None:
            self.bearers.setdefault((entry.key.scope, entry.message_id), row)
        if entry.reply is not None and entry.reply.state is not ReplyState.WITHHELD:
            self.answered.setdefault(entry.key.fingerprint, row)
        if entry.case_id is not None:
            for message_id in entry.message_ids:
                self.cases.setdefault(message_id, entry.case_id)


@dataclass(slots=True)
class Breaker:
    """When the cases of one mailbox since some moment count as made, ascending."""

    since: int
    counted: list[int]

    def count(self, since: int) -> int:
        """How many of them since a later moment."""
        return len(self.counted) - bisect_left(self.counted, since)


Breakers = dict[str, Breaker]
"""By account. Only the one run that holds the store's lock adds cases, and so it may remember them."""
