"""A sweep that reads beside itself makes what any sweep makes, whoever dies on the way."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from emailint.config.model import SweepLimits
from emailint.errors import ConnectionFailed
from emailint.message.model import ReadSettings
from emailint.message.parallel import Parallel
from emailint.sources.protocol import MessageRef
from emailint.store.folder import open_store
from emailint.sweep import readers
from emailint.sweep.mailbox import Read
from emailint.sweep.readers import LARGEST_AHEAD, MANY, Beside, Here, Readers
from tests.support.memory import letter
from tests.support.world import World, make_world

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BATCH = 10
MAILS = 45
SETTINGS = ReadSettings()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A mailbox with four and a half batches, and a machine on which so few are read in two processes."""
    monkeypatch.setattr(readers, "MANY", 1)
    monkeypatch.setattr("emailint.sweep.readers.os.cpu_count", lambda: 2)
    limits = SweepLimits(batch_messages=BATCH)
    made = make_world(tmp_path, monkeypatch, settings={"limits": limits, "concurrency": 1})
    for number in range(1, MAILS + 1):
        headers = "In-Reply-To: <1@example.com>\n" if number == 12 else ""
        made.source.deliver(letter(number, headers=headers))
    made.source.deliver(letter(7))  # the twin of one in another batch
    return made


def started(monkeypatch: pytest.MonkeyPatch) -> list[Parallel]:
    """The processes that are started from now on."""
    found: list[Parallel] = []

    class Noted(Parallel):
        def __init__(self, count: int) -> None:
            super().__init__(count)
            found.append(self)

    monkeypatch.setattr("emailint.message.parallel.Parallel", Noted)
    return found


