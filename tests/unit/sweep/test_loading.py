"""What makes cases is imported beside the sweep, once there is mail, and never by an idle one."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from emailint.sweep import loading
from tests.support.memory import letter
from tests.support.world import make_world

if TYPE_CHECKING:
    from pathlib import Path


def wait() -> None:
    for thread in threading.enumerate():
        if thread.name == "loading":
            thread.join()


def test_modules_are_imported_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "module_to_load.py").write_text("by = __import__('threading').current_thread().name\n")
    monkeypatch.syspath_prepend(tmp_path)
    loading.ahead("module_to_load")
    wait()
    assert sys.modules.pop("module_to_load").by == "loading"


def test_a_module_that_fails_is_left_to_whoever_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "module_that_fails.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    loading.ahead("module_that_fails", "module_that_is_not")
    wait()
    assert capfd.readouterr() == ("", "")
    assert "module_that_fails" not in sys.modules


def test_where_no_more_threads_are_to_be_had_nothing_is_imported_ahead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    loading.ahead("module_to_load")
    assert "module_to_load" not in sys.modules


@pytest.mark.parametrize("mails", [0, 1, 3])
def test_only_a_sweep_with_new_mail_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mails: int
) -> None:
    monkeypatch.setattr("emailint.sweep.readers.MANY", 3)
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(loading, "ahead", lambda *names: asked.append(names))
    world = make_world(tmp_path, monkeypatch)
    for number in range(mails):
        world.source.deliver(letter(number))
    world.sweep()
    here = (loading.MAKES_CASES, loading.READS_MAIL)
    assert asked == {0: [], 1: [here], 3: [here[:1]]}[mails]  # of many, others read
