"""What is "the same message": the fingerprint, version 1. Frozen; nothing here may ever change.

SHA-256 over length-prefixed values (eight octets, big-endian, then the value): the raw values of Message-ID,
From, Date, Subject (first field of each name, unfolded, runs of white space made one blank, ends cut; a
missing one is empty), then each leaf part in the order of the mail: its transfer-decoded octets, with every
line end made LF, and white space at the end of each line and of the whole cut.

Boundaries, encodings, part headers, preambles, epilogues and trace headers do not count. A multipart without
a boundary, or whose boundary is never met, or that lies deeper than `DEPTH`, counts as its raw body; a
message of more than `PARTS` leaves counts as the raw body of the whole. message/rfc822 is a leaf.

It uses no parser of this package or of any library, so that a better reading never makes a new message of an
old one. Linear time; it never raises.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = 1
DEPTH = 30
PARTS = 1_000

_STRETCH = 1_000_000
"""Octets that are normalised at a time: no limit of what is read, only of the memory that it takes."""

_IDENTITY = (b"message-id", b"from", b"date", b"subject")
_STRUCTURE = (b"content-type", b"content-transfer-encoding")
_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOUNDARY = re.compile(rb';\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;"]+))', re.IGNORECASE)
_NOT_BASE64 = bytes(
    code
    for code in range(256)
    if code not in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
)
_ODD_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n)")
_SOFT_BREAK = re.compile(rb"=[ \t]*(?:\r\n|\n|\r|\Z)")


class _TooMany(Exception):
    """There are more than `PARTS` leaves."""


Kept = dict[tuple[int, int], bytes]
"""What was decoded of base64 and quoted-printable, by where it stands in the message."""


def fingerprint(raw: bytes, kept: Kept | None = None) -> str:
    """The fingerprint of a message, `1:` and 64 hexadecimal digits. Any bytes have one.

    `kept` takes up what is decoded on the way, so that a reader need not decode it again.
    """
    body, headers = _headers(raw, 0, len(raw), _IDENTITY + _STRUCTURE)
    try:
        leaves = list(_Leaves(raw, {} if kept is None else kept).part(body, len(raw), headers, 0))
    except _TooMany:
        leaves = [normal(raw[body:])]
    digest = hashlib.sha256()
    for value in (*(b" ".join(headers.get(name, b"").split()) for name in _IDENTITY), *leaves):
        digest.update(len(value).to_bytes(8, "big"))
        digest.update(value)
    return f"{VERSION}:{digest.hexdigest()}"


def normal(data: bytes) -> bytes:
    """`data` with LF as its only line end, without white space at the end of each line and of the whole."""
    if len(data) <= _STRETCH:
        return b"\n".join([line.rstrip() for line in data.splitlines()]).rstrip()
    stretches: list[bytes] = []
    start = 0
    while start < len(data):
        line_end = _LINE_END.search(data, start + _STRETCH)
        end = line_end.end() if line_end else len(data)
        stretches.append(b"\n".join([line.rstrip() for line in data[start:end].splitlines()]))
        start = end
    return b"\n".join(stretches).rstrip()


def _headers(raw: bytes, start: int, end: int, names: tuple[bytes, ...]) -> tuple[int, dict[bytes, bytes]]:
    """Where the body starts, and the raw values of the first field of each of these names.

    A byte-order mark, blank lines at the top, and lines that are no header are passed over.
    """
    if raw.startswith(b"\xef\xbb\xbf", start, end):
        start += 3
    while start < end and raw[start] in b"\r\n":
        start += 1
    blank = _BLANK_LINE.search(raw, start, end)
    stop, body = (blank.start(), blank.end()) if blank else (end, end)
    values: dict[bytes, list[bytes]] = {}
    lines: list[bytes] = []
    for line in raw[start:stop].splitlines():
        if line[:1] in (b" ", b"\t"):
            lines.append(line)
            continue
        field, colon, value = line.partition(b":")
        name = field.rstrip(b" \t").lower() if colon else b""
        lines = [value]
        if name in names:
            values.setdefault(name, lines)
    return body, {name: b" ".join(value) for name, value in values.items()}


class _Leaves:
    """Walks the parts of one message."""

    def __init__(self, raw: bytes, kept: Kept) -> None:
        self.raw, self.kept, self.count = raw, kept, 0

    def part(self, start: int, end: int, headers: dict[bytes, bytes], depth: int) -> Iterator[bytes]:
        """The leaves of the part whose body is here, normalised."""
        content_type = headers.get(b"content-type", b"")
        parts = _parts(self.raw, start, end, content_type) if depth < DEPTH else []
        if not parts:
            self.count += 1
            if self.count > PARTS:
                raise _TooMany
            yield normal(self._decoded(start, end, headers.get(b"content-transfer-encoding", b"")))
        for first, last in parts:
            body, inner = _headers_of_part(self.raw, first, last)
            yield from self.part(body, last, inner, depth + 1)

    def _decoded(self, start: int, end: int, encoding: bytes) -> bytes:
        match encoding.split(b"(")[0].strip(b" \t\r\n\"';").lower():
            case b"base64":
                data = _base64(self.raw, start, end)
            case b"quoted-printable":
                data = _quoted_printable(self.raw[start:end])
            case _:
                return self.raw[start:end]
        self.kept[start, end] = data
        return data


def _headers_of_part(raw: bytes, start: int, end: int) -> tuple[int, dict[bytes, bytes]]:
    """As `_headers`; a part that begins with a blank line has no headers."""
    match = _LINE_END.match(raw, start, end)
    if match is not None:
        return match.end(), {}
    return _headers(raw, start, end, _STRUCTURE)


def _parts(raw: bytes, start: int, end: int, content_type: bytes) -> list[tuple[int, int]]:
    """Start and end of each part; none where the structure cannot be cut."""
    if not content_type.strip().lower().startswith(b"multipart/"):
        return []
    match = _BOUNDARY.search(content_type)
    boundary = (match[1] or match[2] or b"").rstrip() if match else b""
    if not boundary:
        return []
    spans: list[tuple[int, int]] = []
    opened = -1
    for line, after, closing in _delimiters(raw, start, end, b"--" + boundary):
        if opened >= 0:
            spans.append((opened, max(opened, line)))
        opened = after
        if closing:
            return spans
        if len(spans) > PARTS:
            raise _TooMany
    return [*spans, (opened, end)] if opened >= 0 else []


def _delimiters(raw: bytes, start: int, end: int, needle: bytes) -> Iterator[tuple[int, int, bool]]:
    """Each delimiter line: where the line end before it starts, where the next line starts, if it closes."""
    position = raw.find(needle, start, end)
    while position >= 0:
        after = position + len(needle)
        if position == start or raw[position - 1] in b"\r\n":
            match = _LINE_END.search(raw, after, end)
            stop, next_line = (match.start(), match.end()) if match else (end, end)
            rest = raw[after:stop].strip()
            if rest in (b"", b"--"):
                yield _before(raw, start, position), next_line, bool(rest)
            after = stop
        position = raw.find(needle, after, end)


def _before(raw: bytes, start: int, position: int) -> int:
    if position - 2 >= start and raw[position - 2 : position] == b"\r\n":
        return position - 2
    return position - 1 if position > start else position


def _base64(raw: bytes, start: int, end: int) -> bytes:
    """What is no digit is passed over; each run of digits up to padding is decoded by itself."""
    padding = raw.find(b"=", start, end)
    if padding < 0 or not raw[padding:end].strip(b"=\r\n"):
        try:
            return binascii.a2b_base64(memoryview(raw)[start:end])  # the same as below, and far quicker
        except binascii.Error:
            pass
    pieces: list[bytes] = []
    for run in raw[start:end].translate(None, _NOT_BASE64).split(b"="):
        digits = run[:-1] if len(run) % 4 == 1 else run
        pieces.append(binascii.a2b_base64(digits + b"=" * (-len(digits) % 4)))
    return b"".join(pieces)


def _quoted_printable(data: bytes) -> bytes:
    """RFC 2045 section 6.7; `=` that begins nothing stays as it is."""
    if _ODD_QUOTED.search(data) is not None:
        data = _ODD_QUOTED.sub(b"=3D", _SOFT_BREAK.sub(b"", data))
    return binascii.a2b_qp(data)
