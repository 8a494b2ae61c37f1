"""What a store folder says, looked at by nobody's leave and past all code that is tested."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emailint.store.digests import folder_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emailint.store.records import Key


@dataclass(frozen=True)
class Stored:
    """One store folder, which may not be there yet."""

    folder: Path

    @property
    def ledger_path(self) -> Path:
        return self.folder / "ledger.db"

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the ledger says."""
        if not self.ledger_path.exists():
            return []
        with closing(sqlite3.connect(f"{self.ledger_path.as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(query, values).fetchall()

    def case_of(self, message_id: str) -> str:
        """The case whose reply has this Message-ID."""
        query = "SELECT case_id FROM message JOIN reply USING (row) WHERE reply.message_id = ?"
        return str(self.rows(query, message_id)[0][0])

    def replies(self, state: str) -> list[tuple[str, str]]:
        """Case ids and Message-IDs of replies in this state."""
        query = "SELECT case_id, reply.message_id FROM message JOIN reply USING (row) WHERE state = ?"
        return [(str(case_id), str(message_id)) for case_id, message_id in self.rows(query, state)]

    def lines(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """All lines of all cases and follow-ups that are whole, with their file."""
        for path in sorted(self.folder.glob("*.jsonl*")):
            if path.name.startswith(("cases.", "followups.")):
                content = path.read_bytes()
                assert content == b"" or content.endswith(b"\n"), f"I5: {path.name}"
                for line in content.splitlines():
                    yield path.name, json.loads(line)

    def kept(self, part: str, key: Key) -> bool:
        """Whether the octets of this mail are kept."""
        name = folder_name(key)
        return any(path.name.startswith(name) for path in (self.folder / part).iterdir())

    def contents(self) -> dict[str, bytes]:
        """Every file of the store but the lock and what sqlite keeps beside it."""
        return {
            path.name: path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and path.name not in {"lock", "ledger.db-wal", "ledger.db-shm"}
        }
