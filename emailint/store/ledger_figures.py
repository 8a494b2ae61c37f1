"""How much is still to be done, counted: for people and monitors that look from outside."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from emailint.store.ledger_part import LedgerPart
from emailint.store.records import Backlog, ReplyState

if TYPE_CHECKING:
    from collections.abc import Mapping

# Each reads a partial index, or a table of what waits alone, so that its cost is that of the backlog and
# not of all that was ever done. CROSS JOIN is SQLite's word for: in this order.
_COUNTS = {
    "to_mark": "SELECT integration, count(*) FROM locus CROSS JOIN message USING (row)"
    " WHERE marked = 0 GROUP BY 1",
    "to_move": "SELECT integration, count(*) FROM locus CROSS JOIN message USING (row)"
    " WHERE folder IS NOT NULL GROUP BY 1",
    "replies": "SELECT integration, count(*) FROM reply WHERE state = 'pending' GROUP BY 1",
}
_KEPT = (
    "SELECT integration, disposition, count(*) FROM kept CROSS JOIN message USING (row)"
    " WHERE settled = 0 GROUP BY 1, 2"
)


class FigureVerbs(LedgerPart):
    """Counts, without a word of any mail."""

    def backlog(self) -> Mapping[str, Backlog]:
        """What is still to be done, by the integration that took the mail; those with none are left out."""
        counted: defaultdict[str, dict[str, int]] = defaultdict(dict)
        with self._database.reading() as connection:
            for name, query in _COUNTS.items():
                for integration, count in connection.execute(query):
                    counted[integration][name] = count
            for integration, disposition, count in connection.execute(_KEPT):
                counted[integration][disposition] = count
        return {integration: Backlog(**counts) for integration, counts in counted.items()}

    def ailing(self) -> bool:
        """Whether any mailbox failed when it was swept last."""
        with self._database.reading() as connection:
            return (
                connection.execute("SELECT 1 FROM health WHERE failures > 0 LIMIT 1").fetchone() is not None
            )

    def reply_state(self, case_id: str) -> ReplyState | None:
        """How far the reply to the mail that began this case has got; None where there is no such case."""
        query = (
            "SELECT state FROM message JOIN reply USING (row)"
            " WHERE message.case_id = ? AND message.counted_at IS NOT NULL"
        )
        with self._database.reading() as connection:
            row = connection.execute(query, (case_id,)).fetchone()
        return None if row is None else ReplyState(row[0])
