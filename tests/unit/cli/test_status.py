"""The command `status`: what it prints, and with which status it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from emailint.cli import main
from emailint.errors import Exit

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_fresh_installation_is_told_of(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == Exit.OK
    shown = capsys.readouterr().out
    assert "not yet" in shown
    assert shown.endswith("1 integration; no open error\n")
    assert not (here / "store").exists()


def test_a_monitor_is_told_by_the_exit_status(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--max-age", "5m"]) == Exit.TROUBLE
    assert main(["process"]) == Exit.OK
    assert main(["status", "--max-age", "5m"]) == Exit.OK
    assert "all swept well within 5 min" in capsys.readouterr().out


def test_live_without_an_answer_is_1(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--live", "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["integrations"][0]["unread"] == 0
    (here / "maildir" / "new").rmdir()
    assert main(["status", "--live", "--json"]) == Exit.TROUBLE
    assert "maildir" in json.loads(capsys.readouterr().out)["integrations"][0]["unread_error"]


def test_an_unknown_name_is_wrong_usage(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "payrol"]) == Exit.USAGE
    assert "payroll" in capsys.readouterr().err
