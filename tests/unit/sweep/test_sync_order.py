"""Nothing is marked before its line is synced; a batch costs few syncs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emailint.config.model import SweepLimits
from tests.support.memory import letter
from tests.support.world import make_world

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = 'Content-Type: multipart/mixed; boundary="b"\nMIME-Version: 1.0\n'
PARTS = (
    "--b\n\nPlease help.\n--b\nContent-Type: application/pdf\n"
    "Content-Disposition: attachment; filename=slip.pdf\n\n{}\n--b--\n"
)


def watched(events: list[str], name: str, real: Callable[[int], None]) -> Callable[[int], None]:
    def call(descriptor: int) -> None:
        events.append(f"{name} {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        real(descriptor)

    return call


@pytest.mark.parametrize("processes", [1, 2])
def test_each_batch_is_synced_once_and_only_then_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setattr("emailint.sweep.readers.MANY", 1)
    monkeypatch.setattr("emailint.sweep.readers.os.cpu_count", lambda: processes)
    world = make_world(tmp_path, monkeypatch, settings={"limits": SweepLimits(batch_messages=10)})
    for number in range(35):
        with_file = number % 10 == 0
        world.source.deliver(
            letter(number, headers=FILE, body=PARTS.format(number)) if with_file else letter(number)
        )
    events: list[str] = []
    written: list[int] = []

    def before(verb: str) -> None:
        if verb == "mark":
            written.append((tmp_path / "data" / "cases.jsonl").read_bytes().count(b"\n"))
            events.append("mark")

    world.source.before = before
    monkeypatch.setattr(os, "fsync", watched(events, "sync", os.fsync))
    assert world.sweep().totals.cases == 35
    assert written == [10, 20, 30, 35]
    marks = [index for index, event in enumerate(events) if event == "mark"]
    for first, last in zip([0, *marks], marks, strict=False):
        batch = events[first:last]
        assert batch.count("sync cases.jsonl") == 1
        assert batch.count("sync attachments") <= 2  # once for all, once more where a folder is made in it
        # The files are synced before the line that names them is.
        named = batch.index("sync cases.jsonl")
        assert not any("pdf" in event for event in batch[named:])
        assert sum("pdf" in event for event in batch[:named]) == 1
