"""Contestants take turns at one workload, each from the same beginning."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Cost, Failed, Spread, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

EMAILINT = "emailint"


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to do a workload.

    `command` is made for an empty folder, in which it will run. `does` says, for the table, what it does
    and what it does not. `missing` says why it cannot be run here.
    """

    name: str
    does: str
    command: Callable[[Path], Sequence[str]]
    missing: str = ""
    environ: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached: a figure of emailint's is at most `bound`.

    With `of`, it is the figure's ratio to that contestant's that is bound, or, with `above`, by how much it
    is more.
    """

    bound: float
    of: str = ""
    figure: str = "seconds"
    above: bool = False

    def value(self, own: Cost, other: Cost | None) -> float:
        """What is compared with `bound`."""
        mine: float = getattr(own, self.figure)
        if other is None:
            return mine
        theirs: float = getattr(other, self.figure)
        return mine - theirs if self.above else mine / theirs


def _all_well(_name: str, _folder: Path, cost: Cost) -> Cost:
    return cost


@dataclass(frozen=True, slots=True)
class Workload:
    """What is measured under one number of the table.

    `reset` goes before every run, outside of the time; `judge` raises AssertionError after a run that did
    not do all of the work, and returns what is to count.
    """

    number: str
    title: str
    contestants: Sequence[Contestant]
    goals: Sequence[Goal]
    reset: Callable[[], None] = lambda: None
    judge: Callable[[str, Path, Cost], Cost] = _all_well


@dataclass(slots=True)
class Outcome:
    """All figures of one workload; `failed` has what could not be run, and why.

    Memory is that of one run more, whose seconds do not count.
    """

    workload: Workload
    memory: dict[str, int] = field(default_factory=dict)
    costs: dict[str, list[Cost]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def spread(self, name: str, figure: str = "seconds") -> Spread:
        """Of one contestant's runs."""
        return Spread.of([getattr(cost, figure) for cost in self.costs[name]])

    def reached(self, goal: Goal) -> Spread | None:
        """emailint against another, turn by turn, so that a busy minute burdens both; None if not run."""
        own = self.costs.get(EMAILINT, [])
        others = self.costs.get(goal.of, []) if goal.of else [None] * len(own)
        values = [goal.value(mine, theirs) for mine, theirs in zip(own, others, strict=False)]
        return Spread.of(values) if values else None


def hold(workload: Workload, rounds: int, tell: Callable[[str], None]) -> Outcome:
    """Let all contestants run, round by round, and first once for their memory."""
    outcome = Outcome(workload)
    for number in range(rounds + 1):
        for contestant in workload.contestants:
            if contestant.name not in outcome.failed:
                turn = f"round {number} of {rounds}" if number else "memory"
                tell(f"{workload.number} {turn}: {contestant.name}")
                _turn(workload, contestant, outcome, look=not number)
    return outcome


def _turn(workload: Workload, contestant: Contestant, outcome: Outcome, *, look: bool) -> None:
    if contestant.missing:
        outcome.failed[contestant.name] = contestant.missing
        return
    workload.reset()
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    folder.chmod(0o755)
    try:
        cost = run(contestant.command(folder), folder, contestant.environ, look=look)
        cost = workload.judge(contestant.name, folder, cost)
    except (Failed, AssertionError) as error:
        if contestant.name == EMAILINT:
            raise
        outcome.failed[contestant.name] = str(error)
    else:
        if look:
            outcome.memory[contestant.name] = cost.memory
        else:
            cost = replace(cost, memory=outcome.memory[contestant.name])
            outcome.costs.setdefault(contestant.name, []).append(cost)
    finally:
        shutil.rmtree(folder)
