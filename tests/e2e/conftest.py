"""For these tests: the command, in an environment as bare as cron's, against real servers."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.cyrus import cyrus
from tests.support.dovecot import dovecot

__all__ = ["cyrus", "dovecot"]


BARE = {"PATH": "/usr/bin:/bin", "LANG": "C", "PYTHONPATH": str(Path(__file__).parents[2])}
"""As cron's, and the tree under test."""


@dataclass
class Installation:
    """A folder with an `integrations.yaml`, and the command that runs there."""

    folder: Path
    environ: dict[str, str] = field(default_factory=lambda: dict(BARE))

    def configure(self, text: str) -> None:
        path = self.folder / "integrations.yaml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "emailint", *arguments]

    def run(self, *arguments: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run the command to its end. `status` None: whatever it is."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        if status is not None:
            assert done.returncode == status, done.stdout + done.stderr
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command and do not wait for it."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def process(self, *arguments: str, status: int | None = 0) -> dict[str, Any]:
        """`emailint process --json`, its document."""
        document: dict[str, Any] = json.loads(self.run("process", "--json", *arguments, status=status).stdout)
        return document

    def lines(self, name: str = "cases.jsonl") -> list[dict[str, Any]]:
        """The lines of a file of the store."""
        path = self.folder / "data" / name
        return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """An empty folder to run the command in."""
    return Installation(tmp_path)
