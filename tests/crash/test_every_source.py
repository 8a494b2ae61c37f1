"""A sweep meets a fault at each of its calls; the next ones make of it what an unhurt one makes (I1-I10).

Everything that a sweep does happens in it: cases, a twin, attachments, replies, a follow-up, mail that is
ignored, held and quarantined, moves. With EMAILINT_SOAK each call is tried with each fault; else the crash
points that have a name, and every so many of the others.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.crash.scenes import MAILS, PLAIN, Tally, end_of, tally
from tests.crash.surviving import judge, mend, survive, undisturbed
from tests.crash.test_upkeep_points import SCENES
from tests.support.dying import DEATHS, DIED, ERRORS
from tests.support.figures import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.crash.scenes import MaildirScene, Scene
    from tests.support.dying import Dying

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "guarantees.md"
SOAK: Final = "EMAILINT_SOAK" in os.environ
SHARE: Final = {"before": 71, "after": 83, "short": 4, "ENOSPC": 23, "EIO": 31, "EROFS": 41}
"""One of so many calls that can meet a fault is tried where time is short."""

CREATE: Final = "GraphClient.request POST */createReply"
SEND: Final = "GraphClient.request POST */send"
READ_BACK: Final = "GraphClient.request GET /users/[*]/messages/[*]"

CRASH_POINTS: Final[dict[str, dict[str, str]]] = {
    "C0 lock taken": {"RunLock.acquire": "after"},
    "C1 in-flight loci committed": {"SqliteLedger.begin": "after"},
    "C2 during fetch": {"mailbox.read": "after"},
    "C3 parse child killed": {"child.read_in_child": "after"},
    "C4 some attachments in the temporary folder": {"os.pwrite attachments/.unfinished": "short"},
    "C5 attachment folder renamed, no row": {"os.rename attachments": "after"},
    "C6 inside the transaction": {"SqliteBatch.add": "after"},
    "C7 committed, not projected": {"SqliteLedger.place": "before"},
    "C8 offset recorded": {"SqliteLedger.place": "after"},
    "C9 line half written": {"os.pwrite cases.jsonl": "short", "os.pwrite followups.jsonl": "short"},
    "C10 written, not synced": {"os.fsync cases.jsonl": "before"},
    "C10 fsync fails": {"os.fsync cases.jsonl": "EIO"},
    "C11 synced, `projected` not committed": {"SqliteLedger.projected": "before"},
    "C12 projected, not marked": {"*Source.mark_read": "before"},
    "C13 marked, not recorded": {"*Source.mark_read": "after"},
    "C14 marked, not moved": {"SqliteLedger.marked": "after"},
    "C15 moved, not recorded": {"*Source.move": "after"},
    "C16 connect to RCPT": {
        "Session.reach": "after",
        "Session.exchange": "after",
        "*Outbound.send": "before",
    },
    "C17 `sending` committed, before DATA": {"SqliteLedger.sending": "after"},
    "C18 during DATA, after the dot, before 250": {
        "Session.hand_over": "before",
        "Session.last_word": "before",
        "os.rename outbox": "before",
        SEND: "before",
    },
    "C19 250 read, `sent` not committed": {"SqliteLedger.settle": "before"},
    "C20 between draft, its id, and send": {CREATE: "after", READ_BACK: "after", SEND: "after"},
}
ELSEWHERE: Final = {
    "Graph": {"Session.*", "os.rename outbox"},
    "IMAP": {"GraphClient.*", "os.rename outbox"},
    "Maildir, moves": {"GraphClient.*", "Session.*"},
    "Maildir, stays": {"GraphClient.*", "Session.*", "*Source.move"},
}
"""Calls that a kind of mailbox does not know."""

BESIDE: Final = MAILS[:-1]
"""Without the poison, which the processes beside would not know."""

READING_BESIDE: Final = [
    ("Parallel.__init__", "after"),
    ("Parallel.begin", "after"),
    ("Parallel.results", "before"),
    ("Parallel.results", "after"),
    ("SqliteBatch.finish", "after"),
    ("*Source.mark_read", "after"),
    ("Parallel.close", "before"),
]

STARTING: Final = {
    "SqliteLedger.place": "Projection.project",
    "*Source.mark_read": "*Source.mark_read",
    "SqliteLedger.marked": "*Source.move",
    "SqliteLedger.sending": "SqliteLedger.recover_replies",
}
"""C21: where it dies first, and in which step at the start of the next sweep it dies again."""


def named(scene: Scene) -> Iterator[tuple[str, str, str]]:
    """Crash points of this kind of mailbox: name, call, fault."""
    for point, calls in CRASH_POINTS.items():
        for call, fault in calls.items():
            if not any(call == other or fnmatchcase(call, other) for other in ELSEWHERE[scene.name]):
                yield point, call, fault


def test_every_crash_point_has_a_name_and_a_place() -> None:
    numbers = {int(point.split()[0][1:]) for point in CRASH_POINTS}
    assert numbers == set(range(21))  # C21 and C22 are below
    told = re.findall(r"^\| C(\d+) \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(number) for number in told] == list(range(23))
    known = Counter(call for calls in CRASH_POINTS.values() for call in calls)
    assert known.keys() >= {call for call in STARTING if call != "SqliteLedger.place"}


@pytest.mark.timeout(3600)
def test_death_at_every_named_crash_point(dying: Dying, scene: Scene, figures: Callable[[Row], None]) -> None:
    """C0 to C20. That a point is never come to is a failure."""
    end, _ = undisturbed(dying, scene)
    row = Row(scene.name, "crash points C0 to C20")
    for point, call, fault in named(scene):
        life = survive(dying, scene, end, call, fault, row)
        assert fnmatchcase(life.at, call), f"{point}: {call} was never come to"
    figures(row)


@pytest.mark.timeout(3600)
def test_death_again_while_it_is_mended(dying: Dying, scene: Scene, figures: Callable[[Row], None]) -> None:
    """C21: each step at the start."""
    end, _ = undisturbed(dying, scene)
    row = Row(scene.name, "crash point C21")
    for first, again in STARTING.items():
        if scene.name == "Maildir, stays" and again == "*Source.move":
            continue
        for fault in DEATHS:
            row.points += 1
            config = scene.build()
            died = dying.run(
                "sweep", config, first, "after" if first.startswith("SqliteLedger") else "before"
            )
            told = f"{scene.name}: {first}, then {fault} {again}"
            life = dying.run("sweep", config, again, fault)
            assert (died.status, life.status) == (DIED, DIED), told
            mend(dying, scene, config, told)
            begun = died.begun | life.begun
            both = type(life)(DIED, life.calls, life.at, begun, begun | died.perhaps | life.perhaps)
            judge(scene, end, both, row, told)
    figures(row)


def test_death_in_upkeep_is_tried_elsewhere() -> None:
    """C22: rotate, rebuild and prune in `test_upkeep_points`, retry and adoption in `test_every_call`."""
    assert SCENES.keys() >= {"no ledger", "bad ledger", "old ledger", "rotate", "prune"}


@pytest.mark.timeout(3600)
def test_death_while_much_mail_is_read_beside(
    dying: Dying, maildir: MaildirScene, figures: Callable[[Row], None]
) -> None:
    """One batch is in the hands of other processes while the one before it is written (C2)."""
    calm = maildir.build(BESIDE)
    assert dying.run("sweep", calm).status == 1
    end = end_of(maildir)
    row = Row(maildir.name, "death with readers beside")
    for call, fault in READING_BESIDE:
        row.points += 1
        config = maildir.build(BESIDE)
        life = dying.run("beside", config, call, fault)
        assert (life.status, fnmatchcase(life.at, call)) == (DIED, True), call
        mend(dying, maildir, config, call)
        judge(maildir, end, life, row, call)
    figures(row)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("fault", [*DEATHS, *ERRORS, "short"])
def test_a_fault_at_every_call(
    dying: Dying, scene: Scene, fault: str, figures: Callable[[Row], None]
) -> None:
    """Calls are numbered as an unhurt sweep makes them; threads may change places."""
    end, life = undisturbed(dying, scene)
    calls = [number for number, name in enumerate(life.calls, 1) if fits(fault, name)]
    assert len(calls) > (100 if fault in DEATHS else 5)
    share = 1 if SOAK else SHARE[fault]
    row = Row(scene.name, f"death {fault} a call" if fault in DEATHS else FAULT_NAMES[fault])
    for number in calls[min(share, len(calls)) // 2 :: share]:
        survive(dying, scene, end, number, fault, row)
    figures(row)


FAULT_NAMES: Final = {
    "ENOSPC": "disk full (ENOSPC)",
    "EIO": "disk fails (EIO)",
    "EROFS": "disk read-only (EROFS)",
    "short": "death in the middle of a write",
}


def fits(fault: str, name: str) -> bool:
    """Whether this call can meet this fault."""
    if fault == "short":
        return name.startswith(("os.pwrite", "os.write"))
    return fault in DEATHS or name.startswith("os.")


@pytest.mark.parametrize("fault", [*DEATHS, "short"])
def test_the_control_fails_the_same_faults(
    dying: Dying, maildir: MaildirScene, fault: str, figures: Callable[[Row], None]
) -> None:
    """Append, reply, mark: the harness must see how it doubles cases and replies, and loses mail."""
    who = {"ann@example.com": "Question 1", "bob@example.com": "Question 2", "cem@example.com": "Question 3"}
    calls = dying.run("plain", maildir.build(PLAIN)).calls
    assert tally(maildir, who) == Tally()
    row = Row(
        "control: append, reply, mark", f"death {fault} a call" if fault in DEATHS else FAULT_NAMES[fault]
    )
    for number in [number for number, name in enumerate(calls, 1) if fits(fault, name)]:
        config = maildir.build(PLAIN)
        row.points += 1
        assert dying.run("plain", config, number, fault).status == DIED
        for _ in range(2):
            dying.run("plain", config)
        found = tally(maildir, who)
        row.lost, row.doubled = row.lost + found.lost, row.doubled + found.doubled
        row.answered_twice += found.answered_twice
        row.survived += found == Tally()
    figures(row)
    assert row.survived < row.points
    if fault in DEATHS:
        assert row.doubled >= len(PLAIN) * 4
        assert row.answered_twice >= len(PLAIN) * 2
    else:
        assert row.lost == len(PLAIN)  # the line that was half written and the next one are one
