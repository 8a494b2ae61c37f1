"""Limits of what is read (size, count, depth, time, memory): each ends as a whole message that says so."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from emailint.message import read_headers, read_message, read_minimal
from emailint.message.model import InboundMessage, Limits, ReadSettings
from tests.support.timing import assert_within

HEAD = b"From: Ann <ann@example.com>\r\nTo: desk@example.org\r\nSubject: Question\r\n"
FILE = b"--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n0123456789\r\n"
NESTED = b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n"
MIXED = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nHello\r\n'


def limited(**limits: int) -> ReadSettings:
    return ReadSettings(limits=replace(Limits(), **limits))


@pytest.mark.parametrize(
    ("raw", "limits", "defect"),
    [
        (HEAD + b"X: y\r\n" * 20 + b"\r\nHello", {"headers": 10}, "more than 10 header fields"),
        (HEAD + b"X: " + b"y" * 999 + b"\r\n\r\nHello", {"header_block": 500}, "headers are over 500 octets"),
        (HEAD + MIXED + FILE * 5 + b"--b--\r\n", {"parts": 4}, "more than 4 parts"),
        (HEAD + MIXED + FILE * 5 + b"--b--\r\n", {"attachments": 3}, "more than 3 attachments"),
        (HEAD + MIXED + FILE * 5 + b"--b--\r\n", {"decoded": 30}, "more than 30 octets decoded"),
        (
            HEAD + b"".join(NESTED % (number, number) for number in range(9)),
            {"depth": 5},
            "nested more than 5 deep",
        ),
    ],
)  # fmt: skip
def test_over_a_limit_the_mail_itself_is_kept(raw: bytes, limits: dict[str, int], defect: str) -> None:
    message = read_message(raw, limited(**limits))
    assert any(defect in each for each in message.defects)
    assert message.subject == "Question"
    assert message.attachments[-1].name == "message.eml"
    assert message.attachments[-1].content_type == "message/rfc822"
    assert message.attachments[-1].content == raw
    unlimited = read_message(raw, ReadSettings())
    assert unlimited.fingerprint == message.fingerprint
    assert all(each.name != "message.eml" for each in unlimited.attachments)


def test_what_fits_is_still_read() -> None:
    message = read_message(HEAD + MIXED + FILE * 5 + b"--b--\r\n", limited(attachments=3))
    assert message.text == "Hello"
    assert [each.name for each in message.attachments] == ["a.pdf"] * 3 + ["message.eml"]


def test_one_long_header_is_cut() -> None:
    recipients = b", ".join(b"user%d@example.org" % number for number in range(100))
    message = read_message(HEAD.replace(b"desk@example.org", recipients) + b"\r\nHello", limited(header=200))
    assert "header To is over 200 octets and was cut" in message.defects
    assert message.text == "Hello"
    assert all(each.address.endswith("@example.org") for each in message.recipients["To"])


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_long_text_is_cut_in_the_record_and_whole_in_a_file(kind: str) -> None:
    text = "Grüße und mehr\n" * 1_000
    body = text if kind == "plain" else f"<p>{text}</p>"
    raw = HEAD + f"Content-Type: text/{kind}; charset=utf-8\r\n\r\n{body}".encode()
    message = read_message(raw, limited(text=5_000))
    assert len(message.text.encode()) <= 5_000
    assert message.text.startswith("Grüße und mehr")
    assert any("5,000" in each or "too long" in each for each in message.defects)
    if kind == "plain":
        assert message.attachments[0].name == "text.txt"
        assert message.attachments[0].content.decode().split() == text.split()
    else:
        assert message.attachments[0].name == "body.html"
        assert message.attachments[0].content.decode().split("<p>")[1].startswith(text)


def test_a_text_beyond_the_limit_keeps_its_history_apart() -> None:
    history = "".join(f"> line {number}\n" for number in range(2_000))
    raw = HEAD + f"\r\nNew text.\n\nOn Tue, 24 Nov 2026 at 18:00, Bob wrote:\n{history}".encode()
    message = read_message(raw, limited(text=2_000))
    assert message.text == "New text."
    assert message.quoted.startswith("On Tue")
    assert b"> line 1999" in message.attachments[0].content


def test_a_mail_over_the_size_is_read_by_its_headers() -> None:
    message = read_message(HEAD + b"\r\n" + b"x" * 2_000, limited(message=1_000))
    assert (message.subject, message.text, message.attachments) == ("Question", "", ())
    assert message.defects[-1] == "the mail is over 1,000 octets: only its headers were read"
    assert message.sender is not None


def test_headers_alone_are_read() -> None:
    message = read_headers(
        HEAD + b"Auto-Submitted: auto-replied\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    assert message.subject == "Question"
    assert message.sender is not None
    assert message.kind.value == "auto_reply"
    assert message.defects == ("the mail is over 35,000,000 octets: only its headers were read",)


def test_the_minimal_reading_holds_headers_and_the_mail_itself() -> None:
    raw = HEAD + MIXED + FILE + b"--b--\r\n"
    message = read_minimal(raw, ReadSettings(), "MemoryError: ")
    assert message.subject == "Question"
    assert message.text == ""
    assert message.html is None
    assert [(each.name, each.content_type, each.content) for each in message.attachments] == [
        ("message.eml", "message/rfc822", raw)
    ]
    assert message.defects == ("parse_failed: MemoryError: ",)
    assert message.fingerprint == read_message(raw).fingerprint


def test_a_fault_of_the_reader_costs_no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("emailint.message.structure.Cutter.message", broken)
    message = read_message(HEAD + b"\r\nHello")
    assert message.defects[0] == "parse_failed: RecursionError: too deep"
    assert message.subject == "Question"
    assert message.attachments[0].content.endswith(b"Hello")


def test_a_fault_in_one_field_costs_only_that_field(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("emailint.message.dates.parse", broken)
    message = read_message(HEAD + b"Date: Tue, 24 Nov 2026 18:00:05 +0000\r\n\r\nHello")
    assert message.defects == ("Date could not be read (KeyError)",)
    assert (message.date, message.text) == (None, "Hello")


def typed(kind: bytes, body: bytes) -> bytes:
    return HEAD + b"Content-Type: " + kind + b"\r\n\r\n" + body


def subject(value: bytes) -> bytes:
    return HEAD.replace(b"Question", value) + b"\r\nHello"


def encoded(encoding: bytes, body: bytes) -> bytes:
    return HEAD + b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body


def repeated(kind: bytes, body: bytes, parts: int = 190) -> bytes:
    part = b"--b\r\nContent-Type: " + kind + b"\r\n\r\n" + body + b"\r\n"
    return HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * parts + b"--b--\r\n"


HOSTILE = {
    "100,000 parts": typed(b"multipart/mixed; boundary=b", b"--b\r\n\r\nx\r\n" * 100_000),
    "100,000 empty parts": typed(b"multipart/mixed; boundary=b", b"--b\r\n" * 100_000),
    "3,000 nested parts": HEAD + b"".join(NESTED % (number, number) for number in range(3_000)),
    "3,000 nested parts, one boundary": HEAD
    + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * 3_000,
    "3,000 nested messages": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 3_000,
    "5 MB header line": subject(b"x" * 5_000_000),
    "5 MB of encoded words": subject(b"=?utf-8?q?a?= " * 350_000),
    "5 MB folded header": subject(b"x\r\n " * 1_250_000),
    "20,000 addresses": HEAD.replace(
        b"desk@example.org", b", ".join(b"a%d@example.org" % number for number in range(20_000))
    )
    + b"\r\nHello",
    "20,000 commas": HEAD.replace(b"desk@example.org", b"," * 20_000) + b"\r\nHello",
    "20,000 parameters": typed(b"text/plain" + b"; x=y" * 20_000, b"Hello"),
    "20,000 parts of a parameter": typed(
        b"a/b" + b"".join(b"; name*%d=y" % n for n in range(20_000)), b"Hello"
    ),
    "100,000 headers": HEAD + b"X: y\r\n" * 100_000 + b"\r\nHello",
    "300,000 lines that are no header": HEAD + b"junk\r\n" * 300_000 + b"\r\nHello",
    "5,000 parentheses in From": HEAD.replace(b"Ann", b"(" * 5_000) + b"\r\nHello",
    "boundaries in one line": typed(b"multipart/mixed; boundary=b", b"--b" * 400_000),
    "guessed boundaries": typed(b"multipart/mixed", b"--x\r\na:\r\n" * 100_000),
    "short lines": typed(b"text/plain", b"x\r\n" * 400_000),
    "blank lines": typed(b"text/plain", b"\r\n" * 500_000),
    "flowed lines": typed(b"text/plain; format=flowed", b"x \r\n" * 80_000),
    "begin lines": typed(b"text/plain", b"begin 644 a\r\n" * 30_000 + b"end\r\n"),
    "legacy text": typed(b"text/plain", "Größe ".encode("latin-1") * 150_000),
    "all bytes": typed(b"text/plain", bytes(range(256)) * 3_500),
    "BER": typed(b"application/pkcs7-mime", b"\x30\x80" * 400_000),
    "TNEF": typed(
        b"application/ms-tnef", b"\x78\x9f\x3e\x22\x01\x00" + b"\x02\x02\x90\x06" + b"\0" * 900_000
    ),
    "calendar": typed(b"text/calendar", b"BEGIN:VEVENT\r\nSUMMARY:x\r\nEND:VEVENT\r\n" * 25_000),
    "html: paragraphs": typed(b"text/html", b"<p>Hello <b>you</b></p>\r\n" * 15_000),
    "html: 4 MB": typed(b"text/html", b"<p>Hello <b>you</b></p>\r\n" * 160_000),
    "html: angle brackets": typed(b"text/html", b"<" * 390_000),
    "html: open quotes": typed(b"text/html", b'<a "' * 98_000),
    "html: open comments": typed(b"text/html", b"<!--" * 98_000),
    "html: open scripts": typed(b"text/html", b"<script>" * 49_000),
    "html: hidden": typed(b"text/html", b"<p style='display:none'>" * 16_000),
    "html: formatting": typed(b"text/html", b"<b>" * 300 + b"<p>x" * 40_000),
    "html: lists": typed(b"text/html", b"<ul><li>" * 20_000),
    "html: tables": typed(b"text/html", b"<table><tr><td>" * 12_000),
    "html: rows": typed(b"text/html", b"<table>" + b"<tr><td>a<td>b" * 12_000),
    "html: one wide cell": typed(b"text/html", b"<table><tr><td>" + b"x" * 110 + b"<tr><td>a<td>b" * 12_000),
    "html: one wide row": typed(b"text/html", b"<table><tr>" + b"<td>x" * 20_000 + b"<tr><td>y<td>z" * 9_000),
    "html: preformatted": typed(b"text/html", b"<pre>\n\n" * 55_000),
    "html: links": typed(b"text/html", b"[x](" * 98_000),
    "8 MB of flowed lines": typed(b"text/plain; format=flowed", b"x \r\n" * 2_000_000),
    "quoted flowed lines": typed(b"text/plain; format=flowed", b"> x\r\n" * 500_000),
    "odd signs in quoted-printable": encoded(b"quoted-printable", b"= " * 2_500_000),
    "soft breaks in quoted-printable": encoded(b"quoted-printable", b"=Z=\n" * 1_250_000),
    "padding in base64": encoded(b"base64", b"QQ==\n" * 1_000_000),
    "5 MB of words in the subject": subject(b"a " * 2_500_000),
    "lines like a boundary": typed(b"multipart/mixed; boundary=B", b"--Bx\n" * 4_000_000),
    "lines like all nested boundaries": HEAD
    + b"".join(NESTED.replace(b"%d", b"B" * number) for number in range(1, 20))
    + (b"--" + b"B" * 40 + b"\r\n") * 350_000,
    "190 parts of text": repeated(b"text/plain", b"On x, y wrote:\n" * 7_000),
    "html: 190 parts, 1.5 MB": repeated(b"text/html", b"<p>x</p>" * 1_000),
    "html: 190 parts, 18 MB": repeated(b"text/html", b"<p>x</p>" * 12_000),
    "html: 190 parts, hidden": repeated(b"text/html", b"<p style='display:none'>x</p>y" * 3_000),
    "190 parts of legacy text": repeated(b"text/plain", bytes(range(160, 255)) * 1_000),
    "190 file names of legacy text": repeated(b"a/b", b"x", 190).replace(
        b"a/b", b'a/b; name="' + bytes(range(160, 255)) * 40 + b'"'
    ),
    "Japanese of Windows": typed(b"text/plain; charset=iso-2022-jp", b"\x1b$B" + b'-!$"' * 1_000_000),
    "html: quotations": typed(b"text/html", b"<blockquote>x" * 12_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_ends_as_a_case_in_under_two_seconds(name: str) -> None:
    raw = HOSTILE[name]
    read: list[InboundMessage] = []
    assert_within(2.0, lambda: read.append(read_message(raw)))
    message = read[-1]
    assert not any("could not be read (" in each or "parse_failed" in each for each in message.defects)
    assert len(message.attachments) <= Limits().attachments + 3
    assert len(message.text) + len(message.quoted) <= 2_000_000
    assert message.size == len(raw)


MEASURED = """
import resource, sys
from emailint.message import read_message
raw = sys.stdin.buffer.read()
for module in ("nh3", "inscriptis", "charset_normalizer", "lxml.html"): __import__(module)
read_message(b"Subject: x\\n\\n<html>x")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read_message(raw)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize(
    "name",
    [
        "100,000 parts",
        "3,000 nested parts",
        "5 MB header line",
        "20,000 addresses",
        "20,000 parameters",
        "html: rows",
        "8 MB of flowed lines",
        "odd signs in quoted-printable",
        "soft breaks in quoted-printable",
        "padding in base64",
        "5 MB of words in the subject",
        "lines like a boundary",
    ],
)
def test_hostile_mail_takes_under_200_mb(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURED], input=HOSTILE[name], capture_output=True, check=True
    )
    assert int(done.stdout) * (1 if sys.platform == "darwin" else 1024) < 200_000_000
