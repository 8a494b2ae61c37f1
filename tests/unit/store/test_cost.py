"""What an idle run costs does not depend on what was done before; a batch costs a few syncs."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emailint.store import Store, open_store
from emailint.store.records import Disposition, Health, ReplyState, Trouble
from tests.unit.store.making import ACCOUNT, NOW, add, after, case, key, line, locus, reply

MANY = 3_000


@contextmanager
def counting(store: Store) -> Iterator[list[int]]:
    """Counts the steps of SQLite's machine, in tens."""
    steps = [0]

    def step() -> int:
        steps[0] += 1
        return 0

    connection = store.ledger._database._connection
    connection.set_progress_handler(step, 10)
    yield steps
    connection.set_progress_handler(None, 0)


def idle(store: Store) -> None:
    store.ledger.recover_replies()
    store.project()
    store.ledger.unmarked(ACCOUNT)
    store.ledger.unmoved(ACCOUNT)
    store.ledger.due_replies(after(days=30))
    store.ledger.errors()
    store.ledger.waiting(Disposition.HELD)
    store.ledger.failed_replies()
    store.ledger.health(ACCOUNT)
    store.ledger.done([locus(n) for n in range(100)])
    store.ledger.suspects([locus(n) for n in range(100)])


def batch_of_one(store: Store, number: int) -> None:
    """Every look-up that a batch makes, and its steps."""
    store.ledger.begin([locus(number)])
    with store.ledger.transaction() as batch:
        batch.find(key(number))
        batch.answered(key(number).fingerprint, besides=17)
        batch.has_message_id(ACCOUNT, f"<{number}@example.com>")
        batch.case_of(["<nobody@example.com>", "<17@example.com>"])
        batch.case_facts("CS-000017")
        batch.next_follow_up_number("CS-000017")
        batch.cases_since(ACCOUNT, after(minutes=-10))
        batch.next_case_number()
        batch.add(case(number, answer=reply(number, recipient="new@example.net"), folder="Done"))
    store.project()
    store.ledger.marked(store.ledger.unmarked(ACCOUNT))
    store.ledger.moved({move.locus: f"new {number}" for move in store.ledger.unmoved(ACCOUNT)})
    (due,) = store.ledger.due_replies(NOW)
    store.ledger.rates(due.recipient, NOW)
    store.ledger.sending(due, NOW)
    store.ledger.settle(due, ReplyState.SENT)


def fill(store: Store, count: int) -> None:
    long_ago = after(days=-30)
    add(
        store.ledger,
        *(
            case(n, answer=reply(n, recipient=f"p{n}@example.com"), folder="Done", created_at=long_ago)
            for n in range(count)
        ),
    )
    store.project()
    store.ledger.marked(store.ledger.unmarked(ACCOUNT))
    store.ledger.moved(dict.fromkeys([move.locus for move in store.ledger.unmoved(ACCOUNT)]))
    while due := store.ledger.due_replies(NOW):
        with store.ledger.transaction():
            for each in due:
                store.ledger.sending(each, long_ago)
                store.ledger.settle(each, ReplyState.SENT)
    with store.ledger.transaction():
        for n in range(count):
            trouble = store.ledger.trouble(Trouble("kind", "message", False, "text", subject_key=str(n)), NOW)
            store.ledger.close_errors([trouble.error_id], NOW)


def test_idle_steps_cost_the_same_with_many_done_rows(tmp_path: Path) -> None:
    costs = []
    for name, count in (("few", 100), ("many", MANY)):
        with open_store(tmp_path / name) as store:
            fill(store, count)
            with counting(store) as steps:
                idle(store)
            costs.append(steps[0])
    few, many = costs
    assert many <= few + 5


def test_a_batch_costs_the_same_with_many_done_rows(tmp_path: Path) -> None:
    costs = []
    for name, count in (("few", 100), ("many", MANY)):
        with open_store(tmp_path / name) as store:
            fill(store, count)
            batch_of_one(store, 100_000)
            with counting(store) as steps:
                batch_of_one(store, 100_001)
            costs.append(steps[0])
    few, many = costs
    assert many <= few + 10


