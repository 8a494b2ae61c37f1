"""What `pip install .` gives: made of the source distribution, in an empty environment with all it needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("emailint", "docs/man", "pyproject.toml", "README.md", "LICENSE")
BUILD = "import setuptools.build_meta as build; print(build.build_sdist('dist'))"


def run(*command: str | Path, cwd: Path, status: int = 0) -> str:
    """Standard output of a command, in an environment where nothing of the tree is found."""
    environ = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(Path.home())}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def copied(folder: Path) -> Path:
    """The sources, since building leaves files behind."""
    for name in SOURCES:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    return folder


@pytest.mark.timeout(300)
def test_the_wheel_of_the_source_distribution_has_all_that_it_needs(tmp_path: Path) -> None:
    sources, prefix, work = copied(tmp_path / "sources"), tmp_path / "venv", tmp_path / "work"
    work.mkdir()
    venv.create(prefix, with_pip=True)
    python, emailint = prefix / "bin" / "python", prefix / "bin" / "emailint"
    pip = (python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "setuptools>=77", cwd=work)
    made = run(python, "-c", BUILD, cwd=sources).splitlines()[-1]
    run(*pip, sources / "dist" / made, cwd=work)

    assert run(emailint, "--version", cwd=work).startswith("emailint ")
    run(emailint, "init", "--mailbox", "desk@localhost", "--provider", "maildir", cwd=work)
    assert "is well" in run(emailint, "check", cwd=work)
    assert "Wrong hours on my slip" in run(emailint, "process", "--dry-run", cwd=work)
    assert "Subject: " in run(emailint, "render-template", "case-confirm", cwd=work)
    assert '"properties"' in run(emailint, "schema", "config", cwd=work)
    assert str(emailint) in run(emailint, "schedule", cwd=work)
    for kept in (ROOT / "docs" / "man").glob("*.1"):
        assert (prefix / "share" / "man" / "man1" / kept.name).exists()
    for place in ("bash-completion/completions/emailint", "zsh/site-functions/_emailint"):
        assert (prefix / "share" / place).exists()
    assert (prefix / "share" / "fish" / "vendor_completions.d" / "emailint.fish").exists()
    package = next((prefix / "lib").glob("python3*/site-packages/emailint"))
    assert (package / "py.typed").exists()
    assert {path.name for path in (package / "reply" / "templates").iterdir()} == {
        path.name for path in (ROOT / "emailint" / "reply" / "templates").iterdir()
    }
    assert sys.prefix not in run(python, "-c", "import emailint; print(emailint.__file__)", cwd=work)
