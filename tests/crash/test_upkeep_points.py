"""`store rebuild`, `rotate` and `prune` die at every call; begun again they come to the same end (C22).

What a sweep meets in between it refuses, or takes without a second case and without a second reply.
"""

from __future__ import annotations

import errno
import gzip
import os
import resource
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from emailint.config.load import load
from emailint.errors import StoreError
from emailint.store.database import Database
from emailint.store.sqlite_ledger import SqliteLedger
from emailint.store.upkeep import pruning, rebuild_lines, restoring
from emailint.store.upkeep.ledger import UpkeepLedger
from emailint.store.upkeep.verify import verify
from emailint.sweep import upkeep
from emailint.sweep.clock import SystemClock
from tests.crash.store_world import DIED, DISK, Calls, die, fail, unwatch
from tests.support import kept_store
from tests.support.memory import letter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emailint.config.model import Config

SHARE = 1 if os.environ.get("EMAILINT_SOAK") else 6
FULL, UNFORESEEN = 73, 70
LEDGER = ("write_again", "note_end", "copy_to", "projected", "place", "tune", "forget_content", "trouble")


class Later(SystemClock):
    """Three years from now."""

    def now(self) -> Any:
        return super().now() + timedelta(days=1095)


@dataclass(frozen=True)
class Scene:
    """What is wrong with a store, and the command that is run on it."""

    damage: Callable[[Path], None]
    command: Callable[[Config], object]


def nothing(_store: Path) -> None:
    """All is well."""


def no_ledger(store: Path) -> None:
    (store / "ledger.db").unlink()


def bad_ledger(store: Path) -> None:
    with (store / "ledger.db").open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 4096)
    (store / "ledger.db-wal").write_bytes(b"left over")
    os.truncate(store / "cases.jsonl", 900)


def old_ledger(store: Path) -> None:
    shutil.copy(store.parent / "backup.db", store / "ledger.db")


def bad_lines(store: Path) -> None:
    lines = (store / "cases.jsonl").read_bytes().splitlines(keepends=True)
    (store / "cases.jsonl.1").write_bytes(b"".join([lines[0], b"by hand\n"]))
    (store / "cases.jsonl").write_bytes(b"".join([lines[1], *lines[3:], b'{"torn']))
    (store / "followups.jsonl").unlink()
    (store / "errors.jsonl").write_bytes(b"torn\n" + (store / "errors.jsonl").read_bytes())


def loose(store: Path) -> None:
    no_ledger(store)
    (store / "attachments" / "notes.txt").write_bytes(b"x")
    (store / "hold" / "strange.eml").write_bytes(b"x")
    (next((store / "quarantine").glob("*.eml"))).rename(store / "quarantine" / f"{'0' * 64}.eml")


def packed(store: Path) -> None:
    lines = (store / "cases.jsonl").read_bytes().splitlines(keepends=True)
    (store / "cases.jsonl.1.gz").write_bytes(gzip.compress(b"".join([*lines[:2], b"by hand\n"])))
    (store / "cases.jsonl").write_bytes(b"".join(lines[2:]))


def prune(config: Config) -> object:
    return upkeep.prune(config, timedelta(days=730), confirm=lambda _plan: True, clock=Later())


