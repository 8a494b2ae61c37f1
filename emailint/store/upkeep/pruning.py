"""What is pruned of the ledger: the content of cases that are over; never what makes a mail known again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emailint.store.records import Key
from emailint.store.schema import to_micros
from emailint.store.upkeep.comparing import ComparingVerbs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

AT_ONCE = 500
"""So many cases are forgotten in one transaction."""

# Cases with all of their messages older than the moment, of which nothing is to be done any more.
_CHOOSE = """
INSERT INTO pruning (case_id)
SELECT case_id FROM message WHERE case_id IS NOT NULL GROUP BY case_id HAVING max(created_at) < ?
EXCEPT SELECT case_id FROM message JOIN reply USING (row) WHERE state IN ('pending', 'sending')
EXCEPT SELECT case_id FROM message JOIN kept USING (row) WHERE settled = 0
EXCEPT SELECT case_id FROM message JOIN line USING (row) WHERE projected = 0
EXCEPT SELECT json_extract(trouble, '$.case_id') FROM error WHERE closed_at IS NULL
"""
_CALLED = """
DELETE FROM pruning WHERE case_id IN (SELECT case_id FROM message JOIN line USING (row)
    JOIN hook ON hook.line = line.id WHERE hook.failed = 0)
"""
_FORGET_CALLS = "DELETE FROM hook WHERE line IN (SELECT id FROM line WHERE content = x'')"
_DONE = (
    "DELETE FROM pruning WHERE NOT EXISTS (SELECT 1 FROM message JOIN line USING (row)"
    " WHERE message.case_id = pruning.case_id AND line.content <> x'')"
)
_ROWS = "SELECT row FROM message WHERE case_id IN (SELECT case_id FROM pruning)"
_SOME = "case_id IN (SELECT case_id FROM pruning ORDER BY case_id LIMIT ?)"
_FORGET = (
    "UPDATE line SET content = x'', file = NULL, offset = NULL",
    "UPDATE message SET participants = '[]'",
    """UPDATE reply SET recipient = '', address = '', domain = '',
        reason = iif(state = 'failed', 'pruned', reason), state = iif(state = 'failed', 'withheld', state)""",
)
_FORGET_ERRORS = """
DELETE FROM error WHERE closed_at < ?
    OR closed_at IS NOT NULL AND json_extract(trouble, '$.case_id') IN (SELECT case_id FROM pruning)
"""
_FOLLOW_UPS = (
    "SELECT count(*) FROM line WHERE journal = 'followups.jsonl' AND content <> x''"  # noqa: S608  ours
    f" AND row IN ({_ROWS})"
)


class PruningVerbs(ComparingVerbs):
    """Choose, look up, forget. What was chosen lasts as long as the ledger is open."""

    def choose(self, before: datetime) -> tuple[int, int, int]:
        """Choose the cases that are over since before this moment; how many cases, follow-ups and left ones.

        `left` are as old, and wait for something.
        """
        database = self._database
        database.rows("PRAGMA query_only = 0")  # for the temporary table, which is in memory
        database.rows("DROP TABLE IF EXISTS pruning")
        database.rows("CREATE TEMP TABLE pruning (case_id TEXT PRIMARY KEY) WITHOUT ROWID")
        database.rows(_CHOOSE, to_micros(before))
        if self.has_table("hook"):
            database.rows(_CALLED)
        ((old,),) = database.rows(
            "SELECT count(*) FROM (SELECT case_id FROM message WHERE case_id IS NOT NULL"
            " GROUP BY case_id HAVING max(created_at) < ?)",
            to_micros(before),
        )
        ((over,),) = database.rows("SELECT count(*) FROM pruning")
        database.rows(_DONE)
        ((cases,),) = database.rows("SELECT count(*) FROM pruning")
        database.rows(f"PRAGMA query_only = {int(database.read_only)}")
        ((follow_ups,),) = database.rows(_FOLLOW_UPS)
        return cases, follow_ups, old - over

    def is_chosen(self, case_id: str) -> bool:
        """Whether this case was chosen."""
        return bool(self._database.rows("SELECT 1 FROM pruning WHERE case_id = ?", case_id))

    def chosen_lines(self) -> Iterator[bytes]:
        """The lines of what was chosen."""
        for (content,) in self.rows(f"SELECT content FROM line WHERE content <> x'' AND row IN ({_ROWS})"):  # noqa: S608  ours
            yield content

    def without_content(self, before: datetime) -> Iterator[Key]:
        """What was ignored before this moment, and what was pruned earlier: attachments of it serve nobody.

        They are kept before the ledger is asked whether a mail is known.
        """
        query = (
            "SELECT scope, fingerprint FROM message WHERE disposition = 'ignored' AND created_at < ?"
            " OR row IN (SELECT row FROM line WHERE content = x'')"
        )
        for scope, fingerprint in self.rows(query, to_micros(before)):
            yield Key(scope, fingerprint)

    def old_errors(self, before: datetime) -> int:
        """How many errors were closed before this moment."""
        query = "SELECT count(*) FROM error WHERE closed_at < ?"
        ((count,),) = self._database.rows(query, to_micros(before))
        return int(count)

    def is_open(self, error_id: str) -> bool:
        """Whether this error is open."""
        query = "SELECT 1 FROM error WHERE error_id = ? AND closed_at IS NULL"
        return bool(self._database.rows(query, error_id))

    def forget_content(self, before: datetime) -> None:
        """Forget what the chosen cases and old errors say; their octets are overwritten in the file.

        Some cases at a time, since SQLite keeps in memory what one statement changes.
        """
        self._database.rows("PRAGMA secure_delete = ON")
        with self._database.writing() as connection:
            connection.execute(_FORGET_ERRORS, (to_micros(before),))
        while self._database.rows("SELECT 1 FROM pruning LIMIT 1"):
            with self._database.writing() as connection:
                for update in _FORGET:
                    rows = f"SELECT row FROM message WHERE {_SOME}"  # noqa: S608  ours
                    connection.execute(f"{update} WHERE row IN ({rows})", (AT_ONCE,))
                connection.execute(f"DELETE FROM pruning WHERE {_SOME}", (AT_ONCE,))  # noqa: S608  ours
        if self.has_table("hook"):
            with self._database.writing() as connection:
                connection.execute(_FORGET_CALLS)
