"""`make bench`: how long the command takes on this machine. Each figure is the best of several runs.

No server is spoken to: what is measured is start-up, and sweeps of a Maildir, everything durable.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 5
MAILS = 2_000
CONFIG = """\
store: store
deadline: 50s
integrations:
  - name: bench
    mailbox: bench@example.org
    protocol: maildir
    path: maildir
    outbound: {type: none}
    reply: {template: none, limit: {breaker: 100000/10m}}
    workspace: 1
"""
TEXT = "I worked 40 hours, and the slip says 32. Could you have a look, please?\n" * 50
EMAILINT = (sys.executable, "-m", "emailint")


def main() -> None:
    """Print a table of figures."""
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        figures = {
            "bare Python": best(folder, root, (sys.executable, "-c", "pass")),
            "emailint --help": best(folder, root, (*EMAILINT, "--help")),
            f"sweep of {MAILS:,} new mails of 4 KB": best(folder, root, (*EMAILINT, "process"), rounds=1),
            "sweep with nothing to do": best(folder, root, (*EMAILINT, "process")),
        }
        cases = len((folder / "store" / "cases.jsonl").read_bytes().splitlines())
    for what, seconds in figures.items():
        print(f"{what:40} {seconds * 1000:10,.0f} ms")
    print(f"{'cases made':40} {cases:10,}")


def prepare(folder: Path) -> None:
    """A configuration and a Maildir full of unread mail."""
    (folder / "integrations.yaml").write_text(CONFIG, encoding="utf-8")
    for each in ("cur", "new", "tmp"):
        (folder / "maildir" / each).mkdir(parents=True)
    for number in range(MAILS):
        head = (
            f"From: Ann Lee <ann{number}@example.com>\nTo: bench@example.org\nSubject: Hours {number}\n"
            f"Message-ID: <{number}@example.com>\nDate: Tue, 24 Nov 2026 18:00:05 +0000\n\n"
        )
        path = folder / "maildir" / "new" / f"{1_795_000_000 + number}.M{number}.bench"
        path.write_text(head + TEXT, encoding="ascii")


def best(folder: Path, root: Path, command: tuple[str, ...], rounds: int = ROUNDS) -> float:
    """Seconds of the quickest run."""
    spans = []
    for _ in range(rounds):
        began = time.perf_counter()
        subprocess.run(
            command,
            cwd=folder,
            env={"PYTHONPATH": str(root), "HOME": str(folder), "PATH": "/usr/bin:/bin"},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        spans.append(time.perf_counter() - began)
    return min(spans)


if __name__ == "__main__":
    main()
