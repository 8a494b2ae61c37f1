"""Power cuts: what was written to the JSON lines but not synced may be lost, torn or full of zeros.

A process dies at each call to the disk; then the part of each file that was not synced yet is replaced by
every state that a cut may leave. SQLite's part is its own: each of its commits is synced before it returns.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.crash.store_world import (
    DIED,
    Calls,
    World,
    check,
    die,
    end_state,
    run,
    run_in_child,
    unwatch,
    watch_disk,
)

JOURNALS = ("cases.jsonl", "followups.jsonl")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory where there is such a place: the cuts are made by hand."""
    memory = Path("/dev/shm")  # noqa: S108  the folder in it is made safely
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as path:
        yield Path(path)


def note_syncs(notes: Path) -> None:
    """From now on each sync of a file notes its inode and the size that is then durable."""
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        fsync(descriptor)
        status = os.fstat(descriptor)
        with notes.open("a") as file:
            file.write(f"{status.st_ino} {status.st_size}\n")

    os.fsync = noting  # type: ignore[assignment]  # this program only syncs descriptors


def synced_size(path: Path, notes: Path) -> int:
    """How much of this file is durable."""
    lines = notes.read_text().splitlines() if notes.exists() else []
    sizes = [int(size) for inode, size in map(str.split, lines) if int(inode) == path.stat().st_ino]
    return sizes[-1] if sizes else 0


def lost(_unsynced: bytes) -> bytes:
    return b""


def half(unsynced: bytes) -> bytes:
    return unsynced[: len(unsynced) // 2]


def zeros(unsynced: bytes) -> bytes:
    return b"\0" * len(unsynced)


def half_zeros(unsynced: bytes) -> bytes:
    return half(unsynced) + zeros(unsynced[len(unsynced) // 2 :])


def first_half_zeros(unsynced: bytes) -> bytes:
    return zeros(half(unsynced)) + unsynced[len(unsynced) // 2 :]


CUTS = [lost, half, zeros, half_zeros, first_half_zeros]


def count_disk_calls(tmp_path: Path) -> int:
    (tmp_path / "counted").mkdir()
    world = World(tmp_path / "counted" / "world.json")
    calls = Calls()
    undo = watch_disk(calls, world)
    try:
        run(tmp_path / "counted" / "data", world)
    finally:
        unwatch(undo)
    return calls.count


def die_at(point: int, notes: Path, world: World) -> None:
    note_syncs(notes)
    watch_disk(Calls(point, die), world)


@pytest.mark.parametrize("cut", CUTS)
def test_every_power_cut_is_mended(tmp_path: Path, cut: Callable[[bytes], bytes]) -> None:
    (tmp_path / "undisturbed").mkdir()
    world = World(tmp_path / "undisturbed" / "world.json")
    run(tmp_path / "undisturbed" / "data", world)
    undisturbed: dict[str, Any] = end_state(tmp_path / "undisturbed" / "data", world)
    mended = 0
    for point in range(1, count_disk_calls(tmp_path) + 1):
        place = tmp_path / str(point)
        place.mkdir()
        folder, world = place / "data", World(place / "world.json")
        assert run_in_child(folder, world, partial(die_at, point, place / "notes", world)) == DIED
        files = sum(cut_power(folder / name, place / "notes", cut) for name in JOURNALS)
        if files:
            mended += files
            run(folder, world)
            run(folder, world)
            check(folder, world, undisturbed, f"{cut.__name__} at point {point}")
    assert mended >= 2, "some deaths came between writing and syncing"


def cut_power(path: Path, notes: Path, cut: Callable[[bytes], bytes]) -> bool:
    """Replace what was not synced, in place; True if there was anything."""
    if not path.exists():
        return False
    durable = synced_size(path, notes)
    unsynced = path.read_bytes()[durable:]
    with path.open("r+b") as file:
        file.seek(durable)
        file.write(cut(unsynced))
        file.truncate()
    return bool(unsynced)
