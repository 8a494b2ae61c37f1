"""A store with a long past: `python -m benchmarks.big_store FOLDER CASES`.

Makes an empty folder a store with so many cases and twice as many ledger rows, all of them done: each
case's line is in cases.jsonl. The rows go into the tables by themselves (a million in half a minute); the
lines are brought into their file by the store's own step.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from emailint.case import json_line
from emailint.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ACCOUNT = "imap://past@127.0.0.1"
_BEGAN = 1_700_000_000_000_000
_MINUTE = 60_000_000
_ISSUE = "Please help. " * 20


def fill(folder: Path, cases: int) -> None:
    """Make the store."""
    open_store(folder).close()
    with closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for table, rows in _tables(cases).items():
            places = ", ".join("?" * (1 + table.count(",")))
            connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608 - our own names
        connection.execute("UPDATE meta SET value = ? WHERE name = 'case_number'", (cases,))
        connection.execute("COMMIT")
    with open_store(folder) as store:
        store.project()


def _tables(cases: int) -> dict[str, Iterable[tuple[object, ...]]]:
    rows = range(1, 2 * cases + 1)  # odd ones are cases, even ones mail that was ignored
    return {
        "message (row, scope, fingerprint, disposition, integration, account, created_at, counted_at,"
        " case_id, message_id, participants)": map(_message, rows),
        "reference (message_id, row)": ((f"<{row}@example.com>", row) for row in rows),
        "locus (locus, row, account, marked)": ((_locus(row), row, f"{ACCOUNT}/INBOX", 1) for row in rows),
        "line (row, journal, content)": _lines(cases),
        "reply (row, fingerprint, state, integration, alias, message_id, recipient, address, domain,"
        " received_at, begun_at)": map(_reply, range(1, 2 * cases, 2)),
    }


def _message(row: int) -> tuple[object, ...]:
    moment = _BEGAN + row * _MINUTE
    case = row % 2 == 1
    return (
        *(row, ACCOUNT, f"1:{row:064x}", "case" if case else "ignored", "past", f"{ACCOUNT}/INBOX", moment),
        *(moment if case else None, _case_id(row) if case else None, f"<{row}@example.com>"),
        '["ann@example.com", "past@example.org"]',
    )


def _reply(row: int) -> tuple[object, ...]:
    address = f"ann{row}@example.com"
    return (
        *(row, f"1:{row:064x}", "sent", "past", "past@example.org", f"<{_case_id(row)}.0@example.org>"),
        *(address, address, "example.com", _BEGAN + row * _MINUTE, _BEGAN + row * _MINUTE),
    )


def _lines(cases: int) -> Iterator[tuple[object, ...]]:
    for row in range(1, 2 * cases, 2):
        record = {
            "schema": 1,
            "case_id": _case_id(row),
            "subject": f"Hours {row}",
            "issue": "Please help. " * 20,
        }
        yield row, "cases.jsonl", json_line(record)


def _case_id(row: int) -> str:
    return f"CS-{(row + 1) // 2:06d}"


def _locus(row: int) -> str:
    return f"{ACCOUNT}/INBOX;UIDVALIDITY=1/;UID={row}"


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]))
