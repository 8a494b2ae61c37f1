"""What waits for a person: held and quarantined mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emailint.store.ledger_part import LedgerPart
from emailint.store.records import Disposition, KeptMail, Key, Known, Waiting
from emailint.store.schema import from_micros, read_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_SELECT = (
    "SELECT row, message.disposition, message.case_id, message.scope, message.fingerprint,"
    " message.integration, message.account, kept.locus, kept.received_at, kept.size, kept.whole, kept.read"
    " FROM kept JOIN message USING (row)"
)


class WaitingVerbs(LedgerPart):
    """Mail whose octets are kept until somebody decides."""

    def waiting(self, disposition: Disposition) -> Sequence[Waiting]:
        """What is HELD, or QUARANTINED and not read since, oldest first."""
        with self._database.reading() as connection:
            query = f"{_SELECT} WHERE kept.settled = 0 AND message.disposition = ? ORDER BY row"
            return [_waiting(row) for row in connection.execute(query, (disposition,))]

    def settled(self) -> Sequence[Waiting]:
        """What waits no more, and whose octets are still to be removed."""
        with self._database.reading() as connection:
            return [_waiting(row) for row in connection.execute(f"{_SELECT} WHERE kept.settled = 1")]

    def forget(self, settled: Sequence[Waiting]) -> None:
        """The octets of these are removed."""
        if settled:
            with self._database.writing() as connection:
                connection.executemany(
                    "DELETE FROM kept WHERE row = ? AND settled = 1", [(each.known.row,) for each in settled]
                )


def _waiting(row: tuple[Any, ...]) -> Waiting:
    return Waiting(
        known=Known(row[0], Disposition(row[1]), row[2]),
        key=Key(row[3], row[4]),
        integration=row[5],
        account=row[6],
        locus=read_text(row[7]),
        kept=KeptMail(from_micros(row[8]), row[9], bool(row[10]), bool(row[11])),
    )
