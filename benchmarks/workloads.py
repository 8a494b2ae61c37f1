"""P1 to P10: what is measured, who takes part, what is to be reached."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import mail, own, programs, wire
from benchmarks.contest import EMAILINT, Contestant, Goal, Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.measure import Cost
    from benchmarks.server import BenchServer
    from benchmarks.wire import Door

FLOOR, LOOP, BULK = "raw floor", "imap_tools, usual loop", "imap_tools, bulk of 50"
ONE, BATCHES = "IMAPClient, one by one", "IMAPClient, batches of 50"
OURS = (
    "reads all, routes, dedupes; every case, attachment and step synced to disk before the mail is marked,"
    " 50 at a time"
)
_READS = "reads texts and attachments with the standard library, keeps nothing"
DEEDS = {
    FLOOR: "reads nothing, keeps nothing; marks 50 at a time; checks nothing",
    LOOP: f"{_READS}; marks by fetching, so a crash loses the mail",
    BULK: f"{_READS}; marks 50 by fetching, so a crash loses them",
    ONE: f"{_READS}; marks each after it was read",
    BATCHES: f"{_READS}; marks 50 after they were read",
    "fetchmail": "reads nothing; hands each mail to a program (here one that throws it away), then marks it",
    "getmail": "reads nothing; each mail a synced file of a Maildir, then marked",
    "mbsync": "reads nothing, marks nothing; each mail a synced file of a Maildir",
}
_PEERS = {
    FLOOR: ("floor", ""),
    LOOP: ("imap_tools-loop", "imap_tools"),
    BULK: ("imap_tools-bulk", "imap_tools"),
    ONE: ("imapclient-one", "imapclient"),
    BATCHES: ("imapclient-batch", "imapclient"),
}
_PROGRAMS = {"fetchmail": programs.fetchmail, "getmail": programs.getmail, "mbsync": programs.mbsync}


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    mails: int
    far_mails: int
    boxes: int
    far_boxes: int
    large: int
    cases: int


FULL = Size(mails=2_000, far_mails=100, boxes=1_000, far_boxes=200, large=25_000_000, cases=1_000_000)
QUICK = Size(mails=40, far_mails=10, boxes=20, far_boxes=20, large=2_000_000, cases=2_000)


def emailint(configure: Callable[[Path], object], *, does: str = OURS, again: bool = False) -> Contestant:
    """emailint at the work; with `again` in a store that it swept before, as cron does each minute."""

    def command(folder: Path) -> Sequence[str]:
        configure(folder)
        if again:
            own.sweep(folder)
        return own.PROCESS

    return Contestant(EMAILINT, does, command, environ=own.ENVIRON)


def peer(name: str, doors: Sequence[Door]) -> Contestant:
    """A library's way."""
    job, library = _PEERS[name]
    missing = f"{library} is not installed" if library and not importlib.util.find_spec(library) else ""
    return Contestant(name, DEEDS[name], lambda _folder: _job(job, doors), missing, own.ENVIRON)


def program(name: str, door: Door) -> Contestant:
    """A program's way."""
    package = programs.PACKAGES[name]
    missing = f"not installed (Debian has it as {package})" if programs.missing(name) else ""
    return Contestant(name, DEEDS[name], partial(_PROGRAMS[name], door), missing)


def looking(name: str, job: str, doors: Sequence[Door], pool: int) -> Contestant:
    """Many mailboxes that have nothing new, by a pool of threads."""
    does = "logs in and asks what is unread; keeps nothing, knows no limits"
    return Contestant(name, does, lambda _folder: _job(job, doors, pool), environ=own.ENVIRON)


def _job(job: str, doors: Sequence[Door], pool: int = 1) -> Sequence[str]:
    authority = ("--ca-file", str(doors[0].ca_file)) if doors[0].ca_file else ()
    users = [door.user for door in doors]
    module = (sys.executable, "-m", "benchmarks.peers")
    return [*module, job, str(doors[0].port), *users, "--pool", str(pool), *authority]


