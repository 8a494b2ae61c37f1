"""Known loci, and loci in flight."""

from dataclasses import replace
from pathlib import Path

import pytest

from emailint.store import Store
from emailint.store.sqlite_ledger import SqliteLedger
from tests.unit.store.making import ACCOUNT, add, case, key, locus


def test_done_are_the_loci_that_have_a_row(store: Store) -> None:
    add(store.ledger, case(1), case(2))
    with store.ledger.transaction() as batch:
        known = batch.find(key(1))
        assert known is not None
        batch.add_locus(known, locus(31), ACCOUNT, None)
    assert store.ledger.done([locus(n) for n in (0, 1, 2, 31, 32)]) == {locus(1), locus(2), locus(31)}
    assert store.ledger.done([]) == frozenset()


def test_done_takes_more_loci_than_a_statement_has_room_for(store: Store) -> None:
    add(store.ledger, case(7), case(4_999))
    assert store.ledger.done([locus(n) for n in range(5_000)]) == {locus(7), locus(4_999)}


ODD_LOCI = [
    "maildir:/mail/1.\udce9t\udce9.host",
    "imap://u@h/Entw&APw-rfe",
    "",
    "\0",
    "x" * 5_000,
    "a'; DROP--",
]


@pytest.mark.parametrize("odd", ODD_LOCI)
def test_loci_of_any_text_are_kept(folder: Path, store: Store, odd: str) -> None:
    store.ledger.begin([odd])
    store.close()
    with SqliteLedger.open(folder) as ledger:
        assert ledger.suspects([odd]) == {odd: 0}
        with ledger.transaction() as batch:
            batch.add(replace(case(1), locus=odd))
        assert ledger.done([odd, "other"]) == {odd}
        assert ledger.suspects([odd]) == {}
        ledger.projected(ledger.unprojected())
        assert ledger.unmarked(ACCOUNT) == [odd]
        ledger.marked([odd])
        assert ledger.unmarked(ACCOUNT) == []


def test_only_what_an_earlier_run_left_in_flight_is_suspect(folder: Path, store: Store) -> None:
    store.ledger.begin([locus(1), locus(2), locus(3)])
    assert store.ledger.suspects([locus(1)]) == {}
    store.ledger.release([locus(2)])
    add(store.ledger, case(3))
    store.close()
    with SqliteLedger.open(folder) as ledger:
        ledger.begin([locus(4)])
        assert ledger.suspects([locus(n) for n in range(6)]) == {locus(1): 0}
        ledger.begin([locus(1)])
        assert ledger.suspects([locus(1)]) == {locus(1): 0}
        ledger.release([locus(1)])
        assert ledger.suspects([locus(1)]) == {}


def test_attempts_outlive_the_run_and_a_release(folder: Path, store: Store) -> None:
    store.ledger.begin([locus(1)])
    assert [store.ledger.attempt(locus(1)) for _ in range(2)] == [1, 2]
    store.ledger.release([locus(1)])
    store.close()
    with SqliteLedger.open(folder) as ledger:
        assert ledger.suspects([locus(1), locus(2)]) == {locus(1): 2}
        ledger.begin([locus(1)])
        assert ledger.attempt(locus(1)) == 3
        add(ledger, case(1))
        assert ledger.suspects([locus(1)]) == {}
