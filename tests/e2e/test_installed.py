"""The wheel on each Python of this machine that may run it, with the oldest and the newest of its needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDS = tuple(PROJECT["dependencies"])
OLDEST = (3, 11)
NAMES = ("python3.11", "python3.12", "python3.13", "python3.14")


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command; nothing of the tree is found by it."""
    environ = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(Path.home()),
        "PYTHONWARNINGS": "error",
    }
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd, env=environ, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@cache
def pythons() -> dict[str, Path]:
    """Each Python from 3.11 on that is here: on the PATH, or kept by pyenv; one of each minor version."""
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    places = [Path(path) for name in NAMES if (path := shutil.which(name))]
    places += sorted(home.glob("3.*/bin/python"))
    found = {f"{sys.version_info[0]}.{sys.version_info[1]}": Path(sys.executable)}
    for place in places:
        said = subprocess.run(
            [place, "-c", "import sys, venv; print(*sys.version_info[:2], sep='.')"],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        version = said.stdout.strip()
        if said.returncode == 0 and tuple(map(int, version.split("."))) >= OLDEST:
            found.setdefault(version, place)
    return found


@cache
def floors() -> tuple[str, ...]:
    """The oldest that is allowed of each dependency."""
    return tuple(need.replace(">=", "==") for need in NEEDS)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of a copy, since building leaves files behind."""
    sources = tmp_path_factory.mktemp("sources")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "emailint", sources / "emailint", ignore=ignored)
    shutil.copytree(ROOT / "docs" / "man", sources / "docs" / "man")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, sources / name)
    (sources / "dist").mkdir()
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps")
    subprocess.run(
        [*pip, "--wheel-dir", "dist", "."], cwd=sources, check=True, capture_output=True, timeout=200
    )
    (made,) = (sources / "dist").glob("*.whl")
    return made


PROBE = """
import importlib.metadata, sys
import imapclient, inscriptis, jwt, msal, nh3, requests, tenacity  # what a small sweep does not load
print(*sys.version_info[:2], sep=".")
print(*(importlib.metadata.version(name) for name in sys.argv[1:]))
"""


def test_each_dependency_has_a_floor_and_nothing_else() -> None:
    assert [need for need in NEEDS if not re.fullmatch(r"[a-z0-9-]+>=[0-9.]+", need)] == []
    assert PROJECT["requires-python"] == f">={OLDEST[0]}.{OLDEST[1]}"


def test_there_is_a_python_to_try() -> None:
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in pythons()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("age", ["oldest", "newest"])
@pytest.mark.parametrize("version", pythons())
def test_it_works_installed(version: str, age: str, wheel: Path, tmp_path: Path) -> None:
    prefix, work = tmp_path / "venv", tmp_path / "work"
    work.mkdir()
    subprocess.run([pythons()[version], "-m", "venv", "--without-pip", prefix], check=True, timeout=60)
    python, emailint = prefix / "bin" / "python", prefix / "bin" / "emailint"
    wanted = floors() if age == "oldest" else ()
    subprocess.run(
        [
            sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python,
            "install", "--quiet", "--no-compile", "--only-binary", ":all:", wheel, *wanted,
        ],
        check=True, capture_output=True, timeout=200,
    )  # fmt: skip

    run(emailint, "init", "--mailbox", "desk@localhost", "--provider", "maildir", cwd=work)
    assert "1 case; replies: 1 sent" in run(emailint, "process", "--plain", cwd=work)
    assert "Wrong hours on my slip" in run(emailint, "list-cases", cwd=work)
    said, *found = run(python, "-W", "default", "-c", PROBE, *map(_name, NEEDS), cwd=work).split()
    assert said == version
    if age == "oldest":
        assert [*map(_plain, found)] == [_plain(need.partition("==")[2]) for need in wanted]


def _name(need: str) -> str:
    return need.partition(">=")[0]


def _plain(version: str) -> str:
    """`3.3.0` is `3.3` (PEP 440)."""
    return re.sub(r"(\.0)+$", "", version)
