"""However many mailboxes have large mail at once, only a few batches of it are in memory."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from emailint.config.model import SweepLimits
from emailint.sweep.clock import Budget
from emailint.sweep.options import SweepOptions
from emailint.sweep.run import Room
from emailint.sweep.schedule import run_sweep
from tests.support.memory import StillClock, letter
from tests.support.world import PAYROLL, World, make_world

if TYPE_CHECKING:
    from pathlib import Path

MAILBOXES = 8


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Mailboxes on hosts of their own, each with mail in several batches."""
    integrations = tuple(
        replace(PAYROLL, name=f"box-{number}", mailbox=f"box-{number}@example.org", host=f"h{number}.example")
        for number in range(MAILBOXES)
    )
    limits = SweepLimits(batch_messages=2)
    made = make_world(
        tmp_path,
        monkeypatch,
        integrations=integrations,
        settings={"limits": limits, "concurrency": MAILBOXES},
    )
    for number, source in enumerate(made.sources.values()):
        for count in range(6):
            source.deliver(letter(100 * number + count), size=900_000)
    return made


class Hands:
    """How many mailboxes are between a fetch and the mark that ends its batch, now and at most."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.open: set[str] = set()
        self.most = 0

    def watch(self, world: World) -> None:
        for name, source in world.sources.items():
            source.before = lambda verb, name=name: self.saw(name, verb)  # type: ignore[misc]  # a default, no argument

    def saw(self, name: str, verb: str) -> None:
        with self.lock:
            if verb == "fetch":
                self.open.add(name)
                self.most = max(self.most, len(self.open))
            elif verb == "mark":
                self.open.discard(name)
        if verb == "fetch":
            time.sleep(0.02)  # so that all would be inside at once, if they were let in


def test_large_batches_take_turns(world: World) -> None:
    hands = Hands()
    hands.watch(world)
    totals = world.sweep().totals
    assert totals.cases == 6 * MAILBOXES
    assert 1 <= hands.most <= Room.AT_ONCE


def test_small_mail_never_waits_for_room(world: World) -> None:
    for source in world.sources.values():
        for mail in source.mails.values():
            mail.size = 1_000
    started = threading.Barrier(MAILBOXES, timeout=20)
    waited: set[str] = set()

    def before(name: str, verb: str) -> None:
        if verb == "fetch" and name not in waited:
            waited.add(name)
            started.wait()  # all of them are inside of a batch at once, or this breaks

    for name, source in world.sources.items():
        source.before = lambda verb, name=name: before(name, verb)  # type: ignore[misc]  # a default, no argument
    assert world.sweep().totals.cases == 6 * MAILBOXES


def test_what_waits_for_room_when_the_sweep_is_told_to_end_stays_unread(world: World) -> None:
    clock = StillClock()
    budget = Budget(clock, 50)
    first = next(iter(world.sources.values()))

    def before(verb: str) -> None:
        if verb == "fetch":
            budget.stop()

    first.before = before
    world.integrations = world.integrations[:1]

    result = run_sweep(world.config(), SweepOptions(), clock=clock, budget=budget)
    assert result.totals.cases == 2
    assert result.totals.left == 4
