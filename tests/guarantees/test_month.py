"""Months of cron in which everything happens: mail of all kinds, people, faults, deaths, clocks that lie.

EMAILINT_SOAK=1 simulates fifty times as many. Without it they are the same ones each time.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from emailint.sweep.orders import Order
from tests.support.boxes import DONE
from tests.support.ends import OUTBOUND_ERRORS, SOURCE_ERRORS
from tests.support.figures import Row
from tests.support.letters import KINDS
from tests.support.month import Month

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.boxes import Item

SOAK = "EMAILINT_SOAK" in os.environ
EXAMPLES = 400 if SOAK else 8
STEPS = 100
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own in it
SKEWS = st.sampled_from(
    [
        timedelta(0),
        timedelta(0),
        timedelta(days=-1),
        timedelta(days=3652),
        timedelta(hours=1),
        timedelta(hours=-1),
    ]
)
PAUSES = st.sampled_from([1, 16, 61, 240, 720, 1440, 2880, 5760, 7200]).map(
    lambda each: timedelta(minutes=each)
)
POINTS = st.one_of(st.just(0), st.integers(1, 150))
CHOSEN = st.integers(0, 50)

pytestmark = pytest.mark.timeout(3_600 if SOAK else 240)


class Machine(RuleBasedStateMachine):
    """What may happen, in any order."""

    kind: ClassVar[str] = "IMAP"
    counted: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        above = MEMORY if MEMORY.is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="month-", dir=above))
        self.month = Month(self.folder, self.kind, self.patch)
        self.begun = self.month.true

    def teardown(self) -> None:
        try:
            if sys.exception() is None:
                self.month.holds.quiet()
                self._count()
        finally:
            self.patch.undo()
            shutil.rmtree(self.folder)

    def _count(self) -> None:
        month = self.month
        self.counted.update(
            days=(month.true - self.begun).days,
            mails=len(month.delivered),
            sweeps=month.sweeps,
            deaths=month.fate.deaths,
            shortages=month.fate.shortages,
            unknown=len(month.stored.replies("unknown")),
            sent=len(month.stored.replies("sent")),
        )

    @invariant()
    def holds(self) -> None:
        self.month.holds.check()

    # Mail

    @rule(kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=4), chosen=CHOSEN)
    def arrive(self, kinds: list[str], chosen: int) -> None:
        for kind in kinds:
            self.month.arrive(kind, chosen)

    # Sweeps

    @rule(pause=PAUSES, point=POINTS)
    def sweep(self, pause: timedelta, point: int) -> None:
        self.month.passes(pause)
        self.month.sweep(point=point)

    @rule(pause=PAUSES, times=st.integers(2, 6))
    def sweep_often(self, pause: timedelta, times: int) -> None:
        for _ in range(times):
            self.month.passes(pause / times)
            self.month.sweep()

    @rule(call=st.integers(1, 25))
    def sweep_and_find_the_disk_full(self, call: int) -> None:
        self.month.sweep(full=call)

    @rule()
    def sweep_with_little_room(self) -> None:
        self.month.low = True
        self.month.sweep()
        self.month.low = False

    @rule(
        verb=st.sampled_from(["connect", "list", "measure", "fetch", "mark", "move"]),
        error=st.sampled_from(sorted(SOURCE_ERRORS)),
        pause=PAUSES,
        point=POINTS,
    )
    def sweep_a_server_in_trouble(self, verb: str, error: str, pause: timedelta, point: int) -> None:
        self.month.passes(pause)
        self.month.trouble = (verb, error)
        self.month.sweep(point=point)
        self.month.trouble = None

    @rule(how=st.sampled_from(OUTBOUND_ERRORS), pause=PAUSES, point=POINTS, chosen=CHOSEN)
    def answer_through_a_server_in_trouble(self, how: str, pause: timedelta, point: int, chosen: int) -> None:
        self.month.passes(pause)
        self.month.arrive("person", chosen)
        self.month.post = how
        self.month.sweep(point=point)
        self.month.post = ""

    @rule(skew=SKEWS)
    def set_the_clock(self, skew: timedelta) -> None:
        self.month.set_clock(skew)

    @rule(skew=SKEWS, call=st.integers(1, 60))
    def set_the_clock_meanwhile(self, skew: timedelta, call: int) -> None:
        self.month.fate.meanwhile = (call, lambda: self.month.set_clock(skew))
        self.month.sweep()

    # People at the mailbox

    def _item(self, chosen: int, fits: Callable[[Item], bool] = lambda _item: True) -> str | None:
        items = [item.handle for item in self.month.box.inbox() if fits(item)]
        return items[chosen % len(items)] if items else None

    @rule(chosen=CHOSEN)
    def mark_unread(self, chosen: int) -> None:
        handle = self._item(chosen, lambda item: item.seen)
        if handle is not None:
            self.month.box.flag(handle, seen=False)

    @rule(chosen=CHOSEN)
    def mark_read_first(self, chosen: int) -> None:
        handle = self._item(chosen, lambda item: not item.seen)
        if handle is not None:
            self.month.box.flag(handle, seen=True)

    @rule(chosen=CHOSEN, what=st.sampled_from(["copy", "expunge", "put_aside"]))
    def handle(self, chosen: int, what: str) -> None:
        handle = self._item(chosen)
        if handle is not None:
            getattr(self.month.box, what)(handle)

    @rule()
    def bring_back(self) -> None:
        self.month.box.bring_back()

    @rule()
    def renumber(self) -> None:
        self.month.box.renumber()

    @rule(move=st.booleans())
    def change_the_configuration(self, move: bool) -> None:
        self.month.world.change(move_to=DONE if move else None)

    # People at the store

    @rule(what=st.sampled_from(["held", "quarantined", "replies"]), point=POINTS)
    def order(self, what: str, point: int) -> None:
        order = Order(held=what == "held", quarantined=what == "quarantined", replies=what == "replies")
        self.month.order(order, point=point)

    @rule(chosen=CHOSEN, point=POINTS)
    def send_again_by_name(self, chosen: int, point: int) -> None:
        self.month.again_by_name(chosen, point=point)

    @rule(point=POINTS)
    def adopt(self, point: int) -> None:
        self.month.adopt(point=point)

    @precondition(lambda self: not self.month.skew)
    @rule(what=st.sampled_from(["rotate", "rebuild", "prune"]), point=POINTS)
    def look_after_the_store(self, what: str, point: int) -> None:
        self.month.upkeep(what, point=point)

    @rule()
    def dismiss(self) -> None:
        self.month.dismiss()


def simulate(kind: str) -> Counter[str]:
    """Months of a mailbox of this kind."""
    machine = type(f"{kind}Machine", (Machine,), {"kind": kind, "counted": Counter()})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=not SOAK,
            phases=(Phase.generate,),  # to shrink takes hours; add it to look into a failure
            suppress_health_check=list(HealthCheck),
        ),
    )
    counted: Counter[str] = machine.counted  # type: ignore[attr-defined]  # the class is made above
    return counted


@pytest.mark.parametrize("kind", ["IMAP", "Graph", "Maildir"])
def test_months_of_cron_in_which_everything_happens(kind: str, figures: Callable[[Row], None]) -> None:
    counted = simulate(kind)
    for name in ("days", "mails", "sweeps"):
        figures(Row(kind, f"simulated: {name}", points=counted[name], survived=counted[name]))
    ends = counted["deaths"] + counted["shortages"]
    figures(Row(kind, "simulated: deaths, full disks", ends, ends, unknown=counted["unknown"]))
    assert counted["days"] >= 30
    assert min(counted[name] for name in ("deaths", "shortages", "sent")) > 0
