"""The mail of the benchmarks: always the same, like what a desk gets."""

from __future__ import annotations

import base64
import quopri
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MIX = (("text", 70), ("html", 25), ("file", 5))
WORDS = (  # noqa: SIM905 - words read best as one text
    "please find attached the slip of november hours overtime naïve café Grüße Straße team payroll question "
    "about holiday pay week monday account number bank transfer wrong missing thank you kind regards"
).split()


def texts(count: int) -> Iterator[bytes]:
    """`count` mails of 4 KB of text, always the same."""
    chance = random.Random(20_261_125)
    for number in range(count):
        yield _mail(chance, number, "text")


def large(count: int, octets: int) -> Iterator[bytes]:
    """`count` mails with an attachment that makes each about so many octets long."""
    chance = random.Random(20_261_126)
    for number in range(count):
        body = _text("plain", "8bit", _prose(chance, 2_000))
        file = _file(chance.randbytes(octets * 57 // 78))
        yield _head(chance, number) + _parts("mixed", "=_mix", body, file)


def mix(count: int) -> Iterator[bytes]:
    """`count` mails, always the same, kinds in exact proportion."""
    chance = random.Random(20_261_124)
    kinds = [kind for kind, share in MIX for _ in range(round(count * share / 100))]
    chance.shuffle(kinds)
    for number, kind in enumerate(kinds):
        yield _mail(chance, number, kind)


def _mail(chance: random.Random, number: int, kind: str) -> bytes:
    head = _head(chance, number)
    if kind == "text":
        encoding = chance.choice(("8bit", "quoted-printable"))
        return head + _text("plain", encoding, _prose(chance, 2_800))
    paragraphs = (
        f'<p style="color:#333">{_prose(chance, 300)}</p>\n' for _ in range(70 if kind == "html" else 15)
    )
    rich = f"<html><head><style>p{{margin:0}}</style></head><body>{''.join(paragraphs)}</body></html>"
    plain = _text("plain", "quoted-printable", _prose(chance, 8_000 if kind == "html" else 2_000))
    both = _parts("alternative", "=_alt", plain, _text("html", "quoted-printable", rich))
    if kind == "html":
        return head + both
    return head + _parts("mixed", "=_mix", both, _file(chance.randbytes(740_000)))


def _head(chance: random.Random, number: int) -> bytes:
    trace = "".join(
        f"Received: from mx{hop}.example.com (mx.example.com [192.0.2.{hop}])\r\n\tby mail.example.org with "
        f"ESMTPS id {chance.randbytes(6).hex()};\r\n\tTue, 24 Nov 2026 18:00:05 +0000\r\n"
        for hop in range(3)
    )
    signature = "\r\n\t".join(base64.b64encode(chance.randbytes(48)).decode() for _ in range(5))
    return (
        f"Return-Path: <ann{number}@example.com>\r\n{trace}"
        f"DKIM-Signature: v=1; a=rsa-sha256; b={signature}\r\n"
        f"From: =?utf-8?Q?J=C3=B6rg_Lee?= <ann{number}@example.com>\r\nTo: Pay Roll <desk@example.org>\r\n"
        f"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_{number}?=\r\nDate: Tue, 24 Nov 2026 18:00:05 +0000\r\n"
        f"Message-ID: <{number}@example.com>\r\n"
        f"References: <{number}.a@example.org>\r\n <{number}.b@example.org>\r\n"
        "MIME-Version: 1.0\r\n"
    ).encode()


def _prose(chance: random.Random, length: int) -> str:
    lines: list[str] = []
    while sum(map(len, lines)) < length:
        lines.append(" ".join(chance.choices(WORDS, k=12)))
    return "\n".join(lines)


def _text(kind: str, encoding: str, text: str) -> bytes:
    data = text.encode() if encoding == "8bit" else quopri.encodestring(text.encode())
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + data.replace(b"\n", b"\r\n") + b"\r\n"


def _file(content: bytes) -> bytes:
    head = (
        'Content-Type: application/pdf; name="slip.pdf"\r\n'
        'Content-Disposition: attachment; filename="slip.pdf"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + base64.encodebytes(content).replace(b"\n", b"\r\n")


def _parts(kind: str, boundary: str, *parts: bytes) -> bytes:
    delimiter = f"--{boundary}".encode()
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
    return head + b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts) + delimiter + b"--\r\n"
