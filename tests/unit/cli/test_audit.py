"""`emailint audit`: what it prints of mail that strangers wrote, and what it refuses."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from emailint.cli import main
from emailint.errors import Exit
from emailint.report import audit as report
from emailint.report.sheet import plain_lines
from emailint.sources.protocol import MessageRef, Received
from emailint.sweep.books import AuditResult, Evidence, Head, MailboxAudit, Terms, judge
from tests.support.memory import START, letter

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = letter(1).replace(b"Question 1", b"=?utf-8?b?G10K4oCuW3JlZF1bL29vcHNdG1sySg==?= \x1b]52;c;x\x07")


def deliver(here: Path, raw: bytes, name: str = "1.example:2,S", part: str = "cur") -> None:
    (here / "maildir" / part / name).write_bytes(raw)


def test_no_control_character_and_no_markup_of_a_mail_is_alive(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(here, HOSTILE)
    assert main(["audit"]) == Exit.TROUBLE
    plain = capsys.readouterr().out
    assert main(["audit", "--json"]) == Exit.TROUBLE
    document = capsys.readouterr().out
    assert all(32 <= ord(char) < 127 for char in document.rstrip("\n"))
    assert "[/oops]" in json.loads(document)["integrations"][0]["mails"][0]["subject"]

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["audit"]) == Exit.TROUBLE
    for text in (plain, screen.getvalue()):
        assert "[/oops]" in text
        assert "\u202e" not in text
        assert "\x07" not in text
        assert "\x1b]" not in text
        assert "\x1b[2J" not in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("--replies",),
        ("--days", "7", "--since", "2026-11-01"),
        ("--days", "0"),
        ("--since", "yesterday"),
        ("nobody",),
    ],
    ids=" ".join,
)
def test_wrong_usage_does_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    deliver(here, letter(1))
    assert main(["audit", *arguments]) == Exit.USAGE
    assert capsys.readouterr().out == ""
    assert not (here / "store").exists()


def test_adopting_says_what_became_of_each(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deliver(here, letter(1))
    assert main(["audit", "--adopt"]) == Exit.OK
    said = capsys.readouterr().out.splitlines()
    assert (
        "adopted: payroll: case CS-000001 from ann@example.com: Question 1; reply withheld: adopted" in said
    )
    assert said[-1].endswith(": 1 case, 0 not accounted for")


def test_of_many_mails_the_worst_are_shown() -> None:
    terms = Terms("INBOX", enabled=True, since=None, attempts=3)

    def mail(number: int, *, read: bool) -> Evidence:
        place = MessageRef(f"imap://a/INBOX;UID={number}", 10, START)
        return Evidence(Received(place, read), "INBOX", head=Head("", f"Question {number}"))

    mails = [judge(mail(number, read=number >= 200), terms) for number in range(203)]
    result = AuditResult(START, START, (MailboxAudit("payroll", tuple(mails)),))
    lines = list(plain_lines(report.mails_sheet(result)))
    assert "Question 200" in lines[1]
    assert sum("Question" in line for line in lines) == report.MOST_ROWS
    assert lines[-1] == "... and 3 more"
    assert len(report.audit_document(result)["integrations"][0]["mails"]) == 203
