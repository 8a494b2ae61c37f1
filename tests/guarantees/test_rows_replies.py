"""Rows 47 to 69: who is answered, and what an answer may carry."""

from __future__ import annotations

import email
import email.policy
from typing import TYPE_CHECKING, Any

import pytest

from emailint.cli import main
from emailint.config.model import Alias, ReplyLimit, ReplySettings
from emailint.errors import Exit
from tests.support.hostile import mail, others, replies_to_others, take
from tests.support.memory import letter
from tests.support.smtp import Sink

if TYPE_CHECKING:
    from email.message import EmailMessage

    from emailint.outbound.protocol import OutgoingMail
    from tests.support.desk import Desk
    from tests.support.world import World


def read(reply: OutgoingMail) -> EmailMessage:
    """A reply as its reader's program reads it."""
    return email.message_from_bytes(reply.content, policy=email.policy.default)


def parts(reply: OutgoingMail) -> dict[str, str]:
    """Its text and its HTML."""
    return {
        part.get_content_type(): part.get_content() for part in read(reply).walk() if not part.is_multipart()
    }


def answering(world: World, **settings: Any) -> None:
    reply = ReplySettings(**settings)
    world.change(aliases=(Alias("payroll@example.org", default=True, workspace=1, reply=reply),))


def assert_withheld(world: World, headers: str, reason: str, kind: str | None = None) -> None:
    taken = take(world, mail(headers))
    assert taken.withheld == reason
    assert kind in {None, taken.case["kind"]}


def assert_answered(world: World, headers: str, to: str = "ann@example.com") -> OutgoingMail:
    taken = take(world, mail(headers))
    assert taken.withheld is None
    (reply,) = taken.replies
    assert (reply.recipient, read(reply)["To"]) == (to, to)
    return reply


@pytest.mark.parametrize(
    "value", ["auto-replied", "auto-generated", "foo=bar", "AUTO-REPLIED; owner=x", "auto-notified", '"no"x']
)
def test_row_047_auto_submitted(world: World, value: str) -> None:
    assert_withheld(world, f"Auto-Submitted: {value}\n", "auto_submitted")


@pytest.mark.parametrize("value", ["no", "No", "no; x=y", "(said) no"])
def test_row_048_auto_submitted_no(world: World, value: str) -> None:
    assert_answered(world, f"Auto-Submitted: {value}\n")


def test_row_049_null_return_path(world: World) -> None:
    assert_withheld(world, "Return-Path: <>\n", "null_sender")


REPORT = """Return-Path: <>
From: Mail Delivery System <mailer-daemon@mx.example.com>
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=b
Auto-Submitted: auto-replied
Message-ID: <dsn@mx.example.com>
"""
STATUS = """--b

It could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; ann@example.com
Action: failed
Status: 5.1.1

--b
Content-Type: text/rfc822-headers

Message-ID: {ours}
Subject: Re: Question

--b--"""


def test_row_050_a_bounce_of_our_reply(world: World) -> None:
    (reply,) = take(world, mail()).replies
    ours = read(reply)["Message-ID"]
    world.source.deliver(mail(REPORT, STATUS.format(ours=ours)))
    totals = world.sweep().totals
    assert (totals.follow_ups, totals.cases, totals.replies_sent) == (1, 0, 0)
    (bounce,) = world.lines("followups.jsonl")
    assert (bounce["case_id"], bounce["kind"]) == (others(world)[0]["case_id"], "bounce")


@pytest.mark.parametrize(
    "headers",
    [
        "List-Id: <news.example.com>",
        "Precedence: bulk",
        "Precedence: LIST",
        "Feedback-ID: 1:2:3:mailer",
        "List-Post: NO",
    ],
)
def test_row_051_lists(world: World, headers: str) -> None:
    assert_withheld(world, f"{headers}\n", "list", None if headers.startswith("Feedback") else "list")