def test_the_store_is_the_same_as_of_a_sweep_that_reads_by_itself(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = started(monkeypatch)
    totals = world.sweep().totals
    assert len(processes) == 1
    assert (totals.cases, totals.follow_ups, totals.already_known) == (MAILS - 1, 1, 1)
    beside = [(tmp_path / "data" / name).read_bytes() for name in ("cases.jsonl", "followups.jsonl")]
    assert world.source.unread() == []

    (tmp_path / "alone").mkdir()
    monkeypatch.setattr("emailint.sweep.readers.os.cpu_count", lambda: 1)
    other = make_world(tmp_path / "alone", monkeypatch, settings=world.settings)
    other.sources = world.sources
    for mail in other.source.mails.values():
        mail.seen = False
    other.sweep()
    assert len(processes) == 1
    alone = [(tmp_path / "alone" / "data" / name).read_bytes() for name in ("cases.jsonl", "followups.jsonl")]
    assert beside == alone


def test_a_batch_is_marked_only_after_it_is_durable_and_the_next_one_is_fetched_meanwhile(
    world: World,
) -> None:
    durable: list[int] = []

    def before(verb: str) -> None:
        if verb == "mark":
            durable.append(len(world.lines()) + len(world.lines("followups.jsonl")))

    world.source.before = before
    world.sweep()
    assert durable == [10, 20, 30, 40, 45]
    verbs = [verb for verb in world.source.calls if verb in {"fetch", "mark"}]
    assert verbs == ["fetch", "fetch", "mark", "fetch", "mark", "fetch", "mark", "fetch", "mark", "mark"]


def test_a_large_batch_is_not_held_beside_another_and_not_in_two_processes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[int] = []
    begin = Parallel.begin

    def noted(self: Parallel, raws: Sequence[bytes], settings: ReadSettings) -> None:
        handed.append(len(raws))
        begin(self, raws, settings)

    monkeypatch.setattr(Parallel, "begin", noted)
    for uid in range(11, 21):  # the second batch
        world.source.mails[uid].size = LARGEST_AHEAD // 10 + 1
    totals = world.sweep().totals
    assert totals.cases == MAILS - 1
    assert handed == [10, 10, 10, 6]
    verbs = [verb for verb in world.source.calls if verb in {"fetch", "mark"}]
    assert verbs == ["fetch", "mark", "fetch", "mark", "fetch", "fetch", "mark", "fetch", "mark", "mark"]


def test_a_process_that_is_killed_costs_no_mail_and_no_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = started(monkeypatch)
    fetches = 0

    def before(verb: str) -> None:
        nonlocal fetches
        fetches += verb == "fetch"
        if verb == "fetch" and fetches == 2:
            os.kill(processes[0]._first.pid, signal.SIGKILL)
            time.sleep(0.1)

    world.source.before = before
    totals = world.sweep().totals
    assert (totals.cases, totals.follow_ups, totals.failed, totals.quarantined) == (MAILS - 1, 1, 0, 0)
    assert world.open_errors() == []
    assert in_flight(world) == 0


def test_a_mailbox_that_fails_keeps_what_came_and_suspects_none(world: World) -> None:
    fetches = 0

    def before(verb: str) -> None:
        nonlocal fetches
        fetches += verb == "fetch"
        if fetches >= 3 and verb in {"fetch", "measure"}:
            raise ConnectionFailed("the cable is cut")

    world.source.before = before
    totals = world.sweep().totals
    assert totals.cases + totals.follow_ups == 2 * BATCH
    assert in_flight(world) == 0
    world.source.before = lambda _verb: None
    world.clock.wall = world.clock.wall.replace(hour=23)
    again = world.sweep(integrations=("payroll",)).totals
    assert again.cases + again.follow_ups + again.already_known == MAILS + 1 - 2 * BATCH
    assert len(world.lines()) == MAILS - 1


def test_where_no_process_may_be_started_all_is_read_here(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_count: int) -> Parallel:
        raise BlockingIOError(11, "no more processes")

    monkeypatch.setattr("emailint.message.parallel.Parallel", refuse)
    assert world.sweep().totals.cases == MAILS - 1


def test_few_messages_are_read_here_and_many_beside() -> None:
    few = [MessageRef(str(number), 1_000) for number in range(MANY - 1)]
    many = [*few, MessageRef("one more", 1_000)]
    with Readers(processes=2) as lender:
        for refs, kind in ((few, Here), (many, Beside)):
            with lender.lent(refs, SETTINGS) as reader:
                assert isinstance(reader, kind)
    with Readers(processes=1) as lender, lender.lent(many, SETTINGS) as reader:
        assert isinstance(reader, Here)


def test_one_mailbox_at_a_time_has_the_processes_and_they_are_started_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processes = started(monkeypatch)
    many = [MessageRef(str(number)) for number in range(MANY)]
    with Readers(processes=2) as lender:
        with ExitStack() as stack:
            assert isinstance(stack.enter_context(lender.lent(many, SETTINGS)), Beside)
            assert isinstance(stack.enter_context(lender.lent(many, SETTINGS)), Here)
        with lender.lent(many, SETTINGS) as reader:
            assert isinstance(reader, Beside)
    assert len(processes) == 1
    assert processes[0]._first.poll() is not None


def test_processes_with_a_batch_that_nobody_asks_for_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = started(monkeypatch)
    many = [MessageRef(str(number)) for number in range(MANY)]

    def break_off(reader: readers.Reader) -> None:
        reader.next([Read(MessageRef("m"), None, b"Subject: x\n\n")])
        raise ConnectionFailed("cut")

    with Readers(processes=2) as lender:
        with pytest.raises(ConnectionFailed), lender.lent(many, SETTINGS) as reader:
            break_off(reader)
        assert processes[0]._first.poll() is not None
        with lender.lent(many, SETTINGS) as reader:
            assert reader.rest() == ()
            assert isinstance(reader, Beside)
    assert len(processes) == 2


def in_flight(world: World) -> int:
    with open_store(world.folder / "data", read_only=True) as store:
        loci = [world.source.locus(uid) for uid in world.source.mails]
        return len(store.ledger.suspects(loci))
