"""What an audit asks of the ledger, also of one that an earlier version made."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from emailint.store import Store, open_store
from emailint.store.database import Database
from emailint.store.records import Disposition, Entry, Ignored, KeptMail, Known
from emailint.store.sqlite_ledger import SqliteLedger
from tests.unit.store.making import (
    ACCOUNT,
    NOW,
    add,
    after,
    case,
    case_id,
    files_of,
    held,
    locus,
    quarantined,
    reply,
    without_line,
)

RULE = "deny: \udce9ve@example.com is on the deny list of alias payroll@host"
OTHER = "imap://desk@host"


def ignored(number: int, received_at: datetime = NOW) -> Entry:
    return replace(without_line(number, Disposition.IGNORED), ignored=Ignored(RULE, received_at))


def test_places_are_known_with_their_rows(store: Store) -> None:
    add(store.ledger, case(1), held(2), *(case(number) for number in range(10, 1_300)))
    with store.ledger.transaction() as batch:
        batch.add_locus(Known(1, Disposition.CASE, None), locus(7, OTHER), OTHER, None)
    asked = [locus(number) for number in range(1_300)] + [locus(7, OTHER)]
    known = store.ledger.known(asked)
    assert known[locus(1)] == known[locus(7, OTHER)] == Known(1, Disposition.CASE, case_id(1))
    assert known[locus(2)] == Known(2, Disposition.HELD, None)
    assert len(known) == 1_293
    assert store.ledger.known([]) == {}


def test_the_rule_of_ignored_mail_is_noted_once_and_for_all(folder: Path, store: Store) -> None:
    add(store.ledger, case(1), ignored(2), held(3), without_line(4, Disposition.IGNORED))
    assert store.ledger.rules([1, 2, 3, 4]) == {2: RULE}
    with store.ledger.transaction() as batch:
        batch.replace(Known(3, Disposition.HELD, None), ignored(3))
    store.close()
    with SqliteLedger.open(folder, read_only=True) as ledger:
        assert ledger.rules([2, 3]) == {2: RULE, 3: RULE}


def test_rows_of_a_time_by_when_their_mail_was_received(store: Store) -> None:
    late, early = after(days=-1), after(days=-9)
    add(
        store.ledger,
        case(1, answer=replace(reply(1), received_at=late)),
        case(2, answer=replace(reply(2), received_at=early)),
        held(3, KeptMail(late)),
        held(4, KeptMail(early)),
        ignored(5, late),
        ignored(6, early),
        replace(quarantined(7), kept=KeptMail(early)),
        without_line(8, Disposition.IGNORED),  # whose time was not noted: that of its row counts
        case(9, account=OTHER, answer=replace(reply(9), received_at=late)),
        case(10, created_at=after(minutes=1), answer=replace(reply(10), received_at=NOW)),
    )
    week = after(days=-7)
    assert store.ledger.received_between(ACCOUNT, week, NOW) == {1, 3, 5, 8}
    assert store.ledger.received_between(ACCOUNT, late, after(hours=1)) == {1, 3, 5, 8, 10}
    assert store.ledger.received_between(ACCOUNT, after(days=-30), NOW) == {1, 2, 3, 4, 5, 6, 7, 8}
    assert store.ledger.received_between(OTHER, week, NOW) == {9}


def test_a_ledger_of_an_earlier_version_is_completed_when_it_is_next_written(folder: Path) -> None:
    with open_store(folder) as store:
        add(store.ledger, case(1, answer=reply(1)), without_line(2, Disposition.IGNORED))
    database = Database(folder / "ledger.db")
    with database.writing() as connection:
        connection.execute("DROP TABLE ignored")
    database.close()
    before = files_of(folder)
    with SqliteLedger.open(folder, read_only=True) as ledger:
        assert ledger.rules([2]) == {}
        assert ledger.received_between(ACCOUNT, after(days=-1), NOW) == {1, 2}
    assert files_of(folder) == before
    with open_store(folder) as store:
        add(store.ledger, ignored(3))
        assert store.ledger.rules([2, 3]) == {3: RULE}
    before = files_of(folder)
    with open_store(folder) as store:
        assert store.ledger.rules([3]) == {3: RULE}
    assert files_of(folder) == before
