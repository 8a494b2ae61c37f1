"""`emailint retry` and `emailint explain`: what they ask, what they print, and their exit status."""

from __future__ import annotations

import io
import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from emailint.cli import main
from emailint.errors import Exit
from tests.support.memory import letter

if TYPE_CHECKING:
    from pathlib import Path

OPEN = "    workspace: 1201\n"
HOLDING = "    aliases: [{address: sales@example.org, workspace: 7}]\n"


def configure(here: Path, *, holding: bool) -> None:
    path = here / "integrations.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(OPEN, HOLDING) if holding else text.replace(HOLDING, OPEN), encoding="utf-8")


def deliver(here: Path, *mails: bytes) -> None:
    for number, mail in enumerate(mails):
        (here / "maildir" / "new" / f"{number}.example").write_bytes(mail)


def hold(here: Path, capsys: pytest.CaptureFixture[str], *mails: bytes) -> list[str]:
    """Sweep mails that no alias takes; the ids of their errors."""
    configure(here, holding=True)
    deliver(here, *mails)
    assert main(["process"]) == Exit.TROUBLE
    capsys.readouterr()
    assert main(["list-errors", "--json"]) == Exit.OK
    errors = json.loads(capsys.readouterr().out)["errors"]
    assert [error["kind"] for error in errors] == ["held"] * len(mails)
    return [error["error_id"] for error in errors]


def test_held_mail_is_a_line_each_and_then_a_case(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (name,) = hold(here, capsys, letter(1))
    assert main(["retry", "--held"]) == Exit.TROUBLE
    said = capsys.readouterr()
    assert said.out == (
        f"{name}: stays held: no_alias: no alias fits a mail to payroll@example.org (Question 1)\n"
    )
    assert said.err == ""
    configure(here, holding=False)
    assert main(["retry", name]) == Exit.OK
    out = capsys.readouterr().out
    assert out.startswith(f"{name}: case CS-000001, reply ")
    assert out.endswith(" (Question 1)\n")
    assert main(["retry", "--held"]) == Exit.OK
    assert capsys.readouterr().out == "nothing waits\n"
    assert main(["list-errors"]) == Exit.OK
    assert capsys.readouterr().out == "no errors\n"


def test_json_is_one_document(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hold(here, capsys, letter(1))
    configure(here, holding=False)
    assert main(["retry", "--held", "--json"]) == Exit.OK
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert (document["schema"], document["done"], document["left"]) == (1, 1, 0)
    assert document["results"][0]["case_id"] == "CS-000001"
    assert said.out.count("\n") == 1


def test_what_it_prints_of_a_mail_is_safe(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hold(here, capsys, letter(1).replace(b"Question 1", b"\x1b]52;c;eA==\x07"))
    configure(here, holding=False)
    assert main(["retry", "--held"]) == Exit.OK
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["retry"], "nothing was named"),
        (["retry", "E-00000000"], "no error and no case 'E-00000000'"),
        (["retry", "--held", "CS-000009"], "no error and no case 'CS-000009'"),
        (["explain"], "one mail is explained at a time"),
        (["explain", "mail.eml", "--locus", "maildir:/x/1"], "one mail is explained at a time"),
        (["explain", "--locus", "maildir:/x/1"], "no mailbox"),
        (["explain", "missing.eml"], "missing.eml"),
        (["explain", "mail.eml", "--integration", "wages"], "no integration is named 'wages'"),
    ],
)
def test_wrong_usage_is_2(
    arguments: list[str], said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mail.eml").write_bytes(letter(1))
    assert main(arguments) == Exit.USAGE
    assert said in capsys.readouterr().err


def test_explain_a_file_prints_a_tree_and_leaves_no_trace(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mail.eml").write_bytes(letter(1))
    before = sorted(here.rglob("*"))
    assert main(["explain", "mail.eml"]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Question 1: case CS-000001"
    assert "  workspace: 1201 (by alias)" in lines
    assert sorted(here.rglob("*")) == before


def test_explain_standard_input_as_json(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(letter(1))))
    assert main(["explain", "-", "--json"]) == Exit.OK
    document = json.loads(capsys.readouterr().out)
    assert (document["integration"], document["outcome"]) == ("payroll", "case")


def test_explain_a_message_where_it_lies(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deliver(here, letter(1))
    locus = f"maildir:{here}/maildir/0.example"
    assert main(["explain", "--locus", locus, "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["record"]["message"]["locus"] == locus
    assert [path.name for path in (here / "maildir" / "new").iterdir()] == ["0.example"]
    assert not (here / "store").exists()


def test_on_a_terminal_the_tree_is_drawn_and_nothing_in_it_is_alive(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    mail = letter(1, body="\x1b]52;c;eA==\x07 [/oops]").replace(b"Question 1", b"[/oops] [red]")
    (here / "mail.eml").write_bytes(mail)
    assert main(["explain", "mail.eml"]) == Exit.OK
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)  # but for colours, which are ours
    assert shown.startswith("[/oops] [red]: case CS-000001\n")
    assert "├── integration: payroll" in shown
    assert "issue: \\x1b]52;c;eA==\\x07 [/oops]" in shown
    assert "\x1b" not in shown
