"""The one transaction in which messages become cases."""

from dataclasses import replace
from pathlib import Path

import pytest

from emailint.errors import StoreError
from emailint.store import Store
from emailint.store.records import CaseFacts, Disposition, Known, ReplyState
from emailint.store.sqlite_ledger import SqliteLedger
from tests.unit.store.making import (
    ACCOUNT,
    NOW,
    add,
    after,
    case,
    case_id,
    follow_up,
    key,
    line,
    locus,
    reply,
    without_line,
)


def test_a_batch_sees_what_it_has_added(store: Store) -> None:
    with store.ledger.transaction() as batch:
        assert batch.find(key(1)) is None
        batch.add(case(1, answer=reply(1)))
        assert batch.find(key(1)) == Known(1, Disposition.CASE, case_id(1))
        assert batch.answered(key(1).fingerprint)
        assert batch.case_of(["<nothing@x>", "<1@example.com>"]) == case_id(1)
        assert batch.case_of([reply(1).message_id]) == case_id(1)


def test_what_fails_in_the_middle_leaves_nothing(folder: Path, store: Store) -> None:
    class Died(BaseException):
        pass

    store.ledger.begin([locus(1)])

    def die() -> None:
        with store.ledger.transaction() as batch:
            assert batch.next_case_number() == 1
            batch.add(case(1, answer=reply(1)))
            raise Died

    with pytest.raises(Died):
        die()
    assert store.ledger.done([locus(1)]) == frozenset()
    assert store.ledger.unprojected() == []
    store.close()
    with SqliteLedger.open(folder) as ledger, ledger.transaction() as batch:
        assert batch.next_case_number() == 1
        assert ledger.suspects([locus(1)]) == {locus(1): 0}


def test_numbers_once_committed_never_come_again(folder: Path, store: Store) -> None:
    with store.ledger.transaction() as batch:
        assert [batch.next_case_number() for _ in range(3)] == [1, 2, 3]
    store.close()
    with SqliteLedger.open(folder) as ledger, ledger.transaction() as batch:
        assert batch.next_case_number() == 4


def test_one_row_a_key(store: Store) -> None:
    add(store.ledger, case(1))
    with pytest.raises(StoreError, match="UNIQUE"):
        add(store.ledger, replace(case(2), key=key(1)))
    with store.ledger.transaction() as batch:
        assert batch.find(key(1)) == Known(1, Disposition.CASE, case_id(1))
        assert batch.find(key(1, scope="imap://other")) is None
        assert batch.find(key(2)) is None


def test_one_case_an_id(store: Store) -> None:
    add(store.ledger, case(1))
    with pytest.raises(StoreError, match="UNIQUE"):
        add(store.ledger, replace(case(2), case_id=case_id(1)))


@pytest.mark.parametrize("content", [b"", b"{}", b"{}\n{}\n", b"{}\n\n"])
def test_what_is_not_one_line_is_refused(store: Store, content: bytes) -> None:
    with pytest.raises(StoreError, match="line feed"):
        add(store.ledger, case(1, content=content))
    assert store.ledger.done([locus(1)]) == frozenset()


ANSWERED = [
    (ReplyState.PENDING, True),
    (ReplyState.SENDING, True),
    (ReplyState.SENT, True),
    (ReplyState.FAILED, True),
    (ReplyState.UNKNOWN, True),
    (ReplyState.WITHHELD, False),
]


@pytest.mark.parametrize(("state", "answered"), ANSWERED)
def test_answered_in_whatever_scope(store: Store, state: ReplyState, answered: bool) -> None:
    add(store.ledger, case(1, account="imap://other", answer=reply(1, state)))
    with store.ledger.transaction() as batch:
        assert batch.answered(key(1).fingerprint) is answered
        assert not batch.answered(key(2).fingerprint)


def test_a_message_id_is_known_in_its_scope_only(store: Store) -> None:
    add(store.ledger, case(1, answer=reply(1)))
    with store.ledger.transaction() as batch:
        assert batch.has_message_id(ACCOUNT, "<1@example.com>")
        assert not batch.has_message_id("imap://other", "<1@example.com>")
        assert not batch.has_message_id(ACCOUNT, reply(1).message_id)
        assert not batch.has_message_id(ACCOUNT, "<2@example.com>")


def test_follow_ups_count_from_one_in_each_case(store: Store) -> None:
    add(store.ledger, case(1), case(2), follow_up(11, of=1), follow_up(12, of=1, count=2))
    with store.ledger.transaction() as batch:
        assert batch.next_follow_up_number(case_id(1)) == 3
        batch.add(follow_up(13, of=1, count=3))
        assert batch.next_follow_up_number(case_id(1)) == 4
        assert [batch.next_follow_up_number(case_id(2)) for _ in range(2)] == [1, 2]


def test_facts_are_of_all_messages_of_a_case(store: Store) -> None:
    add(store.ledger, case(1), case(2), follow_up(11, of=1))
    people = frozenset({"ann@example.com", "payroll@host"})
    with store.ledger.transaction() as batch:
        assert batch.case_facts(case_id(1)) == CaseFacts(case_id(1), NOW, people | {"bob@example.com"})
        assert batch.case_facts(case_id(2)) == CaseFacts(case_id(2), NOW, people)
        assert batch.case_facts(case_id(3)) is None
        assert batch.case_of(["<11@example.com>"]) == case_id(1)


