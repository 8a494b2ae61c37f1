"""Days of a mailbox under cron, with all that goes wrong: what happens, and what must hold meanwhile.

Time is true; the clock of the machine may be ahead of it or behind it. Mail is told apart by fingerprint.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import emailint.message as reading
from emailint.config.model import (
    AUTOMATIC_KINDS,
    Alias,
    OutboundSettings,
    ReplyLimit,
    ReplySettings,
    SweepLimits,
)
from emailint.errors import StoreError
from emailint.store.sqlite_ledger import SqliteLedger
from emailint.sweep import connect, upkeep
from emailint.sweep.audit import AuditOptions, audit
from emailint.sweep.options import SweepOptions
from emailint.sweep.orders import Order
from emailint.sweep.retry import retry
from emailint.sweep.schedule import run_sweep
from emailint.templating import Templates
from tests.support.boxes import DONE, GraphBox, ImapBox, MaildirBox
from tests.support.ends import SOURCE_ERRORS, Post, TracingPost, Watched
from tests.support.invariants import Invariants
from tests.support.letters import LARGE, fingerprint_of, poisoned, write
from tests.support.memory import START, MemorySource
from tests.support.mortal import Fate
from tests.support.stored import Stored
from tests.support.world import PAYROLL, World, make_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from emailint.config.model import Config
    from emailint.sweep.clock import Budget
    from emailint.sweep.result import SweepResult
    from tests.support.boxes import Box


@cache
def compiled() -> Templates:
    """Our own templates: to compile them takes longer than a sweep."""
    return Templates(None)


def box_of(kind: str, folder: Path) -> Box:
    """A mailbox of this kind; one that is files is in this folder."""
    if kind == "Maildir":
        return MaildirBox(folder)
    made = GraphBox if kind == "Graph" else ImapBox
    return made(account=f"{kind.lower()}://payroll@example.org")


class Month:
    """One mailbox, one store, and what happens to them. Every act leaves a state that `check` accepts."""

    def __init__(self, folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.fate = Fate()
        self.true = START
        self.skew = timedelta(0)
        self.trouble: tuple[str, str] | None = None
        self.post = ""
        self.low = False
        self.effects = 0
        self.sweeps = 0
        self.numbers = 0
        self.orders: Counter[str] = Counter()
        self.delivered: dict[str, bytes] = {}
        self.dismissed: set[str] = set()
        self.box = box_of(kind, folder / "maildir")
        self.outbound = TracingPost(self) if kind == "Graph" else Post(self)
        self.world = self._world(kind, monkeypatch)
        self.stored = Stored(folder / "data")
        self.holds = Invariants(self)
        self._elsewhere = MemorySource(account=self.box.source().account)
        self.fate.install(monkeypatch)

    def _world(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> World:
        reply = ReplySettings(limit=ReplyLimit(breaker_cases=12))
        ignoring = dict.fromkeys(AUTOMATIC_KINDS, "ignore")
        aliases = (
            Alias("payroll@example.org", workspace=1201, reply=reply),
            Alias("urgent@example.org", workspace=1202, reply=reply),
            Alias("quiet@example.org", automatic=ignoring, reply=reply),  # type: ignore[arg-type]  # literals
            Alias("vip@example.org", unknown_sender="hold", reply=reply),
        )
        outbound = PAYROLL.outbound
        if kind == "Graph":
            outbound = OutboundSettings(type="graph", save_to_sent_items=True)
        limits = SweepLimits(message_size=LARGE, batch_messages=3)
        world = make_world(
            self.folder,
            monkeypatch,
            integrations=(replace(PAYROLL, aliases=aliases, outbound=outbound),),
            settings={"limits": limits, "follow_up_max_age": timedelta(days=5)},
        )

        def source_for(_config: Config, integration: Any, **_options: Any) -> Any:
            return self._elsewhere if integration.folder == DONE else Watched(self.box.source(), self)

        def statvfs(path: str) -> os.statvfs_result:
            found = list(real(path))
            if self.low:
                found[3] = found[4] = 0
            return os.statvfs_result(found)

        real = os.statvfs
        monkeypatch.setattr(os, "statvfs", statvfs)
        monkeypatch.setattr(connect, "templates_for", lambda _config: compiled())
        monkeypatch.setattr(connect, "source_for", source_for)
        monkeypatch.setattr(connect, "outbound_for", lambda *_given, **_options: self.outbound)
        monkeypatch.setattr(reading, "read_message", poisoned)
        monkeypatch.setattr(reading, "read_in_child", poisoned)
        return world

    # What happens

    def call(self, verb: str) -> None:
        """A verb of the mailbox is called."""
        self.fate.tick(f"source.{verb}")
        if self.trouble and self.trouble[0] == verb:
            make = SOURCE_ERRORS[self.trouble[1]]
            raise make()

    def passes(self, time: timedelta) -> None:
        """Time passes."""
        self.true += time
        self.world.clock.seconds += time.total_seconds()
        self.set_clock(self.skew)

    def set_clock(self, skew: timedelta) -> None:
        """The clock of the machine is so far ahead from now on."""
        self.skew = skew
        self.world.clock.wall = self.true + skew

    def calm(self) -> None:
        """No more trouble: the servers and the clock are well, and what was moved away comes back."""
        self.trouble, self.post, self.low = None, "", False
        self.fate.meanwhile = None
        self.set_clock(timedelta(0))
        self.box.bring_back()

    def arrive(self, kind: str, chosen: int) -> None:
        """One more mail of this kind. `chosen` selects what it is a twin of, answers, or comes from."""
        earlier = list(self.delivered.values())
        self.numbers += kind != "twin"
        raw = write(
            kind,
            max(self.numbers, 1),
            chosen,
            earlier=earlier,
            answers=self.outbound.ids,
            case_of=self.stored.case_of,
        )
        self.box.deliver(raw, self.true)
        self.delivered[fingerprint_of(raw)] = raw

    def sweep(self, *, point: int = 0, full: int = 0) -> SweepResult | None:
        """One sweep as cron begins it; None where it died or could not use its store."""
        self.sweeps += 1
        effects = self.effects
        options = SweepOptions()

        def run(budget: Budget) -> SweepResult:
            return run_sweep(self.world.config(), options, clock=self.world.clock, budget=budget)

        try:
            result = self.fate.live(self.world.clock, run, point=point, full=full)
        except StoreError:
            assert self.low or full, "a store that cannot be used"
            assert not self.low or self.effects == effects, "I7"
            return None
        if result is not None:
            assert all(each.counts.balanced for each in result.integrations), "I10"
        return result

    def order(self, order: Order, *, point: int = 0) -> None:
        """A person orders something to be tried again."""

        def run(budget: Budget) -> object:
            return retry(self.world.config(), order, clock=self.world.clock, budget=budget)

        self.fate.live(self.world.clock, run, point=point)

    def again_by_name(self, chosen: int, *, point: int = 0) -> None:
        """A person has an unknown reply sent once more."""
        unknown = self.stored.replies("unknown")
        if unknown:
            case_id, message_id = unknown[chosen % len(unknown)]
            self.orders[message_id] += 1
            self.order(Order((case_id,)), point=point)

    def adopt(self, *, point: int = 0) -> None:
        """A person has taken up what an audit finds."""
        options = AuditOptions((), self.true - timedelta(days=400), adopt=True)

        def run(budget: Budget) -> object:
            return audit(self.world.config(), options, clock=self.world.clock, budget=budget)

        self.fate.live(self.world.clock, run, point=point)

    def upkeep(self, what: str, *, point: int = 0) -> None:
        """A person looks after the store."""
        config, clock = self.world.config(), self.world.clock
        if not config.store.is_dir():
            return
        runs: dict[str, Callable[[Budget], object]] = {
            "rotate": lambda _budget: upkeep.rotate(config, clock=clock),
            "rebuild": lambda _budget: upkeep.rebuild(config, confirm=lambda _plan: True, clock=clock),
            "prune": lambda _budget: upkeep.prune(
                config, timedelta(days=6), confirm=lambda _plan: True, clock=clock
            ),
        }
        self.holds.note_lines()
        self.fate.live(clock, runs[what], point=point)

    def dismiss(self) -> None:
        """A person dismisses all that is open."""
        if self.stored.ledger_path.exists():
            with SqliteLedger.open(self.stored.folder) as ledger:
                errors = ledger.errors()
                self.dismissed |= {error.trouble.case_id for error in errors if error.trouble.case_id}
                ledger.close_errors([error.error_id for error in errors], self.world.clock.now())
