"""Rows that are made again from lines and from kept octets."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from emailint.store.ledger_batch import SqliteBatch
from emailint.store.ledger_part import LedgerPart
from emailint.store.records import Disposition, Journal, Key
from emailint.store.schema import stored, to_micros
from emailint.store.upkeep.parsed import names, number
from emailint.store.upkeep.restored import REBUILT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.store.database import Database
    from emailint.store.records import Entry, KeptMail, Known
    from emailint.store.upkeep.restored import Restored

MARKED_ONCE_MORE = 100
"""So many of the newest mails of a mailbox may not have been marked read yet: they are marked once more."""

# By case number, follow-ups as they are; only where that is not the order of the lines already.
_ORDERED = (
    "SELECT line.id, lag(line.id) OVER (ORDER BY CAST(substr(case_id, instr(case_id, '-') + 1) AS INTEGER),"
    " line.id) AS before FROM line JOIN message USING (row) WHERE journal = 'cases.jsonl'"
)


class Restorer:
    """Adds rows within a transaction that is open."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._newest: dict[str, deque[str]] = {}
        self._number = 0

    def find(self, key: Key) -> Known | None:
        """The row of this key."""
        return SqliteBatch(self._database).find(key)

    def add(self, restored: Restored) -> None:
        """The row of a line that the ledger does not know."""
        entry = restored.entry
        self._number = max(self._number, number(entry.case_id or "") or 0)
        known = self.find(entry.key)
        if restored.reread and known is not None and known.case_id == entry.case_id:
            self._reread(known.row, entry)
        elif known is None:
            self._insert(entry)
        elif known.disposition is Disposition.HELD:
            SqliteBatch(self._database).replace(known, entry)
            self._settle(known.row, entry)
        else:
            self._insert(replace(entry, key=_free_key(entry)))

    def remember(self, entry: Entry) -> bool:
        """The mail of a line whose case id another bears: it makes no second case. False: it is known."""
        if self.find(entry.key) is not None:
            return False
        bare = replace(
            entry, disposition=Disposition.IGNORED, case_id=None, journal=None, line=None, reply=None
        )
        self._write(replace(bare, kept=None))
        self._database.rows("UPDATE locus SET marked = 1 WHERE locus = ?", stored(entry.locus))
        return True

    def hold(self, entry: Entry) -> None:
        """Octets that nothing else is known of wait for a person."""
        self._write(entry)
        self._database.rows("UPDATE locus SET marked = 1 WHERE locus = ?", stored(entry.locus))

    def keep(self, row: int, locus: str, kept: KeptMail) -> None:
        """A row that waits, and of which that was forgotten."""
        self._database.rows(
            "INSERT OR IGNORE INTO kept VALUES (?, ?, ?, ?, ?, ?, 0)",
            row,
            stored(locus),
            to_micros(kept.received_at),
            kept.size,
            kept.whole,
            kept.read,
        )

    def projected(self, line_id: int) -> None:
        """This line stands in its file, and is durable there."""
        self._database.rows("UPDATE line SET projected = 1 WHERE id = ? AND projected = 0", line_id)

    def take_number(self, taken: int) -> None:
        """This case number was given already."""
        self._number = max(self._number, taken)

    def doubt_replies(self) -> int:
        """Replies that an old ledger takes for due may have been sent since; returns how many."""
        changed = self._database.rows(
            "UPDATE reply SET state = 'unknown', reason = ?, next_at = NULL"
            " WHERE state IN ('pending', 'sending') RETURNING row",
            REBUILT,
        )
        return len(changed)

    def count_begun(self, replies: int) -> None:
        """So many were begun, by what sweeps noted beside the ledger."""
        self._database.rows(
            "INSERT INTO meta VALUES ('replies_begun', ?)"
            " ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            replies,
        )

    def finish(self) -> None:
        """Numbers that lines bear are never given again, and the newest mails are marked once more."""
        update = "UPDATE meta SET value = ? WHERE name = 'case_number' AND value < ?"
        self._database.rows(update, self._number, self._number)

    def order_lines(self) -> None:
        """Lines of cases stand in the order of their numbers."""
        if not self._database.rows(f"SELECT 1 FROM ({_ORDERED}) WHERE before > id LIMIT 1"):  # noqa: S608  ours
            return
        self._database.rows(
            "CREATE TEMP TABLE placing AS SELECT line.id AS old, max_id.id + row_number() OVER (ORDER BY"
            " CAST(substr(case_id, instr(case_id, '-') + 1) AS INTEGER), line.id) AS new"
            " FROM line JOIN message USING (row), (SELECT max(id) AS id FROM line) AS max_id"
            " WHERE journal = 'cases.jsonl'"
        )
        self._database.rows(
            "UPDATE line SET id = (SELECT new FROM placing WHERE old = line.id)"
            " WHERE id IN (SELECT old FROM placing)"
        )
        if self._database.rows("SELECT 1 FROM sqlite_master WHERE name = 'hook'"):
            self._database.rows(
                "UPDATE hook SET line = (SELECT new FROM placing WHERE old = hook.line)"
                " WHERE line IN (SELECT old FROM placing)"
            )
        self._database.rows("DROP TABLE placing")

    def _insert(self, entry: Entry) -> None:
        self._write(entry)
        known = self.find(entry.key)
        if known is not None:
            self._settle(known.row, entry)

    def _write(self, entry: Entry) -> None:
        """As a sweep does, one at a time: there may be a million."""
        batch = SqliteBatch(self._database)
        batch.add(entry)
        batch.finish()

    def _settle(self, row: int, entry: Entry) -> None:
        """The line stands in its file; the mail was marked; the reply was begun, as far as is known."""
        self._database.rows("UPDATE line SET projected = 1 WHERE row = ?", row)
        begun = "UPDATE OR IGNORE reply SET begun_at = ? WHERE row = ? AND state = 'unknown'"
        self._database.rows(begun, to_micros(entry.created_at), row)
        newest = self._newest.setdefault(entry.account, deque())
        newest.append(entry.locus)
        if len(newest) > MARKED_ONCE_MORE:
            self._database.rows("UPDATE locus SET marked = 1 WHERE locus = ?", stored(newest.popleft()))

    def _reread(self, row: int, entry: Entry) -> None:
        self._database.rows("UPDATE kept SET settled = 1 WHERE row = ?", row)
        insert = "INSERT INTO line (row, journal, content, projected) VALUES (?, ?, ?, 1)"
        self._database.rows(insert, row, Journal.FOLLOW_UPS, entry.line)


