"""Runs of the real command over one store at once, some of them killed, while mail comes in."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.desk import reply_states
from tests.support.figures import Row, figures
from tests.support.memory import letter
from tests.support.smtp import STALL, Sink

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.support.desk import Desk

__all__ = ["figures"]

WHOLE = "EMAILINT_SOAK" in os.environ
RUNS = 200 if WHOLE else 20
MAILS = 300 if WHOLE else 60
AT_ONCE = 5
ENDINGS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
EXPECTED = {0, -signal.SIGKILL, *(128 + number for number in ENDINGS), *(-number for number in ENDINGS)}
"""Negative: it came before the command took its signals into its hands."""


@pytest.mark.timeout(3600)
def test_runs_that_overlap_and_die_make_each_case_once(desk: Desk, figures: Callable[[Row], None]) -> None:
    """Each run begins a little after the one before; every third is ended by a signal, at any moment."""
    chance = random.Random(20261124)
    waiting = [letter(number, sender=sender(number)) for number in range(MAILS)]
    running: list[subprocess.Popen[str]] = []
    killed = 0
    for number in range(RUNS):
        for _ in range(chance.randint(0, 2 * MAILS // RUNS)):
            if waiting:
                desk.mailbox.deliver(waiting.pop())
        running.append(desk.installation.start("process"))
        time.sleep(chance.uniform(0, 0.3))
        if number % 3 == 2:
            chance.choice(running).send_signal(chance.choice(ENDINGS))
            killed += 1
        while len(running) >= AT_ONCE:
            ended(running.pop(0))
    for run in running:
        ended(run)
    desk.mailbox.deliver_many(waiting)
    for _ in range(2):
        desk.sweep()
    states = list(reply_states(desk).values())
    unknown = states.count("unknown")
    desk.all_is_done(MAILS, answered=len(desk.answered()))
    assert set(states) <= {"sent", "unknown"}
    assert MAILS - unknown <= len(desk.answered()) <= MAILS
    assert unknown <= killed
    figures(Row("IMAP", "overlapping runs, a third of them ended by a signal", RUNS, RUNS, unknown=unknown))


def sender(number: int) -> str:
    """So many of each domain that none comes to its limit of replies."""
    return f"p{number}@d{number // 50}.example"


def ended(run: subprocess.Popen[str]) -> None:
    """It says nothing of a run that it gives way to, and ends as the contract has it."""
    out, err = run.communicate(timeout=60)
    assert run.returncode in EXPECTED or "KeyboardInterrupt" in err, (run.returncode, out, err)
    assert out == ""
    assert clean(err), err


def clean(err: str) -> bool:
    """No bug is told; that Python itself was interrupted while it started is none."""
    return "Traceback" not in err or "KeyboardInterrupt" in err


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_run_that_is_told_to_end_at_any_moment_is_finished_by_the_next(
    desk: Desk, told: signal.Signals
) -> None:
    """Moments spread over the whole of a run; what was begun is finished, and the next run does the rest."""
    count = 0
    for moment in range(24 if WHOLE else 3):
        desk.mailbox.deliver_many(letter(count + n, sender=sender(count + n)) for n in range(10))
        count += 10
        run = desk.installation.start("process")
        time.sleep(0.05 + moment * (0.03 if WHOLE else 0.2))
        run.send_signal(told)
        _out, err = run.communicate(timeout=30)
        assert run.returncode in {0, 128 + told, -told} or "KeyboardInterrupt" in err, err
        assert clean(err), err
        assert len(desk.mailbox.unread()) >= 10 - (len(desk.cases()) - (count - 10))
        desk.sweep()
        desk.all_is_done(count)


def test_told_twice_it_ends_at_once(desk: Desk) -> None:
    """The second signal does not wait for an SMTP server that never answers."""
    desk.mailbox.deliver_many(letter(n, sender=f"p{n}@example.com") for n in range(5))
    with Sink({"EHLO": [STALL]}) as silent:
        desk.configure(smtp=silent.port)
        run = desk.installation.start("process")
        until = time.monotonic() + 30
        while "EHLO" not in silent.verbs and time.monotonic() < until:
            time.sleep(0.05)
        run.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        run.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        _out, err = run.communicate(timeout=40)
    assert time.monotonic() - begun < 10
    assert run.returncode not in {0, 1}, err
    assert "Traceback" not in err
    desk.configure(smtp=desk.smtp.port)
    for _ in range(2):
        desk.sweep()
    desk.all_is_done(5)
