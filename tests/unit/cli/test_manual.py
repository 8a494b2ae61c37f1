"""Man pages and completions are those of the commands."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from emailint.cli.app import COMMANDS
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


def completed(*words: str) -> set[str]:
    """What bash would offer for the last word."""
    environ = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "_EMAILINT_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("emailint", *words)),
        "COMP_CWORD": str(len(words)),
    }
    script = "import sys; from emailint.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    return {line.partition(",")[2] for line in done.stdout.splitlines()}


def test_commands_and_options_are_completed() -> None:
    assert completed("li") == {"list-errors", "list-cases"}
    assert "--dry-run" in completed("process", "--")
    assert completed("schema", "c") == {"config", "case"}


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
