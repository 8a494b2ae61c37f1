"""A run dies, or its disk fails, at every single call; two more runs bring it to the same end."""

import errno
import os
import random
import resource
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from emailint.store import StoreHeld, aside, open_store
from tests.crash import store_world
from tests.crash.store_world import (
    DIED,
    FULL,
    Calls,
    Undo,
    World,
    check,
    die,
    end_state,
    fail,
    run,
    run_in_child,
    unwatch,
    watch_all,
    watch_disk,
)

SHARDS = 4


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory where there is such a place: a process that dies leaves the same there."""
    memory = Path("/dev/shm")  # noqa: S108  the folder in it is made safely
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as path:
        yield Path(path)


@pytest.fixture(autouse=True)
def _leftovers_are_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a death leaves unfinished is removed an hour later; here at the next run."""
    monkeypatch.setattr(aside, "OLD_SECONDS", -1.0)


def fresh(tmp_path: Path, name: object) -> tuple[Path, World]:
    """A store that is yet to be made, and a mailbox full of unread mail."""
    place = tmp_path / str(name)
    place.mkdir()
    return place / "data", World(place / "world.json")


@pytest.fixture
def undisturbed(tmp_path: Path) -> dict[str, Any]:
    """How a run ends that nothing happens to."""
    folder, world = fresh(tmp_path, "undisturbed")
    run(folder, world)
    end = end_state(folder, world)
    assert check(folder, world, end, "undisturbed") == 0
    assert all(read for read, _ in end["mail"].values())
    assert end["waiting"] == ([], [], [], [])
    assert end["files"]["cases.jsonl"].count(b"\n") == 4
    return end


def count_calls(tmp_path: Path, watch: Callable[[Calls, World], Undo] = watch_all) -> int:
    folder, world = fresh(tmp_path, "counted")
    calls = Calls()
    undo = watch(calls, world)
    try:
        run(folder, world)
    finally:
        unwatch(undo)
    return calls.count


@pytest.mark.parametrize("shard", range(SHARDS))
def test_death_before_every_call(tmp_path: Path, undisturbed: dict[str, Any], shard: int) -> None:
    points = count_calls(tmp_path)
    assert points > 100
    doubts = 0
    for point in range(1 + shard, points + 1, SHARDS):
        folder, world = fresh(tmp_path, point)
        dying = partial(watch_all, Calls(point, die), world)
        assert run_in_child(folder, world, dying) == DIED
        run(folder, world)
        run(folder, world)
        doubts += check(folder, world, undisturbed, f"point {point}")
    assert doubts <= 4, "only a death between `sending` and `sent` leaves a doubt"


@pytest.mark.parametrize("shard", range(SHARDS))
def test_death_again_while_an_earlier_death_is_mended(
    tmp_path: Path, undisturbed: dict[str, Any], shard: int
) -> None:
    points = count_calls(tmp_path)
    chosen = random.Random(7 + shard)
    for number in range(6):
        folder, world = fresh(tmp_path, number)
        for _ in range(4):
            run_in_child(folder, world, partial(watch_all, Calls(chosen.randrange(1, points), die), world))
        run(folder, world)
        run(folder, world)
        check(folder, world, undisturbed, f"history {shard}.{number}")


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_at_every_call(tmp_path: Path, undisturbed: dict[str, Any], error: int) -> None:
    points = count_calls(tmp_path, watch_disk)
    assert points > 50
    stopped = 0
    for point in range(1, points + 1):
        folder, world = fresh(tmp_path, point)
        ended = run_in_child(folder, world, partial(watch_disk, Calls(point, fail(error)), world))
        assert ended in {0, FULL}, f"point {point}"
        stopped += ended == FULL
        run(folder, world)
        run(folder, world)
        check(folder, world, undisturbed, f"point {point}")
    assert stopped > points // 2


def marked_of(world: World) -> set[str]:
    return {n for n, (read, _) in world.state()["mail"].items() if read}


LIMITS = [0, 100, 512, 3_000, 4_096, 10_000, 30_000, 60_000, 90_000, 110_000, 130_000, 200_000]


@pytest.mark.parametrize("limit", LIMITS)
def test_no_file_may_grow_beyond_a_limit(tmp_path: Path, undisturbed: dict[str, Any], limit: int) -> None:
    """RLIMIT_FSIZE gives true short writes, and fails SQLite's writes too."""
    folder, world = fresh(tmp_path, "limited")

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    assert run_in_child(folder, world, limited) == FULL
    lines = folder / "cases.jsonl"
    whole = lines.read_bytes().count(b"\n") if lines.exists() else 0
    assert len(marked_of(world) & {"1", "2", "7", "8"}) <= whole, "nothing is marked whose line is not there"
    run(folder, world)
    run(folder, world)
    check(folder, world, undisturbed, f"limit {limit}")


def test_sigkill_at_random_moments(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    chosen = random.Random(11)
    rounds = 200 if os.environ.get("EMAILINT_SOAK") else 25
    killed = 0
    for number in range(rounds):
        folder, world = fresh(tmp_path, number)
        for _ in range(3):
            child = os.fork()
            if child == 0:
                run(folder, world)
                os._exit(0)
            time.sleep(chosen.random() * 0.012)
            os.kill(child, signal.SIGKILL)
            killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        run(folder, world)
        run(folder, world)
        check(folder, world, undisturbed, f"round {number}")
    assert killed > rounds // 2


def test_runs_that_overlap(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    folder, world = fresh(tmp_path, "overlap")
    children = []
    for number in range(12):
        child = os.fork()
        if child == 0:
            try:
                run(folder, world)
            except StoreHeld:
                os._exit(0)
            os._exit(0)
        children.append(child)
        if number % 5 == 4:
            os.kill(child, signal.SIGKILL)
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert set(ends) <= {0, -signal.SIGKILL}
    run(folder, world)
    run(folder, world)
    check(folder, world, undisturbed, "overlap")


def test_a_run_that_finds_all_done_changes_nothing(tmp_path: Path) -> None:
    folder, world = fresh(tmp_path, "idle")
    run(folder, world)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}
    mail = world.path.stat().st_mtime_ns
    run(folder, world)
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}
    assert after == before
    assert world.path.stat().st_mtime_ns == mail


def test_the_naive_order_would_be_found_out(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    """The control: a run that marks before the line is durable loses mail under the same deaths."""
    lost = 0
    for point in range(1, 40):
        folder, world = fresh(tmp_path, point)

        def naive(calls: Calls, folder: Path = folder, world: World = world) -> None:
            calls.watch(os, *store_world.DISK)
            with open_store(folder, reserve=0) as store:
                world.mark_read(world.unread())
                store_world.take(store, list(store_world.MESSAGES))

        child = os.fork()
        if child == 0:
            naive(Calls(point, die))
            os._exit(0)
        os.waitpid(child, 0)
        run(folder, world)
        run(folder, world)
        lost += end_state(folder, world)["rows"] != undisturbed["rows"]
    assert lost > 5
