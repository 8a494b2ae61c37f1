"""The figures as a table for people and as JSON for programs."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmarks.contest import EMAILINT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.contest import Goal, Outcome
    from benchmarks.measure import Spread


def machine() -> str:
    """What it was measured on."""
    kind = f"{platform.system()} {platform.machine()}"
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {kind}"


def lines(outcomes: Sequence[Outcome]) -> list[str]:
    """Markdown, a section for each workload and the goals of all at the end."""
    text = ["# emailint beside its peers", ""]
    text += [f"Measured on {machine()}. Median of interleaved runs, least and most in brackets;"]
    text += ["memory is that of one run more, whose seconds do not count.", ""]
    for outcome in outcomes:
        text += _section(outcome)
    return [*text, "| | what is to be reached | reached | |", "|---|---|---|---|", *_goals(outcomes)]


def _section(outcome: Outcome) -> list[str]:
    workload = outcome.workload
    text = [f"**{workload.number}. {workload.title}**", ""]
    text += [
        "| | seconds | × emailint | processor | memory, MB | what it does |",
        "|---|---|---|---|---|---|",
    ]
    for contestant in workload.contestants:
        cells = _cells(outcome, contestant.name)
        text.append(f"| {contestant.name} | {' | '.join(cells)} | {contestant.does} |")
    return [*text, ""]


def _cells(outcome: Outcome, name: str) -> list[str]:
    if name not in outcome.costs:
        return [f"not run: {outcome.failed[name].splitlines()[0]}", "", "", ""]
    seconds, own = outcome.spread(name), outcome.spread(EMAILINT)
    return [
        _shown(seconds),
        f"{seconds.median / own.median:.2f}",
        f"{outcome.spread(name, 'processor').median:.2f}",
        f"{outcome.spread(name, 'memory').median / 1e6:.0f}",
    ]


def _goals(outcomes: Sequence[Outcome]) -> list[str]:
    return [
        f"| {outcome.workload.number} | {_wanted(goal)} | {_measured(goal, reached)} |"
        f" {'yes' if reached.median <= goal.bound else 'no'} |"
        for outcome in outcomes
        for goal in outcome.workload.goals
        if (reached := outcome.reached(goal)) is not None
    ]


def _wanted(goal: Goal) -> str:
    if goal.figure == "memory":
        return f"≤ {goal.bound / 1e6:.0f} MB{f' more than {goal.of}' if goal.of else ''}"
    return f"≤ {goal.bound:g} × {goal.of}" if goal.of else f"≤ {goal.bound:g} s"


def _measured(goal: Goal, reached: Spread) -> str:
    if goal.figure == "memory":
        return f"{reached.median / 1e6:.0f} MB"
    return _shown(reached)


def _shown(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.least:.2f}–{spread.most:.2f})"


def document(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Every single figure."""
    return {
        "machine": machine(),
        "workloads": [
            {
                "number": outcome.workload.number,
                "title": outcome.workload.title,
                "costs": {name: [asdict(cost) for cost in costs] for name, costs in outcome.costs.items()},
                "not_run": outcome.failed,
                "goals": [
                    {**asdict(goal), "reached": asdict(reached)}
                    for goal in outcome.workload.goals
                    if (reached := outcome.reached(goal)) is not None
                ],
            }
            for outcome in outcomes
        ],
    }
