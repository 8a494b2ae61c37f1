"""What is "the same message": the fingerprint, version 1. Frozen; nothing here may ever change.

SHA-256 over length-prefixed values (eight octets, big-endian, then the value): the raw values of Message-ID,
From, Date, Subject (first field of each name, unfolded, runs of white space made one blank, ends cut; a
missing one is empty), then each leaf part in the order of the mail: its transfer-decoded octets, with every
line end made LF, and white space at the end of each line and of the whole cut.

Boundaries, encodings, part headers, preambles, epilogues and trace headers do not count. Whatever cannot be
cut counts as it stands: a multipart without a boundary, or whose boundary is never met, or that lies deeper
than `DEPTH`, as its raw body; a message of more than `PARTS` leaves as the raw body of the whole; a message
or part without a blank line after its headers as all of its octets; lines among headers that are no header
(but for an mbox "From " line at the top) as a leaf before the others. message/rfc822 is a leaf.

It uses no parser of this package or of any library, so that a better reading never makes a new message of an
old one. Linear time; it never raises.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from emailint.message.fingerprint_delimiters import before, delimiters

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = 1
DEPTH = 30
PARTS = 1_000

_STRETCH = 1_000_000
"""Octets that are normalised at a time: no limit of what is read, only of the memory that it takes."""

_IDENTITY = (b"message-id", b"from", b"date", b"subject")
_STRUCTURE = (b"content-type", b"content-transfer-encoding")
_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)[ \t]*(?>\r\n|\n|\r)")
_BLANK_AFTER_LF = re.compile(rb"\n[ \t]*(?>\r\n|\n|\r)")
_FIRST_LINE_BLANK = re.compile(rb"[ \t]*(?>\r\n|\n|\r)")
_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOUNDARY = re.compile(rb';\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;"]+))', re.IGNORECASE)
_NOT_BASE64 = bytes(
    code
    for code in range(256)
    if code not in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
)
_ODD_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n)")
_SOFT_BREAK = re.compile(rb"=[ \t]*(?:\r\n|\n|\r)")
_LAST_BREAK = re.compile(rb"=[ \t]*(?:\r\n|\n|\r|\Z)")
_WHITE = re.compile(rb"[ \t\n\r\x0b\x0c]")


class _TooMany(Exception):
    """There are more than `PARTS` leaves."""


Kept = dict[tuple[int, int], bytes]
"""What was decoded of base64 and quoted-printable, by where it stands in the message."""


def fingerprint(raw: bytes, kept: Kept | None = None) -> str:
    """The fingerprint of a message, `1:` and 64 hexadecimal digits. Any bytes have one.

    `kept` takes up what is decoded on the way, so that a reader need not decode it again.
    """
    block = _block(raw, 0, len(raw), _IDENTITY + _STRUCTURE)
    try:
        leaves = list(_Leaves(raw, {} if kept is None else kept).part(block, len(raw), 0))
    except _TooMany:
        leaves = [_normal(raw[block.body :])]
    digest = hashlib.sha256()
    for value in (*([_words(block.headers.get(name, b""))] for name in _IDENTITY), *leaves):
        digest.update((sum(map(len, value)) + max(len(value) - 1, 0)).to_bytes(8, "big"))
        for number, stretch in enumerate(value):
            digest.update(b"\n" + stretch if number else stretch)
    return f"{VERSION}:{digest.hexdigest()}"


def normal(data: bytes) -> bytes:
    """`data` with LF as its only line end, without white space at the end of each line and of the whole."""
    return b"\n".join(_normal(data))


def _normal(data: bytes) -> list[bytes]:
    """The same in stretches with a LF between each two, so that a large part is not held once more."""
    if len(data) <= _STRETCH:
        return [b"\n".join(map(bytes.rstrip, data.splitlines())).rstrip()]
    stretches: list[bytes] = []
    start = 0
    while start < len(data):
        line_end = _LINE_END.search(data, start + _STRETCH)
        end = line_end.end() if line_end else len(data)
        stretches.append(b"\n".join(map(bytes.rstrip, data[start:end].splitlines())))
        start = end
    while stretches and not stretches[-1].rstrip():
        stretches.pop()
    return [*stretches[:-1], stretches[-1].rstrip()] if stretches else []


def _words(value: bytes) -> bytes:
    """`value` with each run of white space made one blank, and its ends cut."""
    if len(value) <= _STRETCH:
        return b" ".join(value.split())
    pieces: list[bytes] = []
    start = 0
    while start < len(value):
        blank = _WHITE.search(value, start + _STRETCH)
        end = blank.end() if blank else len(value)
        pieces.append(b" ".join(value[start:end].split()))
        start = end
    return b" ".join(piece for piece in pieces if piece)


class _Block(NamedTuple):
    """Where the body starts, the raw values of the first field of each wanted name, and what is no header."""

    body: int
    headers: dict[bytes, bytes]
    stray: list[bytes]


def _block(raw: bytes, start: int, end: int, names: tuple[bytes, ...]) -> _Block:
    """The headers from `start` on. A byte-order mark and blank lines at the top are passed over.

    Without a blank line after them all of it is the body too.
    """
    if raw.startswith(b"\xef\xbb\xbf", start, end):
        start += 3
    while start < end and raw[start] in b"\r\n":
        start += 1
    blank, body = _blank_line(raw, start, end)
    values, stray = _fields(raw[start:blank].splitlines(), names)
    headers = {name: b" ".join(value) for name, value in values.items()}
    return _Block(start, headers, []) if body is None else _Block(body, headers, stray)


def _blank_line(raw: bytes, start: int, end: int) -> tuple[int, int | None]:
    """Where the first blank line starts, with the line end before it, and ends; `end` and None for none."""
    blank = _BLANK_AFTER_LF.search(raw, start, end)  # quick, and right where no line ends in CR alone
    stop = blank.end() if blank else end
    if raw.count(b"\r", start, stop) != raw.count(b"\r\n", start, stop):
        blank = _BLANK_LINE.search(raw, start, end)
        return (blank.start(), blank.end()) if blank else (end, None)
    return (before(raw, start, blank.start() + 1), stop) if blank else (end, None)


def _fields(lines: list[bytes], names: tuple[bytes, ...]) -> tuple[dict[bytes, list[bytes]], list[bytes]]:
    """The lines of the values of the wanted fields, and the lines that belong to no field."""
    values: dict[bytes, list[bytes]] = {}
    stray: list[bytes] = []
    current = stray
    for number, line in enumerate(lines):
        if line[:1] in (b" ", b"\t"):
            current.append(line)
            continue
        field = _FIELD.match(line)
        if field is not None:
            current = [line[field.end() :]]
            name = field[1].lower()
            if name in names:
                values.setdefault(name, current)
        elif number or not line.startswith((b"From ", b">From ")):
            current = stray
            stray.append(line)
    return values, stray


class _Leaves:
    """Walks the parts of one message."""

    def __init__(self, raw: bytes, kept: Kept) -> None:
        self.raw, self.kept, self.count = raw, kept, 0

    def part(self, block: _Block, end: int, depth: int) -> Iterator[list[bytes]]:
        """The leaves of the part whose headers and body these are, normalised."""
        if block.stray:
            yield _normal(b"\n".join(block.stray))
        content_type = block.headers.get(b"content-type", b"")
        parts = _parts(self.raw, block.body, end, content_type) if depth < DEPTH else []
        if not parts:
            self.count += 1
            if self.count > PARTS:
                raise _TooMany
            yield _normal(
                self._decoded(block.body, end, block.headers.get(b"content-transfer-encoding", b""))
            )
        for first, last in parts:
            yield from self.part(_block_of_part(self.raw, first, last), last, depth + 1)

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


def _block_of_part(raw: bytes, start: int, end: int) -> _Block:
    """As `_block`; a part that begins with a blank line has no headers."""
    match = _FIRST_LINE_BLANK.match(raw, start, end)
    if match is not None:
        return _Block(match.end(), {}, [])
    return _block(raw, start, end, _STRUCTURE)


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
    for line, after, closing in delimiters(raw, start, end, b"--" + boundary):
        if opened >= 0:
            spans.append((opened, max(opened, line)))
        opened = after
        if closing:
            return spans
        if len(spans) > PARTS:
            raise _TooMany
    return [*spans, (opened, end)] if opened >= 0 else []


def _base64(raw: bytes, start: int, end: int) -> bytes:
    """What is no digit is passed over; each run of digits up to padding is decoded by itself."""
    padding = raw.find(b"=", start, end)
    if padding < 0 or not raw[padding:end].strip(b"=\r\n"):
        try:
            return binascii.a2b_base64(memoryview(raw)[start:end])  # the same as below, and far quicker
        except binascii.Error:
            pass
    digits = raw[start:end].translate(None, _NOT_BASE64)
    stretches: list[bytes] = []
    position = 0
    while position < len(digits):
        padding = digits.find(b"=", position + _STRETCH)
        after = padding + 1 if padding >= 0 else len(digits)
        stretches.append(b"".join([_run(run) for run in digits[position:after].split(b"=") if run]))
        position = after
    return b"".join(stretches)


def _run(digits: bytes) -> bytes:
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def _quoted_printable(data: bytes) -> bytes:
    """RFC 2045 section 6.7; `=` that begins nothing stays as it is."""
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
