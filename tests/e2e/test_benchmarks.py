"""`make bench ARGS=--quick`: everybody takes part, all mail is taken, and the figures are written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a quick run has written."""
    folder = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "P1", "P3", "P4", "P7", "P10"]
    done = subprocess.run(
        [*command, "--output", folder], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| P1 | ≤ 100 MB |" in done.stdout
    return folder


def test_emailint_does_every_workload_and_the_floor_is_below_it(results: Path) -> None:
    document: dict[str, Any] = json.loads((results / "figures.json").read_text(encoding="utf-8"))
    assert [each["number"] for each in document["workloads"]] == ["P1", "P3", "P4", "P7", "P10"]
    for workload in document["workloads"]:
        assert workload["costs"]["emailint"][0]["processor"] > 0
    first = document["workloads"][0]
    assert first["costs"]["raw floor"][0]["seconds"] < first["costs"]["emailint"][0]["seconds"]
    assert first["costs"]["emailint"][0]["memory"] > 10_000_000


def test_a_peer_that_is_not_there_is_said_to_be_missing_and_never_left_out(results: Path) -> None:
    first = json.loads((results / "figures.json").read_text(encoding="utf-8"))["workloads"][0]
    for name in ("imap_tools, usual loop", "IMAPClient, one by one", "fetchmail", "getmail", "mbsync"):
        assert (name in first["costs"]) != (name in first["not_run"])
        assert f"| {name} |" in (results / "table.md").read_text(encoding="utf-8")


def test_the_chart_has_a_bar_for_each_that_ran(results: Path) -> None:
    first = json.loads((results / "figures.json").read_text(encoding="utf-8"))["workloads"][0]
    drawn = (results / "chart.svg").read_text(encoding="utf-8")
    assert drawn.count("<rect ") == len(first["costs"])
    assert 'class="b own"' in drawn
