"""What a reply says: the built-in templates over awkward mail, and the limits on what strangers wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.errors import TemplateError
from emailint.reply.render import SUBJECT_LENGTH, Addressed, clean_subject, preview, render, sample
from emailint.reply.stored import StoredLine
from emailint.templating import Templates

if TYPE_CHECKING:
    from pathlib import Path

MARKER = "=== above this line ==="
BUILT_IN = Templates(None)
ADDRESSED = Addressed("payroll+urgent@example.org", "payroll@example.org")


def stored(**changes: Any) -> StoredLine:
    """A case whose line has these fields, as it comes back from the ledger."""
    return StoredLine.parse(json.dumps({**sample(), **changes}).encode())


def test_every_built_in_template_shows_the_sample() -> None:
    for name in BUILT_IN.names():
        rendered = preview(BUILT_IN, name, marker=MARKER)
        assert rendered.subject == '[CS-000042] Wrong hours on my slip & "overtime" <week 47>'
        assert rendered.text.startswith(f"{MARKER}\n\n")
        assert MARKER in rendered.html
        assert "CS-000042" in rendered.text
        assert "CS-000042" in rendered.html
        assert "&lt;week 47&gt;" in rendered.html
        assert "<week" not in rendered.html
        assert "\n-- \npayroll@example.org\n" in rendered.text


def test_the_text_fits_a_terminal_of_110_columns_and_ends_once() -> None:
    text = preview(BUILT_IN, "case-confirm", marker=MARKER).text
    assert all(len(line) <= 110 for line in text.splitlines())
    assert text == text.strip("\n") + "\n"
    assert "\n\n\n" not in text


def test_nothing_of_the_body_is_carried_on() -> None:
    body = "buy at https://evil.example now"
    line = stored(issue=body, issue_quoted=body, issue_html=f"<p>{body}</p>", reported_by=body)
    rendered = render(BUILT_IN, "case-confirm", line, ADDRESSED, MARKER)
    assert "evil" not in rendered.subject + rendered.text + rendered.html


def test_at_most_a_hundred_characters_of_their_subject() -> None:
    line = stored(subject="s" * 5000)
    rendered = render(BUILT_IN, "case-confirm", line, ADDRESSED, MARKER)
    assert rendered.subject == "[CS-000042] " + "s" * 99 + "…"
    assert max(len(run) for run in rendered.text.split("s" * 90)) < 1000
    assert "s" * 101 not in rendered.text + rendered.html


def test_no_value_of_a_subject_is_long_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "own.j2").write_text(
        "{% block subject %}"
        "{{ case.fields.a }}|{{ case.attachments[0].name }}|{{ sender.name }}"
        "{% endblock %}"
        "{% block text %}{{ case.fields.a }}{% endblock %}{% block html %}{% endblock %}"
    )
    line = stored(fields={"a": "a" * 300}, attachments=[{"name": "b" * 300}], reported_by="c" * 300)
    rendered = render(Templates(tmp_path), "own", line, ADDRESSED, MARKER)
    assert [len(part) for part in rendered.subject.split("|")] == [100, 100, 98]
    assert len(rendered.subject) == SUBJECT_LENGTH
    assert rendered.text == "a" * 300 + "\n"
    assert rendered.html == ""


@pytest.mark.parametrize(
    ("subject", "clean"),
    [
        ("hi\r\nBcc: v@example.com", "hi Bcc: v@example.com"),
        ("a\x0bb\x0cc\x85d\u2028e\u2029f", "a b c d e f"),
        ("a\x1c\x1d\x1e\x1fb", "a b"),
        ("\u202eevil\u2066x\u2069", "evilx"),
        ("a\u200bb\ufeffc\u00add", "abcd"),
        ("  a \t b  ", "a b"),
        ("a\ud800b", "a�b"),
        ("a\x00\x1b]52;c;x\x07b", "a ]52;c;x b"),
        ("Grüße 👩‍👧 ok", "Grüße 👩‍👧 ok"),
    ],
)
def test_a_subject_is_one_clean_line(subject: str, clean: str) -> None:
    assert clean_subject(subject) == clean


@given(st.text())
def test_a_subject_is_one_line_whatever_comes(subject: str) -> None:
    clean = clean_subject(subject)
    assert len(clean.splitlines()) <= 1
    assert len(clean) <= SUBJECT_LENGTH
    assert clean == clean.strip()
    clean.encode()


@given(
    st.fixed_dictionaries(
        {
            "subject": st.text(),
            "reported_by": st.none() | st.text(),
            "email_address": st.none() | st.text(),
            "workspace": st.none() | st.integers() | st.text(),
            "alias": st.none() | st.text(),
        }
    )
)
def test_every_case_can_be_answered(changes: dict[str, Any]) -> None:
    rendered = preview(BUILT_IN, "case-confirm", stored(**changes), marker=MARKER)
    assert rendered.subject.startswith("[CS-000042]")
    for body in (rendered.text, rendered.html):
        assert not set(body) & {chr(code) for code in [*range(9), 11, 12, *range(14, 32), *range(127, 160)]}
        assert "\r" not in body
        body.encode()


def test_a_follow_up_has_its_own_variables(tmp_path: Path) -> None:
    (tmp_path / "own.j2").write_text(
        "{% block subject %}Re: {{ message.subject }} [{{ case.case_id }}]{% endblock %}"
        "{% block text %}{{ 'more' if follow_up }} {{ message.text }} "
        "{{ sender.name }} <{{ sender.address }}> "
        "{{ workspace }}|{{ alias }}|{{ mailbox }}{% endblock %}{% block html %}{% endblock %}"
    )
    record = {
        "schema": 1,
        "case_id": "CS-000042",
        "followup_id": "CS-000042-1",
        "issue": "and this",
        "message": {"subject": "Slip", "from": {"name": "Ann", "address": "ann@example.com"}},
    }
    rendered = render(Templates(tmp_path), "own", StoredLine(record), ADDRESSED, MARKER)
    assert rendered.subject == "Re: Slip [CS-000042]"
    assert rendered.text == (
        "more and this Ann <ann@example.com> |payroll+urgent@example.org|payroll@example.org\n"
    )


@pytest.mark.parametrize("block", ["subject", "text"])
def test_a_reply_without_subject_or_text_is_an_error(block: str, tmp_path: Path) -> None:
    (tmp_path / "own.j2").write_text(f'{{% extends "case-confirm" %}}{{% block {block} %}} {{% endblock %}}')
    with pytest.raises(TemplateError, match=f"'{block}' makes nothing"):
        preview(Templates(tmp_path), "own", marker=MARKER)


@pytest.mark.parametrize("line", [b"[]", b"null", b"{", b""])
def test_a_line_that_is_no_record(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON object|Expecting"):
        StoredLine.parse(line)
