"""`emailint process` where a person is looking: the mailboxes, the bar, and the table at the end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from emailint.errors import Exit
from tests.support.looking import on_a_terminal

if TYPE_CHECKING:
    from pathlib import Path

MAILS = {
    "1.person": "From: ann@example.com\nTo: payroll@example.org\nSubject: Hours\n\nHi\n",
    "2.list": "From: n@example.net\nTo: payroll@example.org\nSubject: News\nList-Id: <n.example.net>\n\nHi\n",
}
DESK = """\
  - name: desk
    mailbox: desk@example.org
    protocol: maildir
    path: nowhere
    outbound: {type: folder, path: outbox}
    workspace: 1202
"""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def two(here: Path) -> Path:
    """Two mailboxes: one with a person's mail and a list's, and one that is not there."""
    for name, text in MAILS.items():
        (here / "maildir" / "new" / name).write_text(text, encoding="utf-8")
    with (here / "integrations.yaml").open("a", encoding="utf-8") as config:
        config.write(DESK)
    return here


def parts(seen: str) -> tuple[str, str]:
    """What was drawn while it ran, and what stays: all after the last line that was taken back."""
    text = seen.replace("\r", "\n")
    moved, _, stays = text.rpartition("\x1b[2K")
    return ESCAPES.sub("", moved), ESCAPES.sub("", stays)


def test_mailboxes_are_named_while_they_are_swept_and_leave_a_line(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = on_a_terminal(monkeypatch, "process")
    assert seen.status == Exit.TROUBLE
    moved, stays = parts(seen.out)
    lines = [line.rstrip() for line in moved.splitlines()]
    drawn = [line for line in lines if re.search(r"\d/(\d|\?)", line)]
    assert any(line.startswith("payroll") for line in drawn), drawn
    assert any(re.search(r"\bdesk\b", line.partition("━")[0]) for line in drawn), drawn
    assert any(re.search(r" 2/2 \d:\d\d:\d\d$", line) for line in drawn), drawn
    assert "payroll: 2 cases" in lines
    assert any(line.startswith("desk: ") and "nowhere" in line for line in lines), lines
    assert "2/2" not in stays


def test_a_mailbox_with_nothing_new_leaves_no_line(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = on_a_terminal(monkeypatch, "process")
    assert seen.status == Exit.OK
    assert "payroll:" not in seen.out
    assert "0 unread" in seen.out


@pytest.mark.parametrize("columns", [40, 60, 80, 160])
def test_the_table_says_what_became_of_each_mail_and_why_no_reply_went_out(
    columns: int, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = on_a_terminal(monkeypatch, "process", columns=columns)
    moved, stays = parts(seen.out)
    drawn = [line for line in moved.splitlines() if re.search(r"\d/(\d|\?)", line)]
    assert drawn
    assert max(len(line) for line in drawn) <= columns
    assert any("payroll" in line for line in drawn)
    table, _, _ = stays.partition("2 unread")
    told = " ".join(re.sub("[│|╭╮╰╯├┤┼─┬┴]", " ", table).split())
    assert "CS-000001" in told
    assert "CS-000002" in told
    assert "sent" in told
    assert "withheld: list" in told
    assert "Hours" in told
    why = [word for word in ("it", "came", "through", "a", "list", "or", "in", "bulk") if word not in told]
    assert why == []
    rows = table[: table.index("Trouble")].splitlines()
    assert max(len(line) for line in rows) <= columns
