"""How fast mail is read, beside the standard library, in one run: `python -m benchmarks.parse`.

The mix is 70 % text of 4 KB, 25 % HTML and text of 40 KB, 5 % with an attachment of 1 MB. `emailint` makes
all of a case's message (fingerprint, digest, text and history, cleaned HTML, attachments, kind); the two
policies of `email` give subject, addresses, date, id, text, HTML and attachments. CPU time, readers taking
turns; medians.
"""

from __future__ import annotations

import argparse
import base64
import email
import email.header
import email.message
import email.policy
import email.utils
import quopri
import random
import statistics
import sys
import time
from typing import TYPE_CHECKING

from emailint.message import read_message
from emailint.message.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIX = (("text", 70), ("html", 25), ("file", 5))
WORDS = (  # noqa: SIM905 - words read best as one text
    "please find attached the slip of november hours overtime naïve café Grüße Straße team payroll question "
    "about holiday pay week monday account number bank transfer wrong missing thank you kind regards"
).split()


def main() -> None:
    """Print a table: mails a second, time a mail, and how many times policy.default that is."""
    options = argparse.ArgumentParser(description="Measure how fast mail is read.")
    options.add_argument("--count", type=int, default=400, help="mails in the mix")
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    mails = list(mix(chosen.count))
    figures = measure(mails, chosen.rounds)
    base = figures["email.policy.default"]
    size = sum(map(len, mails)) / 1e6
    print(f"{len(mails)} mails, {size:.1f} MB, Python {sys.version.split()[0]}")
    for name, seconds in figures.items():
        print(
            f"{name:28} {len(mails) / seconds:8,.0f} mails/s {seconds / len(mails) * 1e6:8,.0f} µs a mail "
            f"{size / seconds:7,.0f} MB/s   x {base / seconds:.2f}"
        )


def measure(mails: list[bytes], rounds: int) -> dict[str, float]:
    """The median CPU time of each reader over all mails."""
    readers: dict[str, Callable[[bytes], object]] = {
        "emailint": read_message,
        "email.policy.default": with_default,
        "email.policy.compat32": with_compat32,
        "emailint, fingerprint alone": fingerprint,
    }
    taken: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(rounds):
        for name, reader in readers.items():
            started = time.process_time()
            for mail in mails:
                reader(mail)
            taken[name].append(time.process_time() - started)
    return {name: statistics.median(times) for name, times in taken.items()}


def with_default(raw: bytes) -> object:
    """Subject, addresses, date, id, bodies and attachments, by the modern policy."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    fields = [str(message[name]) for name in ("subject", "from", "to", "date", "message-id")]
    bodies = [message.get_body((kind,)) for kind in ("plain", "html")]
    texts = [body.get_content() if body is not None else "" for body in bodies]
    files = [
        (part.get_filename(), part.get_content_type(), part.get_content())
        for part in message.iter_attachments()
    ]
    return fields, texts, files


def with_compat32(raw: bytes) -> object:
    """The same by the old policy."""
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    fields = [_decoded(message[name]) for name in ("subject", "from", "to", "message-id")]
    addresses = email.utils.getaddresses(fields[1:3])
    date = email.utils.parsedate_to_datetime(message["date"])
    texts: list[str] = []
    files: list[object] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        payload = part.get_payload(decode=True)
        if part.get_filename():
            files.append((part.get_filename(), part.get_content_type(), payload))
        elif isinstance(payload, bytes):
            texts.append(payload.decode(part.get_content_charset() or "utf-8", "replace"))
    return fields, addresses, date, texts, files


def _decoded(value: str) -> str:
    return str(email.header.make_header(email.header.decode_header(value))) if "=?" in value else value


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


if __name__ == "__main__":
    main()
