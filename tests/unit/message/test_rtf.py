from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.message import rtf, tnef

COMPRESSED = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a00726370673132354232 0af32068656c090020627705b06c647d0a800fa0"
)
"""The example of MS-OXRTFCP section 4.1.1."""
DOCUMENT = b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


def test_the_published_example_is_unpacked() -> None:
    assert rtf.decompressed(COMPRESSED) == DOCUMENT
    assert rtf.text(DOCUMENT) == "hello world"


def test_what_was_not_compressed_is_taken_as_it_is() -> None:
    assert rtf.decompressed(b"\0" * 8 + b"MELA" + b"\0" * 4 + DOCUMENT) == DOCUMENT
    assert rtf.decompressed(b"anything else") is None


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (rb"{\rtf1 a\par b\line c\tab d}", "a\nb\nc\td"),
        (
            rb"{\rtf1{\fonttbl{\f0 Arial;}}{\colortbl;\red0;}{\*\generator x;}\f0\fs20 Hello {\b you}}",
            "Hello you",
        ),
        (rb"{\rtf1\ansicpg1252 Gr\'fc\'dfe}", "Grüße"),
        (rb"{\rtf1\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2}", "Привет"),
        (rb"{\rtf1\ansicpg932 \'82\'a0\'82\'a2}", "あい"),
        (rb"{\rtf1\uc1 Gr\u252?\u223?e}", "Grüße"),
        (rb"{\rtf1\uc2 \u252\'3f\'3fx}", "üx"),
        (rb"{\rtf1 \{braces\} and \\slash\~fixed}", "{braces} and \\slash\xa0fixed"),
        (rb"{\rtf1\fromhtml1 {\*\htmltag64 <p>}Hello{\*\htmltag72 </p>}\par}", "Hello\n"),
        (rb"{\rtf1 never closed {\b bold", "never closed bold"),
        (b"no rtf", ""),
    ],
)
def test_the_words_of_a_document(document: bytes, text: str) -> None:
    assert rtf.text(document) == text


@given(st.binary(max_size=200))
def test_any_bytes_are_read(data: bytes) -> None:
    rtf.text(b"{\\rtf1 " + data)
    unpacked = rtf.decompressed(b"\0" * 8 + b"LZFu" + b"\0" * 4 + data)
    assert unpacked is not None
    assert len(unpacked) <= len(data) * 17


def test_a_bomb_is_cut() -> None:
    started = time.process_time()
    bomb = b"\0" * 8 + b"LZFu" + b"\0" * 4 + b"\xff" + b"\x00\x0f" * 400_000
    assert len(rtf.decompressed(bomb) or b"") <= rtf.MOST + 200
    rtf.text(b"{\\rtf1" + b"{" * 500_000)
    assert time.process_time() - started < 2.0


def attribute(level: int, name: int, data: bytes) -> bytes:
    return struct.pack("<BII", level, name, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def test_winmail_with_rich_text_alone_has_its_words() -> None:
    padded = COMPRESSED + b"\0" * (-len(COMPRESSED) % 4)
    properties = struct.pack("<IHHII", 1, 0x0102, 0x1009, 1, len(COMPRESSED)) + padded
    data = struct.pack("<IH", 0x223E9F78, 1) + attribute(1, 0x00069003, properties)
    opened = tnef.read(data)
    assert (opened.plain, opened.html, opened.attachments, opened.defect) == ("hello world", None, (), None)


def test_a_winmail_of_too_many_parts_is_left_shut() -> None:
    data = struct.pack("<IH", 0x223E9F78, 1) + attribute(2, 0x00069002, b"") * 3_000
    assert "too many parts" in (tnef.read(data).defect or "")


@given(st.binary(max_size=300))
def test_any_winmail_is_read(data: bytes) -> None:
    tnef.read(struct.pack("<IH", 0x223E9F78, 1) + data)
