"""`make bench`: emailint beside its peers, in one run on one machine.

Starts a Dovecot of its own, seeds it, lets everybody take turns, prints the table and writes figures.json,
table.md and chart.svg. `make bench ARGS=--quick` does the same with next to no mail: its figures mean
nothing, but everything is run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import alone, chart, report, workloads
from benchmarks.contest import hold
from benchmarks.server import BenchServer, far
from tests.support.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.contest import Outcome, Workload
    from benchmarks.workloads import Size

MILLISECONDS = 50
NUMBERS = tuple(f"P{number}" for number in range(1, 11))


def main() -> None:
    """Measure what was asked for."""
    options = argparse.ArgumentParser(prog="benchmarks", description="emailint beside its peers.")
    options.add_argument("--quick", action="store_true", help="hardly any mail, one round: does it run?")
    options.add_argument("--rounds", type=int, default=5, help="runs of each contestant (5)")
    options.add_argument("--only", nargs="+", choices=NUMBERS, default=NUMBERS, help="these alone")
    options.add_argument("--output", type=Path, default=Path("build/benchmarks"), help="folder for results")
    chosen = options.parse_args()
    size = workloads.QUICK if chosen.quick else workloads.FULL
    rounds = 1 if chosen.quick else chosen.rounds
    outcomes = []
    with _made(size) as makers:
        for number in chosen.only:
            outcomes.append(hold(makers[number](), rounds, _say))
            _print(outcomes[-1:])
    _write(outcomes, chosen.output)


@contextmanager
def _made(size: Size) -> Iterator[dict[str, Callable[[], Workload]]]:
    """What makes each workload, while the server and the ways to it are there."""
    with ExitStack() as stack:
        server = BenchServer.start()
        stack.callback(server.stop)
        port = stack.enter_context(far(server.port, MILLISECONDS))
        tls_port = stack.enter_context(far(server.tls_port, MILLISECONDS))
        relay = stack.enter_context(Relay(server.port))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        boxes = workloads.Idle(server, size, tls_port)
        yield {
            "P1": lambda: workloads.mixed(server, size),
            "P2": lambda: workloads.plain(server, size),
            "P3": lambda: workloads.distant(server, size, port),
            "P4": boxes.near,
            "P5": boxes.some_far,
            "P6": boxes.all_far,
            "P7": lambda: alone.start_up(server, relay),
            "P8": alone.help_text,
            "P9": lambda: alone.memory(server, size),
            "P10": lambda: alone.long_past(server, size, folder),
        }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print(outcomes: list[Outcome]) -> None:
    print("\n".join(report.lines(outcomes)), flush=True)


def _write(outcomes: list[Outcome], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_text(json.dumps(report.document(outcomes), indent=1), encoding="utf-8")
    (folder / "table.md").write_text("\n".join(report.lines(outcomes)) + "\n", encoding="utf-8")
    for outcome in outcomes:
        if outcome.workload.number == "P1":
            (folder / "chart.svg").write_text(chart.draw(outcome), encoding="utf-8")


if __name__ == "__main__":
    main()
