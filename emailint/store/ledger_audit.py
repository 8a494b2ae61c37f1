"""What an audit asks: where messages stand by their places, and which were received at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emailint.store.ledger_part import LedgerPart, chunks, placeholders
from emailint.store.records import Disposition, Known
from emailint.store.schema import read_text, stored, to_micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

_TIMES = (
    "SELECT DISTINCT message.row FROM message JOIN locus ON locus.row = message.row"
    " LEFT JOIN reply ON reply.row = message.row LEFT JOIN kept ON kept.row = message.row {join}"
    " WHERE locus.account = ? AND message.created_at <= ?"
    " AND coalesce(reply.received_at, kept.received_at{ignored}, message.created_at) >= ?"
)


class AuditVerbs(LedgerPart):
    """Look-ups over many rows, for whoever compares a mailbox with the ledger."""

    def known(self, loci: Sequence[str]) -> Mapping[str, Known]:
        """Those loci whose message has a row, with that row."""
        found: dict[str, Known] = {}
        for chunk in chunks(loci):
            query = (
                "SELECT locus, row, disposition, case_id FROM locus JOIN message USING (row)"  # noqa: S608  placeholders only
                f" WHERE locus IN ({placeholders(chunk)})"
            )
            found.update(
                (read_text(locus), Known(row, Disposition(disposition), case_id))
                for locus, row, disposition, case_id in self._database.rows(query, *map(stored, chunk))
            )
        return found

    def rules(self, rows: Sequence[int]) -> Mapping[int, str]:
        """Why nothing was made of these messages, as far as that was noted."""
        found: dict[int, str] = {}
        if not self._notes_rules():
            return found
        with self._database.reading() as connection:
            for chunk in chunks(rows):
                query = f"SELECT row, rule FROM ignored WHERE row IN ({placeholders(chunk)})"  # noqa: S608  placeholders only
                found.update((row, read_text(rule)) for row, rule in connection.execute(query, chunk))
        return found

    def received_between(self, account: str, since: datetime, until: datetime) -> frozenset[int]:
        """Rows with a place in this mailbox, received since then, and made not after `until`.

        Where no time was noted (of what was ignored by an earlier version), that of the row counts.
        """
        noted = self._notes_rules()
        query = _TIMES.format(
            join="LEFT JOIN ignored ON ignored.row = message.row" if noted else "",
            ignored=", ignored.received_at" if noted else "",
        )
        with self._database.reading() as connection:
            rows = connection.execute(query, (account, to_micros(until), to_micros(since)))
            return frozenset(row for (row,) in rows)

    def _notes_rules(self) -> bool:
        """Ledgers that an earlier version made, and that nobody has written to since, have no such table."""
        with self._database.reading() as connection:
            query = "SELECT 1 FROM sqlite_master WHERE name = 'ignored'"
            return connection.execute(query).fetchone() is not None
