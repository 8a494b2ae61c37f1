"""Programs that stand in for `crontab` and `systemctl`, on a PATH where nothing else is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CRONTAB = """\
#!{python}
import pathlib, sys
table = pathlib.Path({folder!r}, "crontab")
with open(table.with_name("calls"), "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
if sys.argv[1:] == ["-l"]:
    if not table.exists():
        sys.exit("no crontab for sara")
    sys.stdout.buffer.write(table.read_bytes())
elif sys.argv[1:] == ["-"]:
    given = sys.stdin.buffer.read()
    if b"refuse" in given:
        sys.exit("errors in crontab file, can't install.")
    table.write_bytes(given)
else:
    sys.exit("usage")
"""
SYSTEMCTL = """\
#!{python}
import pathlib, sys
folder = pathlib.Path({folder!r})
with open(folder / "calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
if (folder / "refuse").exists() and (folder / "refuse").read_text() in sys.argv:
    sys.exit("Failed to connect to bus")
"""


class Programs:
    """What the stand-ins hold, and how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.crontab = folder / "crontab"

    @property
    def calls(self) -> list[str]:
        """Each call's arguments."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def refuse(self, word: str) -> None:
        """From now on systemctl fails when it is called with this word."""
        (self.folder / "refuse").write_text(word)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    bin_folder, state = tmp_path / "bin", tmp_path / "state"
    bin_folder.mkdir()
    state.mkdir()
    for name, text in (("crontab", CRONTAB), ("systemctl", SYSTEMCTL)):
        (bin_folder / name).write_text(text.format(python=sys.executable, folder=str(state)))
        (bin_folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(bin_folder))
    return Programs(state)
