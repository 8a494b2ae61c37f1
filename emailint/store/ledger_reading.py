"""Reading a mailbox: what is done, what is in flight, what was in flight when a run died."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emailint.store.ledger_part import LedgerPart, chunks, placeholders
from emailint.store.schema import read_text, stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emailint.store.database import Database


class ReadingVerbs(LedgerPart):
    """Known loci, and loci in flight."""

    def __init__(self, database: Database) -> None:
        """Loci that are in flight now are those that an earlier run left."""
        super().__init__(database)
        with database.reading() as connection:
            found = connection.execute("SELECT locus FROM in_flight WHERE flying = 1")
            self._left_in_flight = frozenset(read_text(locus) for (locus,) in found)

    def done(self, loci: Sequence[str]) -> frozenset[str]:
        """Those loci whose message has a row already."""
        known: set[str] = set()
        for chunk in chunks(loci):
            query = f"SELECT locus FROM locus WHERE locus IN ({placeholders(chunk)})"  # noqa: S608  placeholders only
            rows = self._database.rows(query, *map(stored, chunk))
            known.update(read_text(locus) for (locus,) in rows)
        return frozenset(known)

    def begin(self, loci: Sequence[str]) -> None:
        """Note loci as in flight, before they are fetched."""
        if not loci:
            return
        with self._database.noting() as connection:
            connection.executemany(
                "INSERT INTO in_flight (locus, flying) VALUES (?, 1)"
                " ON CONFLICT (locus) DO UPDATE SET flying = 1 WHERE flying = 0",
                [(stored(locus),) for locus in loci],
            )

    def suspects(self, loci: Sequence[str]) -> Mapping[str, int]:
        """Those left in flight by an earlier run or with counted attempts, and how many attempts."""
        found: dict[str, int] = {}
        for chunk in chunks(loci):
            query = f"SELECT locus, attempts FROM in_flight WHERE locus IN ({placeholders(chunk)})"  # noqa: S608  placeholders only
            for value, attempts in self._database.rows(query, *map(stored, chunk)):
                locus = read_text(value)
                if attempts or locus in self._left_in_flight:
                    found[locus] = attempts
        return found

    def attempt(self, locus: str) -> int:
        """Count one failed attempt of a message that was alone; returns how many there are now."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO in_flight (locus, flying, attempts) VALUES (?, 1, 1)"
                " ON CONFLICT (locus) DO UPDATE SET attempts = attempts + 1",
                (stored(locus),),
            )
            row = connection.execute("SELECT attempts FROM in_flight WHERE locus = ?", (stored(locus),))
            (attempts,) = row.fetchone()
        return int(attempts)

    def given(self, account: str, count: int) -> Sequence[str]:
        """Places in this mailbox of messages that could be read, those that were taken last first.

        One look at all places: it is asked for only where a message is not given.
        """
        query = (
            "SELECT locus.locus FROM locus CROSS JOIN message ON message.row = locus.row"
            " WHERE locus.account = ? AND message.disposition <> 'quarantined'"
            " ORDER BY locus.row DESC LIMIT ?"
        )
        with self._database.reading() as connection:
            return [read_text(locus) for (locus,) in connection.execute(query, (account, count))]

    def release(self, loci: Sequence[str]) -> None:
        """No longer in flight. Counted attempts stay, and keep such a message apart from others."""
        if not loci:
            return
        places = [(stored(locus),) for locus in loci]
        with self._database.noting() as connection:
            connection.executemany("DELETE FROM in_flight WHERE locus = ? AND attempts = 0", places)
            connection.executemany("UPDATE in_flight SET flying = 0 WHERE locus = ? AND flying = 1", places)
