"""render-template and check: replies before anybody gets them."""

from __future__ import annotations

import email
import re
import webbrowser
from email import policy
from pathlib import Path

import pytest

from emailint.cli import main
from emailint.errors import Exit

MAIL = b"""From: Bo <bo@example.net>
To: payroll@example.org
Subject: =?utf-8?Q?Caf=C3=A9?= <script>
Message-ID: <1@example.net>

One question.
"""
OWN = """\
{% block subject %}Re {{ case.case_id }}: {{ message.subject }}{% endblock %}
{% block text %}To {{ sender.address }}: {{ message.text }}{% endblock %}
{% block html %}<p>{{ message.subject }}</p>{% endblock %}
"""


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == Exit.OK
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


@pytest.fixture
def templates(here: Path) -> Path:
    """The folder of one's own templates, which the configuration names."""
    folder = here / "templates"
    folder.mkdir()
    (folder / "own.j2").write_text(OWN, encoding="utf-8")
    config = here / "integrations.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(f"templates: templates\nreply: {{template: own}}\n{text}", encoding="utf-8")
    (here / "mail.eml").write_bytes(MAIL)
    return folder


def test_a_sample_shows_subject_text_and_html(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = ran(capsys, "render-template", "case-confirm")
    assert shown.startswith("Subject: ")
    assert "CS-000042" in shown
    assert "<!DOCTYPE html>" in shown
    assert "&lt;week 47&gt;" in shown


def test_the_built_in_templates_need_no_configuration(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "integrations.yaml").unlink()
    assert "CS-000042" in ran(capsys, "render-template", "case-confirm", "--part", "subject")


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ("subject", "Re CS-000042: Café <script>\n"),
        ("text", "To bo@example.net: One question.\n"),
        ("html", "<p>Café &lt;script&gt;</p>\n"),
    ],
)
def test_a_part_for_a_real_mail(
    part: str, shown: str, templates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(capsys, "render-template", "own", "--message", "mail.eml", "--part", part) == shown


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.html", b"<p>Caf\xc3\xa9 &lt;script&gt;</p>\n"), ("a.txt", b"To bo@example.net: One question.\n")],
)
def test_it_is_written_to_a_file(
    name: str, content: bytes, templates: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render-template", "own", "--message", "mail.eml", "--output", name]) == Exit.OK
    assert (here / name).read_bytes() == content
    assert capsys.readouterr().out == ""


def test_the_whole_mail_is_written_as_it_would_leave(templates: Path, here: Path) -> None:
    assert main(["render-template", "own", "--message", "mail.eml", "--output", "a.eml"]) == Exit.OK
    mail = email.message_from_bytes((here / "a.eml").read_bytes(), policy=policy.default)
    assert mail["To"] == "bo@example.net"
    assert mail["From"] == "payroll@example.org"
    assert mail["In-Reply-To"] == "<1@example.net>"
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["Subject"] == "Re CS-000042: Café <script>"


def test_a_file_of_another_kind_is_wrong_usage(here: Path) -> None:
    assert main(["render-template", "case-confirm", "--output", "a.pdf"]) == Exit.USAGE
    assert not (here / "a.pdf").exists()


def test_a_browser_gets_the_html_in_a_private_file(
    templates: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []

    def open_url(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", open_url)
    assert main(["render-template", "own", "--browser"]) == Exit.OK
    (url,) = opened
    path = Path(url.removeprefix("file://"))
    assert path.read_text(encoding="utf-8").startswith("<p>")
    assert path.stat().st_mode & 0o077 == 0
    assert str(path) in capsys.readouterr().err
    path.unlink()


def test_an_unknown_template_names_the_nearest_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render-template", "case-confrm"]) == Exit.TROUBLE
    assert "case-confirm" in capsys.readouterr().err


def test_a_mail_needs_a_configuration(
    templates: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "integrations.yaml").unlink()
    assert main(["render-template", "case-confirm", "--message", "mail.eml"]) == Exit.USAGE
    assert "-c FILE" in capsys.readouterr().err


def test_a_mail_that_no_alias_fits_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = here / "integrations.yaml"
    text = config.read_text(encoding="utf-8").replace(
        "    workspace: 1201\n", "    aliases: [{address: other@example.org, workspace: 1}]\n"
    )
    config.write_text(text, encoding="utf-8")
    (here / "mail.eml").write_bytes(MAIL)
    assert main(["render-template", "case-confirm", "--message", "mail.eml"]) == Exit.USAGE
    assert "no alias" in capsys.readouterr().err


def test_check_says_that_all_is_well(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is well: payroll; 1 alias" in ran(capsys, "check")
    assert ran(capsys, "-q", "check") == ""
    assert not (here / "store").exists()


def test_check_tells_every_template_that_is_wrong(
    templates: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (templates / "own.j2").write_text(
        OWN.replace("{{ message.text }}", "{{ message.txet }}"), encoding="utf-8"
    )
    config = here / "integrations.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(
        text + '    case: {subject: "{{ nobody }}", category: Plain, fields: {a: "{{ x", b: 7}}\n',
        encoding="utf-8",
    )
    assert main(["check"]) == Exit.CONFIG
    said = capsys.readouterr()
    assert said.out == ""
    *lines, last = said.err.splitlines()
    alias = "integration payroll, alias payroll@example.org"
    assert sorted(tuple(line.split("  ")[:2]) for line in lines) == sorted(
        [
            (f"{templates / 'own.j2'}:2", "template own of integration payroll"),
            (str(config), f"{alias}, case.subject"),
            (str(config), f"{alias}, case.fields.a"),
        ]
    )
    assert [line for line in lines if not re.fullmatch(r"[^;]+  [^;]+; .+", line)] == []
    assert last == "emailint: the configuration is wrong; nothing was touched"


def test_a_file_that_is_there_is_replaced_only_when_that_is_said(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "a.html").write_text("mine", encoding="utf-8")
    assert main(["render-template", "case-confirm", "--output", "a.html"]) == Exit.USAGE
    assert (here / "a.html").read_text(encoding="utf-8") == "mine"
    assert "--force" in capsys.readouterr().err
    assert main(["render-template", "case-confirm", "--output", "a.html", "--force"]) == Exit.OK
    assert "Hello," in (here / "a.html").read_text(encoding="utf-8")
    assert "replaced a.html" in capsys.readouterr().err


def test_the_language_is_the_option_s_the_alias_s_or_the_mail_s(
    templates: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "Guten Tag," in ran(capsys, "render-template", "case-confirm", "--language", "de")
    (here / "mail.eml").write_bytes(b"Content-Language: fr-CA\n" + MAIL)
    assert "Bonjour," in ran(capsys, "render-template", "case-confirm", "--message", "mail.eml")
    config = here / "integrations.yaml"
    text = config.read_text(encoding="utf-8").replace("{template: own}", "{template: own, language: nl}")
    config.write_text(text, encoding="utf-8")
    assert "Goedendag," in ran(capsys, "render-template", "case-confirm", "--message", "mail.eml")
    assert "Goedendag," in ran(capsys, "render-template", "case-confirm", "--alias", "Payroll@example.org")
    assert main(["render-template", "case-confirm", "--alias", "x@example.org"]) == Exit.USAGE


def test_broken_html_is_an_error_with_file_and_line(
    templates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (templates / "own.j2").write_text(OWN.replace("</p>", ""), encoding="utf-8")
    assert main(["render-template", "own"]) == Exit.TROUBLE
    assert f"{templates / 'own.j2'}:3: <p> is not closed" in capsys.readouterr().err
    assert main(["check"]) == Exit.CONFIG
    said = capsys.readouterr().err
    assert (
        said.count(f"{templates / 'own.j2'}:3  template own of integration payroll  <p> is not closed; ") == 1
    )


@pytest.mark.parametrize(
    ("template", "language", "told"),
    [
        ("case-confirm", "pl", "case-confirm is not there in 'pl'"),
        ("case-confirm", "auto/pl", "case-confirm is not there in 'pl'"),
        ("own", "pl-pl", "own is not there in 'pl-pl'"),
        ("own", "cs-cz", ""),
        ("own", "de", ""),
        ("case-confirm", "de-at", ""),
        ("none", "pl", ""),
    ],
)
def test_check_tells_a_language_that_no_template_has(
    template: str, language: str, told: str, templates: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (templates / "own.cs.j2").write_text(OWN, encoding="utf-8")
    config = here / "integrations.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(
        text.replace("{template: own}", f"{{template: {template}, language: {language}}}"), encoding="utf-8"
    )
    assert main(["check"]) == (Exit.CONFIG if told else Exit.OK)
    said = capsys.readouterr().err
    assert told in said
    assert said.count("reply.language") == bool(told)


def test_check_renders_templates_that_nothing_names_and_no_parts(
    templates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (templates / "_part.j2").write_text("{{ nobody", encoding="utf-8")
    (templates / "spare.j2").write_text(OWN, encoding="utf-8")
    assert main(["check"]) == Exit.OK
    (templates / "spare.de.j2").write_text(OWN.replace("</p>", ""), encoding="utf-8")
    capsys.readouterr()
    assert main(["check"]) == Exit.CONFIG
    said = capsys.readouterr().err
    assert f"{templates / 'spare.de.j2'}:3  template spare, which nothing names  <p> is not closed; " in said


def test_a_language_that_is_not_there_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render-template", "case-confirm", "--language", "xx"]) == Exit.USAGE
    assert "no reply is there in 'xx'" in capsys.readouterr().err
    assert "Guten Tag," in ran(capsys, "render-template", "case-confirm", "--language", "de-AT")


def test_check_renders_the_template_of_follow_ups_over_follow_ups(
    templates: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (templates / "more.j2").write_text(
        OWN.replace("{{ message.text }}", "{{ case.followup_id }}"), encoding="utf-8"
    )
    (templates / "own.j2").write_text(
        OWN.replace("{{ message.text }}", "{{ case.priority }}"), encoding="utf-8"
    )
    config = here / "integrations.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(
        text.replace("{template: own}", "{template: own, follow_up_template: more}"), encoding="utf-8"
    )
    assert "is well" in ran(capsys, "check")
    config.write_text(
        text.replace("{template: own}", "{template: more, follow_up_template: own}"), encoding="utf-8"
    )
    assert main(["check"]) == Exit.CONFIG
    said = capsys.readouterr().err
    assert f"{templates / 'more.j2'}:2  template more" in said
    assert f"{templates / 'own.j2'}:2  template own" in said
