"""The books of an audit, as tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from emailint.sources.protocol import MessageRef, Received
from emailint.store.records import Disposition, Known
from emailint.sweep.books import AuditResult, Evidence, MailboxAudit, Standing, Terms, judge
from tests.support.memory import START

TERMS = Terms("INBOX", enabled=True, since=None, attempts=3)
OLD = replace(TERMS, since=START + timedelta(seconds=1))


def mail(*, read: bool = True, folder: str = "INBOX", known: Disposition | None = None) -> Evidence:
    row = Known(1, known, None) if known else None
    return Evidence(Received(MessageRef("imap://a/INBOX;UID=1", 100, START), read), folder, row)


TABLE = [
    (mail(known=Disposition.CASE), TERMS, Standing.CASES, ""),
    (mail(known=Disposition.CASE, read=False), TERMS, Standing.CASES, ""),
    (mail(known=Disposition.FOLLOW_UP), TERMS, Standing.FOLLOW_UPS, ""),
    (mail(known=Disposition.HELD), TERMS, Standing.HELD, ""),
    (mail(known=Disposition.QUARANTINED), OLD, Standing.QUARANTINED, ""),
    (replace(mail(known=Disposition.CASE), by_content=True), TERMS, Standing.CASES, "another place"),
    (replace(mail(known=Disposition.IGNORED), rule="deny: x"), TERMS, Standing.IGNORED, "deny: x"),
    (mail(known=Disposition.IGNORED), TERMS, Standing.IGNORED, "earlier version"),
    (mail(read=False), TERMS, Standing.WAITING, "the next sweep takes it up"),
    (mail(read=False), replace(TERMS, enabled=False), Standing.WAITING, "not enabled"),
    (replace(mail(read=False), failures=1), TERMS, Standing.WAITING, "could not be read once"),
    (replace(mail(read=False), failures=2), TERMS, Standing.WAITING, "could not be read 2 times"),
    (mail(read=False), OLD, Standing.EXCLUDED, "since"),
    (mail(), OLD, Standing.EXCLUDED, "since"),
    (mail(folder="Done"), OLD, Standing.EXCLUDED, "since"),
    (mail(), replace(TERMS, since=START), Standing.UNACCOUNTED, "marked read before"),
    (mail(), TERMS, Standing.UNACCOUNTED, "marked read before"),
    (mail(folder="Done"), TERMS, Standing.UNACCOUNTED, "moved it to Done"),
    (mail(folder="Done", read=False), TERMS, Standing.UNACCOUNTED, "unread in Done"),
    (replace(mail(), unreadable="gone mad"), TERMS, Standing.UNACCOUNTED, "gone mad"),
]


@pytest.mark.parametrize(("evidence", "terms", "standing", "why"), TABLE)
def test_where_a_mail_stands(evidence: Evidence, terms: Terms, standing: Standing, why: str) -> None:
    judged = judge(evidence, terms)
    assert judged.standing is standing
    assert why in judged.why
    assert bool(why) == bool(judged.why)


def test_every_standing_is_in_the_table() -> None:
    assert {standing for *_, standing, _ in TABLE} == set(Standing)


def test_the_books_balance_whatever_is_in_them() -> None:
    mails = tuple(judge(evidence, terms) for evidence, terms, *_ in TABLE)
    one = MailboxAudit("a", mails, gone=3)
    result = AuditResult(START, START, (one, MailboxAudit("b", mails[:8], gone=1)))
    for books in (one.books, result.totals):
        assert books.balanced
    assert result.totals.listed == len(TABLE) + 8
    assert result.totals.gone == 4
    assert not replace(result.totals, cases=result.totals.cases + 1).balanced


def test_what_is_accounted_for() -> None:
    well = MailboxAudit("a", tuple(judge(mail(read=False), TERMS) for _ in range(2)), gone=9)
    lost = MailboxAudit("b", (judge(mail(), TERMS),))
    away = MailboxAudit("c", error="no such host")
    assert AuditResult(START, START, (well,)).accounted
    assert not AuditResult(START, START, (well, lost)).accounted
    assert not AuditResult(START, START, (well, away)).accounted
