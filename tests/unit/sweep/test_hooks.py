"""Commands of the owner's: given each line once it is durable, at least once, and again where they fail."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from emailint.config.model import SweepLimits
from emailint.config.secrets import GivenSecret, SecretText
from emailint.errors import ConnectionFailed
from emailint.store.folder import open_store
from emailint.store.records import Calls, Hook
from emailint.sweep.clock import Budget
from emailint.sweep.options import SweepOptions
from emailint.sweep.schedule import run_sweep
from tests.support.memory import letter
from tests.support.world import World, make_world

NOTE = """
import json, os, pathlib, sys
line = sys.stdin.buffer.read()
cases = pathlib.Path("data/cases.jsonl")
durable = line in cases.read_bytes() if cases.exists() else False
seen = {"line": json.loads(line), "durable": durable, "argv": sys.argv[1:], "environment": dict(os.environ),
        "folder": os.getcwd(), "descriptors": len(os.listdir("/proc/self/fd"))}
with open("called.jsonl", "a") as file:
    file.write(json.dumps(seen) + chr(10))
said = pathlib.Path("say")
if said.exists():
    sys.stderr.write("first" + chr(10) + said.read_text())
    sys.exit(3)
"""


def noting(world: World, *hooks: str, **limits: Any) -> None:
    """Configure the command that notes what it is given."""
    script = world.folder / "note.py"
    script.write_text(NOTE, encoding="utf-8")
    command = (sys.executable, "note.py", "an argument; $HOME `x`")
    world.settings["hooks"] = dict.fromkeys(hooks or ("on_case",), command)
    world.settings["limits"] = SweepLimits(**limits)


def called(world: World) -> list[dict[str, Any]]:
    path = world.folder / "called.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def keys(world: World) -> list[str]:
    return sorted(each["line"]["case_id"] for each in called(world))


def waiting(world: World) -> dict[Hook, Calls]:
    with open_store(world.folder / "data", read_only=True) as store:
        return dict(store.ledger.calls())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


def test_each_case_is_given_once_after_its_line_is_durable(world: World) -> None:
    noting(world)
    for number in (1, 2, 3):
        world.source.deliver(letter(number))
    world.sweep()
    world.sweep()
    assert keys(world) == ["CS-000001", "CS-000002", "CS-000003"]
    assert [each["durable"] for each in called(world)] == [True] * 3
    lines = {line["case_id"]: line for line in world.lines()}
    assert all(each["line"] == lines[each["line"]["case_id"]] for each in called(world))
    assert waiting(world) == {}
    assert world.open_errors() == []


def test_it_gets_a_small_environment_and_nothing_out_of_the_mail(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYROLL_PASSWORD", "hunter2-hunter2")
    noting(world)
    world.source.deliver(letter(1, sender="mallory@example.com"))
    world.sweep()
    (seen,) = called(world)
    environment = seen["environment"]
    own = {name: value for name, value in environment.items() if name.startswith("EMAILINT_")}
    assert own == {
        "EMAILINT_HOOK": "on_case",
        "EMAILINT_CASE_ID": "CS-000001",
        "EMAILINT_ATTEMPT": "1",
        "EMAILINT_CONFIG": str(world.folder / "integrations.yaml"),
        "EMAILINT_STORE": str(world.folder / "data"),
    }
    assert "PAYROLL_PASSWORD" not in environment
    assert not [text for text in (*environment.values(), *seen["argv"]) if "mallory" in text]
    assert seen["argv"] == ["an argument; $HOME `x`"]
    assert seen["folder"] == str(world.folder)
    assert seen["descriptors"] == 4  # its three, and the one that lists them


def test_a_failure_is_tried_again_with_growing_pauses_then_left_to_a_person(world: World) -> None:
    noting(world)
    (world.folder / "say").write_text("\x1b[2Jno route\n", encoding="utf-8")
    world.source.deliver(letter(1))
    world.sweep()
    world.sweep()
    assert len(called(world)) == 1  # not before its pause
    for minutes in (1, 5, 15, 60, 180, 360, 720):
        world.clock.forward(timedelta(minutes=minutes, seconds=-1))
        world.sweep()
        world.clock.forward(timedelta(seconds=1))
        world.sweep()
    assert [each["environment"]["EMAILINT_ATTEMPT"] for each in called(world)] == list("12345678")
    assert waiting(world) == {Hook.ON_CASE: Calls(0, 1)}
    world.clock.forward(timedelta(days=3))
    world.sweep()
    assert len(called(world)) == 8
    (error,) = world.open_errors()
    assert (error.trouble.kind, error.trouble.subject_key, error.count) == ("hook_failed", "on_case", 6)
    assert "CS-000001, 8 times: it ended with status 3: \\x1b[2Jno route;" in error.trouble.message


def test_a_person_has_it_called_again(world: World) -> None:
    noting(world)
    (world.folder / "say").write_text("no route\n", encoding="utf-8")
    world.source.deliver(letter(1))
    for _ in range(8):
        world.sweep()
        world.clock.forward(timedelta(days=1))
    (world.folder / "say").unlink()
    assert world.retry(hooks=True).calls == 1
    world.sweep()
    assert len(called(world)) == 9
    assert (waiting(world), world.open_errors()) == ({}, [])
    assert world.lines("errors.jsonl")[-1]["event"] == "closed"


def test_the_error_tells_no_secret(world: World) -> None:
    secret = GivenSecret(SecretText("hunter2-hunter2"), literal=False)
    world.change(password=secret)
    noting(world)
    (world.folder / "say").write_text("login with hunter2-hunter2 failed\n", encoding="utf-8")
    world.source.deliver(letter(1))
    for _ in range(4):
        world.sweep()
        world.clock.forward(timedelta(hours=1))
    (error,) = world.open_errors()
    assert "login with *** failed" in error.trouble.message
    assert b"hunter2" not in (world.folder / "data" / "errors.jsonl").read_bytes()


def test_a_command_that_keeps_failing_is_left_alone_and_the_oldest_go_first(
    world: World,
) -> None:
    noting(world, hooks=4)
    for number in range(1, 11):
        world.source.deliver(letter(number))
    world.sweep()
    assert keys(world) == [f"CS-{number:06d}" for number in range(1, 5)]
    world.sweep()
    assert len(called(world)) == 8
    (world.folder / "say").write_text("no\n", encoding="utf-8")
    for number in range(11, 31):
        world.source.deliver(letter(number))
    noting(world, hooks=50)
    world.sweep()
    assert 3 <= len(called(world)) - 8 <= 6  # four at once, and none begun after three failures


def test_what_takes_too_long_is_ended_with_its_children(world: World) -> None:
    (world.folder / "slow.sh").write_text("sleep 60 & echo $! > child; wait\n", encoding="utf-8")
    world.settings["hooks"] = {"on_case": ("/bin/sh", "slow.sh")}
    world.settings["limits"] = SweepLimits(hook_time=timedelta(seconds=0.5))
    world.source.deliver(letter(1))
    began = time.monotonic()
    world.sweep()
    assert time.monotonic() - began < 10
    child = int((world.folder / "child").read_text())
    for _ in range(100):
        if not _runs(child):
            break
        time.sleep(0.05)
    assert not _runs(child)
    assert waiting(world) == {Hook.ON_CASE: Calls(1, 0)}


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("./missing",), "cannot be started: No such file or directory"),
        (("/bin/sh", "-c", "kill -9 $$"), "was ended by signal 9"),
        (("/bin/sh", "-c", "exec 0<&- 1>&- 2>&-; exit 5"), "ended with status 5"),
        (
            ("/bin/sh", "-c", "yes 0123456 >&2 & sleep 0.3; kill $!; wait $! 2>&-; echo last >&2; exit 1"),
            "status 1: last",
        ),
    ],
)
def test_ways_to_fail(world: World, command: tuple[str, ...], told: str) -> None:
    world.settings["hooks"] = {"on_case": command}
    world.source.deliver(letter(1, body="x" * 300_000))
    for _ in range(3):
        world.sweep()
        world.clock.forward(timedelta(hours=1))
    (error,) = world.open_errors()
    assert told in error.trouble.message


def test_it_need_not_read_and_may_leave_something_running(world: World) -> None:
    script = "exec 0<&-; sleep 30 & echo $! > child; exit 0"
    world.settings["hooks"] = {"on_case": ("/bin/sh", "-c", script)}
    world.source.deliver(letter(1, body="x" * 300_000))
    began = time.monotonic()
    world.sweep()
    assert time.monotonic() - began < 10
    assert waiting(world) == {}
    child = int((world.folder / "child").read_text())
    assert _runs(child)
    os.kill(child, signal.SIGKILL)


def test_a_dry_run_and_a_sweep_without_time_call_nothing(world: World) -> None:
    noting(world)
    world.source.deliver(letter(1))
    world.sweep(dry_run=True)
    assert called(world) == []
    world.sweep(deadline=29.0)
    assert (called(world), waiting(world)) == ([], {Hook.ON_CASE: Calls(1, 0)})
    world.sweep(deadline=50.0)
    assert keys(world) == ["CS-000001"]


def test_a_signal_ends_the_command_and_counts_nothing(world: World) -> None:
    world.settings["hooks"] = {"on_case": ("/bin/sh", "-c", "touch begun; sleep 60")}
    world.source.deliver(letter(1))
    budget = Budget(world.clock, None)

    def stop() -> None:
        while not (world.folder / "begun").exists():
            time.sleep(0.02)
        budget.stop()

    stopper = Thread(target=stop)
    stopper.start()
    run_sweep(world.config(), SweepOptions(), clock=world.clock, budget=budget)
    stopper.join()
    with open_store(world.folder / "data", read_only=True) as store:
        (call,) = store.ledger.due_calls(Hook.ON_CASE, world.clock.now(), 9)
    assert call.attempts == 0


def test_nothing_is_noted_for_a_command_that_is_not_configured(world: World) -> None:
    noting(world, "on_follow_up")
    world.source.deliver(letter(1))
    world.sweep()
    assert waiting(world) == {}
    world.source.deliver(letter(2, headers="In-Reply-To: <1@example.com>\n"))
    world.sweep()
    (seen,) = called(world)
    assert seen["line"] == world.lines("followups.jsonl")[0]
    assert seen["environment"]["EMAILINT_FOLLOWUP_ID"] == "CS-000001-1"


def test_errors_are_handed_on_as_they_open_and_close_but_not_that_of_the_command(
    world: World,
) -> None:
    noting(world, "on_error")
    world.source.before = _failing
    world.sweep()
    world.source.before = lambda _verb: None
    world.clock.forward(timedelta(minutes=2))
    world.sweep()
    events = [(each["line"]["event"], each["line"]["kind"]) for each in called(world)]
    assert events == [("opened", "connection_failed"), ("closed", "connection_failed")]
    assert [each["line"] for each in called(world)] == world.lines("errors.jsonl")
    (world.folder / "say").write_text("no\n", encoding="utf-8")
    world.source.before = _failing
    for _ in range(4):
        world.sweep()
        world.clock.forward(timedelta(days=1))
    assert {each["line"]["kind"] for each in called(world)} == {"connection_failed"}
    assert {error.trouble.subject_key for error in world.open_errors()} == {"", "on_error"}


def _failing(_verb: str) -> None:
    raise ConnectionFailed("no route")


def test_an_idle_sweep_changes_no_byte_of_the_store(world: World) -> None:
    noting(world, "on_case", "on_follow_up", "on_error")
    world.source.deliver(letter(1))
    world.sweep()
    store = world.folder / "data"
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file() and path.name != "lock"}
    world.sweep()
    after = {path: path.read_bytes() for path in store.rglob("*") if path.is_file() and path.name != "lock"}
    assert after == before
