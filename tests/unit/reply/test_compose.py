"""The octets of a reply: its headers, its encodings, and that no mail of a stranger bends them."""

from __future__ import annotations

import email
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.config.model import ReplySettings
from emailint.errors import TemplateError
from emailint.reply.compose import ReplyFacts, compose
from emailint.reply.mime import clean_ids
from emailint.reply.render import sample
from emailint.reply.stored import StoredLine
from emailint.templating import Templates

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path

    from emailint.outgoing import OutgoingMail

MARKER = "=== above this line ==="
TEMPLATES = Templates(None)
FACTS = ReplyFacts(
    message_id="<CS-000042.5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c@example.org>",
    recipient="ann.lee@example.com",
    mailbox="payroll@example.org",
    alias="payroll@example.org",
    date=datetime(2026, 11, 24, 18, 0, 7, tzinfo=UTC),
    marker=MARKER,
)


def stored(**changes: Any) -> StoredLine:
    """A case whose line has these fields; `message` changes single keys of its block."""
    record = sample()
    record["message"] = {**record["message"], **changes.pop("message", {})}
    return StoredLine.parse(json.dumps({**record, **changes}).encode())


def made(
    line: StoredLine | None = None,
    settings: ReplySettings = ReplySettings(),  # noqa: B008 - frozen
    facts: ReplyFacts = FACTS,
    templates: Templates = TEMPLATES,
) -> OutgoingMail:
    return compose(line or stored(), settings, facts, templates)


def parsed(mail: OutgoingMail) -> EmailMessage:
    """As a stranger's program reads it."""
    return email.message_from_bytes(mail.content, policy=policy.default)


def text_of(part: Message) -> str:
    """The text of a part with line feeds alone."""
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).replace("\r\n", "\n")


def headers(mail: OutgoingMail) -> list[str]:
    """The header block, unfolded, a field an entry."""
    block = mail.content.partition(b"\r\n\r\n")[0].decode("ascii")
    return block.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")


def test_the_headers_of_a_plain_reply() -> None:
    mail = made()
    assert headers(mail) == [
        "From: payroll@example.org",
        "To: ann.lee@example.com",
        'Subject: [CS-000042] Wrong hours on my slip & "overtime" <week 47>',
        "Date: Tue, 24 Nov 2026 18:00:07 +0000",
        "Message-ID: <CS-000042.5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c@example.org>",
        "In-Reply-To: <sample@example.com>",
        "References: <sample@example.com>",
        "Auto-Submitted: auto-replied",
        "X-Auto-Response-Suppress: All",
        "X-Emailint-Id: CS-000042",
        "Content-Language: en",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{parsed(mail).get_boundary()}"',
    ]
    assert (mail.message_id, mail.recipient, mail.envelope_from) == (FACTS.message_id, FACTS.recipient, "")


