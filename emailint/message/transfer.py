"""Content-Transfer-Encoding undone (RFC 2045 section 6), leniently, in linear time; nothing raises."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOT_BASE64 = bytes(
    code
    for code in range(256)
    if code not in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
)
_ODD_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n)")
_SOFT_BREAK = re.compile(rb"=[ \t]*(?:\r\n|\n|\r)")
_LAST_BREAK = re.compile(rb"=[ \t]*(?:\r\n|\n|\r|\Z)")
_STRETCH = 1_000_000
"""Octets that are undone at a time: no limit of what is read, only of the memory that it takes."""
_TOKEN = re.compile(r"[A-Za-z0-9-]+")


def encoding_of(value: str | None) -> str:
    """The encoding that a Content-Transfer-Encoding field names, in lower case; "" for none."""
    found = _TOKEN.search(value or "")
    return found[0].lower() if found else ""


def decode(data: bytes, encoding: str) -> bytes:
    """`data` without its transfer encoding; unknown encodings are left as they are."""
    match encoding:
        case "base64":
            return base64(data)
        case "quoted-printable":
            return quoted_printable(data)
        case "x-uuencode" | "uuencode" | "x-uue" | "uue":
            from emailint.message.legacy import uuencoded  # noqa: PLC0415 - old mail only

            return uuencoded(data)
        case _:
            return data


def base64(data: bytes) -> bytes:
    """Base64; foreign characters are passed over, each run that ends in padding is decoded by itself."""
    digits = data.rstrip(b"=\r\n\t ")
    if b"=" not in digits:
        try:
            return binascii.a2b_base64(digits + b"==")
        except binascii.Error:
            pass
    digits = data.translate(None, _NOT_BASE64)
    stretches: list[bytes] = []
    start = 0
    while start < len(digits):
        padding = digits.find(b"=", start + _STRETCH)
        end = padding + 1 if padding >= 0 else len(digits)
        stretches.append(b"".join([_run(run) for run in digits[start:end].split(b"=") if run]))
        start = end
    return b"".join(stretches)


def _run(digits: bytes) -> bytes:
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def quoted_printable(data: bytes) -> bytes:
    """Quoted-printable; `=` that begins nothing stays; white space before a soft break goes."""
    if _ODD_QUOTED.search(data) is None:
        return binascii.a2b_qp(data)
    *stretches, last = _stretches(data)
    joined = b"".join([*(_SOFT_BREAK.sub(b"", stretch) for stretch in stretches), _LAST_BREAK.sub(b"", last)])
    return b"".join(binascii.a2b_qp(_ODD_QUOTED.sub(b"=3D", stretch)) for stretch in _stretches(joined))


def _stretches(data: bytes) -> Iterator[bytes]:
    """`data` in stretches that begin with `=`, so that nothing that `=` begins is torn apart."""
    start = 0
    while (end := data.find(b"=", start + _STRETCH)) >= 0:
        yield data[start:end]
        start = end
    yield data[start:]
