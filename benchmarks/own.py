"""emailint's own part: its configuration for a workload, and its command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.wire import Door

ROOT = Path(__file__).parents[1]
ENVIRON = {"PATH": "/usr/bin:/bin", "LANG": "C", "PYTHONPATH": str(ROOT)}
"""As cron's, and this tree."""

EMAILINT = (sys.executable, "-m", "emailint")
PROCESS = (*EMAILINT, "process", "--deadline", "10m")

_HEAD = """\
store: {store}
concurrency: {concurrency}
reply: {{template: none}}
integrations:
"""
_MAILBOX = """\
  - name: {name}
    mailbox: {door.user}@example.org
    username: {door.user}
    password: {door.password}
    host: {door.host}
    port: {door.port}
    tls: {tls}
    outbound: {{type: none}}
    workspace: 1
"""


def configure(folder: Path, doors: Sequence[Door], *, store: str = "store", concurrency: int = 32) -> None:
    """Write an `integrations.yaml` for these mailboxes; they get cases and no replies."""
    text = _HEAD.format(store=store, concurrency=concurrency)
    for number, door in enumerate(doors, 1):
        text += _MAILBOX.format(
            name=f"box-{number}", door=door, tls="implicit" if door.ca_file else "none"
        ) + (f"    ca_file: {door.ca_file}\n" if door.ca_file else "")
    path = folder / "integrations.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


def cases(folder: Path) -> int:
    """How many cases the store holds."""
    path = folder / "store" / "cases.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def sweep(folder: Path) -> None:
    """Sweep once, so that the next sweep finds what cron's finds."""
    subprocess.run(PROCESS, cwd=folder, env=ENVIRON, check=True, stdout=subprocess.DEVNULL)