def test_the_look_at_the_tail_reads_little(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store.ledger, *(case(n, content=line(n, issue="x" * 5_000)) for n in range(1_000)))
    store.project()
    store.close()
    assert (folder / "cases.jsonl").stat().st_size > 5_000_000
    octets = 0
    pread = os.pread

    def counted(descriptor: int, size: int, offset: int) -> bytes:
        nonlocal octets
        part = pread(descriptor, size, offset)
        octets += len(part)
        return part

    monkeypatch.setattr(os, "pread", counted)
    open_store(folder).close()
    assert octets < 100_000


def test_a_batch_of_fifty_is_five_commits_two_of_them_synced_and_one_sync_of_the_lines(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def batch(numbers: range) -> None:
        store.ledger.begin([locus(n) for n in numbers])
        store.attachments.save_many({key(n): () for n in numbers})
        add(store.ledger, *(case(n) for n in numbers))
        store.project()
        store.ledger.marked(store.ledger.unmarked(ACCOUNT))

    batch(range(50))
    statements: list[str] = []
    syncs: list[int] = []
    fsync = os.fsync

    def counted(descriptor: int) -> None:
        syncs.append(descriptor)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    connection = store.ledger._database._connection
    connection.set_trace_callback(statements.append)
    batch(range(50, 100))
    assert synced_commits(statements) == [False, True, True, False, False]
    # These are: in flight, the cases, their places, projected, marked.
    assert len(syncs) == 1


def synced_commits(statements: list[str]) -> list[bool]:
    """Of each commit, whether the disk is waited for."""
    commits, synced = [], True
    for statement in statements:
        if statement.startswith("PRAGMA synchronous"):
            synced = statement.endswith("FULL")
        elif statement == "COMMIT":
            commits.append(synced)
    return commits


def test_after_a_note_that_fails_commits_are_synced_again(store: Store) -> None:
    connection = store.ledger._database._connection
    with pytest.raises(ZeroDivisionError), store.ledger._database.noting():
        1 / 0  # noqa: B018 - fails in the middle
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


class CutOff:
    """A connection whose user is interrupted right before (or after) it is to sync as this statement says."""

    def __init__(self, connection: sqlite3.Connection, cut: str, *, before: bool) -> None:
        self._connection = connection
        self._cut = cut
        self._before = before

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if statement != self._cut:
            return self._connection.execute(statement, *values)
        self._cut = ""
        if not self._before:
            self._connection.execute(statement)
        raise KeyboardInterrupt

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.mark.parametrize("level", ["NORMAL", "FULL"])
@pytest.mark.parametrize("before", [True, False])
def test_after_a_note_that_is_cut_off_anywhere_commits_are_synced_again(
    store: Store, level: str, before: bool
) -> None:
    database = store.ledger._database
    connection = database._connection
    cut = CutOff(connection, f"PRAGMA synchronous = {level}", before=before)
    database._connection = cut  # type: ignore[assignment]  # as far as it is used
    with pytest.raises(KeyboardInterrupt):
        store.ledger.begin([locus(1)])
    with database.writing():
        pass
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_what_is_noted_within_a_transaction_is_synced_with_it(store: Store) -> None:
    statements: list[str] = []
    store.ledger._database._connection.set_trace_callback(statements.append)
    with store.ledger.transaction():
        store.ledger.begin([locus(1)])
    assert synced_commits(statements) == [True]


def test_the_breaker_is_looked_up_once_a_run(store: Store) -> None:
    statements: list[str] = []
    store.ledger._database._connection.set_trace_callback(statements.append)
    for number in range(5):
        with store.ledger.transaction() as batch:
            assert batch.cases_since(ACCOUNT, after(minutes=-10)) == number
            batch.add(case(number))
    assert sum("counted_at >=" in statement for statement in statements) == 1


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """The statements that are given to SQLite."""
    given: list[str] = []
    connection = store.ledger._database._connection
    connection.set_trace_callback(given.append)
    yield given
    connection.set_trace_callback(None)


def steps(store: Store) -> int:
    """What is asked for each mailbox, more than once; how much was found."""
    found = len(store.ledger.unprojected())
    return found + len(store.ledger.unmarked(ACCOUNT)) + len(store.ledger.unmoved(ACCOUNT))


def test_that_nothing_waits_is_asked_once_until_something_changes(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        assert steps(store) == 0
        with statements(store) as given:
            assert steps(store) == 0
            assert given == []
        add(store.ledger, case(1, folder="Done"))
        assert steps(store) == 1  # its line; it is marked after that
        store.project()
        assert steps(store) == 1
        store.ledger.marked(store.ledger.unmarked(ACCOUNT))
        assert [move.folder for move in store.ledger.unmoved(ACCOUNT)] == ["Done"]
        store.ledger.moved({move.locus: None for move in store.ledger.unmoved(ACCOUNT)})
        assert steps(store) == 0
        with statements(store) as given:
            assert steps(store) == 0
            assert given == []


def test_what_was_noted_last_is_synced_at_the_end(folder: Path, store: Store) -> None:
    statements: list[str] = []
    store.ledger._database._connection.set_trace_callback(statements.append)
    store.ledger.begin([locus(1)])
    store.close()
    assert synced_commits(statements) == [False, True]
    statements.clear()
    with open_store(folder) as again:
        again.ledger._database._connection.set_trace_callback(statements.append)
    assert synced_commits(statements) == []  # an idle run waits for nothing


def test_thousands_of_idle_mailboxes_ask_three_questions_together(store: Store) -> None:
    fill(store, 10)
    statements: list[str] = []
    store.ledger._database._connection.set_trace_callback(statements.append)
    for number in range(1_000):
        account = f"imap://desk{number}@host"
        assert store.ledger.health(account) == Health()
        assert store.ledger.done([]) == frozenset()
        assert not store.ledger.suspects([])
        assert not store.ledger.known([])
        store.project()
        assert not store.ledger.unmarked(account)
        assert not store.ledger.unmoved(account)
    assert len([each for each in statements if each.startswith("SELECT")]) <= 4


def test_one_ailing_mailbox_is_seen_among_thousands(store: Store) -> None:
    assert store.ledger.health(ACCOUNT) == Health()
    ailing = Health(failures=2, kind="connection_failed")
    store.ledger.set_health(ACCOUNT, ailing)
    assert store.ledger.health(ACCOUNT) == ailing
    store.ledger.set_health(ACCOUNT, Health())
    assert store.ledger.health(ACCOUNT) == Health()


def test_nobody_waits_for_another_to_know_that_nothing_is_to_be_written(store: Store) -> None:
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(store.project().lines), daemon=True)
    with store.projection._lock:
        asking.start()
        asking.join(10)
    assert answers == [0]


def test_who_only_reads_asks_each_time(folder: Path, store: Store) -> None:
    with open_store(folder, read_only=True) as reader:
        assert reader.ledger.unmarked(ACCOUNT) == []
        add(store.ledger, case(1))
        store.project()
        assert reader.ledger.unmarked(ACCOUNT) == [locus(1)]


def test_a_transaction_without_a_change_makes_no_note_durable(store: Store) -> None:
    statements: list[str] = []
    store.ledger.begin([locus(1)])
    with store.ledger.transaction():
        pass  # as where the ledger is only asked
    store.ledger._database._connection.set_trace_callback(statements.append)
    store.close()
    assert synced_commits(statements) == [True]


def test_lines_that_wait_are_read_once(store: Store) -> None:
    add(store.ledger, case(1), case(2))
    statements: list[str] = []
    store.ledger._database._connection.set_trace_callback(statements.append)
    store.project()
    # Once for these, and once more to know that there are no others.
    assert sum("FROM line INDEXED BY line_unprojected" in each for each in statements) == 2
