"""Errors are merged by what they are about; the health of mailboxes is kept."""

from dataclasses import replace
from pathlib import Path

import pytest

from emailint.store import Store
from emailint.store.records import Health, OpenError, Trouble
from emailint.store.sqlite_ledger import SqliteLedger
from tests.unit.store.making import NOW, after, files_of

LOGIN = Trouble("login_refused", "integration", False, "login refused", "look at it", integration="payroll")

OTHERS = [
    replace(LOGIN, kind="tls_failed"),
    replace(LOGIN, scope="message"),
    replace(LOGIN, integration="benefits"),
    replace(LOGIN, integration=None),
    replace(LOGIN, subject_key="imap://x"),
]


@pytest.mark.parametrize("other", OTHERS)
def test_other_troubles_have_other_ids(other: Trouble) -> None:
    assert other.error_id != LOGIN.error_id


def test_the_id_does_not_depend_on_the_text() -> None:
    same = replace(LOGIN, message="again", hint="", mailbox="p@x", detail="stack", attempt=7, case_id="CS-1")
    assert same.error_id == LOGIN.error_id
    assert LOGIN.error_id == "E-3503cbe6"
    assert replace(LOGIN, kind="a", scope="bc").error_id != replace(LOGIN, kind="ab", scope="c").error_id


def test_an_error_opens_counts_and_closes(store: Store) -> None:
    opened = store.ledger.trouble(LOGIN, NOW)
    assert opened == OpenError(LOGIN.error_id, LOGIN, NOW, NOW, 1)
    worse = replace(LOGIN, message="login refused again", attempt=2)
    again = store.ledger.trouble(worse, after(minutes=1))
    assert again == OpenError(LOGIN.error_id, worse, NOW, after(minutes=1), 2)
    assert store.ledger.errors() == [again]
    (closed,) = store.ledger.close_errors([LOGIN.error_id, "E-00000000", LOGIN.error_id], after(minutes=2))
    assert closed == replace(again, closed_at=after(minutes=2))
    assert store.ledger.errors() == []
    assert store.ledger.errors(closed=True) == [closed]
    assert store.ledger.close_errors([LOGIN.error_id], after(minutes=3)) == []


def test_what_comes_back_is_new(store: Store) -> None:
    store.ledger.trouble(LOGIN, NOW)
    store.ledger.trouble(LOGIN, NOW)
    store.ledger.told([LOGIN.error_id], NOW)
    store.ledger.close_errors([LOGIN.error_id], after(minutes=1))
    assert store.ledger.trouble(LOGIN, after(hours=1)) == OpenError(
        LOGIN.error_id, LOGIN, after(hours=1), after(hours=1), 1
    )


def test_what_was_told_is_remembered(store: Store) -> None:
    store.ledger.trouble(LOGIN, NOW)
    store.ledger.told([LOGIN.error_id, "E-00000000"], after(seconds=3))
    again = store.ledger.trouble(LOGIN, after(minutes=1))
    assert again.told_at == after(seconds=3)
    assert store.ledger.errors()[0].told_at == after(seconds=3)


def test_errors_come_oldest_first(store: Store) -> None:
    later = store.ledger.trouble(OTHERS[0], after(hours=1))
    early = store.ledger.trouble(LOGIN, NOW)
    assert store.ledger.errors() == [early, later]


def test_every_text_survives(folder: Path, store: Store) -> None:
    odd = replace(LOGIN, message="\udc80\0\n\x1b[2J", subject="\"'; DROP TABLE error", subject_key="\ud800")
    store.ledger.trouble(odd, NOW)
    store.close()
    with SqliteLedger.open(folder) as ledger:
        assert [error.trouble for error in ledger.errors()] == [odd]


def test_health_is_kept_for_each_account(folder: Path, store: Store) -> None:
    failing = Health(3, after(minutes=5), "login_refused", "digest")
    store.ledger.set_health("a", failing)
    store.ledger.set_health("b", Health(1))
    store.close()
    with SqliteLedger.open(folder) as ledger:
        assert ledger.health("a") == failing
        assert ledger.health("b") == Health(1)
        assert ledger.health("c") == Health()
        ledger.set_health("a", Health())
        assert ledger.health("a") == Health()


def test_unchanged_health_and_closed_errors_write_nothing(folder: Path, store: Store) -> None:
    failing = Health(3, after(minutes=5), "login_refused", "digest")
    store.ledger.set_health("a", failing)
    store.close()
    before = files_of(folder)
    with SqliteLedger.open(folder) as ledger:
        ledger.set_health("a", failing)
        ledger.set_health("b", Health())
        ledger.close_errors([LOGIN.error_id], NOW)
        ledger.told([], NOW)
        assert (folder / "ledger.db-wal").stat().st_size == 0
    assert files_of(folder) == before
