"""Lines that commands of the owner's are given: noted with what they tell, forgotten once one ended well.

A line of a case or a follow-up is noted by the transaction that makes it (see `SqliteBatch`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from emailint.store.ledger_part import LedgerPart
from emailint.store.records import Call, Calls, Hook
from emailint.store.schema import to_micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

LONGEST_WAIT = timedelta(days=1)

_DUE = (
    "SELECT hook.id, coalesce(hook.content, line.content), hook.attempts"
    " FROM hook LEFT JOIN line ON line.id = hook.line"
    " WHERE hook.name = ? AND hook.failed = 0 AND (hook.line IS NULL OR line.projected = 1)"
    " AND (hook.next_at IS NULL OR hook.next_at <= ? OR hook.next_at > ?) ORDER BY hook.id LIMIT ?"
)


class HookVerbs(LedgerPart):
    """What waits for a command, and what became of it."""

    def serve(self, hooks: frozenset[Hook]) -> None:
        """The commands that are given the lines which are made from now on; none unless said."""
        self._hooks = hooks

    def note_error(self, line: bytes) -> None:
        """`on_error` is to be given this line; part of the transaction that is open, if one is."""
        if Hook.ON_ERROR in self._hooks:
            with self._database.writing() as connection:
                insert = "INSERT INTO hook (name, content) VALUES (?, ?)"
                connection.execute(insert, (Hook.ON_ERROR, line))

    def due_calls(self, hook: Hook, now: datetime, most: int) -> Sequence[Call]:
        """The oldest lines that this command is to be given now; those of cases are durable in their file.

        A next try more than a day away was noted by a clock that was wrong, and counts as now.
        """
        values = (hook, to_micros(now), to_micros(now + LONGEST_WAIT), most)
        with self._database.reading() as connection:
            rows = connection.execute(_DUE, values).fetchall()
        return [Call(row, hook, line, attempts) for row, line, attempts in rows]

    def called(self, call: Call) -> None:
        """The command ended well: it is not given this line again."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM hook WHERE id = ?", (call.row,))

    def call_failed(self, call: Call, until: datetime | None) -> None:
        """The command is given the line again not before `until`; with None only by a person's order."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE hook SET attempts = attempts + 1, next_at = ?, failed = ? WHERE id = ?",
                (None if until is None else to_micros(until), until is None, call.row),
            )

    def call_again(self) -> int:
        """Whatever failed, once or too often, is due now, as if it had not; how many lines that are."""
        changed = "attempts > 0 OR failed = 1"
        with self._database.writing() as connection:
            return connection.execute(
                f"UPDATE hook SET attempts = 0, next_at = NULL, failed = 0 WHERE {changed}"  # noqa: S608  ours
            ).rowcount

    def fails(self, hook: Hook, patience: int) -> bool:
        """Whether a line was tried so often in vain."""
        query = "SELECT 1 FROM hook WHERE name = ? AND (failed = 1 OR attempts >= ?) LIMIT 1"
        with self._database.reading() as connection:
            return connection.execute(query, (hook, patience)).fetchone() is not None

    def calls(self) -> Mapping[Hook, Calls]:
        """How much waits for each command; those for which nothing does are left out."""
        query = "SELECT name, sum(failed = 0), sum(failed) FROM hook GROUP BY name"
        with self._database.reading() as connection:
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'hook'").fetchone() is None:
                return {}  # a ledger of an earlier version, which is only read
            return {Hook(name): Calls(*counts) for name, *counts in connection.execute(query)}