def test_the_body_is_text_and_html_of_the_template() -> None:
    message = parsed(made())
    parts = list(message.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert [part.get_content_charset() for part in parts] == ["utf-8", "utf-8"]
    assert all(part["Content-Transfer-Encoding"] in {"7bit", "quoted-printable", "base64"} for part in parts)
    assert text_of(parts[0]).startswith(f"{MARKER}\n\nHello,\n")
    assert "CS-000042" in parts[1].get_content()


def test_the_same_reply_is_the_same_octets() -> None:
    assert made() == compose(stored(), ReplySettings(), FACTS, Templates(None))
    assert made().content != made(facts=replace(FACTS, message_id="<CS-000043.00@example.org>")).content


def test_a_template_without_html_makes_a_mail_of_text_alone(tmp_path: Path) -> None:
    (tmp_path / "own.j2").write_text('{% extends "case-confirm" %}{% block html %}{% endblock %}')
    message = parsed(made(settings=ReplySettings(template="own"), templates=Templates(tmp_path)))
    assert message.get_content_type() == "text/plain"
    assert message.get_content().startswith(MARKER)


@pytest.mark.parametrize(
    ("from_", "alias", "sender", "reply_to"),
    [
        (None, "payroll@example.org", "payroll@example.org", None),
        (None, "Payroll@Example.org", "payroll@example.org", None),
        (None, "payroll+urgent@example.org", "payroll@example.org", "payroll+urgent@example.org"),
        ("desk@example.org", "payroll@example.org", "desk@example.org", "payroll@example.org"),
        (
            "Payroll Team <payroll@example.org>",
            "payroll@example.org",
            "Payroll Team <payroll@example.org>",
            None,
        ),
        (
            '"Lohnbüro \\"Nord\\", Team" <payroll@example.org>',
            "payroll@example.org",
            '"Lohnbüro \\"Nord\\", Team" <payroll@example.org>',
            None,
        ),
        (
            "Payroll, North <payroll@example.org>",
            "payroll@example.org",
            '"Payroll, North" <payroll@example.org>',
            None,
        ),
        ("<payroll@example.org>", "payroll@example.org", "payroll@example.org", None),
    ],
)
def test_from_and_reply_to(from_: str | None, alias: str, sender: str, reply_to: str | None) -> None:
    mail = made(settings=ReplySettings(from_=from_), facts=replace(FACTS, alias=alias))
    message = parsed(mail)
    assert mail.content.isascii()
    assert message["From"] == sender
    assert message["From"].addresses[0].addr_spec == (
        "desk@example.org" if from_ == "desk@example.org" else "payroll@example.org"
    )
    assert message["Reply-To"] == reply_to


@pytest.mark.parametrize(
    ("envelope_from", "null_sender", "expected"),
    [
        (None, True, ""),
        (None, False, "payroll@example.org"),
        ("bounces@example.org", True, "bounces@example.org"),
        ("bounces@example.org", False, "bounces@example.org"),
        ("", False, ""),
        ("<>", False, ""),
    ],
)
def test_envelope_from(envelope_from: str | None, null_sender: bool, expected: str) -> None:
    settings = ReplySettings(envelope_from=envelope_from)
    assert made(settings=settings, facts=replace(FACTS, null_sender=null_sender)).envelope_from == expected


@pytest.mark.parametrize(
    ("message_id", "references", "in_reply_to", "expected"),
    [
        ("<a@b>", [], "<a@b>", "<a@b>"),
        (None, [], None, None),
        (None, ["<r@b>"], None, "<r@b>"),
        ("<a@b>", ["<r@b>", "<s@b>"], "<a@b>", "<r@b> <s@b> <a@b>"),
        ("<a@b>", ["<a@b>", "<r@b>"], "<a@b>", "<r@b> <a@b>"),
        ("<>", ["<r@b>"], None, "<r@b>"),
        ("<[a]@b>", [], "<[a]@b>", "<[a]@b>"),
        ("<a b@c>", [], None, None),
        ("a@b", [], None, None),
        ("<a@b>\r\nBcc: v@example.com", [], None, None),
        ("<ä@b>", [], None, None),
        ("<a@b> <c@d>", [], None, None),
        ("<" + "x" * 3000 + "@b>", ["<r@b>"], None, "<r@b>"),
    ],
)
def test_only_clean_ids_are_referred_to(
    message_id: str | None, references: list[str], in_reply_to: str | None, expected: str | None
) -> None:
    mail = made(stored(message={"message_id": message_id, "references": references}))
    message = parsed(mail)
    assert message["In-Reply-To"] == in_reply_to
    assert message["References"] == expected
    assert message["Bcc"] is None


def test_of_many_ids_the_first_and_the_last_stay_and_no_line_is_long() -> None:
    references = [f"<{number}.{'x' * 200}@example.com>" for number in range(50)]
    mail = made(stored(message={"references": references, "message_id": "<" + "y" * 890 + "@b>"}))
    kept = parsed(mail)["References"].split()
    assert kept == [references[0], *references[-18:], "<" + "y" * 890 + "@b>"]
    assert max(len(line) for line in mail.content.split(b"\r\n")) <= 998
    assert "=?" not in "".join(headers(mail)[4:7])


@given(st.lists(st.text(max_size=30) | st.from_regex(r"\A<[!-~]{1,1200}>\Z"), max_size=40))
def test_clean_ids_are_clean(ids: list[str]) -> None:
    clean = clean_ids(ids)
    assert len(clean) <= 20
    assert len(set(clean)) == len(clean)
    assert all(re.fullmatch("<[!-~]+>", each) and each in ids and len(each) <= 900 for each in clean)


@pytest.mark.parametrize(
    "subject",
    [
        "hi\r\nBcc: victim@example.com",
        "hi\nTo: victim@example.com\n\nbody",
        "a\x0bb\x0cc\x85d\u2028e\u2029f\x1cg",
        "{{ cycler.__init__.__globals__ }} {% for x in y %}",
        "<img src=x onerror=alert(1)>",
        "=?utf-8?q?hi=0D=0ABcc:_victim=40example.com?=",
        "日本語の件名がとても長いとき" * 12,
        "x" * 300,
        "word " * 60,
        "\u202eevil \u2066x",
        "😀" * 60,
        "é" + "x" * 90,
        "a\ud800b",
        "",
    ],
)
def test_a_subject_stays_one_header_and_says_the_same_when_read_again(subject: str) -> None:
    mail = made(stored(subject=subject))
    message = parsed(mail)
    assert mail.content.isascii()
    assert message["Bcc"] is None
    assert message.get_all("To") == ["ann.lee@example.com"]
    assert len(message.get_all("Subject", [])) == 1
    assert [name for name, _ in message.items()][:3] == ["From", "To", "Subject"]
    assert str(message["Subject"]).startswith("[CS-000042]")
    assert "<img" not in list(message.iter_parts())[1].get_content()


@pytest.mark.parametrize(
    "subject", ["=?utf-8?q?hi=0D=0ABcc:_v=40x.example?=", "=?utf-8?b?aGk=?= =?x?", "=?=?=?"]
)
def test_what_looks_encoded_comes_back_as_it_was_written(subject: str) -> None:
    assert parsed(made(stored(subject=subject)))["Subject"] == f"[CS-000042] {subject}"


HOSTILE = st.text(
    alphabet=st.sampled_from('\r\n\t \x00\x0b\x0c\x85\u2028\u202e\x1b.=?<>"@:;,()[]{}%\\é漢😀ab\ud800'),
    max_size=120,
)


@given(
    subject=HOSTILE | st.text(max_size=150), name=HOSTILE, message_id=HOSTILE, references=st.lists(HOSTILE)
)
def test_whatever_stands_in_a_mail_the_reply_is_well_formed(
    subject: str, name: str, message_id: str, references: list[str]
) -> None:
    line = stored(
        subject=subject, reported_by=name, message={"message_id": message_id, "references": references}
    )
    mail = made(line)
    assert mail.content.isascii()
    assert mail.content.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", mail.content)
    assert max(len(each) for each in mail.content.split(b"\r\n")) <= 998
    message = parsed(mail)
    expected = {"From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted"}
    expected |= {
        "X-Auto-Response-Suppress",
        "X-Emailint-Id",
        "Content-Language",
        "MIME-Version",
        "Content-Type",
    }
    names = [name for name, _ in message.items()]
    assert set(names) <= expected
    assert len(names) == len(set(names))
    assert message["Message-ID"] == FACTS.message_id
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@given(
    st.text(
        alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Cf", "Zs"]),
        min_size=1,
        max_size=90,
    )
)
def test_a_decent_subject_comes_back_as_it_was(subject: str) -> None:
    assert parsed(made(stored(subject=subject)))["Subject"] == f"[CS-000042] {subject}"


def test_lines_of_a_dot_and_from_lines_are_left_to_the_transport(tmp_path: Path) -> None:
    (tmp_path / "own.j2").write_text(
        '{% extends "case-confirm" %}{% block html %}{% endblock %}'
        "{% block text %}a\n.\nFrom x\n..\n{% endblock %}"
    )
    mail = made(settings=ReplySettings(template="own"), templates=Templates(tmp_path))
    assert mail.content.endswith(b"\r\n\r\na\r\n.\r\nFrom x\r\n..\r\n")


@pytest.mark.parametrize(
    ("recipient", "alias", "from_"),
    [
        ("дарья@пример.example", "payroll@example.org", None),
        ("ann@example.com", "löhne@example.org", None),
        ("ann@example.com", "payroll@example.org", "löhne@example.org"),
    ],
)
def test_addresses_beyond_ascii_make_a_utf8_header(recipient: str, alias: str, from_: str | None) -> None:
    mail = made(settings=ReplySettings(from_=from_), facts=replace(FACTS, recipient=recipient, alias=alias))
    head = mail.content.partition(b"\r\n\r\n")[0].decode()
    assert f"\r\nTo: {recipient}\r\n" in head
    assert "=?" not in head


def test_a_date_keeps_its_offset() -> None:
    zone = timezone(timedelta(hours=-5))
    assert parsed(made(facts=replace(FACTS, date=FACTS.date.astimezone(zone))))["Date"] == (
        "Tue, 24 Nov 2026 13:00:07 -0500"
    )


def test_a_follow_up_is_answered_with_its_own_template(tmp_path: Path) -> None:
    (tmp_path / "thanks.j2").write_text('{% extends "case-confirm" %}{% block words %}Noted.{% endblock %}')
    settings = ReplySettings(follow_up_template="thanks")
    line = stored(followup_id="CS-000042-1")
    mail = made(line, settings, templates=Templates(tmp_path))
    assert "\nNoted.\n" in text_of(next(parsed(mail).iter_parts()))
    with pytest.raises(TemplateError, match="no template is set"):
        made(line)


@pytest.mark.parametrize("from_", ["Payroll", "Payroll <>", "a@b, c@d", "a@b\r\nBcc: c@d"])
def test_a_from_that_is_no_address(from_: str) -> None:
    settings = ReplySettings(from_=from_)
    with pytest.raises(TemplateError, match=r"reply\.from is no address"):
        made(settings=settings)
