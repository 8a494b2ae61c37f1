"""The lines that divide the parts of a multipart (RFC 2046 section 5.1.1), found in linear time."""

from __future__ import annotations

import re
from typing import NamedTuple

_DASHED = re.compile(rb"^--([^\r\n]{1,200}?)[ \t]*\r?\n(?=[!-9;-~]{1,60}:)", re.MULTILINE)
_LARGE = 50_000
"""Octets over which it is worth while to look for hyphens first."""

_HYPHENS = 30
_REST_OF_DELIMITER = re.compile(rb"[ \t\r\x0b\x0c]*+(--[^\n]*+)?(?:\n|\Z)")


class Mark(NamedTuple):
    """A delimiter line: where it starts (with the line end before it) and ends, and whether it closes."""

    start: int
    end: int
    closing: bool


def find(
    raw: bytes, start: int, end: int, needle: bytes, most: int, most_alike: int
) -> tuple[list[Mark], int]:
    """The first delimiter lines, and how many lines look like one; it gives up at too many of these.

    One search, as each goes over all of a large attachment.
    """
    found: list[Mark] = []
    alike, counted = 0, start
    position = start if raw.startswith(needle, start, end) else _next_line(raw, needle, start, end)
    while position >= 0 and len(found) < most and alike <= most_alike:
        if position > counted:  # as `bytes.count` would count
            alike, counted = alike + 1, position + len(needle)
        rest = _REST_OF_DELIMITER.match(raw, position + len(needle), end)
        if rest is not None:
            found.append(Mark(_before(raw, position, start), rest.end(), rest[1] is not None))
        # The line end of one delimiter may be the one before the next.
        after = position + 1 if rest is None else _before_hyphens(raw, rest.end() - 1, end)
        position = _next_line(raw, needle, after, end)
    if len(found) >= most or b"\n" in needle:
        alike = raw.count(b"\n" + needle, start, end)
    return found, alike


def _next_line(raw: bytes, needle: bytes, start: int, end: int) -> int:
    """Where the next line that begins with `needle` starts, after a line end at or behind `start`."""
    return raw.find(b"\n" + needle, start, end) + 1 or -1


def _before_hyphens(raw: bytes, start: int, end: int) -> int:
    """Where to look for a delimiter behind the headers of a part, at most right before two hyphens.

    Base64 has none, and a search for one octet is ten times as quick; after so many it is no base64.
    """
    for _ in range(_HYPHENS if end - start > _LARGE else 0):
        hyphen = raw.find(b"-", start + 1, end)
        if hyphen < 0 or raw.startswith(b"--", hyphen, end):
            return end if hyphen < 0 else hyphen - 1
        start = hyphen
    return start


def _before(raw: bytes, position: int, start: int) -> int:
    """Step back over the line end that belongs to the delimiter."""
    if position > start and raw[position - 1] == 10:
        position -= 1
        if position > start and raw[position - 1] == 13:
            position -= 1
    return position


def guess(raw: bytes, start: int, end: int) -> bytes | None:
    """The first line that looks like a delimiter: two hyphens, and a header field on the next line."""
    match = _DASHED.search(raw, start, min(end, start + 100_000))
    return match[1] if match else None


def looks_multipart(raw: bytes, start: int, end: int) -> bool:
    """Whether a delimiter line and the headers of a part stand near the beginning."""
    match = (
        _DASHED.search(raw, start, min(end, start + 2_000)) if b"--" in raw[start : start + 2_000] else None
    )
    return match is not None and raw[match.end() : match.end() + 8].lower() == b"content-"
