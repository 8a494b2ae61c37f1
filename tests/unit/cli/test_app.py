"""The root of the command line: what it imports, what it says of errors, with which status it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from emailint import __version__, errors
from emailint.cli import app as application
from emailint.cli.app import COMMANDS, app, main
from emailint.cli.lazy import Lazy
from emailint.config.problems import ConfigProblems, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
HEAVY = (
    "rich", "pydantic", "yaml", "jinja2", "msal", "requests", "imapclient", "tenacity", "nh3", "inscriptis",
    "charset_normalizer", "sqlite3", "email", "socket", "ssl", "logging", "asyncio",
)  # fmt: skip
OURS = ("emailint.config", "emailint.sweep", "emailint.store", "emailint.report", "emailint.message")


def run_with(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> int:
    """Run `emailint act`, a command that does this."""

    @click.command()
    def act() -> object:
        return action()

    stand_in = Lazy("emailint.cli.app", "act", "Act.")
    monkeypatch.setattr(application, "act", act, raising=False)
    monkeypatch.setattr(app, "lazy", {"act": stand_in})
    return main(["act"])


def raising(error: BaseException) -> Callable[[], object]:
    def action() -> object:
        raise error

    return action


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["proces"], "Did you mean 'process'?"),
        (["listcases"], "Did you mean 'list-cases'?"),
        (["xyzzy"], "No such command 'xyzzy'."),
    ],
)
def test_a_mistyped_command_is_told_the_nearest(
    typed: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(typed) == errors.Exit.USAGE
    told = capsys.readouterr().err
    assert said in told
    assert ("Did you mean" in told) == ("Did you mean" in said)


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        "from emailint.cli import main\n"
        f"status = main({arguments!r})\n"
        "print(*sorted(sys.modules), file=sys.stderr, sep='\\n')\n"
        "sys.exit(status)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True, timeout=60
    )
    modules = set(ended.stderr.split())
    assert modules & set(HEAVY) == set()
    assert [name for name in modules if name.startswith(OURS)] == []


def test_help_names_every_command_and_global_option() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    for name in COMMANDS:
        assert f"\n  {name} " in shown
    for option in ("--config", "--verbose", "--quiet", "--log-format", "--version"):
        assert option in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_begins_with_its_summary(name: str) -> None:
    lazy = COMMANDS[name]
    command: click.Command = getattr(import_module(lazy.module), lazy.attribute)
    assert command.name == name
    assert (command.help or "").split("\n")[0] == lazy.summary
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0
    assert lazy.summary in shown.output
    silent = [
        parameter.name
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert silent == []


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"emailint {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [["proces"], ["process", "--limit", "0"], ["process", "--deadline", "soon"], ["schema", "x"], ["--nope"]],
)
def test_wrong_usage_is_2_and_says_what_is_wrong(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == errors.Exit.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert "Error: " in said.err


def every_error() -> list[type[errors.EmailintError]]:
    found: list[type[errors.EmailintError]] = []
    waiting: list[type[errors.EmailintError]] = [errors.EmailintError]
    while waiting:
        found.append(waiting.pop())
        waiting += found[-1].__subclasses__()
    return [each for each in found if each is not ConfigProblems and each.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", every_error())
def test_an_error_is_one_line_and_its_hint_and_its_status(
    kind: type[errors.EmailintError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run_with(monkeypatch, raising(kind("it failed\x1b[31m", hint="mend it")))
    assert status == kind.exit_code
    assert capsys.readouterr().err == "emailint: it failed\\x1b[31m\nemailint:   mend it\n"


def test_every_problem_of_a_configuration_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    problems = [Problem("a.yaml", line, f"key{line}", "is wrong", "mend it") for line in (3, 1)]
    assert run_with(monkeypatch, raising(ConfigProblems(problems))) == errors.Exit.CONFIG
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "a.yaml:1  key1  is wrong; mend it",
        "a.yaml:3  key3  is wrong; mend it",
        "emailint: the configuration is wrong; nothing was touched",
    ]


def test_a_bug_is_70_and_tells_where_but_no_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMAILINT_DEBUG", "1")

    def action() -> object:
        password = "hunter2-secret"
        return int(password)

    assert run_with(monkeypatch, action) == errors.Exit.BUG
    said = capsys.readouterr().err
    assert said.startswith("emailint: a bug: ValueError at cli/app.py:")
    assert "hunter2" not in said
    assert "report" in said
    assert "test_app.py" in said


def test_a_file_that_cannot_be_written_is_no_bug(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing" / "a.html"
    assert main(["render-template", "case-confirm", "--output", str(missing)]) == errors.Exit.TROUBLE
    assert capsys.readouterr().err == f"emailint: {missing}: No such file or directory\n"


def test_a_full_disk_behind_the_output_is_no_bug() -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "emailint", "schema", "case"],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            check=False,
            timeout=60,
        )
    assert ended.returncode != 0
    assert b"bug" not in ended.stderr


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_is_130(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_with(monkeypatch, raising(error)) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("status", [None, 0, 1, errors.Exit.TROUBLE])
def test_a_command_ends_with_what_it_returns(status: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_with(monkeypatch, lambda: status) == (status or 0)


def test_a_closed_output_ends_quietly() -> None:
    """`emailint schema case | head -1`, with a reader that is gone before the first line."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as gone:
        ended = subprocess.run(
            [sys.executable, "-m", "emailint", "schema", "case"],
            stdout=gone,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            check=False,
            timeout=60,
        )
    assert (ended.returncode, ended.stderr) == (141, b"")