def test_of_two_messages_with_one_id_the_older_one_counts(store: Store) -> None:
    add(store.ledger, case(1), replace(case(2), message_id="<1@example.com>"))
    with store.ledger.transaction() as batch:
        assert batch.case_of(["<1@example.com>"]) == case_id(1)


def test_ids_that_are_no_text_are_known_again(store: Store) -> None:
    add(
        store.ledger,
        replace(case(1), message_id="<\udc80\0@x>"),
        replace(case(2), message_id="<" + "a" * 5_000),
    )
    with store.ledger.transaction() as batch:
        assert batch.case_of(["<\udc80\0@x>"]) == case_id(1)
        assert batch.has_message_id(ACCOUNT, "<" + "a" * 5_000)


def test_a_quarantined_message_begins_a_case(store: Store) -> None:
    add(store.ledger, replace(case(1), disposition=Disposition.QUARANTINED))
    with store.ledger.transaction() as batch:
        assert batch.case_facts(case_id(1)) is not None


def test_ignored_and_held_begin_none(store: Store) -> None:
    add(store.ledger, without_line(1, Disposition.IGNORED), without_line(2, Disposition.HELD))
    with store.ledger.transaction() as batch:
        assert batch.find(key(1)) == Known(1, Disposition.IGNORED, None)
        assert batch.find(key(2)) == Known(2, Disposition.HELD, None)
        assert batch.cases_since(ACCOUNT, after(days=-1)) == 0
    assert store.ledger.unprojected() == []


def test_the_breaker_counts_cases_of_one_mailbox(store: Store) -> None:
    add(
        store.ledger,
        case(1, created_at=after(minutes=-20)),
        case(2),
        case(3),
        case(4, account="imap://other"),
    )
    with store.ledger.transaction() as batch:
        assert batch.cases_since(ACCOUNT, after(minutes=-10)) == 2
        assert batch.cases_since(ACCOUNT, after(minutes=-30)) == 3
        assert batch.cases_since(ACCOUNT, after(minutes=1)) == 0


def test_the_breaker_forgets_what_was_rolled_back(store: Store) -> None:
    def roll_back() -> None:
        with store.ledger.transaction() as batch:
            assert batch.cases_since(ACCOUNT, after(minutes=-10)) == 0
            batch.add(case(1))
            raise InterruptedError

    with pytest.raises(InterruptedError):
        roll_back()
    with store.ledger.transaction() as batch:
        assert batch.cases_since(ACCOUNT, after(minutes=-10)) == 0
        batch.add(case(2))
    with store.ledger.transaction() as batch:
        assert batch.cases_since(ACCOUNT, after(minutes=-10)) == 1


def test_a_clock_set_back_in_a_later_transaction_is_counted_anew(store: Store) -> None:
    with store.ledger.transaction() as batch:
        assert batch.cases_since(ACCOUNT, after(minutes=-10)) == 0
        batch.add(case(1, created_at=after(days=2)))
    with store.ledger.transaction() as batch:
        batch.add(case(2, created_at=NOW))
        assert batch.cases_since(ACCOUNT, after(minutes=-10)) == 2
        assert batch.cases_since(ACCOUNT, after(seconds=1)) == 0


def test_a_clock_set_back_neither_resets_the_breaker_nor_holds_it(store: Store) -> None:
    add(store.ledger, *(case(n, created_at=after(days=3650)) for n in (1, 2, 3)))
    with store.ledger.transaction() as batch:
        assert batch.cases_since(ACCOUNT, after(minutes=-10)) == 3
        batch.add(case(4, created_at=NOW))
        assert batch.cases_since(ACCOUNT, after(minutes=-10)) == 4
        assert batch.cases_since(ACCOUNT, after(seconds=1)) == 0
        facts = batch.case_facts(case_id(1))
    assert facts is not None
    assert facts.created_at == after(days=3650)


def test_the_line_is_kept_byte_for_byte(store: Store) -> None:
    content = line(1, subject="\udcff\0 \r\n\"}' DROP TABLE")
    add(store.ledger, case(1, content=content))
    assert [each.content for each in store.ledger.unprojected()] == [content]


def test_verbs_within_a_transaction_are_part_of_it(store: Store) -> None:
    add(store.ledger, case(1))
    store.project()

    def fail() -> None:
        with store.ledger.transaction() as batch:
            batch.add(case(2))
            store.ledger.marked([locus(1)])
            assert store.ledger.unmarked(ACCOUNT) == []
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert store.ledger.unmarked(ACCOUNT) == [locus(1)]


def test_lines_are_not_written_within_a_transaction(store: Store) -> None:
    with store.ledger.transaction() as batch:
        batch.add(case(1))
        with pytest.raises(StoreError, match="after the transaction"):
            store.project()
    assert store.project().lines == 1
