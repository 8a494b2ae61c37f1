"""The ledger with the verbs that only upkeep needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from emailint.store import schema
from emailint.store.database import Database
from emailint.store.sqlite_ledger import SqliteLedger
from emailint.store.upkeep.pruning import PruningVerbs
from emailint.store.upkeep.restoring import RestoringVerbs

if TYPE_CHECKING:
    from pathlib import Path


class UpkeepLedger(SqliteLedger, RestoringVerbs, PruningVerbs):
    """Opened like the ledger of a sweep; nothing but `emailint store` uses it."""

    @classmethod
    def empty(cls) -> Self:
        """One that knows nothing, in memory."""
        database = Database(None)
        with database.writing() as connection:
            schema.create(connection, os.uname().nodename)
        return cls(database)

    @classmethod
    def scratch(cls, folder: Path, host: str | None) -> Self:
        """A new one that need not outlive its making: it is quick, until `finish_scratch`."""
        ledger = cls.open(folder, host=host)
        ledger.tune("DELETE", "MEMORY", synchronous="OFF")
        return ledger

    def finish_scratch(self) -> None:
        """As any ledger from now on. Its file is still to be synced."""
        self.tune("WAL", synchronous="FULL")

    def tune(self, *modes: str, synchronous: str) -> None:
        """Set the journal and how commits are synced."""
        for mode in modes:
            self._database.rows(f"PRAGMA journal_mode = {mode}")
        self._database.rows(f"PRAGMA synchronous = {synchronous}")
