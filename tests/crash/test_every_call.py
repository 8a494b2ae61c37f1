"""A sweep dies before and after each of its calls; two more sweeps make of it what an unhurt one makes."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from emailint.store.folder import open_store
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
      - {address: vip@example.org, unknown_sender: hold}
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
    letter(6, to="vip@example.org", sender="eve@example.net", headers=ATTACHED, body=PARTS),
]
CASES = 4
REPLIES = 3
MOST_DOUBTS = 16
"""Calls at which death leaves one reply in doubt, those of other threads among them."""
SUBJECTS = [f"Question {number}" for number in (1, 2, 3, 4, 6)]
HELD = MAILS[-1]
SOAK = bool(os.environ.get("EMAILINT_SOAK"))
SHARE = 17
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


def check(folder: Path, *, move: bool, cases: int = CASES, held: int = 1) -> int:
    """The invariants; returns how many replies are in doubt."""
    check_cases(folder, cases, held)
    check_mailbox(folder, moved=len(MAILS) - held if move else 0)
    doubts = check_errors(folder, held)
    sent = {path.name for path in (folder / "outbox").iterdir() if path.suffix == ".eml"}
    due = REPLIES + 1 - held
    assert len(sent) <= due
    assert len(sent) + doubts >= due
    return doubts


def check_cases(folder: Path, cases: int, held: int) -> None:
    """Each case once and in order, its attachments, and the octets of what is held."""
    found = lines(folder)
    assert [case["case_id"] for case in found] == [f"CS-{number:06d}" for number in range(1, cases + 1)]
    assert [case["subject"] for case in found] == [*SUBJECTS[:cases]]
    assert len({case["message"]["fingerprint"] for case in found}) == cases
    attached = [stored for case in found for stored in case["attachments"]]
    assert len(attached) == 2 - held
    assert len(list((folder / "data" / "attachments").glob("[!.]*"))) == 2  # a stranger's may follow up
    for stored in attached:
        assert (folder / "data" / stored["path"]).read_bytes() == b"%PDF-1.4\n%%EOF\n"
    assert [path.read_bytes() for path in (folder / "data" / "hold").glob("[!.]*")] == [HELD] * held


def check_mailbox(folder: Path, *, moved: int) -> None:
    """All mail is read, and so much of it moved."""
    inbox, done = folder / "maildir", folder / "maildir" / ".Done"
    assert list((inbox / "new").iterdir()) == []
    found = [[path.name for path in (box / "cur").iterdir()] for box in (inbox, done)]
    assert [len(names) for names in found] == [len(MAILS) - moved, moved]
    assert all(name.endswith("S") for names in found for name in names)


def check_errors(folder: Path, held: int) -> int:
    """What is listed is listed in errors.jsonl, too; returns how many replies are in doubt."""
    with open_store(folder / "data", read_only=True) as store:
        errors = store.ledger.errors()
    kinds = Counter(error.trouble.kind for error in errors)
    doubts = kinds.pop("outcome_unknown", 0)
    assert kinds == Counter({"held": held} if held else {})
    log = folder / "data" / "errors.jsonl"
    told = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    opened = [record["error_id"] for record in map(json.loads, told) if record["event"] == "opened"]
    assert {error.error_id for error in errors} <= set(opened)
    return doubts


def points(calls: int, first: int) -> range:
    return range(1, calls + 1) if SOAK else range(first, calls + 1, SHARE)


@pytest.mark.parametrize("move", [False, True], ids=["stays", "moves"])
@pytest.mark.timeout(1200)
def test_die_at_every_call(dying: Dying, tmp_path: Path, move: bool) -> None:
    whole = build(tmp_path / "whole", move=move)
    status, calls = dying.sweep(whole)
    assert status == 1  # one mail is held
    assert check(tmp_path / "whole", move=move) == 0
    assert calls > 60
    doubts = 0
    for point in points(calls, 1 + move):
        for side in ("before", "after"):
            folder = tmp_path / "dies"
            config = build(folder, move=move)
            assert dying.sweep(config, point, side)[0] == DIED, (point, side)
            for _ in range(2):
                assert dying.sweep(config)[0] in {0, 1}, (point, side)
            doubts += check(folder, move=move)
            shutil.rmtree(folder)
    assert doubts <= REPLIES * MOST_DOUBTS  # only between `sending` and `sent`
    assert doubts or not SOAK


@pytest.mark.timeout(1200)
def test_die_at_every_call_of_a_retry(dying: Dying, tmp_path: Path) -> None:
    """Held mail becomes one case, with one reply, and nothing of it is left behind."""
    folder, held = tmp_path / "here", tmp_path / "held"
    config = build(folder, move=True)
    assert dying.sweep(config)[0] == 1
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("unknown_sender: hold", "unknown_sender: accept"), encoding="utf-8")
    folder.rename(held)
    shutil.copytree(held, folder)  # at the same place: a mailbox elsewhere would be another one
    status, calls = dying.run("retry", config)
    assert (status, dying.sweep(config)[0]) == (0, 0)
    assert check(folder, move=True, cases=CASES + 1, held=0) == 0
    assert calls > 20
    doubts = 0
    for point in points(calls, 2):
        for side in ("before", "after"):
            shutil.rmtree(folder)
            shutil.copytree(held, folder)
            assert dying.run("retry", config, point, side)[0] == DIED, (point, side)
            for verb in ("retry", "retry", "sweep"):
                assert dying.run(verb, config)[0] in {0, 1}, (point, side)
            doubts += check(folder, move=True, cases=CASES + 1, held=0)
    assert doubts <= MOST_DOUBTS
    assert doubts or not SOAK


@pytest.mark.timeout(1200)
def test_die_at_every_call_of_an_adoption(dying: Dying, tmp_path: Path) -> None:
    """Mail that was read before a sweep saw it: one case each, no reply, however often it is adopted."""

    def read_first(folder: Path) -> Path:
        config = build(folder, move=True)
        inbox = folder / "maildir"
        for path in (inbox / "new").iterdir():
            path.rename(inbox / "cur" / f"{path.name}:2,S")
        return config

    def check_adopted(folder: Path) -> None:
        check_cases(folder, CASES, 1)
        inbox = (folder / "maildir" / "cur").iterdir()
        left = sum(
            path.read_bytes() == MAILS[0] for path in inbox
        )  # a copy of a known mail is nobody's business
        assert left <= 1
        check_mailbox(folder, moved=len(MAILS) - 1 - left)
        assert check_errors(folder, 1) == 0
        assert not (folder / "outbox").exists()
        assert {case["reply"]["reason"] for case in lines(folder)} == {"adopted"}

    whole = read_first(tmp_path / "whole")
    assert dying.sweep(whole)[0] == 0
    status, calls = dying.run("adopt", whole)
    assert status == 0
    check_adopted(tmp_path / "whole")
    assert calls > 60
    for point in points(calls, 3):
        for side in ("before", "after"):
            folder = tmp_path / "dies"
            config = read_first(folder)
            assert dying.run("adopt", config, point, side)[0] == DIED, (point, side)
            for verb in ("adopt", "sweep", "adopt"):
                assert dying.run(verb, config)[0] in {0, 1}, (point, side)
            assert dying.run("adopt", config)[0] == 0, (point, side)
            check_adopted(folder)
            shutil.rmtree(folder)
