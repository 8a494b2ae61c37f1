"""Entries of a ledger, with everything that a test does not care about filled in."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from emailint.store.records import Disposition, Entry, Journal, KeptMail, Key, NewReply, ReplyState

if TYPE_CHECKING:
    from pathlib import Path

    from emailint.store.ledger import Ledger

NOW = datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)
ACCOUNT = "imap://payroll@host"


def after(**span: float) -> datetime:
    """NOW and this span."""
    return NOW + timedelta(**span)


def locus(number: int, account: str = ACCOUNT) -> str:
    """Where message `number` is."""
    return f"{account}/INBOX;UIDVALIDITY=1/;UID={number}"


def key(number: int, scope: str = ACCOUNT) -> Key:
    """What message `number` is."""
    return Key(scope, f"1:{number:064x}")


def case_id(number: int) -> str:
    """The case of message `number`."""
    return f"CS-{number:06d}"


def line(number: int, **fields: object) -> bytes:
    """The line of case `number`."""
    record = {"schema": 1, "case_id": case_id(number), "form": "client_service_case", **fields}
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def reply(
    number: int, state: ReplyState = ReplyState.PENDING, recipient: str = "ann@example.com"
) -> NewReply:
    """The reply of case `number`."""
    reason = "list" if state is ReplyState.WITHHELD else None
    return NewReply(f"<{case_id(number)}.hash@host>", recipient, state, reason, "payroll@host", NOW)


def case(
    number: int,
    *,
    account: str = ACCOUNT,
    content: bytes | None = None,
    answer: NewReply | None = None,
    folder: str | None = None,
    created_at: datetime = NOW,
) -> Entry:
    """The entry of message `number` as a case of its own."""
    return Entry(
        key=key(number, account),
        disposition=Disposition.CASE,
        integration="payroll",
        account=account,
        locus=locus(number, account),
        created_at=created_at,
        case_id=case_id(number),
        journal=Journal.CASES,
        line=line(number) if content is None else content,
        message_id=f"<{number}@example.com>",
        participants=("ann@example.com", "payroll@host"),
        folder=folder,
        reply=answer,
    )


def follow_up(number: int, of: int, count: int = 1) -> Entry:
    """The entry of message `number` as a follow-up of case `of`."""
    content = b'{"schema":1,"case_id":"%s","followup_id":"%s-%d"}\n' % (
        case_id(of).encode(),
        case_id(of).encode(),
        count,
    )
    return Entry(
        key=key(number),
        disposition=Disposition.FOLLOW_UP,
        integration="payroll",
        account=ACCOUNT,
        locus=locus(number),
        created_at=NOW,
        case_id=case_id(of),
        journal=Journal.FOLLOW_UPS,
        line=content,
        message_id=f"<{number}@example.com>",
        participants=("bob@example.com",),
    )


def without_line(number: int, disposition: Disposition, folder: str | None = None) -> Entry:
    """The entry of a message that makes no line: ignored or held."""
    return Entry(
        key=key(number),
        disposition=disposition,
        integration="payroll",
        account=ACCOUNT,
        locus=locus(number),
        created_at=NOW,
        folder=folder,
    )


def held(number: int, kept: KeptMail | None = None) -> Entry:
    """The entry of a message that is held."""
    return replace(
        without_line(number, Disposition.HELD),
        message_id=f"<{number}@example.com>",
        kept=kept or KeptMail(NOW),
    )


def quarantined(number: int) -> Entry:
    """The entry of a message that could not be read, and of which a case was made."""
    return replace(case(number), disposition=Disposition.QUARANTINED, kept=KeptMail(NOW, read=False))


def add(ledger: Ledger, *entries: Entry) -> None:
    """Add entries in one transaction, each case with the number that is taken for it."""
    with ledger.transaction() as batch:
        for entry in entries:
            if entry.disposition in {Disposition.CASE, Disposition.QUARANTINED}:
                batch.next_case_number()
            batch.add(entry)


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of a store but the lock, with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }
