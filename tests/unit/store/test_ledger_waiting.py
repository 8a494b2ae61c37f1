"""Mail that waits for a person: listed, decided anew, read again; each once."""

from dataclasses import replace
from pathlib import Path

import pytest

from emailint.errors import StoreError
from emailint.store import Store
from emailint.store.records import CaseFacts, Disposition, Entry, Journal, KeptMail, Known, Move, Waiting
from emailint.store.sqlite_ledger import SqliteLedger
from tests.unit.store.making import (
    ACCOUNT,
    NOW,
    add,
    after,
    case,
    case_id,
    follow_up,
    held,
    key,
    line,
    locus,
    quarantined,
    reply,
    without_line,
)

KEPT = [
    KeptMail(NOW),
    KeptMail(after(days=-3), 4_711),
    KeptMail(NOW, 99_000_000, whole=False),
    KeptMail(NOW, read=False),
]


def waiting(store: Store, disposition: Disposition = Disposition.HELD) -> list[str]:
    return [each.locus for each in store.ledger.waiting(disposition)]


@pytest.mark.parametrize("kept", KEPT)
def test_what_is_held_is_listed_with_what_deciding_anew_needs(
    folder: Path, store: Store, kept: KeptMail
) -> None:
    add(store.ledger, case(1), held(2, kept), without_line(3, Disposition.IGNORED), quarantined(4))
    store.close()
    with SqliteLedger.open(folder) as ledger:
        assert ledger.waiting(Disposition.HELD) == [
            Waiting(Known(2, Disposition.HELD, None), key(2), "payroll", ACCOUNT, locus(2), kept)
        ]
        assert [each.known for each in ledger.waiting(Disposition.QUARANTINED)] == [
            Known(4, Disposition.QUARANTINED, case_id(4))
        ]


BECOMES: list[tuple[Entry, str | None]] = [
    (case(2, answer=reply(2)), case_id(2)),
    (follow_up(2, of=1), case_id(1)),
    (without_line(2, Disposition.IGNORED), None),
]


@pytest.mark.parametrize(("entry", "of"), BECOMES)
def test_what_is_held_becomes_what_it_would_have_been(store: Store, entry: Entry, of: str | None) -> None:
    add(store.ledger, case(1), held(2))
    (one,) = store.ledger.waiting(Disposition.HELD)
    with store.ledger.transaction() as batch:
        batch.replace(one.known, entry)
        assert batch.find(key(2)) == Known(2, entry.disposition, of)
        assert batch.case_of(["<2@example.com>"]) == of
    assert waiting(store) == []
    lines = [each.content for each in store.ledger.unprojected()]
    assert lines == [line(1), *([entry.line] if entry.line else [])]
    store.project()
    assert [each.case_id for each in store.ledger.due_replies(NOW)] == [case_id(2)] * bool(entry.reply)


def test_its_case_has_facts_and_counts_from_now(store: Store) -> None:
    add(store.ledger, held(1))
    (one,) = store.ledger.waiting(Disposition.HELD)
    with store.ledger.transaction() as batch:
        batch.replace(one.known, replace(case(1), created_at=after(days=2)))
        assert batch.case_facts(case_id(1)) == CaseFacts(
            case_id(1), after(days=2), frozenset({"ann@example.com", "payroll@host"})
        )
        assert batch.cases_since(ACCOUNT, after(days=1)) == 1


def test_one_mail_is_decided_anew_once(store: Store) -> None:
    add(store.ledger, held(1), case(2))
    (one,) = store.ledger.waiting(Disposition.HELD)
    with store.ledger.transaction() as batch:
        batch.replace(one.known, case(1))
    known = (one.known, Known(2, Disposition.CASE, case_id(2)), Known(9, Disposition.HELD, None))
    for each in known:
        with pytest.raises(StoreError, match="held no more"), store.ledger.transaction() as batch:
            batch.replace(each, case(3))
    assert len(store.ledger.unprojected()) == 2


