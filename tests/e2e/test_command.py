"""The command in an environment as bare as cron's, on a copy of the example mailbox."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CRON = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "root", "PYTHONPATH": str(ROOT)}
MAILS = len(list((ROOT / "examples" / "maildir" / "new").iterdir()))
CASES = MAILS - 2
"""A bounce to benefits@ is ignored, and one mail follows up another."""


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A folder with the configuration at the top and a fresh copy of the example mailbox."""
    shutil.copy(ROOT / "integrations.yaml", tmp_path)
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "directory.csv", tmp_path / "examples")
    maildir = tmp_path / "data" / "maildir"
    for folder in ("cur", "new", "tmp"):
        (maildir / folder).mkdir(parents=True)
    for mail in sorted((ROOT / "examples" / "maildir" / "new").iterdir()):
        shutil.copyfile(mail, maildir / "new" / mail.name)
    return tmp_path


def emailint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "emailint", *arguments],
        cwd=folder,
        env=CRON | {"HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def cases(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "data" / "cases.jsonl").read_bytes().splitlines()]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in {".db-wal", ".db-shm"} and path.name != "lock"
    }


def test_a_sweep_under_cron_is_silent_and_whole(demo: Path) -> None:
    ended = emailint(demo, "process")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    subjects = [case["subject"] for case in cases(demo)]
    assert len(subjects) == CASES
    assert "Congé payé du 7 décembre: où est-il compté?" in subjects
    assert "Gehaltsabrechnung für März: zwei Stunden zu wenig 🙂" in subjects
    assert "URGENT Nobody at Northside was paid today" in subjects
    assert list((demo / "data" / "maildir" / "new").iterdir()) == []
    assert {path.name.partition(":")[2] for path in (demo / "data" / "maildir" / "cur").iterdir()} == {"2,S"}


def test_each_reply_has_one_file_and_automatic_mail_has_none(demo: Path) -> None:
    ended = emailint(demo, "process", "--json")
    totals = json.loads(ended.stdout)["totals"]
    replies = [path.read_bytes() for path in (demo / "data" / "outbox").rglob("*") if path.is_file()]
    assert len(replies) == totals["replies_sent"] > 0
    assert all(b"\nAuto-Submitted: auto-replied" in reply for reply in replies)
    withheld = {case["subject"] for case in cases(demo) if case["reply"]["decision"] == "withhold"}
    assert {
        "Automatic reply: Pay run of November 27",
        "[payroll-news] 2027 withholding tables are out",
    } <= withheld


def test_the_books_balance_and_a_second_sweep_changes_nothing(demo: Path) -> None:
    first = json.loads(emailint(demo, "process", "--json").stdout)["totals"]
    ends = (
        "cases",
        "follow_ups",
        "held",
        "ignored",
        "already_known",
        "vanished",
        "failed",
        "quarantined",
        "left",
    )
    assert first["listed"] == MAILS == sum(first[name] for name in ends)
    before = tree(demo)
    second = json.loads(emailint(demo, "process", "--json").stdout)["totals"]
    assert set(second.values()) == {0}
    assert tree(demo) == before


def test_each_case_belongs_to_the_client_that_the_directory_says(demo: Path) -> None:
    emailint(demo, "process")
    found = {
        case["message"]["message_id"]: (case["workspace"], case["workspace_rule"]) for case in cases(demo)
    }
    assert found["<20261123.wrong-hours@mail.example.com>"] == (1201, "employee")
    assert found["<sheets-46@mail.example.com>"] == (1201, "contact")
    assert found["<conge@smtp.example.net>"] == (1202, "organisation")
    assert found["<token@mail.example.com>"] == (1202, "clid")
    assert found["<token-of-a-stranger@billing.example.org>"] == (1200, "alias")
    assert found["<two-firms@home.example.net>"] == (1203, "employee")
    assert {workspace for workspace, _ in found.values()} == {1200, 1201, 1202, 1203}
    assert (demo / "data" / "directory.index").exists()
    assert [path.name for path in (demo / "examples").iterdir()] == ["directory.csv"]


def test_a_dry_run_shows_everything_and_changes_nothing(demo: Path) -> None:
    before = tree(demo)
    ended = emailint(demo, "process", "--dry-run")
    assert ended.returncode == 0
    assert f"{MAILS} unread" in ended.stdout
    assert "Wrong hours on my slip" in ended.stdout
    assert tree(demo) == before
    assert not (demo / "data" / "ledger.db").exists()


def test_what_it_printed_can_be_listed_afterwards(demo: Path) -> None:
    emailint(demo, "process")
    listed = emailint(demo, "list-cases", "--json")
    assert json.loads(listed.stdout)["cases"] == cases(demo)
    assert emailint(demo, "list-errors").stdout == "no errors\n"


def test_everything_works_where_the_locale_is_ascii(demo: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-m", "emailint", "process", "--plain"],
        cwd=demo,
        env=CRON | {"HOME": str(demo), "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"CS-000001" in ended.stdout


def test_a_reader_that_goes_away_never_ends_a_sweep(demo: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as gone:
        ended = subprocess.run(
            [sys.executable, "-m", "emailint", "-v", "process", "--plain"],
            cwd=demo, env=CRON | {"HOME": str(demo)}, stdout=gone, stderr=gone, check=False, timeout=60,
        )  # fmt: skip
    assert ended.returncode == 141
    assert len(cases(demo)) == CASES


def test_on_a_terminal_a_person_sees_a_bar_and_a_table_and_no_mail_steers_it(demo: Path) -> None:
    hostile = (
        b"From: a@example.com\nTo: payroll@example.org\nSubject: \x1b]52;c;eA==\x07 [/oops] \x9b31m\n\nx\n"
    )
    (demo / "data" / "maildir" / "new" / "1795500000.M99.hostile").write_bytes(hostile)
    status, shown = on_a_terminal(demo, "process")
    assert status == 0
    assert "╭" in shown
    assert f"{MAILS + 1}/{MAILS + 1}" in shown
    assert "case CS-000001" in shown
    assert "[/oops]" in shown
    assert "\x1b]52" not in shown
    assert "\x07" not in shown


def on_a_terminal(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit status, and what a terminal of 120 columns was sent."""
    controller, terminal = os.openpty()
    environment = CRON | {
        "HOME": str(folder),
        "TERM": "xterm-256color",
        "COLUMNS": "120",
        "LC_ALL": "C.UTF-8",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "emailint", *arguments],
        cwd=folder, env=environment, stdin=terminal, stdout=terminal, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # EIO is how a terminal ends
        while piece := os.read(controller, 65_536):
            shown += piece
    os.close(controller)
    return process.wait(timeout=60), shown.decode()
