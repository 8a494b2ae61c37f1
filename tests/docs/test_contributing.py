"""The commands of CONTRIBUTING can be run, and those that a change must pass are what CI runs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (make [^#\n]*)", TEXT, re.MULTILINE)


def planned(command: str) -> str:
    """What make would do; nothing is done."""
    make = shutil.which("make")
    assert make is not None
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        [make, "--dry-run", "--always-make", *shlex.split(command)[1:]],
        cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_are_commands() -> None:
    assert {command.split()[1] for command in COMMANDS} >= {"check", "format", "test", "docs", "reference"}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_can_be_run(command: str) -> None:
    assert ".venv/bin/" in planned(command)


def test_check_is_all_that_it_says() -> None:
    plan = planned("make check")
    for part in (
        "ruff format --check",
        "ruff check",
        "mypy",
        "lint-imports",
        "mkdocs build --strict",
        "pytest",
    ):
        assert part in plan, part


def test_ci_runs_check() -> None:
    assert "make check" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_folders_that_are_named_for_tests_are_there() -> None:
    (arguments,) = re.findall(r'PYTEST_ARGS="([^"]*)"', TEXT)
    assert [name for name in arguments.split() if not (ROOT / name).is_dir()] == []
    assert arguments in planned(f'make test PYTEST_ARGS="{arguments}"')
    for name in re.findall(r"`((?:tests|docs)/[\w/.]+)`", TEXT):
        assert (ROOT / name).exists(), name
