"""The fingerprint, version 1, is frozen: these vectors hold for good, whatever becomes of the reader."""

from __future__ import annotations

import base64
import hashlib
import quopri
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.message import fingerprint as module
from emailint.message.fingerprint import fingerprint

HEAD = (
    b"From: Ann Lee <ann@example.com>\r\n"
    b"To: desk@example.org\r\n"
    b"Subject: Wrong hours\r\n on my slip\r\n"
    b"Date: Tue, 24 Nov 2026 18:00:05 +0000\r\n"
    b"Message-ID: <1@example.com>\r\n"
)
TEXT = "Grüße,\n\nmy hours are wrong.\n"
FILE = bytes(range(256)) * 3
PLAIN = HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + TEXT.replace("\n", "\r\n").encode()


def part(kind: str, encoding: str, body: bytes) -> bytes:
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


def whole(boundary: str, *parts: bytes, head: bytes = HEAD, kind: str = "mixed") -> bytes:
    delimiter = f"--{boundary}".encode()
    body = b"".join(delimiter + b"\r\n" + each + b"\r\n" for each in parts)
    return (
        head
        + f'MIME-Version: 1.0\r\nContent-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
        + body
        + delimiter
        + b"--\r\n"
    )


QUOTED = quopri.encodestring(TEXT.encode()).replace(b"\n", b"\r\n")
BASE64 = base64.encodebytes(TEXT.encode()).replace(b"\n", b"\r\n")
ATTACHED = part("application/octet-stream", "base64", base64.encodebytes(FILE).replace(b"\n", b"\r\n"))
MIXED = whole("abc", part("text/plain; charset=utf-8", "8bit", TEXT.replace("\n", "\r\n").encode()), ATTACHED)

