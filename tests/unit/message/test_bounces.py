"""Whom a returned mail did not reach, and which mail came back."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Final

import pytest

from emailint.message import read_message
from emailint.message.model import Bounce, Kind, ReadSettings
from tests.support.timing import assert_within

DATA: Final = Path(__file__).parents[2] / "data" / "bounces"
DAEMON: Final = "From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\nReturn-Path: <>\n"
REPORTED: Final = (
    f"{DAEMON}Subject: Undelivered Mail Returned to Sender\n"
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
)
OUR_ID: Final = "<CS-000042.0123456789abcdef@bigtmepeo.com>"
RETURNED: Final = (
    f"--b\nContent-Type: message/rfc822\n\nSubject: Re: Hours\nMessage-ID: {OUR_ID}\n\nWe have your mail.\n"
)
MTA: Final = "Reporting-MTA: dns; mx.example.org\nArrival-Date: Tue, 24 Nov 2026 18:00:00 +0100\n"


def bounces(mail: str) -> tuple[Bounce, ...]:
    message = read_message(mail.encode(), ReadSettings())
    assert message.kind is Kind.BOUNCE
    return message.bounces


def report(status: str, returned: str = RETURNED, status_type: str = "message/delivery-status") -> str:
    return (
        f"{REPORTED}--b\nContent-Type: text/plain\n\nIt came back.\n"
        f"--b\nContent-Type: {status_type}\n\n{status}\n{returned}--b--\n"
    )


def expected(path: Path) -> tuple[Bounce, ...]:
    return tuple(
        Bounce(**fields) for fields in json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    )


def table(prefix: str) -> pytest.MarkDecorator:
    paths = sorted(DATA.glob(f"{prefix}-*.txt"))
    assert len(paths) >= 9
    return pytest.mark.parametrize("path", paths, ids=[path.stem.partition("-")[2] for path in paths])


@table("status")
def test_delivery_status(path: Path) -> None:
    """The files hold the content of a message/delivery-status part."""
    assert bounces(report(path.read_text(encoding="utf-8"))) == expected(path)


@table("text")
def test_free_text(path: Path) -> None:
    """The files hold the whole body of a returned mail that has no report."""
    text = path.read_text(encoding="utf-8")
    assert bounces(f"{DAEMON}Subject: Mail delivery failed\n\n{text}") == expected(path)


def test_delivery_status_of_international_mail() -> None:
    status = f"{MTA}\nFinal-Recipient: utf-8; ann@example.com\nStatus: 5.1.1\n"
    found = bounces(report(status, status_type="message/global-delivery-status"))
    assert found == (Bounce("ann@example.com", "5.1.1", None, OUR_ID),)


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_good_news_is_no_bounce(action: str) -> None:
    mail = report(f"{MTA}\nFinal-Recipient: rfc822; ann@example.com\nAction: {action}\nStatus: 2.0.0\n")
    mail = mail.replace("Undelivered Mail Returned to Sender", "Delivery Status Notification (Success)")
    message = read_message(mail.encode(), ReadSettings())
    assert (message.kind, message.bounces) == (Kind.AUTO_REPLY, ())


FAILED: Final = f"{MTA}\nFinal-Recipient: rfc822; ann@example.com\nStatus: 5.1.1\n"
IN_BASE64: Final = base64.b64encode(f"Message-ID: {OUR_ID}\n".encode()).decode()
RETURNED_PARTS: Final = [
    ("whole mail", RETURNED, OUR_ID),
    ("headers", f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {OUR_ID}\n", OUR_ID),
    ("headers, other type", f"--b\nContent-Type: message/rfc822-headers\n\nMessage-ID: {OUR_ID}\n", OUR_ID),
    ("international mail", f"--b\nContent-Type: message/global\n\nMessage-ID: {OUR_ID}\n\nHello\n", OUR_ID),
    (
        "name of the field in other case",
        f"--b\nContent-Type: message/rfc822\n\nMessage-Id:{OUR_ID}\n",
        OUR_ID,
    ),
    ("folded", f"--b\nContent-Type: message/rfc822\n\nMessage-ID:\n {OUR_ID}\n", OUR_ID),
    ("windows line ends", f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {OUR_ID}\r\n", OUR_ID),
    (
        "base64, which RFC 2046 forbids",
        f"--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{IN_BASE64}\n",
        OUR_ID,
    ),
    ("none came back", "", None),
    ("no id", "--b\nContent-Type: message/rfc822\n\nSubject: Re: Hours\n\nHello\n", None),
    ("an empty id", "--b\nContent-Type: message/rfc822\n\nMessage-ID: <>\n\nHello\n", None),
]


@pytest.mark.parametrize(
    ("returned", "expected"), [row[1:] for row in RETURNED_PARTS], ids=[row[0] for row in RETURNED_PARTS]
)
def test_which_mail_came_back(returned: str, expected: str | None) -> None:
    assert bounces(report(FAILED, returned)) == (Bounce("ann@example.com", "5.1.1", None, expected),)


FAILED_RECIPIENTS: Final = [
    ("ann@example.com", ["ann@example.com"]),
    ("<ann@example.com>", ["ann@example.com"]),
    ("ann@example.com, bob@example.com", ["ann@example.com", "bob@example.com"]),
    ("ann@example.com,\n bob@example.com", ["ann@example.com", "bob@example.com"]),
    ("", []),
    ("nobody", []),
]


@pytest.mark.parametrize(("value", "expected"), FAILED_RECIPIENTS)
def test_failed_recipients_header(value: str, expected: list[str]) -> None:
    found = bounces(f"{DAEMON}X-Failed-Recipients: {value}\nSubject: Mail delivery failed\n\nIt came back.\n")
    assert [bounce.recipient for bounce in found] == expected


def test_failed_recipients_header_with_a_diagnosis_in_the_text() -> None:
    text = "The following address failed:\n\n  ann@example.com\n    550 5.1.1 no such user\n\nbye\n"
    found = bounces(f"{DAEMON}X-Failed-Recipients: ann@example.com\nSubject: Mail delivery failed\n\n{text}")
    assert found == (Bounce("ann@example.com", "5.1.1", "550 5.1.1 no such user"),)


def test_people_have_no_bounces() -> None:
    message = read_message(f"From: ann@example.com\nSubject: Hours\n\n{FAILED}".encode(), ReadSettings())
    assert (message.kind, message.bounces) == (Kind.PERSON, ())


def test_no_more_than_a_hundred() -> None:
    groups = "".join(
        f"\nFinal-Recipient: rfc822; a{number}@example.com\nStatus: 5.1.1\n" for number in range(500)
    )
    found = bounces(report(MTA + groups))
    assert [bounce.recipient for bounce in found] == [f"a{number}@example.com" for number in range(100)]


@pytest.mark.parametrize(
    "piece",
    [
        "a@",
        "<a@b",
        "<a@b.c>:",
        "a" * 100,
        "Final-Recipient: ",
        "\n ",
        "following address",
        "Message-ID: <",
        "5.",
        "@",
    ],
)
def test_hostile_reports_take_little_time(piece: str) -> None:
    mail = report(f"{MTA}\n{piece * 100_000}\n").replace("It came back.", piece * 50_000)
    assert_within(1, lambda: bounces(mail))
