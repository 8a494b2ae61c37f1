"""Counts of what waits: right, and as quick with a million messages as with one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from emailint.store import ledger_figures
from emailint.store.records import Backlog, Disposition, Health, KeptMail, ReplyState
from tests.unit.store.making import ACCOUNT, NOW, add, case, case_id, held, locus, quarantined, reply

if TYPE_CHECKING:
    from emailint.store import Store


def test_an_empty_ledger_waits_for_nothing(store: Store) -> None:
    assert store.ledger.backlog() == {}
    assert not store.ledger.ailing()


def test_each_count_is_of_its_integration(store: Store) -> None:
    add(
        store.ledger,
        case(1, answer=reply(1), folder="Done"),
        case(2, answer=reply(2, ReplyState.WITHHELD)),
        replace(case(3, answer=reply(3)), integration="benefits"),
        replace(held(4), kept=KeptMail(NOW)),
        replace(quarantined(5), kept=KeptMail(NOW)),
    )
    assert store.ledger.backlog() == {
        "payroll": Backlog(to_mark=4, to_move=1, replies=1, held=1, quarantined=1),
        "benefits": Backlog(to_mark=1, replies=1),
    }


def test_what_is_done_waits_no_more(store: Store) -> None:
    add(store.ledger, case(1, answer=reply(1), folder="Done"))
    store.project()
    store.ledger.marked([locus(1)])
    store.ledger.moved({locus(1): None})
    due = store.ledger.due_replies(NOW + timedelta(hours=1))[0]
    store.ledger.sending(due, NOW)
    store.ledger.settle(due, ReplyState.SENT)
    assert store.ledger.backlog() == {}


def test_a_mail_that_is_decided_waits_no_more(store: Store) -> None:
    add(store.ledger, replace(held(1), kept=KeptMail(NOW)))
    [waiting] = store.ledger.waiting(Disposition.HELD)
    with store.ledger.transaction() as batch:
        batch.replace(waiting.known, case(1))
    assert store.ledger.backlog() == {"payroll": Backlog(to_mark=1)}


def test_a_mailbox_that_failed_is_ailing_until_it_is_well(store: Store) -> None:
    store.ledger.set_health(ACCOUNT, Health(1, NOW, "login_refused", "x"))
    assert store.ledger.ailing()
    store.ledger.set_health(ACCOUNT, Health())
    assert not store.ledger.ailing()


def test_no_count_reads_more_than_what_waits(store: Store) -> None:
    """A scan is of a partial index or of the table of kept mail; the rest is looked up row by row."""
    with store.ledger._database.reading() as connection:
        for query in (*ledger_figures._COUNTS.values(), ledger_figures._KEPT):
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
            scanned = [step for step in plan if step.startswith("SCAN")]
            assert len(scanned) == 1
            allowed = ("USING INDEX locus_un", "COVERING INDEX locus_un", "INDEX reply_pending", "SCAN kept")
            assert any(each in scanned[0] for each in allowed), plan


def test_the_state_of_the_reply_to_a_case(store: Store) -> None:
    add(store.ledger, case(1, answer=reply(1)), case(2, answer=reply(2, ReplyState.WITHHELD)), case(3))
    states = [store.ledger.reply_state(case_id(number)) for number in range(1, 5)]
    assert states == [ReplyState.PENDING, ReplyState.WITHHELD, None, None]
