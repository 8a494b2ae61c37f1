"""What a command asks of the kernel: the files it opens for writing, makes, renames, removes; whom it calls.

with strace at hand: calls = trace(installation, "process")
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Installation

CHANGING: Final = (
    "open,openat,openat2,creat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,unlink,unlinkat,symlink,symlinkat,"
    "link,linkat,mknod,mknodat,truncate,chmod,fchmodat,chown,fchownat,utimensat,setxattr,connect,sendto,bind"
)
WRITING: Final = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND")
_CALL: Final = re.compile(r"^\d+ +(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+|\?)")
_AT: Final = re.compile(
    r'(?:AT_FDCWD(?:<(?P<cwd>[^>]*)>)?|\d+<(?P<folder>[^>]*)>), "(?P<name>(?:[^"\\]|\\.)*)"'
)
_PLAIN: Final = re.compile(r'^"(?P<name>(?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Call:
    """One call that came to something; `paths` are absolute."""

    name: str
    arguments: str
    paths: tuple[Path, ...]

    @property
    def writes(self) -> bool:
        """Whether it changes files, or opens one so that it may be changed."""
        if self.name in {"connect", "sendto", "bind"}:
            return False
        return not self.name.startswith("open") or WRITING.search(self.arguments) is not None


@functools.lru_cache(maxsize=1)
def why_not() -> str:
    """Why nothing can be traced here; "" where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"ptrace is not to be had: {tried.stderr.strip()[-200:]}"


def need_ptrace() -> None:
    """Where nothing can be traced, the test is named and counted at the end as an expected failure."""
    if why_not():
        pytest.xfail(f"not run: {why_not()}")


def trace(installation: Installation, *arguments: str, umask: int = 0o022) -> tuple[int, list[Call]]:
    """Exit status, and the calls of the command and of all its children."""
    with tempfile.NamedTemporaryFile("r", prefix="emailint-strace-", errors="replace") as log:
        command = ["strace", "-f", "-qq", "-y", "-s", "4096", "-e", f"trace={CHANGING}", "-o", log.name]
        done = subprocess.run(
            [*command, *installation.command(*arguments)],
            cwd=installation.folder,
            env=installation.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=100,
            check=False,
            umask=umask,
        )
        calls = [call for line in log if (call := _parsed(line, installation.folder)) is not None]
    return done.returncode, calls


def _parsed(line: str, folder: Path) -> Call | None:
    found = _CALL.match(line)
    if found is None or found["result"].startswith("-") or found["result"] == "?":
        return None
    arguments = found["arguments"]
    names = [(at["folder"] or at["cwd"] or str(folder), at["name"]) for at in _AT.finditer(arguments)]
    if not names and (plain := _PLAIN.match(arguments)):
        names = [(str(folder), plain["name"])]
    return Call(
        found["name"], arguments, tuple(Path(os.path.normpath(Path(where) / name)) for where, name in names)
    )