class RestoringVerbs(LedgerPart):
    """Rows from lines, and lines that are to be written again."""

    @contextmanager
    def restoring(self) -> Iterator[Restorer]:
        """One transaction in which rows are added."""
        with self._database.writing():
            restorer = Restorer(self._database)
            yield restorer
            restorer.finish()

    def write_again(self, journal: Journal, after: int, most: int) -> int:
        """The next lines of this file beyond line `after` are to be written again; the last one of them.

        0: there are no more. Where the file ended is not known any more.
        """
        with self._database.writing() as connection:
            chosen = "SELECT id FROM line WHERE journal = ? AND id > ? AND content <> x'' ORDER BY id LIMIT ?"
            last = connection.execute(f"SELECT max(id) FROM ({chosen})", (journal, after, most)).fetchone()[0]  # noqa: S608  ours
            connection.execute(
                f"UPDATE line SET projected = 0, file = NULL, offset = NULL WHERE id IN ({chosen})",  # noqa: S608  ours
                (journal, after, most),
            )
            connection.execute("DELETE FROM journal WHERE name = ?", (journal,))
        return int(last or 0)

    def note_end(self, journal: Journal, file_id: str | None, end: int) -> None:
        """Where the last line of this file ends (None: there is no file)."""
        with self._database.writing() as connection:
            if file_id is None:
                connection.execute("DELETE FROM journal WHERE name = ?", (journal,))
            else:
                connection.execute("INSERT OR REPLACE INTO journal VALUES (?, ?, ?)", (journal, file_id, end))

    def copy_to(self, path: str) -> None:
        """A copy of the ledger as it is, in a new file."""
        import sqlite3  # noqa: PLC0415 - its exceptions come out as those of the ledger

        with self._database.reading() as connection:
            copy = sqlite3.connect(path)
            try:
                connection.backup(copy)
            finally:
                copy.close()

    def forget_held(self, row: int) -> None:
        """A held mail whose octets are gone is as new: set unread in its mailbox, it is taken again."""
        with self._database.writing() as connection:
            for table in ("kept", "locus", "reference", "message"):
                connection.execute(f"DELETE FROM {table} WHERE row = ?", (row,))  # noqa: S608  a name of ours

    def wait_no_more(self, row: int) -> None:
        """A mail whose octets are gone cannot be read again."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM kept WHERE row = ?", (row,))


def _free_key(entry: Entry) -> Key:
    """For a second line of one mail: a key that no mail will ever have."""
    named = names(entry.line or b"")
    own_id = (named.followup_id or named.case_id) if named else entry.case_id
    return Key(f"{entry.key.scope}\n{own_id}", entry.key.fingerprint)
