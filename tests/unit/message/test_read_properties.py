"""What holds for every mail: it is read, nothing of its text is lost, and any reader takes the record."""

from __future__ import annotations

import base64
import json
import os
import quopri
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emailint.message import read_headers, read_message, read_minimal, wire
from emailint.message.model import ReadSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.message.model import InboundMessage

SOAK = os.environ.get("EMAILINT_SOAK") == "1"
MUTATIONS = 100_000 if SOAK else 2_000
MAILS = sorted((Path(__file__).parents[2] / "data" / "messages").glob("*.eml"))
HEAD = b"From: Ann <ann@example.com>\r\nTo: desk@example.org\r\nSubject: Question\r\n"
SETTINGS = ReadSettings(own_addresses=frozenset({"desk@example.org"}), authserv_id="mx.example.org")

LINES = st.lists(
    st.one_of(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=40),
        st.sampled_from(
            [
                *(
                    "",
                    "> quoted",
                    ">> twice",
                    "-- ",
                    "--",
                    "On Tue, Ann wrote:",
                    "Am 24.11.2026 schrieb Ann:",
                ),
                *("From: Ann", "Sent: Tuesday", "To: Bob", "Subject: x", "-----Original Message-----"),
                *("_" * 32, "begin 644 a.txt", "end", "=ybegin line=1 name=x", "Sent from my iPhone", "<p>"),
            ]
        ),
    ),
    max_size=20,
)


def checked(message: InboundMessage) -> InboundMessage:
    """What any message must be, however broken the mail."""
    data = wire.to_json(message)
    assert data.isascii()
    assert b"\n" not in data
    json.loads(data)
    assert wire.from_json(data) == message
    for text in (message.subject, message.text, message.quoted, message.html or "", *message.defects):
        text.encode()
    assert "\r" not in message.text + message.quoted
    assert "\n" not in message.subject
    assert (message.sender is None) == (message.sender_problem is not None)
    assert not any(defect.startswith("parse_failed") for defect in message.defects)
    assert not any("could not be read (" in defect for defect in message.defects)
    return message


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def encoded(text: str, encoding: str) -> bytes:
    data = text.encode()
    if encoding == "base64":
        return base64.encodebytes(data)
    return quopri.encodestring(data, quotetabs=True) if encoding == "quoted-printable" else data


@given(st.binary(max_size=600))
def test_any_bytes_are_a_message(raw: bytes) -> None:
    checked(read_message(raw, SETTINGS))


@given(st.binary(max_size=300))
def test_any_headers_and_any_minimal_reading(raw: bytes) -> None:
    assert read_headers(raw, SETTINGS).text == ""
    minimal = read_minimal(raw, SETTINGS, "it broke")
    assert minimal.defects[0] == "parse_failed: it broke"
    assert minimal.attachments[0].content == raw
    assert minimal.fingerprint == read_message(raw, SETTINGS).fingerprint


@given(LINES, st.sampled_from(["7bit", "base64", "quoted-printable"]))
def test_every_word_of_a_text_is_in_text_or_history(lines: list[str], encoding: str) -> None:
    text = "\n".join(lines)
    raw = (
        HEAD + f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n".encode()
    )
    message = checked(read_message(raw + encoded(text, encoding), SETTINGS))
    files = "".join(file.content.decode("utf-8", "replace") + f" {file.name}" for file in message.attachments)
    if not message.attachments:
        assert sorted(words(message.text + "\n" + message.quoted)) == sorted(words(text))
    else:
        assert "begin" in text or "ybegin" in text
        assert files


@given(st.lists(LINES, min_size=1, max_size=4))
def test_every_word_of_every_part_is_there(parts: list[list[str]]) -> None:
    texts = ["\n".join(line for line in part if "begin" not in line and line != "end") for part in parts]
    body = "".join(f"\n--=b=\nContent-Type: text/plain; charset=utf-8\n\n{text}" for text in texts)
    raw = HEAD + b'Content-Type: multipart/mixed; boundary="=b="\n\n' + body.encode() + b"\n--=b=--\n"
    message = checked(read_message(raw, SETTINGS))
    assert sorted(words(message.text + "\n" + message.quoted)) == sorted(words("\n".join(texts)))


