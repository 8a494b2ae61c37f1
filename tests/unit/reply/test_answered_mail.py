"""From octets to the decision: the rows of the guarantees about loops, forgery and reflection."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest

from emailint.case import message_block
from emailint.config.model import ReplySettings
from emailint.message.model import Kind, ReadSettings
from emailint.message.quoted import MARKER
from emailint.message.read import read_message
from emailint.reply.compose import ReplyFacts, compose
from emailint.reply.policy import ReplyContext, Respond, Withhold, decide
from emailint.reply.reason import Reason
from emailint.reply.render import sample
from emailint.reply.stored import StoredLine
from emailint.templating import Templates

if TYPE_CHECKING:
    from emailint.message.model import InboundMessage

NOW = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
OWN = frozenset({"payroll@bigtmepeo.example", "payroll+urgent@bigtmepeo.example"})
READ = ReadSettings(own_addresses=OWN, authserv_id="mx.bigtmepeo.example")
TEMPLATES = Templates(None)


def raw(*fields: str, body: str = "Hello\r\n", from_: str | None = "Ann Lee <ann@example.com>") -> bytes:
    """A mail to payroll@ with these header fields on top."""
    given = {field.partition(":")[0].lower() for field in fields}
    usual = [
        f"From: {from_}" if from_ is not None else "",
        "To: payroll@bigtmepeo.example",
        "Subject: Wrong hours",
        "Date: Tue, 24 Nov 2026 18:00:00 +0000",
        "Message-ID: <a1@example.com>",
    ]
    kept = [field for field in usual if field and field.partition(":")[0].lower() not in given]
    return "\r\n".join([*fields, *kept, "", body]).encode("utf-8", "surrogateescape")


def decided(mail: bytes, **changes: Any) -> Respond | Withhold:
    settings = ReplySettings(require_dmarc=changes.pop("require_dmarc", False))
    context = ReplyContext(settings=settings, own_addresses=OWN, received_at=NOW, now=NOW, **changes)
    return decide(read_message(mail, READ), context)


@pytest.mark.parametrize(
    ("mail", "reason"),
    [
        (raw("Auto-Submitted: auto-replied"), Reason.AUTO_SUBMITTED),
        (raw("Auto-Submitted: auto-generated; foo=bar"), Reason.AUTO_SUBMITTED),
        (raw("AUTO-SUBMITTED: Auto-Notified (a comment)"), Reason.AUTO_SUBMITTED),
        (raw("Return-Path: <>"), Reason.NULL_SENDER),
        (raw("Return-Path: <ann-bounces@lists.example.com>"), Reason.AUTOMATED_SENDER),
        (raw(from_="No Reply <no-reply@example.com>"), Reason.AUTOMATED_SENDER),
        (raw(from_="MAILER-DAEMON@example.com"), Reason.AUTOMATED_SENDER),
        (raw("List-Id: <staff.example.com>"), Reason.LIST),
        (raw("List-Unsubscribe: <mailto:u@example.com>"), Reason.LIST),
        (raw("Precedence: bulk"), Reason.LIST),
        (raw("Feedback-ID: 1:2:3"), Reason.LIST),
        (raw("X-Auto-Response-Suppress: All"), Reason.SUPPRESSED_BY_SENDER),
        (raw("X-Auto-Response-Suppress: DR, OOF, AutoReply"), Reason.SUPPRESSED_BY_SENDER),
        (raw("X-Autoreply: yes"), Reason.MACHINE),
        (raw("X-Loop: desk@example.com"), Reason.MACHINE),
        (raw(from_="payroll@bigtmepeo.example"), Reason.OWN_ADDRESS),
        (raw(from_="PayRoll+Urgent@BigTmePeo.example"), Reason.OWN_ADDRESS),
        (raw("Reply-To: payroll@bigtmepeo.example"), Reason.OWN_ADDRESS),
        (raw("X-Emailint-Id: CS-000042"), Reason.OWN_ADDRESS),
        (
            raw("To: undisclosed-recipients:;", "Delivered-To: payroll@bigtmepeo.example"),
            Reason.NOT_ADDRESSED,
        ),
        (raw(from_="ann@example.com, bob@example.com"), Reason.SEVERAL_SENDERS),
        (raw("From: ann@example.com", "From: bob@example.com"), Reason.SEVERAL_SENDERS),
        (raw(from_="root"), Reason.MALFORMED_SENDER),
        (raw(from_="a@[127.0.0.1]"), Reason.MALFORMED_SENDER),
        (raw(from_="-oQ/tmp@example.com"), Reason.MALFORMED_SENDER),
        (raw(from_="|/bin/sh@example.com"), Reason.MALFORMED_SENDER),
    ],
)
def test_no_reply(mail: bytes, reason: Reason) -> None:
    assert decided(mail) == Withhold(reason)


@pytest.mark.parametrize(
    "mail",
    [
        raw(from_="a@trusted.example <b@evil.example>"),
        raw(from_='"a@trusted.example" <b@evil.example>'),
        raw(from_="=?utf-8?q?a=40trusted=2Eexample?= <b@evil.example>"),
        raw(from_="alice@example.org)bob@evil.example"),
        raw(from_="Staff: ann@example.com, bob@example.com;"),
        raw(from_="Staff: ann@example.com;"),
        raw(from_="Staff:;"),
        raw(from_=""),
        raw(from_=None),
        raw(from_="ann@example.com <>"),
        raw(from_="(" * 5000),
        raw(from_="ann@example.com\r\n bob@example.com"),
        raw(from_="ann@example.com\0@evil.example"),
    ],
    ids=range(13),
)
def test_nobody_is_answered_whose_address_is_in_doubt(mail: bytes) -> None:
    assert isinstance(decided(mail), Withhold)


@pytest.mark.parametrize(
    "mail",
    [
        raw(),
        raw("Auto-Submitted: no"),
        raw("Auto-Submitted: No; x=y"),
        raw("Return-Path: <ann@example.com>"),
        raw("X-Auto-Response-Suppress: None"),
        raw("X-Auto-Response-Suppress: OOF"),
        raw("X-Auto-Response-Suppress: DR, RN, NRN, OOF"),
        raw("Cc: payroll+urgent@bigtmepeo.example", "To: bob@example.com"),
        raw("Resent-To: payroll@bigtmepeo.example", "To: bob@example.com"),
        raw("Reply-To: victim@elsewhere.example"),
        raw("Authentication-Results: evil.example; dmarc=pass", "Reply-To: victim@elsewhere.example"),
        raw(from_='"Lee, Ann" <ann@example.com>'),
        raw(from_="ann@example.com <ann@example.com>"),
        raw(from_="=?utf-8?q?Ann=0D=0ABcc=3A_v=40example=2Ecom?= <ann@example.com>").replace(b"v=40", b"v_"),
    ],
    ids=range(14),
)
def test_a_reply_to_the_sender(mail: bytes) -> None:
    assert decided(mail) == Respond("ann@example.com")


def verdict(result: str, authority: str = "mx.bigtmepeo.example") -> str:
    return f"Authentication-Results: {authority}; dmarc={result} header.from=example.com"


@pytest.mark.parametrize(
    ("fields", "answered"),
    [
        ([verdict("pass")], True),
        ([verdict("fail")], False),
        ([], False),
        ([verdict("pass", "evil.example")], False),
        ([verdict("fail"), verdict("pass")], False),
        ([verdict("pass"), verdict("fail")], True),
        ([verdict("pass", "mx.bigtmepeo.example.evil.example")], False),
    ],
)
def test_a_required_verdict_is_the_topmost_of_our_own_service(fields: list[str], answered: bool) -> None:
    assert isinstance(decided(raw(*fields), require_dmarc=True), Respond) is answered
    assert isinstance(decided(raw(*fields)), Respond)


def test_a_web_form_is_answered_where_it_says() -> None:
    form = raw("Reply-To: Ann Lee <ann@example.com>", from_="Form <noreply@forms.example.com>")
    assert decided(form, trust_reply_to={"noreply@forms.example.com"}) == Respond("ann@example.com")
    assert decided(form) == Withhold(Reason.AUTOMATED_SENDER)


def test_a_bounce_of_our_reply_is_not_answered() -> None:
    report = (
        "--x\r\n\r\nno such user\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example.com\r\n\r\nFinal-Recipient: rfc822; ann@example.com\r\n"
        "Action: failed\r\nStatus: 5.1.1\r\n--x--\r\n"
    )
    kind = "Content-Type: multipart/report; report-type=delivery-status; boundary=x"
    assert decided(raw(kind, body=report)) == Withhold(Reason.REPORT)


def reply_to(message: InboundMessage, locus: str = "maildir:x") -> bytes:
    """Our reply to a mail, as it goes out."""
    record = {
        **sample(),
        "subject": message.subject,
        "email_address": "ann@example.com",
        "message": message_block(message, locus, NOW),
    }
    facts = ReplyFacts(
        message_id="<CS-000042.00112233445566778899aabbccddeeff@bigtmepeo.example>",
        recipient="ann@example.com",
        mailbox="payroll@bigtmepeo.example",
        alias="payroll+urgent@bigtmepeo.example",
        date=NOW,
        marker=MARKER,
    )
    line = StoredLine.parse(json.dumps(record).encode())
    return compose(line, ReplySettings(), facts, TEMPLATES).content


def test_our_own_reply_that_comes_back_is_known_and_not_answered() -> None:
    ours = reply_to(read_message(raw(), READ))
    message = read_message(ours, READ)
    assert message.kind is not Kind.PERSON
    assert message.in_reply_to == ("<a1@example.com>",)
    assert isinstance(decided(ours), Withhold)
    forwarded = ours.replace(b"From: payroll@bigtmepeo.example", b"From: ann@example.com")
    assert isinstance(decided(forwarded), Withhold)


QUOTES = [
    "{new}\r\n\r\nOn Tue, 24 Nov 2026 at 19:00, <payroll@bigtmepeo.example> wrote:\r\n\r\n{quoted}\r\n",
    "{new}\r\n\r\n{quoted}\r\n",
    "{new}\r\n\r\n-----Original Message-----\r\n{plain}\r\n",
    "{new}\r\n\r\n{plain}\r\n",
]


@pytest.mark.parametrize("form", QUOTES, ids=range(4))
def test_what_is_written_above_the_line_is_all_that_is_new(form: str) -> None:
    ours = message_from_bytes(reply_to(read_message(raw(), READ)), policy=policy.default)
    part = ours.get_body(("plain",))
    assert part is not None
    plain = part.get_content().replace("\n", "\r\n").replace("\r\r", "\r")
    quoted = "\r\n".join(f"> {line}" for line in plain.splitlines())
    answer = raw(body=form.format(new="Still wrong: 38 hours.", quoted=quoted, plain=plain))
    message = read_message(answer, READ)
    assert message.text.strip() == "Still wrong: 38 hours."
    assert "opened a case for it" in message.quoted


def test_the_html_of_the_reply_is_cut_off_too() -> None:
    ours = message_from_bytes(reply_to(read_message(raw(), READ)), policy=policy.default)
    part = ours.get_body(("html",))
    assert part is not None
    html = part.get_content()
    body = f'<div>Still wrong: 38 hours.</div><div class="gmail_quote"><blockquote>{html}</blockquote></div>'
    answer = raw("Content-Type: text/html; charset=utf-8", body=body)
    assert read_message(answer, READ).text.strip() == "Still wrong: 38 hours."
