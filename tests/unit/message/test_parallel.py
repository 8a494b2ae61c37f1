"""Reading in processes beside this one: the same readings, and what becomes of a process that dies."""

from __future__ import annotations

import os
import pickle
import pickletools
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emailint.message import parallel, read_message
from emailint.message.model import Limits, ReadSettings
from emailint.message.parallel import Parallel, shares

if TYPE_CHECKING:
    from collections.abc import Iterator

MAILS = [
    path.read_bytes() for path in sorted((Path(__file__).parents[2] / "data" / "messages").glob("*.eml"))
]
SETTINGS = ReadSettings(frozenset({"desk@example.org"}), "mx.example.org", Limits(parts=7))


@pytest.fixture
def two() -> Iterator[Parallel]:
    with Parallel(2) as processes:
        yield processes


@pytest.mark.parametrize("count", [1, 3])
def test_they_read_what_we_read_in_the_same_order(count: int) -> None:
    expected = [read_message(raw, SETTINGS) for raw in MAILS]
    with Parallel(count) as processes:
        for _ in range(2):
            processes.begin(MAILS, SETTINGS)
            assert processes.results() == expected
        assert processes.usable


def test_readings_are_pickled_the_quick_way() -> None:
    pickled = pickle.dumps([read_message(raw, SETTINGS) for raw in MAILS], pickle.HIGHEST_PROTOCOL)
    # What dataclasses do by themselves is told by this operation, and takes three times as long.
    assert "BUILD" not in {operation.name for operation, _, _ in pickletools.genops(pickled)}


def test_a_batch_may_be_empty_or_smaller_than_there_are_processes(two: Parallel) -> None:
    for batch in ([], MAILS[:1], [b""]):
        two.begin(batch, SETTINGS)
        assert two.results() == [read_message(raw, SETTINGS) for raw in batch]


def test_what_is_larger_than_any_pipe_goes_through_both_ways(two: Parallel) -> None:
    letter = b"Subject: large\nContent-Type: application/pdf\n\n" + os.urandom(3_000_000)
    two.begin([letter] * 4, SETTINGS)
    assert [len(each.attachments[0].content) for each in two.results() if each] == [3_000_000] * 4


def test_they_end_when_nobody_asks_any_more() -> None:
    with Parallel(3) as processes:
        processes.begin(MAILS[:3], SETTINGS)
        processes.results()
        pids = family(processes)
        assert len(pids) == 3
    until = time.monotonic() + 10
    while any(map(alive, pids)):
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_sweep_that_is_told_to_end_has_them_until_it_ends(two: Parallel, number: int) -> None:
    two.begin(MAILS[:2], SETTINGS)
    two.results()
    for pid in family(two):
        os.kill(pid, number)
    two.begin(MAILS[:2], SETTINGS)
    assert two.results() == [read_message(raw, SETTINGS) for raw in MAILS[:2]]


def test_a_process_that_dies_loses_its_own_share_alone(two: Parallel) -> None:
    batch = [b"Subject: same length\n\nHello"] * 4
    two.begin(batch, SETTINGS)
    two.results()
    os.kill(two._first.pid, signal.SIGKILL)
    for _ in range(2):  # it may take the next batch to see it, and is not asked again
        two.begin(batch, SETTINGS)
        assert two.results() == [None, None, *[read_message(raw, SETTINGS) for raw in batch[2:]]]
        assert not two.usable


def test_a_mail_that_takes_for_ever_ends_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import emailint.message.parallel_child as child\n"
        "child.CPU_SECONDS = 1\n"
        "def read_message(raw, settings):\n"
        "    while raw == b'for ever': pass\n"
        "child.read_message = read_message\n"
        "child.main()\n"
    )
    real = subprocess.Popen

    def start(command: list[str], **keywords: object) -> object:
        return real([sys.executable, "-c", program, *command[3:]], **keywords)  # type: ignore[call-overload]  # passed on

    monkeypatch.setattr("emailint.message.parallel.subprocess.Popen", start)
    with Parallel(2) as processes:
        processes.begin([b"for ever", b"at once!"], SETTINGS)
        results = processes.results()
        assert results == [None, None]
        assert [process.usable for process in processes._processes] == [False, True]


def test_no_process_is_left_where_they_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_keywords: object) -> object:
        raise BlockingIOError(11, "no more processes")

    monkeypatch.setattr("emailint.message.parallel.subprocess.Popen", refuse)
    before = os.listdir("/dev/fd")  # noqa: PTH208 - descriptors, not files
    with pytest.raises(BlockingIOError):
        Parallel(2)
    assert len(os.listdir("/dev/fd")) == len(before)  # noqa: PTH208 - as above


@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [
        ([], 2, [[], []]),
        ([5], 2, [[5], []]),
        ([5, 5], 2, [[5], [5]]),
        ([1, 1, 1, 1], 2, [[1, 1], [1, 1]]),
        ([9, 1, 1, 1], 2, [[9], [1, 1, 1]]),
        ([1, 1, 1, 9], 2, [[1, 1, 1], [9]]),
        ([1, 1, 1, 1, 1, 1], 3, [[1, 1], [1, 1], [1, 1]]),
        ([0, 0, 0], 2, [[0, 0, 0], []]),
        ([1, 2, 3], 1, [[1, 2, 3]]),
    ],
)
def test_shares_are_about_equal_and_lose_nothing(
    sizes: list[int], count: int, expected: list[list[int]]
) -> None:
    raws = [bytes(size) for size in sizes]
    assert [[len(raw) for raw in share] for share in shares(raws, count)] == expected


def test_a_pipe_holds_as_much_as_the_system_allows() -> None:
    reading, writing = parallel._pipe()
    os.set_blocking(writing, False)
    try:
        assert os.write(writing, bytes(2_000_000)) >= 65_536
    finally:
        os.close(reading)
        os.close(writing)


def family(processes: Parallel) -> list[int]:
    first = processes._first.pid
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return [first, *map(int, children)]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_one_that_does_not_end_is_killed_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import emailint.message.parallel_child as child\n"
        "def read_message(raw, settings):\n"
        "    while raw == b'for ever': pass\n"
        "child.read_message = read_message\n"
        "child.main()\n"
    )
    real = subprocess.Popen

    def start(command: list[str], **keywords: object) -> object:
        return real([sys.executable, "-c", program, *command[3:]], **keywords)  # type: ignore[call-overload]  # passed on

    monkeypatch.setattr("emailint.message.parallel.subprocess.Popen", start)
    monkeypatch.setattr(parallel, "_PATIENCE", 0.5)
    processes = Parallel(2)
    processes.begin([b"at once!"] * 2, SETTINGS)
    processes.results()
    pids = family(processes)
    processes.begin([b"at once!", b"for ever"], SETTINGS)  # the second one, a fork of the first
    processes.close()
    until = time.monotonic() + 10
    while any(map(alive, pids)):
        assert time.monotonic() < until
        time.sleep(0.01)