@pytest.mark.parametrize("value", ["None", "OOF", "DR, RN, NRN"])
def test_row_052_suppress_that_is_not_about_us(world: World, value: str) -> None:
    assert_answered(world, f"X-Auto-Response-Suppress: {value}\n")


@pytest.mark.parametrize("value", ["All", "OOF, AutoReply", "all"])
def test_row_053_suppress_all(world: World, value: str) -> None:
    assert_withheld(world, f"X-Auto-Response-Suppress: {value}\n", "suppressed_by_sender")


@pytest.mark.parametrize("sender", ["payroll@example.org", "URGENT@example.org", "payroll+x@example.org"])
def test_row_054_from_ourselves(world: World, sender: str) -> None:
    assert_withheld(world, f"From: {sender}\n", "own_address")


def test_row_055_another_ticket_system(world: World) -> None:
    """A thousand rounds within minutes; with a moved clock in test_loops.py."""
    answering(world, limit=ReplyLimit(breaker_cases=60))
    take(world, mail(sender="tickets@other.example"))
    for number in range(80):
        world.source.deliver(letter(number, sender="tickets@other.example", to="payroll@example.org"))
        world.sweep()
    assert len(others(world)) == 81
    assert len(replies_to_others(world)) == 5
    (stopped,) = (error for error in world.open_errors() if error.trouble.subject_key == "")
    assert stopped.trouble.kind == "replies_stopped"
    opened = [line for line in world.lines("errors.jsonl") if line["error_id"] == stopped.error_id]
    assert [line["event"] for line in opened] == ["opened", "repeated"]  # at the first and the tenth


def test_row_056_forged_senders_of_one_domain(world: World) -> None:
    """Ten thousand of them in test_loops.py."""
    answering(world, limit=ReplyLimit(domain_hour=20))
    victims = [mail(f"Message-ID: <{n}@x>\n", sender=f"p{n}@victim.example") for n in range(100)]
    taken = take(world, *victims)
    assert (len(taken.cases), len(taken.replies)) == (100, 20)
    assert taken.result.totals.replies_withheld == 80


@pytest.mark.parametrize(
    "headers",
    [
        "Authentication-Results: mx.example.org; dmarc=fail header.from=example.com\n",
        "Authentication-Results: mx.evil.example; dmarc=pass header.from=example.com\n",
        "".join(f"Authentication-Results: mx.example.org; dmarc={said}\n" for said in ("fail", "pass")),
        "",
    ],
    ids=["fail", "foreign", "repeated", "none"],
)
def test_row_057_dmarc_is_required(world: World, headers: str) -> None:
    answering(world, require_dmarc=True)
    world.change(authserv_id="mx.example.org")
    proven = "Authentication-Results: mx.example.org; dmarc=pass header.from=example.com\n"
    world.source.deliver(mail(headers + "Message-ID: <forged@x>\n"))
    world.source.deliver(mail(proven + "Message-ID: <good@x>\n"))
    world.sweep()
    forged, good = world.lines()
    assert (forged["reply"]["reason"], good["reply"]["reason"]) == ("dmarc", None)
    assert [reply.recipient for reply in world.outbound.sent] == ["ann@example.com"]


@pytest.mark.parametrize(
    "reply_to", ["victim@other.example", "a@other.example, b@third.example", "x@[127.0.0.1]"]
)
def test_row_058_reply_to_elsewhere(world: World, reply_to: str) -> None:
    taken = take(world, mail(f"Reply-To: {reply_to}\n"))
    assert {reply.recipient for reply in taken.replies} <= {"ann@example.com"}
    assert all(each["address"] in reply_to for each in taken.case["message"]["reply_to"])
    assert taken.case["message"]["reply_to"]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("a@example.com, b@example.com", "several_senders"),
        ("undisclosed: a@example.com, b@example.com;", None),
        ("undisclosed:;", "no_sender"),
        ("", "no_sender"),
        ("root", None),
        ("a@[127.0.0.1]", "malformed_sender"),
    ],
)
def test_row_059_senders_nobody_can_answer(world: World, written: str, reason: str | None) -> None:
    taken = take(world, mail(f"From: {written}\n"))
    assert taken.withheld in {
        reason,
        *(() if reason else ("several_senders", "no_sender", "malformed_sender")),
    }
    assert taken.withheld is not None
    assert taken.replies == []
    sender = taken.case["message"]["from"]
    for word in ("a@example.com", "root", "a@[127.0.0.1]"):
        if written.startswith(word):
            assert word in str(sender)


