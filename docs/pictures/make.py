# ruff: noqa: INP001 - a program by itself, and no part of a package
"""Pictures of the command on a terminal: `make pictures`, or `python docs/pictures/make.py [FOLDER]`.

Each is what the command really wrote on a pseudo terminal, in a folder made for it. What differs from run
to run (moments, ages, the folder's name) is replaced by something fixed of the same length, so that a picture
is the same whenever and wherever it is made, and a test can say that it is of today's program.
"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import tty
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[2]
WIDTH = 110
COMMANDS = {
    "process": ["process"],
    "list-errors": ["list-errors"],
    "status": ["status"],
    "test-connection": ["test-connection", "payroll"],
}
CONFIG = """store: data
integrations:
  - name: payroll
    mailbox: payroll@example.org
    protocol: maildir
    path: payroll
    outbound: {type: folder, path: outbox}
    workspace: 1201
  - name: benefits
    mailbox: benefits@example.org
    protocol: maildir
    path: benefits
    outbound: {type: folder, path: outbox}
    workspace: 1202
"""
MAILS = [
    ("Ann Lee <ann@example.com>", "Wrong hours on my slip", ""),
    ("Bob Ray <bob@example.net>", "Out of office", "Auto-Submitted: auto-replied\n"),
    ("News <news@example.com>", "What is new in November", "List-Id: <news.example.com>\n"),
]
FIXED = (
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}", "2026-11-24 18:00:05 +0000"),
    (r"\d+\.\d s\b", "0.2 s"),
    (r" now\b|[ \d]\d s\b", " 5 s"),
)


def pictures() -> dict[str, str]:
    """The SVG of each picture, by the name of its command."""
    with TemporaryDirectory(dir="/tmp", prefix="mail-") as name:
        folder = Path(name)
        _prepare(folder)
        return {command: _svg(command, _seen(folder, words)) for command, words in COMMANDS.items()}


def _prepare(folder: Path) -> None:
    (folder / "integrations.yaml").write_text(CONFIG, encoding="utf-8")
    for part in ("cur", "new", "tmp"):
        (folder / "payroll" / part).mkdir(parents=True)
    for number, (sender, subject, headers) in enumerate(MAILS):
        text = f"From: {sender}\nTo: payroll@example.org\nSubject: {subject}\n{headers}\nPlease help.\n"
        (folder / "payroll" / "new" / f"{number}.example").write_text(text, encoding="utf-8")
        os.utime(folder / "payroll" / "new" / f"{number}.example")


def _seen(folder: Path, words: list[str]) -> str:
    """What the command writes on a terminal, without what moved meanwhile."""
    controller, terminal = pty.openpty()
    tty.setraw(terminal)
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "COLUMNS": str(WIDTH),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "emailint", *words],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
    ):
        os.close(terminal)
        pieces = []
        with suppress(OSError):  # EIO is how a terminal ends
            while piece := os.read(controller, 65_536):
                pieces.append(piece)
    os.close(controller)
    return _fixed(b"".join(pieces).decode(), folder)


def _fixed(text: str, folder: Path) -> str:
    text = text.replace(str(folder), "/srv/company-mails".ljust(len(str(folder)), "s"))
    for pattern, instead in FIXED:
        text = re.sub(pattern, instead, text)
    return text


def _svg(command: str, text: str) -> str:
    screen = Console(
        width=WIDTH, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    screen.print(Text(f"$ emailint {' '.join(COMMANDS[command])}", style="bold"))
    screen.print(Text.from_ansi(text))
    return screen.export_svg(title=f"emailint {command}", unique_id=command)


def main() -> None:
    """Write the pictures beside this file, or into the folder that is named."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for command, svg in pictures().items():
        (target / f"{command}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
