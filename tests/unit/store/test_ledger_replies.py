"""Replies: begun at most once, ended once, counted rightly whatever the clock does."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from emailint.errors import StoreError
from emailint.store import Store
from emailint.store.records import Rates, Reply, ReplyState
from emailint.store.sqlite_ledger import SqliteLedger
from tests.unit.store.making import NOW, add, after, case, case_id, follow_up, key, line, reply


def due(store: Store, now: datetime = NOW) -> list[str]:
    return [each.case_id for each in store.ledger.due_replies(now)]


def add_replies(store: Store, *numbers: int) -> list[Reply]:
    add(store.ledger, *(case(number, answer=reply(number)) for number in numbers))
    store.project()
    return list(store.ledger.due_replies(NOW))


def test_a_reply_is_due_once_its_line_is_durable(store: Store) -> None:
    add(store.ledger, case(1, answer=reply(1)), case(2), case(3, answer=reply(3, ReplyState.WITHHELD)))
    assert due(store) == []
    store.project()
    assert store.ledger.due_replies(NOW) == [
        Reply(
            row=1,
            fingerprint=key(1).fingerprint,
            state=ReplyState.PENDING,
            integration="payroll",
            alias="payroll@host",
            case_id=case_id(1),
            message_id=reply(1).message_id,
            recipient="ann@example.com",
            received_at=NOW,
            line=line(1),
        )
    ]


def test_replies_come_oldest_first_and_beyond_a_row(store: Store) -> None:
    replies = add_replies(store, 3, 1, 2)
    assert [each.case_id for each in replies] == [case_id(n) for n in (3, 1, 2)]
    assert list(store.ledger.due_replies(NOW, after=replies[0].row)) == replies[1:]


def test_begun_once_a_fingerprint(store: Store) -> None:
    twin = replace(case(1, account="imap://other", answer=reply(2)), case_id=case_id(2), line=line(2))
    add(store.ledger, case(1, answer=reply(1)), twin)
    store.project()
    first, second = store.ledger.due_replies(NOW)
    assert first.fingerprint == second.fingerprint
    store.ledger.sending(first, NOW, token="draft 7")
    for again in (first, second):
        with pytest.raises(StoreError, match="begun before"):
            store.ledger.sending(again, NOW)
    store.ledger.settle(first, ReplyState.SENT)
    for again in (first, second):
        with pytest.raises(StoreError, match="begun before"):
            store.ledger.sending(again, NOW)
    assert due(store) == [case_id(2)]


def test_begun_once_though_two_runs_had_it_in_hand(folder: Path, store: Store) -> None:
    (one,) = add_replies(store, 1)
    with SqliteLedger.open(folder) as other:
        assert list(other.due_replies(NOW)) == [one]
        other.sending(one, NOW)
        with pytest.raises(StoreError, match="begun before"):
            store.ledger.sending(one, NOW)


ENDS = [ReplyState.SENT, ReplyState.WITHHELD, ReplyState.FAILED, ReplyState.UNKNOWN]


@pytest.mark.parametrize("state", ENDS)
@pytest.mark.parametrize("begun", [True, False])
def test_an_end_is_for_good(store: Store, state: ReplyState, begun: bool) -> None:
    (one,) = add_replies(store, 1)
    if begun:
        store.ledger.sending(one, NOW)
    store.ledger.settle(one, state, "because")
    assert due(store) == []
    with pytest.raises(StoreError):
        store.ledger.sending(one, NOW)
    with pytest.raises(StoreError, match="ended before"):
        store.ledger.postpone(one, NOW, "again")
    if state is not ReplyState.UNKNOWN:
        with pytest.raises(StoreError, match="ended before"):
            store.ledger.settle(one, ReplyState.SENT)
    assert store.ledger.recover_replies() == []


@pytest.mark.parametrize("state", [ReplyState.PENDING, ReplyState.SENDING])
def test_pending_and_sending_are_no_ends(store: Store, state: ReplyState) -> None:
    (one,) = add_replies(store, 1)
    with pytest.raises(StoreError, match="does not end as"):
        store.ledger.settle(one, state)


def test_doubt_may_be_settled_later(store: Store) -> None:
    (one,) = add_replies(store, 1)
    store.ledger.sending(one, NOW)
    store.ledger.settle(one, ReplyState.UNKNOWN, "no answer")
    store.ledger.settle(one, ReplyState.SENT)
    with pytest.raises(StoreError):
        store.ledger.settle(one, ReplyState.FAILED)


def test_what_was_being_sent_when_a_run_died_is_unknown(folder: Path, store: Store) -> None:
    one, two, _ = add_replies(store, 1, 2, 3)
    store.ledger.sending(one, NOW, token="draft 7")
    store.ledger.sending(two, NOW)
    store.ledger.settle(two, ReplyState.SENT)
    store.close()
    with SqliteLedger.open(folder) as ledger:
        (found,) = ledger.recover_replies()
        assert (found.case_id, found.state, found.token) == (case_id(1), ReplyState.UNKNOWN, "draft 7")
        assert found.reason
        assert ledger.recover_replies() == []
        assert [each.case_id for each in ledger.due_replies(NOW)] == [case_id(3)]
        with pytest.raises(StoreError):
            ledger.sending(found, NOW)


def test_a_postponed_reply_comes_again_with_the_same_id(store: Store) -> None:
    (one,) = add_replies(store, 1)
    store.ledger.postpone(one, after(minutes=5), "421 busy")
    assert due(store) == []
    assert due(store, after(minutes=4, seconds=59)) == []
    (again,) = store.ledger.due_replies(after(minutes=5))
    assert (again.message_id, again.attempts, again.reason) == (one.message_id, 1, "421 busy")
    store.ledger.sending(again, NOW)
    store.ledger.postpone(again, after(minutes=10), "451 later")
    (third,) = store.ledger.due_replies(after(minutes=10))
    assert third.attempts == 2
    assert store.ledger.rates("ann@example.com", NOW) == Rates()
    store.ledger.sending(third, NOW)
    store.ledger.settle(third, ReplyState.SENT)


def test_a_wait_noted_by_a_wrong_clock_does_not_last(store: Store) -> None:
    (one,) = add_replies(store, 1)
    store.ledger.postpone(one, after(days=3650, minutes=5), "421 busy")
    assert due(store) == [case_id(1)]


def begin_all(store: Store, moments: list[datetime], recipients: list[str]) -> None:
    add(
        store.ledger,
        *(case(n, answer=reply(n, recipient=address)) for n, address in enumerate(recipients, 1)),
    )
    store.project()
    for one, moment in zip(store.ledger.due_replies(NOW), moments, strict=True):
        store.ledger.sending(one, moment)


def test_rates_count_what_was_begun_by_address_and_domain(store: Store) -> None:
    people = [
        "Ann+a@Example.com",
        "ann@example.com",
        "bob@EXAMPLE.com",
        "ann@example.org",
        "ann+b@example.com",
    ]
    moments = [after(minutes=-59), after(hours=-2), after(minutes=-1), NOW, after(days=-1, minutes=-1)]
    begin_all(store, moments, people)
    assert store.ledger.rates("ann@example.com", NOW) == Rates(1, 2, 2)
    assert store.ledger.rates("Ann+new@example.com", NOW) == Rates(1, 2, 2)
    assert store.ledger.rates("bob@example.com", NOW) == Rates(1, 1, 2)
    assert store.ledger.rates("ann@example.org", NOW) == Rates(1, 1, 1)
    assert store.ledger.rates("eve@example.net", NOW) == Rates()


def test_replies_that_were_not_begun_do_not_count(store: Store) -> None:
    add_replies(store, 1, 2)
    first, second = store.ledger.due_replies(NOW)
    store.ledger.settle(first, ReplyState.FAILED, "550")
    store.ledger.settle(second, ReplyState.WITHHELD, "old")
    assert store.ledger.rates("ann@example.com", NOW) == Rates()


def test_a_clock_set_back_does_not_reset_the_rates(store: Store) -> None:
    begin_all(store, [after(minutes=1), after(minutes=2), after(hours=-3)], ["ann@example.com"] * 3)
    yesterday = after(days=-1)
    assert store.ledger.rates("ann@example.com", yesterday) == Rates(3, 3, 3)


def test_a_clock_that_was_ten_years_ahead_does_not_block_for_ever(store: Store) -> None:
    begin_all(store, [after(days=3650)] * 5, ["ann@example.com"] * 4 + ["bob@example.com"])
    assert store.ledger.rates("ann@example.com", NOW) == Rates(4, 4, 5)
    assert store.ledger.rates("ann@example.com", after(minutes=61)) == Rates(0, 4, 0)
    assert store.ledger.rates("ann@example.com", after(hours=25)) == Rates()
    assert store.ledger.rates("bob@example.com", after(hours=25)) == Rates()


def test_replies_of_a_case_and_of_its_follow_ups(store: Store) -> None:
    add_replies(store, 1, 2)
    add(store.ledger, replace(follow_up(3, of=1), reply=reply(3)))
    assert [each.message_id for each in store.ledger.replies_of(case_id(1))] == [
        reply(1).message_id,
        reply(3).message_id,
    ]
    assert store.ledger.replies_of(case_id(9)) == []


def test_those_that_failed_are_listed(store: Store) -> None:
    states = (ReplyState.SENT, ReplyState.FAILED, ReplyState.UNKNOWN, ReplyState.WITHHELD, ReplyState.FAILED)
    for each, state in zip(add_replies(store, 1, 2, 3, 4, 5), states, strict=True):
        store.ledger.settle(each, state, "why")
    assert [each.case_id for each in store.ledger.failed_replies()] == [case_id(2), case_id(5)]


@pytest.mark.parametrize("state", [ReplyState.FAILED, ReplyState.UNKNOWN])
def test_a_person_may_have_a_reply_begun_once_more(store: Store, state: ReplyState) -> None:
    (one,) = add_replies(store, 1)
    store.ledger.sending(one, NOW)
    store.ledger.settle(one, state, "why")
    assert due(store) == []
    store.ledger.send_again(one)
    (again,) = store.ledger.due_replies(NOW)
    assert (again.row, again.state, again.attempts) == (one.row, ReplyState.PENDING, 1)
    store.ledger.sending(again, NOW)
    with pytest.raises(StoreError, match="begun before"):
        store.ledger.sending(again, NOW)
    store.ledger.settle(again, ReplyState.SENT)


def test_what_waits_for_its_next_try_is_due_at_once_by_order(store: Store) -> None:
    (one,) = add_replies(store, 1)
    store.ledger.postpone(one, after(hours=1), "later")
    assert due(store) == []
    store.ledger.send_again(one)
    assert due(store) == [case_id(1)]


@pytest.mark.parametrize("state", [ReplyState.SENT, ReplyState.WITHHELD, ReplyState.SENDING])
def test_no_order_sends_what_was_sent_or_withheld(store: Store, state: ReplyState) -> None:
    (one,) = add_replies(store, 1)
    if state is not ReplyState.WITHHELD:
        store.ledger.sending(one, NOW)
    if state is not ReplyState.SENDING:
        store.ledger.settle(one, state)
    with pytest.raises(StoreError, match="cannot be sent again"):
        store.ledger.send_again(one)
    assert due(store) == []


def test_replies_that_a_wrong_clock_began_count_for_a_minute_and_no_longer(store: Store) -> None:
    """Else a mailbox whose clock was ten years ahead would answer nobody for ten years."""
    for each in add_replies(store, 1, 2, 3):
        store.ledger.sending(each, NOW.replace(year=NOW.year + 10))
    assert store.ledger.begun_lately("payroll", NOW) == 3
    assert store.ledger.begun_lately("other", NOW) == 0
    assert store.ledger.begun_lately("payroll", after(seconds=59)) == 3
    assert store.ledger.begun_lately("payroll", after(seconds=61)) == 0
