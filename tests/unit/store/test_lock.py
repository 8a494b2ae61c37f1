"""One sweep at a time; freed by the kernel at any death; no takeover by age."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from emailint.errors import Exit, StoreError
from emailint.store import Holder, LockState, RunLock, StoreHeld, read_lock
from tests.unit.store.making import NOW, after

HOLD = """
import sys
from pathlib import Path
from emailint.store import RunLock
with RunLock(Path(sys.argv[1])).acquire(["payroll", "benefits"], "/etc/integrations.yaml", 0.0):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its standard input closes."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def lock(folder: Path, **named: object) -> RunLock:
    return RunLock(folder, pid=4711, host="here", now=lambda: NOW, **named)  # type: ignore[arg-type]  # tests name them


def test_the_file_says_who_holds_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with lock(folder).acquire(["b", "a"], "/c.yaml", None) as held:
        assert read_lock(folder, alive=lambda _: True) == LockState(
            Holder(4711, "here", NOW, "/c.yaml", frozenset({"a", "b"}))
        )
        assert oct(folder.stat().st_mode)[-3:] == "700"
        assert oct((folder / "lock").stat().st_mode)[-3:] == "600"
        held.good("a", NOW)
    assert read_lock(folder) == LockState(None, {"a": NOW})


def test_last_good_sweeps_are_kept_over_runs(tmp_path: Path) -> None:
    with lock(tmp_path).acquire(["a", "b"], "c", None) as first:
        first.good("a", NOW)
        first.good("b", NOW)
    with lock(tmp_path).acquire(["a"], "c", None) as second:
        assert read_lock(tmp_path, alive=lambda _: True).last_good == {"a": NOW, "b": NOW}
        second.good("a", after(minutes=1))
    assert read_lock(tmp_path).last_good == {"a": after(minutes=1), "b": NOW}