SCENES = {
    "no ledger": Scene(no_ledger, kept_store.rebuild),
    "bad ledger": Scene(bad_ledger, kept_store.rebuild),
    "old ledger": Scene(old_ledger, kept_store.rebuild),
    "bad lines": Scene(bad_lines, kept_store.rebuild),
    "loose": Scene(loose, kept_store.rebuild),
    "rotate": Scene(nothing, upkeep.rotate),
    "prune": Scene(packed, prune),
}


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Where the store was built, in memory where there is such a place: lines name it."""
    memory = Path("/dev/shm")  # noqa: S108  the folder in it is made safely
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as path:
        place = Path(path) / "place"
        place.mkdir()
        config = kept_store.build(place)
        shutil.copy(config.store / "ledger.db", place / "backup.db")
        kept_store.deliver(place, 60, letter(60))
        kept_store.sweep(config)
        shutil.copytree(place, Path(path) / "spare")
        yield place


@pytest.fixture(autouse=True)
def _little_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "MARKED_ONCE_MORE", 0)
    monkeypatch.setattr(pruning, "AT_ONCE", 2)
    monkeypatch.setattr(rebuild_lines, "AT_ONCE", 2)


def fresh(home: Path, scene: Scene) -> Config:
    """The store as it was built, then damaged."""
    shutil.rmtree(home)
    shutil.copytree(home.parent / "spare", home)
    config = load(home / "integrations.yaml")
    scene.damage(config.store)
    return config


def watch(calls: Calls) -> list[Any]:
    """Count what changes anything: the disk, verbs of the ledger, and the begin of its transactions."""
    return [
        *calls.watch(os, *DISK, "rmdir", "write"),
        *calls.watch(UpkeepLedger, *LEDGER),
        *calls.watch(restoring.Restorer, "add", "hold", "doubt_replies", "finish", "order_lines"),
        *calls.watch(Database, "writing"),
        *calls.watch(SqliteLedger, "close"),
    ]


def in_child(scene: Scene, config: Config, before: Callable[[], object]) -> int:
    """The command in a process of its own; how that ended."""
    child = os.fork()
    if child == 0:
        status = UNFORESEEN
        with suppress(BaseException):
            try:
                before()
                scene.command(config)
                status = 0
            except StoreError:
                status = FULL
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def end_of(config: Config) -> dict[str, Any]:
    """What is the same however often it died: what is read, what is known; the names of rotated files not."""
    content = kept_store.content(config.store)
    rotated = {name: octets for name, octets in content.items() if ".jsonl" in name}
    others = {name: octets for name, octets in content.items() if name not in rotated}
    lines = {}
    for journal in ("cases", "followups"):
        files = [name for name in rotated if name.startswith(journal)]
        files.sort(key=lambda name: (name == f"{journal}.jsonl", name.endswith("Z"), name))
        lines[journal] = b"".join(
            gzip.decompress(rotated[name]) if name.endswith(".gz") else rotated[name] for name in files
        )
    return {"others": others, "lines": lines, **kept_store.tables(config.store)}


def undisturbed(home: Path, scene: Scene) -> tuple[dict[str, Any], int]:
    """The end, and how many calls lead to it."""
    config = fresh(home, scene)
    calls = Calls()
    undo = watch(calls)
    try:
        scene.command(config)
    finally:
        unwatch(undo)
    assert harm(config, scene) == []
    return end_of(config), calls.count


def harm(config: Config, scene: Scene) -> list[Any]:
    """What verify finds; a foreign line stays where it is pruned."""
    found = verify(config.store).findings.kept
    return [each for each in found if not (scene.damage is packed and each.kind == "foreign_line")]


def aside(config: Config) -> set[bytes]:
    """Every octet that was taken away."""
    return {
        path.read_bytes()
        for folder in config.store.glob(".before-rebuild-*")
        for path in folder.rglob("*")
        if path.is_file()
    }


def sweep_meanwhile(home: Path, config: Config) -> None:
    """All mail is set unread, and a sweep runs: it refuses, or it makes nothing anew."""
    kept_store.unread_all(home)
    with suppress(StoreError):
        totals = kept_store.sweep(config).totals
        assert (totals.cases, totals.follow_ups) == (0, 0)


def sent(home: Path) -> int:
    return len(list((home / "outbox").glob("*.eml")))


@pytest.mark.parametrize("name", SCENES)
def test_death_before_every_call(home: Path, name: str) -> None:
    scene = SCENES[name]
    end, points = undisturbed(home, scene)
    taken = aside(load(home / "integrations.yaml"))
    out = sent(home)
    assert points > 5
    for point in range(1 + hash_of(name) % SHARE, points + 1, SHARE):
        config = fresh(home, scene)
        assert in_child(scene, config, lambda at=point: watch(Calls(at, die))) == DIED  # type: ignore[misc]
        scene.command(config)
        assert end_of(config) == end, f"{name}: point {point} of {points}"
        assert harm(config, scene) == [], f"{name}: point {point}"
        assert aside(config) >= {octets for octets in taken if octets[:15] != b"SQLite format 3"}, f"{point}"
        assert sent(home) == out


@pytest.mark.parametrize("name", SCENES)
def test_a_sweep_between_death_and_the_next_try(home: Path, name: str) -> None:
    scene = SCENES[name]
    end, points = undisturbed(home, scene)
    out = sent(home)
    for point in range(1 + hash_of(name) % (2 * SHARE), points + 1, 2 * SHARE):
        config = fresh(home, scene)
        assert in_child(scene, config, lambda at=point: watch(Calls(at, die))) == DIED  # type: ignore[misc]
        sweep_meanwhile(home, config)
        scene.command(config)
        assert end_of(config)["lines"] == end["lines"], f"{name}: point {point} of {points}"
        assert harm(config, scene) == [], f"{name}: point {point}"
        sweep_meanwhile(home, config)
        assert sent(home) == out, f"{name}: point {point}"


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("name", SCENES)
def test_a_disk_that_fails_at_every_call(home: Path, name: str, error: int) -> None:
    scene = SCENES[name]
    end, _ = undisturbed(home, scene)
    calls = Calls()
    config = fresh(home, scene)
    undo = calls.watch(os, *DISK, "rmdir", "write")
    try:
        scene.command(config)
    finally:
        unwatch(undo)
    for point in range(1 + hash_of(name) % (2 * SHARE), calls.count + 1, 2 * SHARE):
        config = fresh(home, scene)
        at = Calls(point, fail(error))
        ended = in_child(scene, config, lambda at=at: at.watch(os, *DISK, "rmdir", "write"))  # type: ignore[misc]
        assert ended in {0, FULL}, f"{name}: point {point}"
        scene.command(config)
        assert end_of(config) == end, f"{name}: point {point} of {calls.count}"
        assert harm(config, scene) == [], f"{name}: point {point}"


@pytest.mark.parametrize("limit", [0, 700, 4_096, 30_000, 90_000])
@pytest.mark.parametrize("name", ["no ledger", "bad ledger", "bad lines", "old ledger"])
def test_no_file_may_grow_beyond_a_limit(home: Path, name: str, limit: int) -> None:
    """True short writes; SQLite's fail too."""
    scene = SCENES[name]
    end, _ = undisturbed(home, scene)
    config = fresh(home, scene)
    limited = (limit, resource.RLIM_INFINITY)
    assert in_child(scene, config, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limited)) == FULL
    scene.command(config)
    assert end_of(config) == end
    assert harm(config, scene) == []


def hash_of(name: str) -> int:
    """The same in every run: which share of the points is tried."""
    return sum(name.encode())
