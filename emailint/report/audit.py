"""An audit as tables, as plain text, and as the document of `audit --json`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from emailint.case import SCHEMA, stamp
from emailint.report.moment import local
from emailint.report.sheet import Cell, Column, Sheet, Tone
from emailint.report.sweep import message_line
from emailint.sweep.books import NAMES, Standing
from emailint.terminal import clip, terminal_safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.sweep.books import Audited, AuditResult, MailboxAudit

MOST_ROWS: Final = 200
"""Rows of the table of mails; `--json` has the others."""

_SHOWN: Final = (Standing.UNACCOUNTED, Standing.WAITING, Standing.EXCLUDED)
_WORDS: Final = {
    Standing.CASES: "case",
    Standing.FOLLOW_UPS: "follow-up",
    Standing.HELD: "held",
    Standing.IGNORED: "ignored",
    Standing.QUARANTINED: "quarantined",
    Standing.WAITING: "unread, for the next sweep",
    Standing.EXCLUDED: "older than since",
    Standing.UNACCOUNTED: "not accounted for",
}
_COUNTED: Final = (Standing.CASES, Standing.FOLLOW_UPS)
_TONES: Final = {
    Standing.UNACCOUNTED: Tone.BAD,
    Standing.WAITING: Tone.WARNING,
    Standing.EXCLUDED: Tone.QUIET,
}


def audit_document(result: AuditResult) -> dict[str, Any]:
    """What `audit --json` prints: the books, and each mail that is no case, follow-up, hold or quarantine."""
    return {
        "schema": SCHEMA,
        "since": stamp(result.since),
        "until": stamp(result.until),
        "accounted": result.accounted,
        "totals": asdict(result.totals),
        "integrations": [
            {
                "name": each.name,
                **asdict(each.books),
                "error": each.error,
                "mails": [_record(mail) for mail in each.of(*_SHOWN, Standing.IGNORED)],
                "adopted": [asdict(message) for message in each.adopted],
            }
            for each in result.mailboxes
        ],
    }


def books_sheet(result: AuditResult) -> Sheet:
    """The books of each integration, in the columns that are not all zero."""
    kept = {"listed", "cases", "unaccounted"}
    names = [name for name in NAMES if name in kept or getattr(result.totals, name)]
    heads = {"listed": "Mails", "follow_ups": "Follow-ups", "excluded": "Too old", "waiting": "Unread"}
    return Sheet(
        (
            Column("Integration"),
            *(Column(heads.get(name, name.capitalize()), right=True) for name in names),
            Column("Trouble", elastic=True, wrap=True),
        ),
        tuple(_books_row(each, names) for each in result.mailboxes),
    )


def mails_sheet(result: AuditResult) -> Sheet:
    """The mails that are not in the store, worst first: when, from whom, about what, where, and why."""
    mails = [
        (each.name, mail) for standing in _SHOWN for each in result.mailboxes for mail in each.of(standing)
    ]
    return Sheet(
        (
            Column("Received"),
            Column("Integration", room=120),
            Column("From", elastic=True),
            Column("Subject", elastic=True, wrap=True),
            Column("Is", elastic=True, wrap=True),
        ),
        tuple(_mail_row(name, mail) for name, mail in mails[:MOST_ROWS]),
        more=max(0, len(mails) - MOST_ROWS),
    )


def audit_lines(result: AuditResult) -> Iterator[str]:
    """What stands under the tables: what was adopted, which rules ignored mail, the sum, and what to do."""
    for mailbox in result.mailboxes:
        yield from (f"adopted: {message_line(message)}" for message in mailbox.adopted)
        for rule, count in sorted(_rules(mailbox).items()):
            yield terminal_safe(f"{mailbox.name}: {count:,} ignored by the rule {rule}")
    yield _summary(result)
    if result.totals.unaccounted:
        yield "emailint audit --adopt takes up what is not accounted for"


def _summary(result: AuditResult) -> str:
    totals = result.totals
    parts = [
        f"{count:,} {words}{'s' * (count != 1 and standing in _COUNTED)}"
        for standing, words in _WORDS.items()
        if (count := getattr(totals, standing)) or standing is Standing.UNACCOUNTED
    ]
    gone = f"; {totals.gone:,} no longer there" if totals.gone else ""
    mails = "mail" if totals.listed == 1 else "mails"
    return f"{totals.listed:,} {mails} since {local(result.since)}: {', '.join(parts)}{gone}"


def _rules(mailbox: MailboxAudit) -> Counter[str]:
    """The names of rules, which stand before the first colon of what they said."""
    return Counter(mail.why.partition(":")[0] for mail in mailbox.of(Standing.IGNORED))


def _books_row(mailbox: MailboxAudit, names: list[str]) -> tuple[Cell, ...]:
    books = mailbox.books
    counts = [
        Cell(
            f"{getattr(books, name):,}",
            Tone.BAD if name == "unaccounted" and books.unaccounted else Tone.PLAIN,
        )
        for name in names
    ]
    trouble = Cell(mailbox.error, Tone.BAD) if mailbox.error else Cell("none", Tone.QUIET)
    return Cell(mailbox.name), *counts, trouble


def _mail_row(name: str, mail: Audited) -> tuple[Cell, ...]:
    evidence = mail.evidence
    ref, head = evidence.received.ref, evidence.head
    return (
        Cell(local(ref.received_at) if ref.received_at else "at an unknown time"),
        Cell(name, Tone.QUIET),
        Cell(clip(head.sender, 36) if head else "?"),
        Cell(clip(head.subject or "(no subject)", 60) if head else "?", below=f"{ref.locus}"),
        Cell(_WORDS[mail.standing], _TONES[mail.standing], below=mail.why),
    )


def _record(mail: Audited) -> dict[str, Any]:
    evidence = mail.evidence
    ref, head = evidence.received.ref, evidence.head
    return {
        "standing": mail.standing.value,
        "why": mail.why,
        "received_at": stamp(ref.received_at),
        "from": head.sender if head else None,
        "subject": head.subject if head else None,
        "folder": evidence.folder,
        "locus": ref.locus,
        "read": evidence.received.read,
        "size": ref.size,
    }