def test_a_second_run_gives_way_at_once(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    waited: list[Holder] = []
    with pytest.raises(StoreHeld) as busy:
        lock(tmp_path).acquire(["payroll"], "x", 0.0, waited.append)
    assert busy.value.exit_code is Exit.OK
    assert busy.value.holder.pid == other.pid
    assert str(other.pid) in str(busy.value)
    assert waited == []


COVERED = [
    (["payroll"], "/etc/integrations.yaml", True),
    (["payroll", "benefits"], "/etc/integrations.yaml", True),
    ([], "/etc/integrations.yaml", True),
    (["payroll", "desk"], "/etc/integrations.yaml", False),
    (["payroll"], "/etc/other.yaml", False),
]


@pytest.mark.parametrize(("names", "config", "covered"), COVERED)
def test_whether_the_other_run_covers_this_one(names: list[str], config: str, covered: bool) -> None:
    holder = Holder(1, "h", NOW, "/etc/integrations.yaml", frozenset({"payroll", "benefits"}))
    assert holder.covers(names, config) is covered
    assert not Holder().covers(names, config)


def test_a_run_that_waits_says_for_whom_and_goes_on(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    waited: list[Holder] = []

    def let_go(_seconds: float) -> bool:
        assert other.stdin is not None
        other.stdin.close()
        other.wait()
        return False

    with lock(tmp_path, pause=let_go).acquire(["payroll"], "x", None, waited.append):
        (holder,) = waited
        assert holder.pid == other.pid
        assert holder.covers(["payroll"], "/etc/integrations.yaml")


def test_a_deadline_ends_the_wait(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    moments = iter([10.0, 11.0, 12.0])
    pauses: list[float] = []

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        return False

    waiting = lock(tmp_path, monotonic=lambda: next(moments), pause=pause)
    with pytest.raises(StoreHeld):
        waiting.acquire(["payroll"], "x", 12.0)
    assert len(pauses) == 2


def test_a_signal_ends_the_wait(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(StoreHeld, match="not waited for"):
        lock(tmp_path, pause=lambda _seconds: True).acquire(["payroll"], "x", None)


def test_on_wait_may_give_up(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    class GaveUp(Exception):
        pass

    def give_up(_holder: Holder) -> None:
        raise GaveUp

    with pytest.raises(GaveUp):
        lock(tmp_path).acquire(["payroll"], "x", None, give_up)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_kernel_frees_it_at_any_death(
    tmp_path: Path, other: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert read_lock(tmp_path).holder is not None
    other.send_signal(number)
    other.wait()
    assert read_lock(tmp_path).holder is None
    with lock(tmp_path).acquire(["a"], "c", 0.0):
        pass


def test_age_frees_nothing(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    said = json.loads((tmp_path / "lock").read_text())
    said["started_at"] = "2001-01-01T00:00:00Z"
    (tmp_path / "lock").write_text(json.dumps(said) + "\n")
    os.utime(tmp_path / "lock", (0, 0))
    with pytest.raises(StoreHeld):
        lock(tmp_path).acquire(["a"], "c", 0.0)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"pid":1}', b"\xff\0", b'{"last_good":7}', b"1\n" * 9]
)
def test_a_file_that_says_nothing_still_locks(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lock").write_bytes(content)
    assert read_lock(tmp_path).holder is None
    with lock(tmp_path).acquire(["a"], "c", None), pytest.raises(StoreHeld):
        lock(tmp_path).acquire(["a"], "c", 0.0)
    assert read_lock(tmp_path) == LockState()


def test_a_child_process_does_not_inherit_it(tmp_path: Path) -> None:
    held = lock(tmp_path).acquire(["a"], "c", None)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        held.release()
        lock(tmp_path).acquire(["a"], "c", 0.0).release()
        child.kill()


def test_a_file_that_was_replaced_meanwhile_is_not_the_lock(tmp_path: Path) -> None:
    with lock(tmp_path).acquire(["a"], "c", None):
        (tmp_path / "lock").unlink()
        with lock(tmp_path).acquire(["a"], "c", 0.0):
            inode = (tmp_path / "lock").stat().st_ino
            with pytest.raises(StoreHeld):
                lock(tmp_path).acquire(["a"], "c", 0.0)
            assert (tmp_path / "lock").stat().st_ino == inode


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"precious")
    (tmp_path / "lock").symlink_to(tmp_path / "outside")
    with pytest.raises(StoreError, match="symbolic link"):
        lock(tmp_path).acquire(["a"], "c", None)
    assert (tmp_path / "outside").read_bytes() == b"precious"


def test_letting_go_twice_is_harmless(tmp_path: Path) -> None:
    held = lock(tmp_path).acquire(["a"], "c", None)
    held.release()
    with lock(tmp_path).acquire(["b"], "c", 0.0):
        held.release()
        with pytest.raises(StoreHeld):
            lock(tmp_path).acquire(["a"], "c", 0.0)


def test_many_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from emailint.store import RunLock
folder = Path(sys.argv[1])
for _ in range(10):
    with RunLock(folder, pause=lambda s: False).acquire([], "c", None):
        count = int((folder / "count").read_text())
        (folder / "count").write_text(str(count + 1))
"""
    (tmp_path / "count").write_text("0")
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert (tmp_path / "count").read_text() == "40"


def test_the_deadline_is_not_the_wall_clock(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(StoreHeld):
        RunLock(tmp_path, now=lambda: NOW - timedelta(days=3650)).acquire([], "c", 0.0)


def test_how_many_replies_were_begun_is_kept_over_runs_and_never_falls(tmp_path: Path) -> None:
    with lock(tmp_path).acquire(["a"], "c", None) as first:
        first.begun(3)
        assert read_lock(tmp_path, alive=lambda _: True) == LockState(
            Holder(4711, "here", NOW, "c", frozenset({"a"})), replies_begun=3
        )
        first.begun(2)
    with lock(tmp_path).acquire(["a"], "c", None):
        assert read_lock(tmp_path).replies_begun == 3
    assert read_lock(tmp_path).replies_begun == 3


@pytest.mark.parametrize("said", ['"many"', "null", "1e400", "-5", "[" * 100_000])
def test_a_number_that_is_none_is_not_known(tmp_path: Path, said: str) -> None:
    (tmp_path / "lock").write_text(f'{{"replies_begun": {said}, "last_good": {{}}}}\n')
    assert read_lock(tmp_path) == LockState()
    with lock(tmp_path).acquire(["a"], "c", None) as held:
        held.begun(1)
    assert read_lock(tmp_path).replies_begun == 1
