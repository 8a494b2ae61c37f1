"""render-template where a person is looking: the whole reply on a terminal, and its HTML in a browser."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emailint.cli import main
from emailint.errors import Exit
from tests.support.looking import on_a_terminal
from tests.support.typing_person import TypingPerson

ROOT = Path(__file__).parents[3]
MAIL = """\
From: Bo <bo@example.net>
To: payroll@example.org
Subject: =?utf-8?Q?Caf=C3=A9?=
Message-ID: <1@example.net>
Content-Language: de

One question.
"""
BROWSER = """\
#!/bin/sh
path=${1#file://}
echo "$path" > opened
cp "$path" seen.html
"""
QUESTION = "Enter when you have seen it"


@pytest.fixture
def browser(here: Path) -> dict[str, str]:
    """Variables for a command that is to find a browser, which notes what it opened in `opened`."""
    program = here / "browser"
    program.write_text(BROWSER, encoding="utf-8")
    program.chmod(0o700)
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "BROWSER": f"{program} %s",
        "TMPDIR": str(here),
    }


def test_headers_text_and_html_as_it_reads(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = here / "integrations.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(f"reply: {{from: 'Lohnbüro <desk@example.org>'}}\n{text}", encoding="utf-8")
    (here / "mail.eml").write_text(MAIL, encoding="utf-8")
    seen = on_a_terminal(monkeypatch, "render-template", "case-confirm", "--message", "mail.eml")
    assert seen.status == Exit.OK
    head, _, rest = seen.out.partition("\n\n")
    subject, *headers = head.splitlines()
    assert subject.startswith("Subject: ")
    assert "Café" in subject
    assert headers == [
        "From: Lohnbüro <desk@example.org>",
        "To: bo@example.net",
        "Reply-To: payroll@example.org",
        "In-Reply-To: <1@example.net>",
        "References: <1@example.net>",
        "Auto-Submitted: auto-replied",
        "X-Auto-Response-Suppress: All",
        "X-Emailint-Id: CS-000042",
        "Content-Language: de",
    ]
    plain, _, html = rest.partition("HTML:\n")
    assert "Guten Tag," in plain
    assert "Guten Tag," in html
    assert "<" not in html


def test_headers_are_as_in_the_mail_that_is_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render-template", "case-confirm"]) == Exit.OK
    head = capsys.readouterr().out.partition("\n\n")[0]
    assert main(["render-template", "case-confirm", "--output", "a.eml"]) == Exit.OK
    written = (here / "a.eml").read_text(encoding="utf-8").partition("\n\n")[0].replace("\n ", " ")
    assert set(head.splitlines()) <= set(written.splitlines())
    assert "Auto-Submitted: auto-replied" in head


@pytest.mark.parametrize("interrupts", [False, True], ids=["Enter", "Control-C"])
def test_the_browser_gets_a_file_that_goes_when_it_was_seen(
    here: Path, browser: dict[str, str], interrupts: bool
) -> None:
    command = [sys.executable, "-m", "emailint", "render-template", "case-confirm", "--browser"]
    with TypingPerson(command, here, browser) as person:
        person.waits_for("opened ")
        if interrupts:
            person.interrupts(QUESTION)
        else:
            person.waits_for(QUESTION)
            opened = Path((here / "opened").read_text(encoding="utf-8").strip())
            assert opened.exists()
            person.answers("", "")
        person.ends()
    assert "<!DOCTYPE html>" in (here / "seen.html").read_text(encoding="utf-8")
    assert list(here.glob("emailint-*.html")) == []
