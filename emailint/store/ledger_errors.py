"""Errors that are open, and how mailboxes have been doing."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from emailint.store.ledger_part import LedgerPart
from emailint.store.records import Health, OpenError, Trouble
from emailint.store.schema import from_micros, to_micros

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from datetime import datetime

_SELECT = "SELECT error_id, trouble, opened_at, last_at, count, closed_at, told_at FROM error"
_ANY_AILING = (
    "SELECT 1 FROM health WHERE failures <> 0 OR retry_at IS NOT NULL OR kind IS NOT NULL"
    " OR config IS NOT NULL LIMIT 1"
)


class ErrorVerbs(LedgerPart):
    """Troubles, merged by their id, and the health of mailboxes."""

    def trouble(self, trouble: Trouble, now: datetime) -> OpenError:
        """Open an error, or count it again."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO error (error_id, trouble, opened_at, last_at, count) VALUES (?, ?, ?, ?, 1)"
                " ON CONFLICT (error_id) DO UPDATE SET trouble = excluded.trouble,"
                " last_at = excluded.last_at,"
                " opened_at = iif(closed_at IS NULL, opened_at, excluded.opened_at),"
                " count = iif(closed_at IS NULL, count + 1, 1),"
                " told_at = iif(closed_at IS NULL, told_at, NULL), closed_at = NULL",
                (trouble.error_id, json.dumps(asdict(trouble)), to_micros(now), to_micros(now)),
            )
            return _errors(connection, "WHERE error_id = ?", trouble.error_id)[0]

    def close_errors(self, ids: Iterable[str], now: datetime) -> Sequence[OpenError]:
        """Close these errors; returns those that were open."""
        wanted = list(dict.fromkeys(ids))
        if not self._open(wanted):
            return []
        closed: list[OpenError] = []
        with self._database.writing() as connection:
            for error in self._open(wanted):
                connection.execute(
                    "UPDATE error SET closed_at = ? WHERE error_id = ?", (to_micros(now), error.error_id)
                )
                closed += _errors(connection, "WHERE error_id = ?", error.error_id)
        return closed

    def told(self, ids: Iterable[str], now: datetime) -> None:
        """Standard error has spoken of these."""
        told = [(to_micros(now), error_id) for error_id in ids]
        if told:
            with self._database.writing() as connection:
                connection.executemany("UPDATE error SET told_at = ? WHERE error_id = ?", told)

    def errors(self, *, closed: bool = False) -> Sequence[OpenError]:
        """Open errors, oldest first; with `closed` all that are still kept."""
        which = "" if closed else "WHERE closed_at IS NULL"
        with self._database.reading() as connection:
            return _errors(connection, f"{which} ORDER BY opened_at, error_id")

    def health(self, account: str) -> Health:
        """How this mailbox has been doing."""
        if not self._database.unless_none("ailing", partial(self._database.rows, _ANY_AILING)):
            return Health()
        query = "SELECT failures, retry_at, kind, config FROM health WHERE account = ?"
        with self._database.reading() as connection:
            row = connection.execute(query, (account,)).fetchone()
        if row is None:
            return Health()
        return Health(row[0], None if row[1] is None else from_micros(row[1]), row[2], row[3])

    def set_health(self, account: str, health: Health) -> None:
        """Record it; writes nothing when it is unchanged."""
        if self.health(account) == health:
            return
        retry_at = None if health.retry_at is None else to_micros(health.retry_at)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO health VALUES (?, ?, ?, ?, ?)",
                (account, health.failures, retry_at, health.kind, health.config),
            )

    def _open(self, ids: Sequence[str]) -> list[OpenError]:
        condition = "WHERE error_id = ? AND closed_at IS NULL"
        with self._database.reading() as connection:
            return [error for one in ids for error in _errors(connection, condition, one)]


def _errors(connection: sqlite3.Connection, condition: str, *values: str) -> list[OpenError]:
    return [_error(row) for row in connection.execute(f"{_SELECT} {condition}", values)]


def _error(row: tuple[Any, ...]) -> OpenError:
    return OpenError(
        error_id=row[0],
        trouble=Trouble(**json.loads(row[1])),
        opened_at=from_micros(row[2]),
        last_at=from_micros(row[3]),
        count=row[4],
        closed_at=None if row[5] is None else from_micros(row[5]),
        told_at=None if row[6] is None else from_micros(row[6]),
    )