def test_row_060_an_address_in_the_name(world: World) -> None:
    taken = take(world, mail("From: a@trusted.com <b@evil.com>\n"))
    assert taken.withheld == "ambiguous_sender"
    assert taken.case["message"]["from"]["address"] == "b@evil.com"


def test_row_061_a_parenthesis_too_many(world: World) -> None:
    taken = take(world, mail("From: alice@example.org)bob@evil.com\n"))
    assert taken.withheld == "several_senders"
    assert taken.case["defects"] == ["From is broken: a ')' stands alone"]


def one_head(reply: OutgoingMail) -> list[str]:
    """Names of the header fields, as any reader splits them."""
    head = reply.content.partition(b"\r\n\r\n")[0]
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert b"\r" not in head.replace(b"\r\n", b"")
    names = [
        line.partition(":")[0].lower() for line in head.decode("ascii").split("\r\n") if line[:1] not in " \t"
    ]
    assert len(names) == len(set(names))
    return names


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?Q?hi=0D=0ABcc=3A_victim=40example.net?=",
        "=?utf-8?B?aGkNCkJjYzogdmljdGltQGV4YW1wbGUubmV0?=",
        "=?utf-8?Q?hi=0ABcc=3A_victim=40example.net?=",
    ],
)
def test_row_062_a_header_in_an_encoded_subject(world: World, subject: str) -> None:
    reply = assert_answered(world, f"Subject: {subject}\n")
    assert "bcc" not in one_head(reply)
    assert "cc" not in one_head(reply)
    assert "hi Bcc: victim@example.net" in read(reply)["Subject"]


@pytest.mark.parametrize("character", ["\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\x1c", "\x1e"])
def test_row_063_line_breaks_of_other_kinds(world: World, character: str) -> None:
    from base64 import b64encode  # noqa: PLC0415 - only here

    written = b64encode(f"hi{character}Bcc: victim@example.net".encode()).decode()
    reply = assert_answered(world, f"Subject: =?utf-8?B?{written}?=\n")
    names = one_head(reply)
    assert "bcc" not in names
    again = read(reply).as_bytes(policy=email.policy.SMTP)
    reread = email.message_from_bytes(again, policy=email.policy.default)
    assert [name.lower() for name in reread] == [name.lower() for name in read(reply)]
    assert reread["Subject"] == read(reply)["Subject"]
    assert len(str(reread["Subject"]).splitlines()) == 1


def test_row_064_line_breaks_in_a_name(world: World) -> None:
    reply = assert_answered(world, "From: =?utf-8?Q?Ann=0D=0ABcc=3A_victim?= <ann@example.com>\n")
    assert "bcc" not in one_head(reply)
    (case,) = others(world)
    assert "\n" not in case["reported_by"]
    assert "\r" not in case["reported_by"]


@pytest.mark.parametrize("local", ["-oQ/tmp", "|/bin/sh", "/etc/passwd", "`id`", "$id"])
def test_row_065_a_local_part_that_programs_would_obey(desk: Desk, local: str) -> None:
    with Sink() as sink:
        desk.configure(smtp=sink.port)
        desk.mailbox.deliver(mail(f"From: {local}@example.com\n"))
        desk.mailbox.deliver(letter(1))
        desk.sweep()
        told = [command for command in sink.commands if command.startswith("RCPT")]
    hostile = desk.cases()[0]
    assert local in hostile["email_address"]
    if local[0] in "-|/":
        assert hostile["reply"] == {"decision": "withhold", "reason": "malformed_sender"}
        assert told == ["RCPT TO:<ann@example.com>"]
    else:
        assert told[0] in {f"RCPT TO:<{local}@example.com>", "RCPT TO:<ann@example.com>"}


