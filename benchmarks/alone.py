"""P7 to P10: start-up, help, memory, and an idle sweep beside a long past. Only emailint takes part."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks import big_store, mail, own, wire
from benchmarks.contest import EMAILINT, Contestant, Goal, Workload
from benchmarks.workloads import emailint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.measure import Cost
    from benchmarks.server import BenchServer
    from benchmarks.workloads import Size
    from tests.support.relay import Relay

BARE = "bare Python"
SMALL = "emailint, one small mail"
NO_PAST = "emailint, empty store"


def start_up(server: BenchServer, relay: Relay) -> Workload:
    """P7: from the start of the process to its first connection, which comes through `relay`."""
    users = [f"start{number}" for number in range(10)]
    for user in users:
        server.create_user(user)
    doors = [replace(server.door(user), host="127.0.0.1", port=relay.port) for user in users]

    def judge(_name: str, _folder: Path, cost: Cost) -> Cost:
        first = min(moment for moment in relay.moments if moment > cost.began)
        return replace(cost, seconds=first - cost.began)

    does = "reads its configuration, opens its store, connects"
    contestant = emailint(lambda folder: own.configure(folder, doors), does=does, again=True)
    title = "start-up to the first connection, 10 mailboxes"
    return Workload("P7", title, [contestant], [Goal(0.2)], judge=judge)


def help_text() -> Workload:
    """P8."""
    contestants = [
        _command(EMAILINT, "says what it can do", (*own.EMAILINT, "--help")),
        _command(BARE, "begins and ends", (sys.executable, "-c", "pass")),
    ]
    return Workload("P8", "--help", contestants, [Goal(0.1)])


def memory(server: BenchServer, size: Size) -> Workload:
    """The second half of P9; P1 has the first."""
    server.seeded("large", mail.large(4, size.large))
    server.seeded("small", mail.texts(1))
    door, small = server.door("large"), server.door("small")
    contestants = [
        emailint(lambda folder: own.configure(folder, [door]), does="fetches, reads and stores them"),
        replace(
            emailint(lambda folder: own.configure(folder, [small]), does="the same for a mail of 4 KB"),
            name=SMALL,
        ),
    ]
    goal = Goal(3.0 * size.large, SMALL, "memory", above=True)
    title = f"mails of {size.large // 1_000_000} MB, memory"

    def reset() -> None:
        wire.unmark(door)
        wire.unmark(small)

    return Workload("P9", title, contestants, [goal], reset)


def long_past(server: BenchServer, size: Size, folder: Path) -> Workload:
    """P10; the store is made below `folder`."""
    server.create_user("now")
    past = folder / "past"
    big_store.fill(past, size.cases)
    door = server.door("now")
    contestants = [
        emailint(
            lambda place: own.configure(place, [door], store=str(past)),
            does=f"finds no mail; {size.cases:,} cases and {2 * size.cases:,} rows in its store",
            again=True,
        ),
        replace(
            emailint(lambda place: own.configure(place, [door]), does="finds no mail", again=True),
            name=NO_PAST,
        ),
    ]
    title = f"an idle sweep with {size.cases:,} cases in the store"
    return Workload("P10", title, contestants, [Goal(1.1, NO_PAST)])


def _command(name: str, does: str, command: Sequence[str]) -> Contestant:
    return Contestant(name, does, lambda _folder: command, environ=own.ENVIRON)