def unread(
    number: str, title: str, door: Door, near: Door, goals: Sequence[Goal], *, every: bool
) -> Workload:
    """All unread mail of one mailbox; `near` is the quick way to look after it."""
    count = _reset_and_count(near)
    names = list(_PEERS) if every else [FLOOR, LOOP, BULK]
    contestants = [
        emailint(lambda folder: own.configure(folder, [door])),
        *(peer(name, [door]) for name in names),
        *(program(name, door) for name in _PROGRAMS if every),
    ]

    def judge(name: str, folder: Path, cost: Cost) -> Cost:
        left = wire.look(near)
        if left and name != "mbsync":
            raise AssertionError(f"{left} of {count} mails were left unread")
        if name == EMAILINT and own.cases(folder) != count:
            raise AssertionError(f"{own.cases(folder)} cases were made of {count} mails")
        return cost

    return Workload(number, title, contestants, goals, partial(wire.unmark, near), judge)


def _reset_and_count(door: Door) -> int:
    wire.unmark(door)
    return wire.look(door)


def idle(number: str, title: str, doors: Sequence[Door], pool: int, goals: Sequence[Goal]) -> Workload:
    """Mailboxes in which nothing is new."""
    contestants = [
        emailint(
            lambda folder: own.configure(folder, doors, concurrency=pool),
            does="the same, checks its store, limits and health of each mailbox; 10 connections to a host",
            again=True,
        ),
        looking(f"IMAPClient, pool of {pool}", "imapclient-look", doors, pool),
        looking(f"raw floor, pool of {pool}", "floor-look", doors, pool),
    ]
    return Workload(number, title, contestants, goals)


def mixed(server: BenchServer, size: Size) -> Workload:
    """P1."""
    door = server.door("mixed")
    server.seeded("mixed", mail.mix(size.mails))
    title = f"{size.mails:,} mixed mails, everything durable, no reply"
    goals = [Goal(0.5, LOOP), Goal(100e6, figure="memory")]
    return unread("P1", title, door, door, goals, every=True)


def plain(server: BenchServer, size: Size) -> Workload:
    """P2."""
    door = server.door("plain")
    server.seeded("plain", mail.texts(size.mails))
    return unread("P2", f"{size.mails:,} mails of 4 KB", door, door, [Goal(0.6, LOOP)], every=False)


def distant(server: BenchServer, size: Size, port: int) -> Workload:
    """P3."""
    server.seeded("distant", mail.texts(size.far_mails))
    near = server.door("distant")
    title = f"{size.far_mails} mails of 4 KB at a round trip of 50 ms"
    goals = [Goal(0.15, LOOP), Goal(2.5, FLOOR)]
    return unread("P3", title, replace(near, port=port), near, goals, every=False)


class Idle:
    """P4 to P6: mailboxes with a few mails that were read long ago; `port` leads far away, by TLS."""

    def __init__(self, server: BenchServer, size: Size, port: int) -> None:
        self._server, self._size, self._port = server, size, port
        self._seeded = False

    def near(self) -> Workload:
        """P4."""
        doors = self._doors()
        return idle("P4", f"{len(doors):,} idle mailboxes", doors, 32, [Goal(1.0, "IMAPClient, pool of 32")])

    def some_far(self) -> Workload:
        """P5."""
        doors = self._far()[: self._size.far_boxes]
        title = f"{len(doors):,} idle mailboxes at 50 ms, TLS"
        return idle("P5", title, doors, 64, [Goal(1.0, "IMAPClient, pool of 64")])

    def all_far(self) -> Workload:
        """P6."""
        doors = self._far()
        return idle("P6", f"{len(doors):,} idle mailboxes at 50 ms, TLS", doors, 64, [Goal(10.0)])

    def _far(self) -> list[Door]:
        authority = self._server.ca_file
        return [replace(door, port=self._port, ca_file=authority) for door in self._doors()]

    def _doors(self) -> list[Door]:
        users = [f"idle{number}" for number in range(self._size.boxes)]
        letters = list(mail.texts(2))
        if not self._seeded:
            for user in users:
                self._server.seeded(user, letters, seen=True)
            self._seeded = True
        return self._server.many(users)