def test_row_066_dots_and_bare_line_feeds(desk: Desk) -> None:
    templates = desk.installation.folder / "templates"
    templates.mkdir()
    blocks = {"subject": "s", "text": "a\n.\nMAIL FROM:<x>\n..\nb", "html": "<p>\n.\n</p>"}
    text = "".join(f"{{% block {name} %}}{said}{{% endblock %}}" for name, said in blocks.items())
    (templates / "dots.j2").write_text(text)
    with Sink() as sink:
        desk.more = "templates: templates\nreply: {template: dots}\n"
        desk.configure(smtp=sink.port)
        desk.mailbox.deliver(mail(body="line\n.\nbare\n.\nMAIL FROM:<evil@example.com>"))
        desk.sweep()
        assert [error.trouble.message for error in desk.errors()] == []
        assert len(sink.mails) == 1
        raw = b"".join(piece for each in sink.conversations for piece in each.segments)
        assert b"\n" not in raw.replace(b"\r\n", b"")
        assert b"\r" not in raw.replace(b"\r\n", b"")
        assert [verb for verb in sink.verbs if verb == "MAIL"] == ["MAIL"]
        assert b"\r\n..\r\n" in sink.mails[0]


@pytest.mark.parametrize(
    "subject",
    [
        "{{ cycler.__init__.__globals__.os.popen('touch /tmp/x') }}",
        "{% for x in range(9) %}x{% endfor %}",
        "{# x #}",
        "{{ 7*7 }}",
        "${7*7} %(x)s {0}",
    ],
)
def test_row_067_a_template_in_the_subject(world: World, subject: str) -> None:
    reply = assert_answered(world, f"Subject: {subject}\n")
    (case,) = others(world)
    assert case["subject"] == subject
    assert subject in read(reply)["Subject"]
    assert subject in parts(reply)["text/plain"]


def test_row_068_html_in_the_subject(world: World) -> None:
    hostile = "<img src=x onerror=alert(1)>\"'&<script>x</script>"
    reply = assert_answered(world, f"Subject: {hostile}\n")
    html = parts(reply)["text/html"]
    assert "<img src=x" not in html
    assert "<script" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert hostile in parts(reply)["text/plain"]


@pytest.mark.parametrize("text", ["{{ no_such_thing }}", "{% if %}", "{{ case.no_such_thing.at_all }}"])
def test_row_069_a_broken_template(
    world: World, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    templates = world.folder / "data-templates"
    templates.mkdir()
    head = '{% extends "case-confirm" %}{% block words %}'
    (templates / "mine.j2").write_text(f"{head}{text}{{% endblock %}}")
    world.settings["templates"] = templates
    answering(world, template="mine")
    world.source.deliver(mail())
    totals = world.sweep().totals
    assert (totals.cases, totals.replies_failed) == (1, 1)
    (error,) = world.open_errors()
    assert error.trouble.kind == "template_error"
    assert "mine.j2" in error.trouble.message
    assert world.source.unread() == []
    (world.folder / "integrations.yaml").write_text(
        "templates: data-templates\nreply: {template: mine}\nintegrations: [{name: a, mailbox: a@example.org,"
        " protocol: maildir, path: m, outbound: {type: folder, path: o}}]\n"
    )
    (world.folder / "integrations.yaml").chmod(0o600)
    monkeypatch.chdir(world.folder)
    assert main(["check"]) == Exit.CONFIG
    assert "mine.j2" in capsys.readouterr().err
