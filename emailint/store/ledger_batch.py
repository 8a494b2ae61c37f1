"""The one transaction in which messages become cases.

What is added is kept back until the end, so that a batch costs a statement a table and not a dozen a message;
look-ups go over what is kept back first, and the rare ones have it written before.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from emailint.addresses import domain_of, normalise
from emailint.errors import StoreError
from emailint.store.batch_rows import Added, BatchRows, Breaker, Breakers
from emailint.store.records import CaseFacts, Disposition, Entry, Hook, Journal, Known, NewReply
from emailint.store.schema import from_micros, stored, to_micros

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from emailint.store.database import Database
    from emailint.store.records import KeptMail, Key

BEGINS_CASE = frozenset({Disposition.CASE, Disposition.QUARANTINED})
STAYS_IN_ITS_FOLDER = frozenset({Disposition.HELD, Disposition.QUARANTINED})
_HOOKS = {Journal.CASES: Hook.ON_CASE, Journal.FOLLOW_UPS: Hook.ON_FOLLOW_UP}
_INSERT_LINE = "INSERT INTO line (row, journal, content) VALUES (?, ?, ?)"
_INSERT_CALL = "INSERT INTO hook (name, line) SELECT ?, max(id) FROM line WHERE row = ?"


class SqliteBatch:
    """One open transaction; sees what it has added itself."""

    def __init__(
        self, database: Database, hooks: frozenset[Hook] = frozenset(), breakers: Breakers | None = None
    ) -> None:
        """`breakers`: what earlier transactions of this run counted; looked up anew where there is none."""
        self._database = database
        self._hooks = hooks
        self._rows = BatchRows(database)
        self._added = Added()
        self._case_number: int | None = None
        self._follow_ups: dict[str, int] = {}
        self._breakers: Breakers = {} if breakers is None else breakers
        self._counted_at: dict[str, int] = {}

    def find(self, key: Key) -> Known | None:
        """The row of this key."""
        if key in self._added.known:
            return self._added.known[key]
        row = self._one(
            "SELECT row, disposition, case_id FROM message WHERE scope = ? AND fingerprint = ?",
            key.scope,
            key.fingerprint,
        )
        return Known(row[0], Disposition(row[1]), row[2]) if row else None

    def answered(self, fingerprint: str, *, besides: int | None = None) -> bool:
        """Whether a row of this fingerprint, but `besides`, has a reply that is not withheld."""
        if self._added.answered.get(fingerprint, besides) != besides:
            return True
        query = "SELECT 1 FROM reply WHERE fingerprint = ? AND state <> 'withheld' AND row <> ? LIMIT 1"
        return self._one(query, fingerprint, besides or 0) is not None

    def has_message_id(self, scope: str, message_id: str, *, before: int | None = None) -> bool:
        """Whether a row of this scope, and before that row where one is given, has this Message-ID."""
        added = self._added.bearers.get((scope, message_id))
        if added is not None and (before is None or added < before):
            return True
        query = (
            "SELECT 1 FROM reference JOIN message USING (row)"
            " WHERE reference.message_id = ? AND message.scope = ?"
            " AND message.message_id = reference.message_id AND (? IS NULL OR row < ?) LIMIT 1"
        )
        return self._one(query, stored(message_id), scope, before, before) is not None

    def next_case_number(self) -> int:
        """The next number; taken for good once the transaction commits."""
        if self._case_number is None:
            row = self._one("SELECT value FROM meta WHERE name = 'case_number'")
            self._case_number = int(row[0]) if row else 0
        self._case_number += 1
        return self._case_number

    def next_follow_up_number(self, case_id: str) -> int:
        """The next follow-up number of this case, from 1."""
        self._rows.write()
        query = (
            "SELECT count(*) FROM message JOIN line USING (row)"
            " WHERE message.case_id = ? AND line.journal = ?"
        )
        row = self._one(query, case_id, Journal.FOLLOW_UPS)
        known = int(row[0]) if row else 0
        self._follow_ups[case_id] = max(known, self._follow_ups.get(case_id, 0)) + 1
        return self._follow_ups[case_id]

    def case_facts(self, case_id: str) -> CaseFacts | None:
        """Facts of a case by its id."""
        self._rows.write()
        query = "SELECT created_at FROM message WHERE case_id = ? AND counted_at IS NOT NULL"
        first = self._one(query, case_id)
        if first is None:
            return None
        rows = self._database.rows("SELECT participants FROM message WHERE case_id = ?", case_id)
        participants = frozenset(address for (text,) in rows for address in json.loads(text))
        return CaseFacts(case_id, from_micros(first[0]), participants)

    def case_of(self, message_ids: Iterable[str]) -> str | None:
        """The case of the first id that has one; of several messages with it the oldest counts."""
        query = (
            "SELECT message.case_id FROM reference JOIN message USING (row)"
            " WHERE reference.message_id = ? AND message.case_id IS NOT NULL ORDER BY reference.row LIMIT 1"
        )
        for message_id in message_ids:
            if row := self._one(query, stored(message_id)):
                return str(row[0])
            if message_id in self._added.cases:
                return self._added.cases[message_id]
        return None

    def cases_since(self, account: str, moment: datetime) -> int:
        """How many cases of this mailbox were made since then; future stamps count as now."""
        since = to_micros(moment)
        breaker = self._breakers.get(account)
        if breaker is None or since < breaker.since:
            self._rows.write()
            query = "SELECT counted_at FROM message WHERE account = ? AND counted_at >= ? ORDER BY counted_at"
            counted = [stamp for (stamp,) in self._database.rows(query, account, since)]
            breaker = self._breakers[account] = Breaker(since, counted)
        return breaker.count(since)

    def add(self, entry: Entry) -> None:
        """Add the row, its locus (no longer in flight), its line and its reply."""
        row = self._rows.next_row()
        self._add_message(entry, row)
        self._add_references(entry, row)
        self._add_place(row, entry.locus, entry.account, _target(entry.disposition, entry.folder))
        if entry.kept is not None:
            self._add_kept(entry, entry.kept, row)
        self._add_ignored(entry, row)
        self._add_line_and_reply(entry, row)
        self._added.note(entry, row)

    def add_locus(self, known: Known, locus: str, account: str, folder: str | None) -> None:
        """Another place of a known message; it is to be marked (and moved) like the first."""
        self._add_place(known.row, locus, account, _target(known.disposition, folder))

    def replace(self, known: Known, entry: Entry) -> None:
        """A held message becomes what it was held from: its row, line and reply; its places stay."""
        self._rows.write()
        changed = self._database.rows(
            "UPDATE message SET disposition = ?, integration = ?, account = ?, created_at = ?,"
            " counted_at = ?, case_id = ?, participants = ? WHERE row = ? AND disposition = 'held'"
            " RETURNING row",
            entry.disposition,
            entry.integration,
            entry.account,
            to_micros(entry.created_at),
            self._counted(entry),
            entry.case_id,
            json.dumps(list(entry.participants)),
            known.row,
        )
        if not changed:
            raise StoreError("a mail that was to be decided anew is held no more; nothing was changed")
        self._database.rows("UPDATE kept SET settled = 1 WHERE row = ?", known.row)
        move = "UPDATE locus SET folder = ? WHERE row = ? AND account = ?"
        self._database.rows(move, _target(entry.disposition, entry.folder), known.row, entry.account)
        self._add_references(entry, known.row)
        self._add_ignored(entry, known.row)
        self._add_line_and_reply(entry, known.row)
        self._rows.write()

    def reread(self, known: Known, line: bytes) -> None:
        """A quarantined message was read after all: `line` follows up its case, and it waits no more."""
        self._rows.write()
        freed = self._database.rows(
            "UPDATE kept SET settled = 1 WHERE settled = 0 AND row IN"
            " (SELECT row FROM message WHERE row = ? AND disposition = 'quarantined') RETURNING row",
            known.row,
        )
        if not freed:
            raise StoreError("a mail that was to be read again is quarantined no more; nothing was changed")
        self._add_line(known.row, Journal.FOLLOW_UPS, line)
        self._rows.write()

    def finish(self) -> None:
        """Write what was kept back, and the numbers that were taken; called last within the transaction."""
        self._rows.write()
        if self._case_number is not None:
            update = "UPDATE meta SET value = ? WHERE name = 'case_number' AND value < ?"
            self._database.rows(update, self._case_number, self._case_number)

    def _add_message(self, entry: Entry, row: int) -> None:
        self._rows.add(
            "INSERT INTO message (row, scope, fingerprint, disposition, integration, account, created_at,"
            " counted_at, case_id, message_id, participants) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
            entry.key.scope,
            entry.key.fingerprint,
            entry.disposition,
            entry.integration,
            entry.account,
            to_micros(entry.created_at),
            self._counted(entry),
            entry.case_id,
            stored(entry.message_id) if entry.message_id is not None else None,
            json.dumps(list(entry.participants)),
        )

    def _counted(self, entry: Entry) -> int | None:
        """When the case that this begins, if it begins one, counts as made."""
        if entry.disposition not in BEGINS_CASE:
            return None
        counted = to_micros(entry.created_at)
        if counted < self._counted_at.get(entry.account, counted + 1):
            self._set_back(entry.account, counted)
        self._counted_at[entry.account] = counted
        if entry.account in self._breakers:
            self._breakers[entry.account].counted.append(counted)
        return counted

    def _set_back(self, account: str, counted: int) -> None:
        """After the clock was set back, stamps of the future count as now.

        The breaker neither forgets them nor keeps them for ever. Asked once a transaction, and again
        where the clock goes back in it.
        """
        self._rows.write()
        update = "UPDATE message SET counted_at = ? WHERE account = ? AND counted_at > ? RETURNING row"
        if self._database.rows(update, counted, account, counted):
            self._breakers.pop(account, None)

    def _add_kept(self, entry: Entry, kept: KeptMail, row: int) -> None:
        self._rows.add(
            "INSERT INTO kept VALUES (?, ?, ?, ?, ?, ?, 0)",
            row,
            stored(entry.locus),
            to_micros(kept.received_at),
            kept.size,
            kept.whole,
            kept.read,
        )

    def _add_ignored(self, entry: Entry, row: int) -> None:
        if (ignored := entry.ignored) is not None:
            insert = "INSERT INTO ignored VALUES (?, ?, ?)"
            self._rows.add(insert, row, to_micros(ignored.received_at), stored(ignored.rule))

    def _add_references(self, entry: Entry, row: int) -> None:
        insert = "INSERT INTO reference VALUES (?, ?) ON CONFLICT DO NOTHING"
        for message_id in entry.message_ids:
            self._rows.add(insert, stored(message_id), row)

    def _add_place(self, row: int, locus: str, account: str, folder: str | None) -> None:
        place = stored(locus)
        insert = "INSERT INTO locus (locus, row, account, folder) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        self._rows.add(insert, place, row, account, folder)
        self._rows.add("DELETE FROM in_flight WHERE locus = ?", place)

    def _add_line_and_reply(self, entry: Entry, row: int) -> None:
        if entry.line is not None and entry.journal is not None:
            self._add_line(row, entry.journal, entry.line)
        if entry.reply is not None:
            self._add_reply(entry, entry.reply, row)

    def _add_line(self, row: int, journal: Journal, line: bytes) -> None:
        self._rows.add(_INSERT_LINE, row, journal, _whole(line))
        if _HOOKS[journal] in self._hooks:
            self._rows.add(_INSERT_CALL, _HOOKS[journal], row)

    def _add_reply(self, entry: Entry, reply: NewReply, row: int) -> None:
        self._rows.add(
            "INSERT INTO reply (row, fingerprint, state, integration, alias, message_id, recipient,"
            " address, domain, received_at, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
            entry.key.fingerprint,
            reply.state,
            entry.integration,
            reply.alias,
            reply.message_id,
            stored(reply.recipient),
            stored(normalise(reply.recipient)),
            stored(domain_of(reply.recipient)),
            to_micros(reply.received_at),
            reply.reason,
        )

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        found = self._database.rows(query, *values)
        return found[0] if found else None


def _target(disposition: Disposition, folder: str | None) -> str | None:
    """What waits for a person is marked read, but stays where a person will look for it."""
    return None if disposition in STAYS_IN_ITS_FOLDER else folder


def _whole(line: bytes) -> bytes:
    if line.endswith(b"\n") and b"\n" not in line[:-1]:
        return line
    raise StoreError(
        "a line of the JSON lines must end with its only line feed; no case was made of this mail"
    )
