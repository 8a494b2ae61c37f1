"""Where new text ends and history begins; nothing is lost between the two, and time is linear."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.message import read_message
from emailint.message.quoted import (
    MARKER,
    Split,
    is_answer,
    is_forward,
    split_html,
    split_signature,
    split_text,
)
from tests.support.timing import assert_within

DATA: Final = Path(__file__).parents[2] / "data" / "quoted"
CASES: Final = (DATA / "cases.txt").read_text(encoding="utf-8").split("\n# ")[1:]


def joined(lines: list[str]) -> str:
    """The lines without blank ones at the ends."""
    while lines and not lines[0].strip():
        lines = lines[1:]
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return "\n".join(lines)


@pytest.mark.parametrize("case", CASES, ids=[case.partition("\n")[0] for case in CASES])
def test_whole_text(case: str) -> None:
    title, _, body = case.partition("\n")
    lines = body.rstrip("\n").split("\n")
    new, quoted, signature = (joined([line[2:] for line in lines if line.startswith(part)]) for part in "NQS")
    text = "\n".join(line[2:] for line in lines)
    parts = split_text(text, title.partition(" | Subject: ")[2])
    assert parts == Split(new, quoted, signature or None)


def test_the_cases_are_read_whole() -> None:
    assert len(CASES) == 86
    assert all(line[:1] in "NQS" for case in CASES for line in case.rstrip("\n").split("\n")[1:])


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Fwd: Hours", True),
        ("FWD: Hours", True),
        ("Fw: Hours", True),
        ("FW : Hours", True),
        ("WG: Stunden", True),
        ("TR : Heures", True),
        ("TR: Heures", True),
        ("RV: Horas", True),
        ("I: Ore", True),
        ("Doorst: Uren", True),
        ("ENC: Horas", True),
        ("VS: Timer", True),
        ("VB: Timmar", True),
        ("VL: Tunnit", True),
        ("PD: Godziny", True),
        ("Пересл: Часы", True),
        ("转发\uff1a工时", True),
        ("轉寄: 工時", True),
        ("転送: 時間", True),
        ("[EXTERNAL] Fwd: Hours", True),
        ("[Ticket 7] [EXTERNAL] FW: Hours", True),
        ("Fwd[2]: Hours", True),
        ("Re: Hours", False),
        ("Re: Fwd: Hours", False),
        ("AW: WG: Stunden", False),
        ("Forward planning", False),
        ("I have a question: hours", False),
        ("Hours", False),
        ("", False),
        (":", False),
        ("Fwd", False),
    ],
)
def test_subject_of_a_forward(subject: str, expected: bool) -> None:
    assert is_forward(subject) is expected


def test_signature_goes_before_the_history() -> None:
    assert Split("a", "old", "-- \nBob").apart == "-- \nBob\n\nold"
    assert Split("a", "old").apart == "old"
    assert Split("a", signature="-- \nBob").apart == "-- \nBob"
    assert Split("a").apart == ""


def test_marker_is_plain_and_short() -> None:
    assert MARKER.isascii()
    assert MARKER.isprintable()
    assert len(MARKER) < 60


def test_a_text_without_its_history_is_not_judged_again() -> None:
    """Text of HTML whose answers stay inside: reply lines in it are no reason to cut."""
    text = "On Tue, Nov 24, 2026 at 6:00 PM Ann <a@example.com> wrote:\n\nDo you have it?\n\nYes.\n-- \nBob"
    assert split_signature(text) == Split(text.removesuffix("\n-- \nBob"), signature="-- \nBob")


LINES: Final = sorted(
    {line[2:] for case in CASES for line in case.split("\n")[1:]} | {"\r", "\ufeff", "\x0c", MARKER}
)
PIECES: Final = st.sampled_from(LINES)
TEXTS: Final = st.one_of(
    st.lists(st.one_of(PIECES, st.text(max_size=30)), max_size=40).map("\n".join),
    st.text(max_size=300),
)


@given(TEXTS, st.sampled_from(["", "Re: Hours", "Fwd: Hours"]))
def test_every_line_is_in_exactly_one_part(text: str, subject: str) -> None:
    parts = split_text(text, subject)
    lines = [line for line in text.split("\n") if line.strip()]
    pools = [
        [line for line in part.split("\n") if line.strip()]
        for part in (parts.new, parts.quoted, parts.signature or "")
    ]
    assert sorted(line for pool in pools for line in pool) == sorted(lines)
    for pool in pools:
        remaining = iter(lines)
        assert all(line in remaining for line in pool)
    assert not lines or parts.new.strip()


@given(TEXTS)
def test_signature_takes_nothing_away(text: str) -> None:
    parts = split_signature(text)
    lines = [line for line in text.split("\n") if line.strip()]
    whole = "\n".join(part for part in (parts.new, parts.signature) if part)
    assert [line for line in whole.split("\n") if line.strip()] == lines
    assert parts.quoted == ""


MAILS: Final = "".join(path.read_text(encoding="utf-8") for path in sorted(DATA.glob("*.html")))
TAGS: Final = st.sampled_from(
    sorted({*re.findall(r"<[^<>]*>|[^<>]+", MAILS), "<", ">", "<!--", "-->", "<pre>"})
)


@given(st.lists(st.one_of(TAGS, st.text(max_size=10)), max_size=60).map("".join))
def test_html_is_cut_in_two_to_the_letter(html: str) -> None:
    new, quoted = split_html(html)
    assert len(new) + len(quoted) == len(html)
    places = [at for at in range(len(html) + 1) if html.startswith(quoted, at)]
    assert any(html[:at] + html[at + len(quoted) :] == new for at in places)


BOMBS: Final = {
    "On and 100,000 lines": "On " + "x\n" * 100_000,
    "100,000 lines On": "On \n" * 100_000,
    "one line of On": "On " * 300_000,
    "3,000 blank lines": "\n" * 3_000,
    "100,000 blank lines": "\n" * 100_000,
    "10,000 <": "<" * 10_000,
    "1 MB of one letter": "a" * 1_000_000,
    "1 MB of >": ">" * 1_000_000,
    "1 MB of blanks": " " * 1_000_000,
    "1 MB of dashes": "-" * 1_000_000,
    "1 MB of stars": "*" * 1_000_000,
    "100,000 quoted lines": "> a\n" * 100_000,
    "answers everywhere": "> a\nb\n" * 50_000,
    "50,000 delimiters": "-- \n" * 50_000,
    "50,000 weak delimiters": "x\n" + "--\n" * 50_000,
    "From everywhere": "From: a\n" * 100_000,
    "header blocks that are none": "From: a\nSent: b\nTo: c\n" * 30_000,
    "reply lines everywhere": "a\n" + "On 24.11.2026 18:00, a@b wrote:\n" * 30_000,
    "verbs everywhere": "wrote:\n" * 100_000,
    "wrapped reply lines that never end": "On Tue, Nov 24, 2026 at 6:00 PM\n" * 30_000,
    "drawn lines": "-----\n" * 50_000,
    "phones": "Sent from my iPhone\n" * 50_000,
    "hints": "see " * 250_000 + "\nFrom: a@b\nTo: c\nSubject: d\nDate: 1.1.2020 10:00\n\nold",
    "a hint that never ends": "see "
    + "a" * 900_000
    + "\nFrom: a@b\nTo: c\nSubject: d\nDate: 1.1.2020 10:00\n\nx",
    "markers": f"a\n{MARKER[:10]}\n" * 30_000,
}
HTML_BOMBS: Final = {
    "1 MB of <": "<" * 1_000_000,
    "open tags": "<div>" * 100_000,
    "tags that never end": "<a" * 500_000,
    "one tag that never ends": "<" + "a" * 1_000_000,
    "comments that never end": "<!--" * 250_000,
    "styles that never end": "<style>" * 100_000,
    "blockquotes": "<blockquote>x" * 50_000,
    "cited blockquotes": "<blockquote type=cite>x</blockquote>" * 20_000,
    "paragraphs": "<p>hello</p>" * 50_000,
    "entities": "&" * 1_000_000,
    "preformatted lines": "<pre>" + "a\n" * 500_000,
    "attributes that never match": "<div " + "class=" * 150_000 + ">",
    "spans": "<span " + "olk" * 300_000 + ">",
    "ids": "<div id=" * 100_000 + ">",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_text_takes_linear_time(bomb: str) -> None:
    assert_within(0.2, lambda: split_text(bomb))


@pytest.mark.parametrize("bomb", HTML_BOMBS.values(), ids=HTML_BOMBS.keys())
def test_html_takes_linear_time(bomb: str) -> None:
    assert_within(0.3, lambda: split_html(bomb))


FORM: Final = (
    "New contact request\n\nFrom: Max Muster <max@example.com>\nSent: 23.11.2026 10:00\n"
    "To: payroll@example.org\nSubject: Pay slip\n\nMy slip is missing."
)
TOLD: Final = "Termine:\nAm 23.11.2026 um 09:12 hat Herr Meier angerufen und geschrieben:\nBitte zahlen."
RULED: Final = FORM.replace("request\n\n", "request\n----------\n")
ORIGINAL: Final = FORM.replace("request\n\n", "request\n-----Original Message-----\n")
CITED: Final = "Yes.\n\nOn Mon, Nov 23, 2026 at 9:12 AM Payroll <p@example.org> wrote:\n> My slip is missing."
REFERENCE: Final = "In-Reply-To: <CS-000042.0123456789abcdef@example.org>\n"
FIRST_OR_ANSWER: Final = [
    # what the mail is, further headers, subject, text, its new text
    ("form, first mail", "", "Contact form", FORM, FORM),
    ("form below a line, first mail", "", "Contact form", RULED, RULED),
    ("form, subject with a colon", "", "Form: slip", FORM, FORM),
    ("told, first mail", "", "Termin", TOLD, TOLD),
    ("answer by its subject", "", "Re: Slip", FORM, "New contact request"),
    ("answer by its subject, German", "", "[EXTERN] AW: Slip", FORM, "New contact request"),
    ("answer by In-Reply-To", REFERENCE, "Slip", FORM, "New contact request"),
    ("answer by References", "References: <a@example.org>\n", "Slip", FORM, "New contact request"),
    ("an empty reference is none", "References:\n", "Slip", FORM, FORM),
    ("first mail, a mail program's mark", "", "Slip", ORIGINAL, "New contact request"),
    ("first mail, quote signs", "", "Slip", CITED, "Yes."),
]


@pytest.mark.parametrize(
    ("headers", "subject", "text", "new"),
    [row[1:] for row in FIRST_OR_ANSWER],
    ids=[row[0] for row in FIRST_OR_ANSWER],
)
def test_first_mail_of_a_thread_or_an_answer(headers: str, subject: str, text: str, new: str) -> None:
    head = f"From: ann@example.com\nSubject: {subject}\n{headers}"
    plain = read_message(f"{head}\n{text}\n".encode())
    assert plain.text == new
    assert (plain.quoted == "") is (new == text)


@pytest.mark.parametrize(
    ("subject", "new"), [("Contact form", FORM), ("Re: Contact form", "New contact request")]
)
def test_first_mail_of_a_thread_in_html(subject: str, new: str) -> None:
    html = "".join(f"<p>{line.replace('<', '&lt;')}</p>" for line in FORM.split("\n") if line)
    mail = read_message(
        f"From: ann@example.com\nSubject: {subject}\nContent-Type: text/html\n\n{html}\n".encode()
    )
    assert mail.text.split() == new.split()


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Re: Hours", True),
        ("RE[2]: Hours", True),
        ("[EXTERN] AW: Stunden", True),
        ("SV: Timer", True),
        ("回复\uff1a工时", True),
        ("Hours", False),
        ("Request: Hours", False),
        ("", False),
    ],
)
def test_subject_of_an_answer(subject: str, expected: bool) -> None:
    assert is_answer(subject) is expected
