"""What commands are still to be given: noted with the line, due once it is durable, kept until done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emailint.errors import StoreError
from emailint.store import open_store
from emailint.store.database import Database
from emailint.store.records import Calls, Hook
from emailint.store.sqlite_ledger import SqliteLedger
from tests.unit.store.making import NOW, add, after, case, files_of, follow_up, held, line

if TYPE_CHECKING:
    from pathlib import Path

    from emailint.store import Store


def due(store: Store, hook: Hook = Hook.ON_CASE, **ahead: float) -> list[bytes]:
    return [call.line for call in store.ledger.due_calls(hook, after(**ahead), 10)]


def test_a_line_is_noted_with_its_case_and_due_once_it_is_durable(store: Store) -> None:
    store.ledger.serve(frozenset({Hook.ON_CASE}))
    add(store.ledger, case(1), held(2), case(3), follow_up(4, 1))
    assert due(store) == []
    store.project()
    assert due(store) == [line(1), line(3)]
    assert due(store, Hook.ON_FOLLOW_UP) == []
    assert store.ledger.calls() == {Hook.ON_CASE: Calls(2, 0)}


def test_nothing_of_it_stays_when_the_transaction_does_not(store: Store) -> None:
    store.ledger.serve(frozenset(Hook))
    with pytest.raises(StoreError):
        _interrupted(store)
    assert store.ledger.calls() == {}


def _interrupted(store: Store) -> None:
    with store.ledger.transaction() as batch:
        batch.add(case(1))
        store.ledger.note_error(b'{"error_id": "E-1"}\n')
        batch.finish()
        store.ledger.unprojected()  # which is refused within a transaction


def test_what_went_well_is_forgotten_and_what_failed_waits(store: Store) -> None:
    store.ledger.serve(frozenset({Hook.ON_CASE}))
    add(store.ledger, case(1), case(2), case(3))
    store.project()
    first, second, third = store.ledger.due_calls(Hook.ON_CASE, NOW, 10)
    assert [call.line for call in store.ledger.due_calls(Hook.ON_CASE, NOW, 2)] == [line(1), line(2)]
    store.ledger.called(first)
    store.ledger.call_failed(second, after(minutes=5))
    store.ledger.call_failed(third, None)
    assert (due(store), due(store, minutes=5)) == ([], [line(2)])
    assert due(store, days=-2) == [line(2)], "a clock that was wrong"
    assert store.ledger.calls() == {Hook.ON_CASE: Calls(1, 1)}
    assert store.ledger.fails(Hook.ON_CASE, 3)
    assert store.ledger.call_again() == 2
    assert not store.ledger.fails(Hook.ON_CASE, 1)
    assert due(store) == [line(2), line(3)]


def test_a_ledger_of_an_earlier_version_gets_its_table_when_it_is_next_written(folder: Path) -> None:
    with open_store(folder) as store:
        add(store.ledger, case(1))
        store.project()
    database = Database(folder / "ledger.db")
    with database.writing() as connection:
        connection.execute("DROP TABLE hook")
    database.close()
    before = files_of(folder)
    with SqliteLedger.open(folder, read_only=True) as ledger:
        assert ledger.calls() == {}
    assert files_of(folder) == before
    with open_store(folder) as store:
        store.ledger.serve(frozenset({Hook.ON_CASE}))
        add(store.ledger, case(2))
        store.project()
        assert due(store) == [line(2)], "what was made before is not told of"
    before = files_of(folder)
    with open_store(folder) as store:
        assert due(store) == [line(2)]
    assert files_of(folder) == before
