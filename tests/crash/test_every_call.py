"""A retry or an adoption dies before and after each of its calls; more of them come to the unhurt end.

The same for sweeps is in `test_every_source`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from emailint.store.folder import open_store
from tests.support import mixed_mail
from tests.support.dying import DEATHS, DIED
from tests.support.figures import Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.dying import Dying, Life

CONFIG = (
    """
store: data
limits: {batch_messages: 3}
integrations:
  - name: payroll
    mailbox: payroll@example.org
    protocol: maildir
    path: maildir
    move_to: Done
    outbound: {type: folder, path: outbox}"""
    + mixed_mail.ALIASES
)
MAILS = list(mixed_mail.MAILS)
CASES = 4
REPLIES = 3
SUBJECTS = [f"Question {number}" for number in (1, 2, 3, 4, 6)]
HELD = MAILS[-1]
SOAK = bool(os.environ.get("EMAILINT_SOAK"))
SHARE = 17
"""Where time is short every so many of the calls is tried; with EMAILINT_SOAK all are."""


def build(folder: Path) -> Path:
    """A fresh Maildir with the mails in order, and its configuration."""
    folder.mkdir()
    maildir = folder / "maildir"
    for box in (maildir, maildir / ".Done"):
        for part in ("cur", "new", "tmp"):
            (box / part).mkdir(parents=True)
    for number, raw in enumerate(MAILS):
        (maildir / "new" / f"{number}.example").write_bytes(raw)
    config = folder / "integrations.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    return config


def lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / "data" / "cases.jsonl"
    content = path.read_bytes()
    assert content.endswith(b"\n")
    return [json.loads(line) for line in content.splitlines()]


def check(folder: Path, life: Life, *, cases: int = CASES, held: int = 1) -> int:
    """The invariants; returns how many replies are in doubt: those whose handing over was cut by a death."""
    check_cases(folder, cases, held)
    check_mailbox(folder, moved=len(MAILS) - held)
    doubts = check_errors(folder, held)
    assert len(life.begun) <= doubts <= len(life.begun | life.perhaps)
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


@pytest.mark.timeout(1200)
def test_die_at_every_call_of_a_retry(dying: Dying, tmp_path: Path, figures: Callable[[Row], None]) -> None:
    """Held mail becomes one case, with one reply, and nothing of it is left behind."""
    folder, held = tmp_path / "here", tmp_path / "held"
    config = build(folder)
    assert dying.run("sweep", config).status == 1
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("unknown_sender: hold", "unknown_sender: accept"), encoding="utf-8")
    folder.rename(held)
    shutil.copytree(held, folder)  # at the same place: a mailbox elsewhere would be another one
    whole = dying.run("retry", config)
    assert (whole.status, dying.run("sweep", config).status) == (0, 0)
    assert check(folder, whole, cases=CASES + 1, held=0) == 0
    assert len(whole.calls) > 20
    rows = {side: Row("Maildir, retry", f"death {side} a call") for side in DEATHS}
    for point in points(len(whole.calls), 2):
        for side, row in rows.items():
            shutil.rmtree(folder)
            shutil.copytree(held, folder)
            life = dying.run("retry", config, point, side)
            assert life.status == DIED, (point, side)
            for verb in ("retry", "retry", "sweep"):
                assert dying.run(verb, config).status in {0, 1}, (point, side)
            row.unknown += check(folder, life, cases=CASES + 1, held=0)
            row.points, row.survived = row.points + 1, row.survived + 1
    for row in rows.values():
        figures(row)
    assert not SOAK or all(row.unknown for row in rows.values())


def read_first(folder: Path) -> Path:
    """Everything was read before a sweep saw it."""
    config = build(folder)
    inbox = folder / "maildir"
    for path in (inbox / "new").iterdir():
        path.rename(inbox / "cur" / f"{path.name}:2,S")
    return config


def check_adopted(folder: Path) -> None:
    """One case each, and nobody is answered; a copy of a known mail is nobody's business."""
    check_cases(folder, CASES, 1)
    inbox = (folder / "maildir" / "cur").iterdir()
    left = sum(path.read_bytes() == MAILS[0] for path in inbox)
    assert left <= 1
    check_mailbox(folder, moved=len(MAILS) - 1 - left)
    assert check_errors(folder, 1) == 0
    assert not (folder / "outbox").exists()
    assert {case["reply"]["reason"] for case in lines(folder)} == {"adopted"}


@pytest.mark.timeout(1200)
def test_die_at_every_call_of_an_adoption(
    dying: Dying, tmp_path: Path, figures: Callable[[Row], None]
) -> None:
    """Mail that was read before a sweep saw it: one case each, no reply, however often it is adopted."""
    whole = read_first(tmp_path / "whole")
    assert dying.run("sweep", whole).status == 0
    unhurt = dying.run("adopt", whole)
    assert unhurt.status == 0
    check_adopted(tmp_path / "whole")
    assert len(unhurt.calls) > 60
    rows = {side: Row("Maildir, adoption", f"death {side} a call") for side in DEATHS}
    for point in points(len(unhurt.calls), 3):
        for side, row in rows.items():
            folder = tmp_path / "dies"
            config = read_first(folder)
            assert dying.run("adopt", config, point, side).status == DIED, (point, side)
            for verb in ("adopt", "sweep", "adopt"):
                assert dying.run(verb, config).status in {0, 1}, (point, side)
            assert dying.run("adopt", config).status == 0, (point, side)
            check_adopted(folder)
            row.points, row.survived = row.points + 1, row.survived + 1
            shutil.rmtree(folder)
    for row in rows.values():
        figures(row)
