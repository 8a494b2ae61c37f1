"""Replies: pending, begun, ended; and how many were begun lately."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from emailint.addresses import domain_of, normalise
from emailint.errors import StoreError
from emailint.store.ledger_part import LedgerPart
from emailint.store.records import Rates, Reply, ReplyState
from emailint.store.schema import from_micros, read_text, stored, to_micros

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import Any

REPLIES_AT_ONCE = 2_000
LONGEST_WAIT = timedelta(days=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ENDS = frozenset({ReplyState.SENT, ReplyState.WITHHELD, ReplyState.FAILED, ReplyState.UNKNOWN})
DIED_WHILE_SENDING = "the run ended while it was being handed over"

_SELECT = (
    "SELECT reply.row, reply.fingerprint, reply.state, reply.integration, reply.alias, message.case_id,"
    " reply.message_id, reply.recipient, reply.received_at, reply.attempts, reply.reason, reply.token,"
    " reply.begun_at,"
    " (SELECT content FROM line WHERE line.row = reply.row ORDER BY id LIMIT 1)"
    " FROM reply {index} JOIN message ON message.row = reply.row"
)
_COUNT_BEGUN = (
    "INSERT INTO meta VALUES ('replies_begun', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
)
_PROJECTED = "NOT EXISTS (SELECT 1 FROM line WHERE line.row = reply.row AND line.projected = 0)"


class ReplyVerbs(LedgerPart):
    """The states of replies."""

    on_begun: Callable[[int], None] | None = None
    """Is told how many were ever begun, whenever one is: after the commit, before it is handed over."""

    def replies_begun(self) -> int:
        """So many replies were ever begun, prunings and second tries by order included; it never falls."""
        query = "SELECT value FROM meta WHERE name = 'replies_begun'"
        with self._database.reading() as connection:
            row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def recover_replies(self, traceable: Callable[[Reply], bool] = lambda _reply: False) -> Sequence[Reply]:
        """Replies found SENDING become UNKNOWN, but for those that can be traced; returns all of them.

        Called once at the start of a run.
        """
        select = _SELECT.format(index="INDEXED BY reply_sending")
        query = f"{select} WHERE reply.state = 'sending' ORDER BY reply.row"
        with self._database.reading() as connection:
            if connection.execute("SELECT 1 FROM reply WHERE state = 'sending' LIMIT 1").fetchone() is None:
                return []
        with self._database.writing() as connection:
            found = [_reply(row) for row in connection.execute(query)]
            lost = {reply.row for reply in found if not traceable(reply)}
            connection.executemany(
                "UPDATE reply SET state = 'unknown', reason = ? WHERE row = ? AND state = 'sending'",
                [(DIED_WHILE_SENDING, row) for row in lost],
            )
        return [_lost(reply) if reply.row in lost else reply for reply in found]

    def due_replies(self, now: datetime, *, after: int = 0) -> Sequence[Reply]:
        """The first pending replies of projected lines whose next try is not after `now`, oldest first.

        `after`: only rows beyond this one. At most REPLIES_AT_ONCE.
        A next try more than a day away was noted by a clock that was wrong, and counts as now.
        """
        query = (
            f"{_SELECT.format(index='INDEXED BY reply_pending')} WHERE reply.state = 'pending'"
            " AND reply.row > ? AND (reply.next_at IS NULL OR reply.next_at <= ? OR reply.next_at > ?)"
            f" AND {_PROJECTED} ORDER BY reply.row LIMIT ?"
        )
        values = (after, to_micros(now), to_micros(now + LONGEST_WAIT), REPLIES_AT_ONCE)
        with self._database.reading() as connection:
            return [_reply(row) for row in connection.execute(query, values)]

    def sending(
        self, reply: Reply, now: datetime, token: str | None = None, message_id: str | None = None
    ) -> None:
        """Commit that handing over begins now. Refuses (StoreError) if the fingerprint was begun before.

        `message_id`: what the server calls the reply, should that not be what we call it; answers to either
        are answers to this case.
        """
        with self._database.writing() as connection:
            begun = "SELECT 1 FROM reply WHERE fingerprint = ? AND begun_at IS NOT NULL LIMIT 1"
            if connection.execute(begun, (reply.fingerprint,)).fetchone():
                raise StoreError(
                    f"the reply of {reply.case_id} was begun before; it is not sent a second time"
                )
            changed = connection.execute(
                "UPDATE reply SET state = 'sending', begun_at = ?, token = ?"
                " WHERE row = ? AND state = 'pending'",
                (to_micros(now), token, reply.row),
            ).rowcount
            if changed != 1:
                raise StoreError(f"the reply of {reply.case_id} is no longer pending; it is not sent")
            if message_id:
                insert = "INSERT OR IGNORE INTO reference (message_id, row) VALUES (?, ?)"
                connection.execute(insert, (stored(message_id), reply.row))
            connection.execute(_COUNT_BEGUN)
        if self.on_begun:
            self.on_begun(self.replies_begun())

    def settle(self, reply: Reply, state: ReplyState, reason: str | None = None) -> None:
        """SENT, WITHHELD, FAILED or UNKNOWN, for good (only UNKNOWN may still become another)."""
        if state not in ENDS:
            raise StoreError(f"a reply does not end as {state}")
        with self._database.writing() as connection:
            changed = connection.execute(
                "UPDATE reply SET state = ?, reason = ?, next_at = NULL"
                " WHERE row = ? AND state IN ('pending', 'sending', 'unknown')",
                (state, reason, reply.row),
            ).rowcount
            if changed != 1:
                raise StoreError(f"the reply of {reply.case_id} has ended before; it does not become {state}")

    def postpone(self, reply: Reply, until: datetime, reason: str) -> None:
        """Back to PENDING, to be tried again not before `until`; counts one attempt.

        Only for replies of which nothing was delivered: what was begun counts as not begun again.
        """
        with self._database.writing() as connection:
            changed = connection.execute(
                "UPDATE reply SET state = 'pending', attempts = attempts + 1, next_at = ?, reason = ?,"
                " begun_at = NULL WHERE row = ? AND state IN ('pending', 'sending')",
                (to_micros(until), reason, reply.row),
            ).rowcount
            if changed != 1:
                raise StoreError(f"the reply of {reply.case_id} has ended before; it is not tried again")

    def sent_with_copy(self, integration: str, since: datetime) -> Sequence[Reply]:
        """Replies SENT that were begun after `since`, and of which the server may still have a copy.

        That is: with the token that the outbound gave them, until `copy_cleared`.
        """
        query = (
            f"{_SELECT.format(index='INDEXED BY reply_lately')} WHERE reply.begun_at > ?"
            " AND reply.integration = ? AND reply.state = 'sent' AND reply.token IS NOT NULL"
            " ORDER BY reply.row"
        )
        with self._database.reading() as connection:
            return [_reply(row) for row in connection.execute(query, (to_micros(since), integration))]

    def copy_cleared(self, reply: Reply) -> None:
        """The server has no copy of a SENT reply any more, or none that is ours."""
        with self._database.writing() as connection:
            update = "UPDATE reply SET token = NULL WHERE row = ? AND state = 'sent'"
            connection.execute(update, (reply.row,))

    def failed_replies(self) -> Sequence[Reply]:
        """All that FAILED, oldest first."""
        select = _SELECT.format(index="INDEXED BY reply_failed")
        with self._database.reading() as connection:
            return [
                _reply(row)
                for row in connection.execute(f"{select} WHERE reply.state = 'failed' ORDER BY reply.row")
            ]

    def replies_of(self, case_id: str) -> Sequence[Reply]:
        """The replies to a case and to its follow-ups, in whatever state, oldest first."""
        query = f"{_SELECT.format(index='')} WHERE message.case_id = ? ORDER BY reply.row"
        with self._database.reading() as connection:
            return [_reply(row) for row in connection.execute(query, (case_id,))]

    def send_again(self, reply: Reply) -> None:
        """FAILED, UNKNOWN or PENDING becomes PENDING, due now; counts one attempt.

        By a person's order, or because the server shows that it was not sent and never will be.

        The only way by which a reply that was begun is begun a second time.
        """
        with self._database.writing() as connection:
            changed = connection.execute(
                "UPDATE reply SET state = 'pending', attempts = attempts + 1, next_at = NULL,"
                " begun_at = NULL WHERE row = ? AND state IN ('failed', 'unknown', 'pending')",
                (reply.row,),
            ).rowcount
            if changed != 1:
                raise StoreError(f"the reply of {reply.case_id} cannot be sent again; it is left as it is")

    def rates(self, recipient: str, now: datetime) -> Rates:
        """Replies begun to this address and domain; stamps of the future are set to now, and count."""
        address, domain = stored(normalise(recipient)), stored(domain_of(recipient))
        with self._database.reading() as connection:
            if _from_the_future(connection, address, domain, now):
                self._bring_back(address, domain, now)
            return Rates(
                address_hour=_begun(connection, "address", address, now - HOUR),
                address_day=_begun(connection, "address", address, now - DAY),
                domain_hour=_begun(connection, "domain", domain, now - HOUR),
            )

    def begun_lately(self, integration: str, now: datetime) -> int:
        """Replies of this integration begun within the last minute; stamps of the future are set to now."""
        moment = to_micros(now)
        query = "SELECT count(*), max(begun_at) FROM reply WHERE begun_at > ? AND integration = ?"
        with self._database.reading() as connection:
            values = (to_micros(now - MINUTE), integration)
            count, last = connection.execute(query, values).fetchone()
        if count and last > moment:
            update = "UPDATE reply SET begun_at = ? WHERE begun_at > ? AND integration = ?"
            with self._database.writing() as connection:
                connection.execute(update, (moment, moment, integration))
        return int(count)

    def _bring_back(self, address: str | bytes, domain: str | bytes, now: datetime) -> None:
        moment = to_micros(now)
        with self._database.writing() as connection:
            for column, value in (("address", address), ("domain", domain)):
                update = f"UPDATE reply SET begun_at = ? WHERE {column} = ? AND begun_at > ?"  # noqa: S608  a name of ours
                connection.execute(update, (moment, value, moment))


def _from_the_future(
    connection: sqlite3.Connection, address: str | bytes, domain: str | bytes, now: datetime
) -> bool:
    return bool(_begun(connection, "address", address, now) or _begun(connection, "domain", domain, now))


def _begun(connection: sqlite3.Connection, column: str, value: str | bytes, after: datetime) -> int:
    query = f"SELECT count(*) FROM reply WHERE {column} = ? AND begun_at > ?"  # noqa: S608  a name of ours
    (count,) = connection.execute(query, (value, to_micros(after))).fetchone()
    return int(count)


def _lost(reply: Reply) -> Reply:
    return replace(reply, state=ReplyState.UNKNOWN, reason=DIED_WHILE_SENDING)


def _reply(row: tuple[Any, ...]) -> Reply:
    return Reply(
        row=row[0],
        fingerprint=row[1],
        state=ReplyState(row[2]),
        integration=row[3],
        alias=row[4],
        case_id=row[5] or "",
        message_id=row[6],
        recipient=read_text(row[7]),
        received_at=from_micros(row[8]),
        line=row[13] or b"",
        attempts=row[9],
        reason=row[10],
        token=row[11],
        begun_at=from_micros(row[12]) if row[12] is not None else None,
    )
