"""A file of JSON lines that somebody removed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from emailint.store import Store, open_store
from emailint.store.records import Disposition, Entry, Journal, Key

if TYPE_CHECKING:
    from pathlib import Path


def add(store: Store, number: int) -> tuple[str, ...]:
    """One case, projected; the warnings that it brought."""
    case_id = f"CS-{number:06d}"
    with store.ledger.transaction() as batch:
        batch.add(
            Entry(
                Key("a@example.org", f"1:{number}"),
                Disposition.CASE,
                "a",
                "memory://a",
                f"memory://a/{number}",
                datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC),
                case_id=case_id,
                journal=Journal.CASES,
                line=b'{"schema":1,"case_id":"%s"}\n' % case_id.encode(),
            )
        )
    return store.project().warnings


def test_a_removed_file_is_told_and_a_rotated_or_packed_one_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with open_store(folder) as store:
        assert add(store, 1) == ()
        (folder / "cases.jsonl").rename(folder / "cases.jsonl.1")
        assert add(store, 2) == ()
        (folder / "cases.jsonl").rename(folder / "cases.jsonl.2.gz")
        assert add(store, 3) == ()
        for path in folder.glob("cases.jsonl*"):
            path.unlink()
        (warning,) = add(store, 4)
        assert "store rebuild" in warning
        assert add(store, 5) == ()
