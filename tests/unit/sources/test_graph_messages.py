"""Messages as Graph lists them: sizes, times, and headers without a body."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from emailint.message import read_headers
from emailint.message.model import ReadSettings
from emailint.sources.graph_messages import header_block, received_at, size_of
from emailint.sources.locus import graph_account, graph_id, graph_locus

SIZES: dict[str, tuple[Any, int | None]] = {
    "as asked": ([{"id": "Integer 0x0E08", "value": "4096"}], 4096),
    "as answered": ([{"id": "Integer 0xe08", "value": "7"}], 7),
    "64 bits": ([{"id": "Long 0x0E08", "value": "5000000000"}], 5_000_000_000),
    "another property": ([{"id": "Integer 0x0036", "value": "2"}], None),
    "no number": ([{"id": "Integer 0x0E08", "value": "-1"}], None),
    "none": ([], None),
    "null": (None, None),
    "no list": ("x", None),
    "odd": ([{}], None),
}


@pytest.mark.parametrize("case", SIZES)
def test_a_size_is_what_exchange_says_or_unknown(case: str) -> None:
    properties, expected = SIZES[case]
    assert size_of({"singleValueExtendedProperties": properties}) == expected


TIMES = {
    "2026-11-24T18:00:05Z": datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC),
    "2026-11-24T18:00:05.1234567Z": datetime(2026, 11, 24, 18, 0, 5, 123456, tzinfo=UTC),
    "2026-11-24T18:00:05": datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC),
    "2026-11-24T19:00:05+01:00": datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC),
    "": None,
    "yesterday": None,
    "2026-13-24T18:00:05Z": None,
}


@pytest.mark.parametrize("text", TIMES)
def test_times_are_in_utc(text: str) -> None:
    assert received_at({"receivedDateTime": text}) == TIMES[text]


def test_times_may_be_missing() -> None:
    assert received_at({}) is received_at({"receivedDateTime": None}) is None


def test_headers_keep_their_order_and_end_with_a_blank_line() -> None:
    named = [
        {"name": "Received", "value": "a"},
        {"name": "received", "value": "b"},
        {"name": "Subject", "value": "x"},
    ]
    assert header_block({"internetMessageHeaders": named}, 1_000) == (
        b"Received: a\r\nreceived: b\r\nSubject: x\r\n\r\n"
    )


def test_a_header_cannot_bring_a_second_one() -> None:
    named = [{"name": "Subject", "value": "x\r\nBcc: evil@example.net\r\n\r\nbody"}]
    block = header_block({"internetMessageHeaders": named}, 1_000)
    assert block.count(b"\r\n") == 2
    assert b"\nBcc" not in block


def test_mail_that_never_left_exchange_has_headers_all_the_same() -> None:
    message = {
        "from": {"emailAddress": {"name": "Ann Lée", "address": "ann@example.com"}},
        "toRecipients": [{"emailAddress": {"name": 'Pay "the" roll', "address": "payroll@example.org"}}],
        "ccRecipients": [],
        "subject": "Grüße",
        "internetMessageId": "<1@example.com>",
    }
    read = read_headers(header_block(message, 10_000), ReadSettings())
    assert (read.subject, read.message_id) == ("Grüße", "<1@example.com>")
    assert [(each.name, each.address) for each in read.senders] == [("Ann Lée", "ann@example.com")]
    assert [each.address for each in read.recipients["To"]] == ["payroll@example.org"]


@pytest.mark.parametrize("message", [{}, {"from": None, "toRecipients": None, "internetMessageHeaders": []}])
def test_a_message_without_anything_is_a_block_too(message: dict[str, Any]) -> None:
    assert header_block(message, 1_000).endswith(b"\r\n\r\n")


def test_a_locus_holds_the_id_as_it_is() -> None:
    account = graph_account("Graph.Microsoft.com", "Pay+roll/x@Example.org")
    assert account == "graph://graph.microsoft.com/pay+roll%2Fx@example.org"
    for identity in ("AAMkAGI2-_==", "a/b+c=", "ä é"):
        assert graph_id(account, graph_locus(account, identity)) == identity


@pytest.mark.parametrize(
    "locus",
    [
        "graph://graph.microsoft.com/other@example.org/AAMk",
        "graph://graph.microsoft.us/desk@example.org/AAMk",
        "graph://graph.microsoft.com/desk@example.org/",
        "graph://graph.microsoft.com/desk@example.org/a/b",
        "graph://graph.microsoft.com/desk@example.org",
        "imap://desk@example.org/INBOX;UIDVALIDITY=1/;UID=7",
        "",
    ],
)
def test_loci_of_others_are_not_ours(locus: str) -> None:
    assert graph_id(graph_account("graph.microsoft.com", "desk@example.org"), locus) is None
