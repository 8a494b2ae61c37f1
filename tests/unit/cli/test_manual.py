"""Man pages and completions are those of the commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from emailint.cli.app import COMMANDS, app
from emailint.cli.completing import NEWEST
from emailint.cli.manual import COMPLETIONS, files

ROOT = Path(__file__).parents[3]
KEPT = ROOT / "docs" / "man"


def test_what_is_kept_is_what_the_commands_say() -> None:
    kept = {path.name: path.read_text(encoding="utf-8") for path in KEPT.iterdir()}
    assert kept == files(), "run: python -m emailint.cli.manual docs/man"


def test_there_is_a_page_for_each_command() -> None:
    pages = {name for name in files() if name.endswith(".1")}
    assert pages >= {"emailint.1", *(f"emailint-{name}.1" for name in COMMANDS)}
    assert "emailint-store-verify.1" in pages
    page = files()["emailint-process.1"]
    assert "\\-\\-dry\\-run" in page
    assert "Sweep the mailboxes once" in page


@pytest.mark.parametrize("name", sorted(name for name in files() if name.endswith(".1")))
def test_man_finds_nothing_wrong(name: str) -> None:
    page = files()[name]
    assert page.isascii()
    groff = shutil.which("groff")
    if groff is None:  # its absence is no fault of the page, whose requests are few
        assert {line.split()[0] for line in page.splitlines() if line.startswith(".")} <= {
            *(".TH", ".SH", ".B", ".TP", ".PP"),
        }
        return
    done = subprocess.run(
        [groff, "-man", "-ww", "-z", "-Tascii"], input=page, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


def offered(monkeypatch: pytest.MonkeyPatch, config: Path, *words: str) -> set[str]:
    """The same in this process, for the last word."""
    monkeypatch.setenv("EMAILINT_CONFIG", str(config))
    shell = BashComplete(app, {}, "emailint", "_EMAILINT_COMPLETE")
    return {item.value for item in shell.get_completions(list(words[:-1]), words[-1])}


def completed(*words: str, **variables: str) -> set[str]:
    """What bash would offer for the last word."""
    environ = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "_EMAILINT_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("emailint", *words)),
        "COMP_CWORD": str(len(words)),
        **variables,
    }
    script = "import sys; from emailint.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    return {line.partition(",")[2] for line in done.stdout.splitlines() if line}


def test_commands_and_options_are_completed() -> None:
    assert completed("li") == {"list-errors", "list-cases"}
    assert "--dry-run" in completed("process", "--")
    assert completed("schema", "c") == {"config", "case"}


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A configuration that no sweep would take, whose password is a command that leaves a trace."""
    path = tmp_path / "integrations.yaml"
    path.write_text(
        "store: kept\nnonsense: 1\nintegrations:\n"
        f"  - {{name: payroll, password: {{command: [touch, {tmp_path / 'ran'}]}}}}\n"
        "  - {name: benefits, mailbox: '${NOBODY}'}\n  - {name: payments}\n  - 5\n",
        encoding="utf-8",
    )
    return path


NAMES = [
    (("process", "--integration", ""), "payroll benefits payments"),
    (("process", "--integration", "pay"), "payroll payments"),
    (("process", "--integration", "payroll", "--integration", "pay"), "payments"),
    (("list-cases", "--integration", "b"), "benefits"),
    (("list-errors", "--integration", "b"), "benefits"),
    (("explain", "--integration", "b"), "benefits"),
    (("test-connection", "payroll", "pa"), "payments"),
    (("status", "b"), "benefits"),
    (("audit", "b"), "benefits"),
    (("authorize", "b"), "benefits"),
]


@pytest.mark.parametrize(("words", "names"), NAMES, ids=str)
def test_integrations_are_completed(
    words: tuple[str, ...], names: str, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert offered(monkeypatch, desk, *words) == set(names.split())
    assert not (desk.parent / "ran").exists()
    assert not (desk.parent / "kept").exists()


def test_the_configuration_that_is_named_counts(desk: Path) -> None:
    words = ("-c", "~/integrations.yaml", "status", "b")
    assert completed(*words, HOME=str(desk.parent), EMAILINT_CONFIG="/nowhere") == {"benefits"}


def test_open_errors_are_completed(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.parent / "kept").mkdir()
    lines = [
        {"error_id": "E-old", "event": "opened", "kind": "held"},
        {"error_id": "E-1", "event": "opened", "kind": "login_refused", "integration": "payroll"},
        {"error_id": "E-2", "event": "opened", "kind": "held\x1b[31m"},
        {"error_id": "E-1", "event": "closed", "kind": "login_refused"},
        {"error_id": "E-3", "event": "opened", "kind": "held"},
        {"error_id": "X-4", "event": "opened", "kind": "held"},
    ]
    text = "".join(f"{json.dumps(line)}\n" for line in lines[1:])
    filler = json.dumps(lines[0]) + "\n" + " " * NEWEST
    (desk.parent / "kept" / "errors.jsonl").write_text(f"{filler}\n{text}torn {{", encoding="utf-8")
    assert offered(monkeypatch, desk, "dismiss", "") == {"E-2", "E-3", "X-4"}
    assert offered(monkeypatch, desk, "retry", "E-2", "E") == {"E-3"}
    shown = completed(
        "dismiss", "E-2", EMAILINT_CONFIG=str(desk), _EMAILINT_COMPLETE="fish_complete", COMP_CWORD="E-2"
    )
    assert shown == {"E-2\theld\\x1b[31m"}


@pytest.mark.parametrize(
    "text", ["", "[", "a: b", "integrations: 5", "\0", "integrations:\n- &a [*a]\n", None]
)
def test_nothing_is_offered_where_anything_is_wrong(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "integrations.yaml"
    if text is None:
        os.mkfifo(path)
    else:
        path.write_text(text, encoding="utf-8")
    assert offered(monkeypatch, path, "status", "") == set()
    assert offered(monkeypatch, path, "dismiss", "") == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_takes_its_script(shell: str, tmp_path: Path) -> None:
    (name,) = (each for each, kind in COMPLETIONS.items() if kind.name == shell)
    text = files()[name]
    assert f"_EMAILINT_COMPLETE={shell}_complete" in text
    program = shutil.which(shell)
    if program is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
        subprocess.run([program, "-n", str(tmp_path / name)], check=True, timeout=60)


def test_the_wheel_has_them_where_shells_and_man_look() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    placed = project["tool"]["setuptools"]["data-files"]
    assert placed["share/man/man1"] == ["docs/man/*.1"]
    assert {each for folder, names in placed.items() if "man1" not in folder for each in names} == {
        *(f"docs/man/{name}" for name in ("emailint", "_emailint", "emailint.fish")),
    }


def test_the_page_on_completion_says_what_each_shell_is_told() -> None:
    page = (ROOT / "docs" / "how-to" / "completion.md").read_text(encoding="utf-8")
    assert {f"_EMAILINT_COMPLETE={kind.name}_source emailint" for kind in COMPLETIONS.values()} <= {
        *re.findall(r"_EMAILINT_COMPLETE=\w+ emailint", page)
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = [folder.removeprefix("share/") for folder in project["tool"]["setuptools"]["data-files"]]
    assert [folder for folder in folders if f"`{folder}`" not in page] == []


def test_pages_name_the_options_for_help_that_there_are() -> None:
    assert [
        name
        for name, page in files().items()
        if name.endswith(".1") and "\\fB\\-h, \\-\\-help\\fR" not in page
    ] == []
