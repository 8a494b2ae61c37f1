"""The steps project, mark and move, as the ledger sees them."""

from dataclasses import replace
from pathlib import Path

import pytest

from emailint.errors import StoreError
from emailint.store import Store
from emailint.store.ledger_steps import LINES_AT_ONCE
from emailint.store.records import Disposition, Journal, JournalEnd, Line, Move
from emailint.store.sqlite_ledger import SqliteLedger
from tests.unit.store.making import ACCOUNT, add, case, follow_up, key, line, locus, without_line

OTHER = "imap://benefits@host"


def test_lines_come_in_the_order_of_their_rows(store: Store) -> None:
    add(store.ledger, case(1), follow_up(11, of=1), case(2))
    journals = [(each.journal, each.file) for each in store.ledger.unprojected()]
    assert journals == [(Journal.CASES, None), (Journal.FOLLOW_UPS, None), (Journal.CASES, None)]


def test_a_place_is_known_until_the_line_is_durable(folder: Path, store: Store) -> None:
    add(store.ledger, case(1), case(2))
    first, second = store.ledger.unprojected()
    store.ledger.place([replace(first, file="8:15", offset=0), replace(second, file="8:15", offset=99)])
    store.close()
    with SqliteLedger.open(folder) as ledger:
        placed = ledger.unprojected()
        assert placed == [
            Line(1, Journal.CASES, line(1), "8:15", 0),
            Line(2, Journal.CASES, line(2), "8:15", 99),
        ]
        ledger.projected(placed[:1])
        assert ledger.unprojected() == placed[1:]
        assert ledger.end_of(Journal.CASES) == JournalEnd("8:15", len(line(1)))
        assert ledger.end_of(Journal.FOLLOW_UPS) is None


def test_lines_come_in_bounded_pieces(store: Store) -> None:
    add(store.ledger, *(case(n) for n in range(LINES_AT_ONCE + 5)))
    assert len(store.ledger.unprojected()) == LINES_AT_ONCE
    store.ledger.projected(store.ledger.unprojected())
    assert len(store.ledger.unprojected()) == 5
    large = line(2_000, issue="x" * 9_000_000)
    add(store.ledger, *(case(n, content=large) for n in range(2_000, 2_004)))
    assert len(store.ledger.unprojected()) == 7


def test_nothing_is_marked_before_its_line_is_durable(store: Store) -> None:
    add(
        store.ledger,
        case(1),
        without_line(2, Disposition.IGNORED),
        case(3, account=OTHER),
        without_line(4, Disposition.HELD),
        case(5),
    )
    assert store.ledger.unmarked(ACCOUNT) == [locus(2), locus(4)]
    assert store.ledger.unmarked(OTHER) == []
    store.ledger.projected(store.ledger.unprojected()[:1])
    assert store.ledger.unmarked(ACCOUNT) == [locus(1), locus(2), locus(4)]
    store.ledger.projected(store.ledger.unprojected())
    assert store.ledger.unmarked(OTHER) == [locus(3, OTHER)]
    store.ledger.marked([locus(1), locus(4), locus(3, OTHER)])
    assert store.ledger.unmarked(ACCOUNT) == [locus(2), locus(5)]
    assert store.ledger.unmarked(OTHER) == []


def test_a_twin_is_marked_and_moved_like_the_first(store: Store) -> None:
    add(store.ledger, case(1, folder="Done"))
    with store.ledger.transaction() as batch:
        known = batch.find(key(1))
        assert known is not None
        batch.add_locus(known, locus(21), ACCOUNT, "Done")
        batch.add_locus(known, locus(22, OTHER), OTHER, None)
    assert store.ledger.unmarked(ACCOUNT) == []
    store.project()
    assert store.ledger.unmarked(ACCOUNT) == [locus(1), locus(21)]
    assert store.ledger.unmoved(ACCOUNT) == []
    store.ledger.marked([locus(1), locus(21), locus(22, OTHER)])
    assert store.ledger.unmoved(ACCOUNT) == [Move(locus(1), "Done"), Move(locus(21), "Done")]
    assert store.ledger.unmoved(OTHER) == []


def test_what_waits_for_a_person_stays_in_its_folder(store: Store) -> None:
    quarantined = replace(case(1, folder="Done"), disposition=Disposition.QUARANTINED)
    add(
        store.ledger,
        quarantined,
        without_line(2, Disposition.HELD, folder="Done"),
        without_line(3, Disposition.IGNORED, folder="Done"),
    )
    store.project()
    store.ledger.marked([locus(1), locus(2), locus(3)])
    assert store.ledger.unmoved(ACCOUNT) == [Move(locus(3), "Done")]


def test_the_new_place_of_a_moved_message_is_done_and_marked(store: Store) -> None:
    add(store.ledger, *(case(n, folder="Done") for n in (1, 2, 3)))
    store.project()
    store.ledger.marked([locus(1), locus(2), locus(3)])
    store.ledger.moved({locus(1): "new 1", locus(2): None})
    assert store.ledger.unmoved(ACCOUNT) == [Move(locus(3), "Done")]
    assert store.ledger.done([locus(1), locus(2), "new 1", "new 2"]) == {locus(1), locus(2), "new 1"}
    assert store.ledger.unmarked(ACCOUNT) == []
    store.ledger.moved({locus(1): "new 1", locus(3): locus(3)})
    assert store.ledger.unmoved(ACCOUNT) == []
    assert store.ledger.unmarked(ACCOUNT) == []


def test_steps_without_work_are_harmless(store: Store) -> None:
    store.ledger.place([])
    store.ledger.projected([])
    store.ledger.marked([])
    store.ledger.marked(["unknown"])
    store.ledger.moved({})
    store.ledger.moved({"unknown": "elsewhere"})
    assert store.ledger.done(["unknown", "elsewhere"]) == frozenset()


def test_what_waits_in_a_closed_ledger_is_no_bug_but_an_error_of_the_store(store: Store) -> None:
    store.ledger.close()
    for ask in (
        store.ledger.unprojected,
        lambda: store.ledger.unmarked(ACCOUNT),
        lambda: store.ledger.unmoved(ACCOUNT),
    ):
        with pytest.raises(StoreError):
            ask()