VECTORS = {
    "nothing": (b"", "1:2c34ce1df23b838c5abf2a7f6437cca3d3067ed509ff25f11df6b11b582b51eb"),
    "plain": (PLAIN, "1:ab074d249534eeac567e66432787367d4e2d6c45f0601535d3542cf2867ae9ea"),
    "mixed": (MIXED, "1:94852cd6b224fe574f911bf2349d0dd0aab7caecfe2344a5d41c2fd81c1707c7"),
    "headers only": (HEAD, "1:e2b6a202851b92a2fee082d85287585fdf71535f51f94c3393b0aba6410eaaff"),
    "no headers": (
        b"\r\nJust text  \r\n\r\n",
        "1:b18eca6cd0ea7d98748b02a6a3cf7f1de7894af8bbc9adba318ddd9d7649d812",
    ),
    "no blank line": (
        HEAD + b"Just text, and no blank line before it\r\n",
        "1:310cf0f2d34a89c5e5aee3fa62d76e3ef7c147b28837f25ea4f0ff9bd9789f79",
    ),
    "boundary never met": (
        HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\nText\r\n",
        "1:3dedeb21aa3fd865ef55f5f678def1af124d2c7946ae527137edbd103d44f56d",
    ),
    "no boundary": (
        HEAD + b"Content-Type: multipart/mixed\r\n\r\nText\r\n",
        "1:3dedeb21aa3fd865ef55f5f678def1af124d2c7946ae527137edbd103d44f56d",
    ),
    "message inside": (
        whole("abc", part("text/plain", "7bit", b"See"), b"Content-Type: message/rfc822\r\n\r\n" + PLAIN),
        "1:e1d348693acee74e518629969170a5353c786ecdb8d771dd77ee5eac0d0f7b09",
    ),
    "broken encodings": (
        whole(
            "abc",
            part("text/plain", "quoted-printable", b"a=XY =\t \r\nb=3D="),
            part("text/plain", "base64", b"QUJD!QQ==QUI=Q"),
        ),
        "1:fbbcf67375fd37013e4f71f729a9ff5e489990240d6a62c606f81a002730009d",
    ),
    "lone carriage returns": (
        HEAD.replace(b"\r\n", b"\r") + b"\rText\r\rmore \r",
        "1:8fcb9b0dbb1b243bc455f4de6ca1dfc8705f5ad253bdf4a94bebc6cb02882981",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_vectors_hold(name: str) -> None:
    raw, expected = VECTORS[name]
    assert fingerprint(raw) == expected


@pytest.mark.parametrize(
    "form",
    [
        b"%s\n",
        b"From: a@example.com\nSubject: Form\n%s\n",
        b"From: a@example.com\nSubject: Form\nAmount: %s",
        b"From: a@example.com\nSubject: Form\n \n%s\n\nThe same.\n",
        b"From: a@example.com\nSubject: Form\n\t\nAmount: %s\n\nThe same.\n",
        b"From: a@example.com\n%s\nSubject: Form\n\nThe same.\n",
        b"\n%s\n\nThe same.\n",
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n%s\n--b--\n",
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n%s\n--b--\n",
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n \nA: %s\n\nThe same.\n--b--\n",
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nText %s\n\nThe same.\n--b--\n",
    ],
)
def test_what_is_no_header_is_never_passed_over(form: bytes) -> None:
    marks = {fingerprint(form % word) for word in (b"one", b"two", b"three words here")}
    assert len(marks) == 3
    crlf = form.replace(b"\n", b"\r\n")
    assert fingerprint(crlf % b"one") == fingerprint(form % b"one")


def test_the_definition_is_what_is_computed() -> None:
    values = (
        b"<1@example.com>",
        b"Ann Lee <ann@example.com>",
        b"Tue, 24 Nov 2026 18:00:05 +0000",
        b"Wrong hours on my slip",
        TEXT.rstrip().encode(),
        b"\n".join(line.rstrip() for line in FILE.splitlines()).rstrip(),
    )
    digest = hashlib.sha256(b"".join(len(value).to_bytes(8, "big") + value for value in values))
    assert fingerprint(MIXED) == f"1:{digest.hexdigest()}"


@pytest.mark.parametrize(
    "same",
    [
        MIXED.replace(b"abc", b"----=_NextPart_000_0001"),
        MIXED.replace(b"\r\n", b"\n"),
        MIXED.replace(b"\r\n", b"\r"),
        b"Received: from a by b; Tue, 24 Nov 2026 18:00:05 +0000\r\nList-Id: <x.example.org>\r\n" + MIXED,
        b"\xef\xbb\xbf\r\n" + MIXED,
        b"From ann@example.com Tue Nov 24 18:00:05 2026\r\n" + MIXED,
        MIXED.replace(b"Wrong hours\r\n on my slip", b"Wrong  hours \r\n\ton my\r\n slip  "),
        MIXED.replace(b"Subject:", b"SUBJECT :"),
        MIXED.replace(
            b"To: desk@example.org\r\n", b"To: other@example.org\r\nSubject: second\r\n", 1
        ).replace(b"Subject: second\r\n", b""),
        whole("abc", part("text/plain; charset=utf-8", "quoted-printable", QUOTED), ATTACHED),
        whole("abc", part("text/plain", "BASE64 (why not)", BASE64), ATTACHED),
        whole("abc", part("text/plain", "8bit", TEXT.encode() + b" \t\n\n"), ATTACHED, kind="related"),
        whole("abc", whole("in", part("text/plain", "8bit", TEXT.encode()), head=b""), ATTACHED),
        MIXED.replace(b'boundary="abc"\r\n\r\n', b'boundary="abc"\r\n\r\nA preamble.\r\n')
        + b"An epilogue.\r\n",
        MIXED.replace(b"octet-stream\r\n", b'octet-stream; name="a.bin"\r\nContent-ID: <x>\r\n'),
        MIXED.replace(base64.encodebytes(FILE).replace(b"\n", b"\r\n"), base64.b64encode(FILE) + b"\r\n"),
    ],
)
def test_what_transport_changes_does_not_count(same: bytes) -> None:
    assert same != MIXED
    assert fingerprint(same) == fingerprint(MIXED)


@pytest.mark.parametrize(
    "other",
    [
        MIXED.replace(b"my hours", b"My hours"),
        MIXED.replace(b"my hours", b"my  hours"),
        MIXED.replace(b"AAEC", b"AAED", 1),
        MIXED.replace(b"<1@", b"<2@"),
        MIXED.replace(b"Ann Lee", b"Ann Le"),
        MIXED.replace(b"18:00:05", b"18:00:06"),
        MIXED.replace(b"Wrong hours", b"Wrong hour"),
        whole("abc", ATTACHED, part("text/plain", "8bit", TEXT.encode())),
        whole("abc", part("text/plain", "8bit", TEXT.encode())),
        whole("abc", part("text/plain", "8bit", TEXT.encode()), ATTACHED, ATTACHED),
        whole("abc", part("text/plain", "8bit", TEXT.encode()), part("text/plain", "8bit", b""), ATTACHED),
        b"Message-ID: <0@example.com>\r\n" + MIXED,
    ],
)
def test_another_content_is_another_message(other: bytes) -> None:
    assert fingerprint(other) != fingerprint(MIXED)


def test_values_cannot_run_into_each_other() -> None:
    assert fingerprint(b"From: ab\r\n\r\n") != fingerprint(b"From: a\r\nDate: b\r\n\r\n")
    one, two = (
        whole("x", part("a/b", "7bit", b"ab"), part("a/b", "7bit", b"c")),
        whole("x", part("a/b", "7bit", b"a"), part("a/b", "7bit", b"bc")),
    )
    assert fingerprint(one) != fingerprint(two)


def test_base64_is_decoded_alike_on_both_ways() -> None:
    lines = base64.encodebytes(FILE)
    for damaged in (lines, lines.rstrip(b"=\n"), lines + b"=", lines.replace(b"\n", b"!\n"), b"=" + lines):
        digits = bytes(code for code in damaged if chr(code).isalnum() or code in b"+/")
        expected = base64.b64decode(digits + b"=" * (-len(digits) % 4))
        assert module._base64(b"--" + damaged + b"==", 2, 2 + len(damaged)) == expected


@given(st.binary(max_size=200), st.integers(1, 9))
def test_long_bodies_are_normalised_in_stretches(data: bytes, stretch: int) -> None:
    expected = b"\n".join(line.rstrip() for line in data.splitlines()).rstrip()
    before = module._STRETCH
    module._STRETCH = stretch
    try:
        assert module.normal(data) == expected
    finally:
        module._STRETCH = before


@given(st.binary(max_size=400))
def test_any_bytes_have_one_and_line_ends_do_not_count(data: bytes) -> None:
    mark = fingerprint(data)
    assert len(mark) == 66
    assert mark.startswith("1:")
    assert fingerprint(HEAD + b"\r\n" + data) == fingerprint(HEAD + b"\r\n" + data + b" \r\n")


@given(st.text(max_size=300), st.text(alphabet="abc_'()+,./:=?-", min_size=1, max_size=30))
def test_encoding_and_boundary_do_not_count(text: str, boundary: str) -> None:
    data = text.encode().replace(b"--", b"").replace(b"\r", b"")
    quoted = quopri.encodestring(data, quotetabs=True)
    forms = [
        whole(boundary, part("text/plain", "base64", base64.encodebytes(data))),
        whole("other", part("text/plain", "quoted-printable", quoted)),
        whole("0", part("text/plain", "8bit", data)),
        HEAD + part("text/plain", "base64", base64.encodebytes(data)),
    ]
    assert len({fingerprint(form) for form in forms}) == 1


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 100_000,
        HEAD
        + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)),
        HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" for n in range(3000)),
        b"Subject: " + b"x" * 5_000_000 + b"\r\n\r\n",
        b"Subject: " + b"x\r\n " * 500_000 + b"\r\n\r\n",
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b" * 700_000,
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\n--bx" * 300_000,
        HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=4Z=42=\r\n" * 200_000,
        b"\r" * 2_000_000,
    ],
    ids=range(9),
)
def test_it_takes_linear_time(raw: bytes) -> None:
    started = time.process_time()
    fingerprint(raw)
    assert time.process_time() - started < 1.5


def test_a_message_of_too_many_parts_counts_as_a_whole() -> None:
    def mail(boundary: str, count: int) -> bytes:
        return whole(boundary, *[part("text/plain", "8bit", b"x")] * count)

    assert fingerprint(mail("b", module.PARTS)) == fingerprint(mail("c", module.PARTS))
    assert fingerprint(mail("b", module.PARTS + 1)) != fingerprint(mail("c", module.PARTS + 1))