@given(
    st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8), max_size=30), st.data()
)
def test_every_word_of_html_is_there(spoken: list[str], data: st.DataObject) -> None:
    spoken = [word for word in spoken if word.isalnum()]
    tags = ["p", "div", "b", "blockquote", "li", "ul", "td", "tr", "table", "span", "pre", "h1", "a href='#'"]
    html = ""
    for word in spoken:
        opening = data.draw(st.sampled_from(tags))
        ending = f"</{opening.split()[0]}>" if data.draw(st.booleans()) else ""
        html += f"<{opening}> {word} {ending}"
    raw = HEAD + b"Content-Type: text/html; charset=utf-8\n\n" + html.encode()
    message = checked(read_message(raw, SETTINGS))
    assert sorted(words(message.text + "\n" + message.quoted)) == sorted(words(" ".join(spoken)))


@given(st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=80)), max_size=6))
def test_every_attachment_is_there(files: list[tuple[str, bytes]]) -> None:
    raw = HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHello\n"
    for name, content in files:
        word = base64.b64encode(name.encode("utf-8", "replace")).decode()
        raw += (
            f'--b\nContent-Type: application/x-data; name="=?utf-8?B?{word}?="\n'
            "Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(content).decode() + "\n"
        ).encode()
    message = checked(read_message(raw + b"--b--\n", SETTINGS))
    assert [attachment.content for attachment in message.attachments] == [content for _, content in files]
    assert [attachment.name for attachment in message.attachments] == [
        name.encode("utf-8", "replace").decode() or "attachment.bin" for name, _ in files
    ]


def mutations(count: int, seed: int) -> Iterator[bytes]:
    """Mails of the collection, each changed in one to four places."""
    chance = random.Random(seed)
    mails = [path.read_bytes() for path in MAILS]
    pieces = [
        *(b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b";", b'"', b"=?", b"?=", b"--", b"<", b">", b"(", b")"),
        *(b"\xff", b"\xef\xbb\xbf", b"=3D", b"=\r\n", b"charset=", b"boundary=", b"\x1b$B", b"<!--", b"&#"),
        *(b"Content-Type: multipart/mixed\r\n", b"Content-Transfer-Encoding: base64\r\n", b"''", b"%"),
    ]
    for _ in range(count):
        mail = bytearray(chance.choice(mails)[:20_000])
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(mail) + 1)
            length = min(chance.choice((1, 1, 2, 10, 100)), len(mail) - place)
            match chance.randrange(6):
                case 0:
                    mail[place : place + length] = chance.randbytes(length)
                case 1:
                    del mail[place : place + length]
                case 2:
                    mail[place:place] = chance.choice(pieces) * chance.choice((1, 1, 1, 50))
                case 3:
                    mail[place:place] = mail[place : place + length]
                case 4:
                    other = chance.choice(mails)
                    start = chance.randrange(len(other) + 1)
                    mail[place:place] = other[start : start + 300]
                case _:
                    del mail[place:]
        yield bytes(mail)


@pytest.mark.timeout(3_600)
def test_mutated_mails_are_read_without_exception_in_time() -> None:
    slowest = 0.0
    for mail in mutations(MUTATIONS, seed=20_261_124):
        started = time.process_time()
        checked(read_message(mail, SETTINGS))
        slowest = max(slowest, time.process_time() - started)
    assert slowest < 2.0


@settings(max_examples=5_000 if SOAK else 60)
@given(st.sampled_from([path.name for path in MAILS]), st.data())
def test_a_mail_that_was_cut_off_is_read(name: str, data: st.DataObject) -> None:
    raw = (MAILS[0].parent / name).read_bytes()
    checked(read_message(raw[: data.draw(st.integers(0, len(raw)))], SETTINGS))


def test_threads_read_side_by_side() -> None:
    mails = [path.read_bytes() for path in MAILS]
    alone = [read_message(mail, SETTINGS) for mail in mails]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda mail: read_message(mail, SETTINGS), mails)) == alone
