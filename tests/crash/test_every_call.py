"""A sweep dies before and after each of its calls; two more sweeps make of it what an unhurt one makes."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.dying import DIED, Dying
from tests.support.memory import letter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """
store: data
limits: {batch_messages: 3}
integrations:
  - name: payroll
    mailbox: payroll@example.org
    protocol: maildir
    path: maildir
    MOVE
    outbound: {type: folder, path: outbox}
    aliases:
      - {address: payroll@example.org, default: true}
      - {address: quiet@example.org, automatic: ignore}
"""

ATTACHED = 'Content-Type: multipart/mixed; boundary="b"\nMIME-Version: 1.0\n'
PARTS = (
    "--b\nContent-Type: text/plain\n\nSee the slip.\n"
    '--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename="slip.pdf"\n'
    "Content-Transfer-Encoding: base64\n\nJVBERi0xLjQKJSVFT0YK\n--b--"
)
MAILS = [
    letter(1),
    letter(2, sender="bob@example.com"),
    letter(3, headers=ATTACHED, body=PARTS, sender="cem@example.com"),
    letter(1),  # a twin of the first
    letter(4, headers="Auto-Submitted: auto-replied\n"),
    letter(5, to="quiet@example.org", headers="Auto-Submitted: auto-generated\n"),
]
CASES = 4
SOAK = bool(os.environ.get("EMAILINT_SOAK"))
SHARE = 11
"""Where time is short every so many of the calls is tried; with EMAILINT_SOAK all are."""


@pytest.fixture(scope="module")
def dying() -> Iterator[Dying]:
    runner = Dying()
    yield runner
    runner.close()


def build(folder: Path, *, move: bool) -> Path:
    """A fresh Maildir with the mails in order, and its configuration."""
    folder.mkdir()
    maildir = folder / "maildir"
    for box in (maildir, maildir / ".Done"):
        for part in ("cur", "new", "tmp"):
            (box / part).mkdir(parents=True)
    for number, raw in enumerate(MAILS):
        (maildir / "new" / f"{number}.example").write_bytes(raw)
    config = folder / "integrations.yaml"
    config.write_text(CONFIG.replace("MOVE", "move_to: Done" if move else ""), encoding="utf-8")
    return config


def lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / "data" / "cases.jsonl"
    content = path.read_bytes()
    assert content.endswith(b"\n")
    return [json.loads(line) for line in content.splitlines()]


def check(folder: Path, *, move: bool) -> int:
    """The invariants; returns how many replies are in doubt."""
    cases = lines(folder)
    assert [case["case_id"] for case in cases] == [f"CS-{number:06d}" for number in range(1, CASES + 1)]
    assert [case["subject"] for case in cases] == [f"Question {number}" for number in range(1, CASES + 1)]
    assert len({case["message"]["fingerprint"] for case in cases}) == CASES
    (stored,) = cases[2]["attachments"]
    assert (folder / "data" / stored["path"]).read_bytes() == b"%PDF-1.4\n%%EOF\n"
    assert len(list((folder / "data" / "attachments").glob("[!.]*"))) == 1
    kept = folder / "maildir" / ".Done" if move else folder / "maildir"
    assert len(list((kept / "cur").iterdir())) == len(MAILS)
    assert list((folder / "maildir" / "new").iterdir()) == []
    assert all(path.name.endswith("S") for path in (kept / "cur").iterdir())
    sent = {path.name for path in (folder / "outbox").iterdir() if path.suffix == ".eml"}
    errors = folder / "data" / "errors.jsonl"
    doubts = 0
    if errors.exists():
        opened = [json.loads(line) for line in errors.read_text(encoding="utf-8").splitlines()]
        assert {record["kind"] for record in opened} == {"outcome_unknown"}
        doubts = len(opened)
    assert len(sent) <= 3
    assert len(sent) + doubts >= 3
    return doubts


@pytest.mark.parametrize("move", [False, True], ids=["stays", "moves"])
@pytest.mark.timeout(1200)
def test_die_at_every_call(dying: Dying, tmp_path: Path, move: bool) -> None:
    whole = build(tmp_path / "whole", move=move)
    status, calls = dying.sweep(whole)
    assert status == 0
    assert check(tmp_path / "whole", move=move) == 0
    assert calls > 60
    doubts = 0
    points = range(1, calls + 1) if SOAK else range(1 + move, calls + 1, SHARE)
    for point in points:
        for side in ("before", "after"):
            folder = tmp_path / "dies"
            config = build(folder, move=move)
            assert dying.sweep(config, point, side)[0] == DIED, (point, side)
            for _ in range(2):
                assert dying.sweep(config)[0] in {0, 1}, (point, side)
            doubts += check(folder, move=move)
            shutil.rmtree(folder)
    assert doubts <= 3 * 10  # only between `sending` and `sent`
    assert doubts or not SOAK