def test_octets_are_to_be_removed_until_they_are(store: Store) -> None:
    add(store.ledger, held(1), held(2), quarantined(3))
    first, _ = store.ledger.waiting(Disposition.HELD)
    (third,) = store.ledger.waiting(Disposition.QUARANTINED)
    assert store.ledger.settled() == []
    store.ledger.forget([first])
    assert waiting(store) == [locus(1), locus(2)]
    with store.ledger.transaction() as batch:
        batch.replace(first.known, case(1))
        batch.reread(third.known, b'{"schema":1,"case_id":"CS-000003","followup_id":"CS-000003-1"}\n')
    assert [each.key for each in store.ledger.settled()] == [key(1), key(3)]
    store.ledger.forget(store.ledger.settled())
    assert store.ledger.settled() == []
    assert waiting(store) == [locus(2)]


def test_what_fails_on_the_way_stays_held(store: Store) -> None:
    add(store.ledger, held(1), case(2))
    (one,) = store.ledger.waiting(Disposition.HELD)
    with pytest.raises(StoreError, match="UNIQUE"), store.ledger.transaction() as batch:
        batch.replace(one.known, replace(case(1), case_id=case_id(2)))
    assert waiting(store) == [locus(1)]


def test_it_moves_once_it_is_a_case(store: Store) -> None:
    add(store.ledger, held(1))
    store.ledger.marked([locus(1)])
    (one,) = store.ledger.waiting(Disposition.HELD)
    assert store.ledger.unmoved(ACCOUNT) == []
    with store.ledger.transaction() as batch:
        batch.replace(one.known, case(1, folder="Done"))
    assert store.ledger.unmoved(ACCOUNT) == [Move(locus(1), "Done")]


def test_its_own_row_is_no_other_mail(store: Store) -> None:
    add(store.ledger, held(1), case(2, answer=reply(2)))
    with store.ledger.transaction() as batch:
        assert batch.has_message_id(ACCOUNT, "<1@example.com>")
        assert not batch.has_message_id(ACCOUNT, "<1@example.com>", before=1)
        assert batch.has_message_id(ACCOUNT, "<1@example.com>", before=2)
        assert batch.answered(key(2).fingerprint, besides=1)
        assert not batch.answered(key(2).fingerprint, besides=2)


def test_a_quarantined_mail_is_read_again_once(store: Store) -> None:
    add(store.ledger, quarantined(1), follow_up(2, of=1))
    (one,) = store.ledger.waiting(Disposition.QUARANTINED)
    content = b'{"schema":1,"case_id":"CS-000001","followup_id":"CS-000001-2"}\n'
    with store.ledger.transaction() as batch:
        assert batch.next_follow_up_number(case_id(1)) == 2
        batch.reread(one.known, content)
    assert waiting(store, Disposition.QUARANTINED) == []
    (*_, last) = store.ledger.unprojected()
    assert (last.journal, last.content) == (Journal.FOLLOW_UPS, content)
    with pytest.raises(StoreError, match="quarantined no more"), store.ledger.transaction() as batch:
        batch.reread(one.known, content)
    with store.ledger.transaction() as batch:
        assert batch.find(key(1)) == Known(1, Disposition.QUARANTINED, case_id(1))
        assert batch.next_follow_up_number(case_id(1)) == 3


def test_what_was_read_again_opens_as_the_last_line_of_its_file(folder: Path, store: Store) -> None:
    add(store.ledger, quarantined(1))
    (one,) = store.ledger.waiting(Disposition.QUARANTINED)
    with store.ledger.transaction() as batch:
        batch.reread(one.known, b'{"schema":1,"case_id":"CS-000001","followup_id":"CS-000001-1"}\n')
    store.project()
    assert store.ledger.knows(Journal.FOLLOW_UPS, case_id(1), b'{"schema":1,"case_id":"CS-000001"')


def test_held_mail_is_not_read_again_and_quarantined_mail_not_decided_anew(store: Store) -> None:
    add(store.ledger, held(1), quarantined(2))
    with pytest.raises(StoreError, match="quarantined no more"), store.ledger.transaction() as batch:
        batch.reread(Known(1, Disposition.HELD, None), line(1))
    with pytest.raises(StoreError, match="held no more"), store.ledger.transaction() as batch:
        batch.replace(Known(2, Disposition.QUARANTINED, case_id(2)), case(3))
