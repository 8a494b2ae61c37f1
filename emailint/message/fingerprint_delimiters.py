"""The delimiter lines of the fingerprint. Frozen with it: what is found may never change, only how quickly.

Not `delimiters.py`, by which mail is read: a better reading never makes a new message of an old one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_REST = re.compile(rb"[ \t\x0b\x0c]*+(--)?[ \t\x0b\x0c]*+(?:(?=(\r\n?|\n))|\Z)")
_FEW = 10_000
"""Lines that begin like a boundary, up to which looking at each by itself is the quicker way."""

_LARGE = 50_000
"""Octets over which it is worth while to look for hyphens first."""

_HYPHENS = 30


def delimiters(raw: bytes, start: int, end: int, needle: bytes) -> Iterator[tuple[int, int, bool]]:
    """Each delimiter line: where the line end before it starts, where the next line starts, if it closes."""
    for position, rest in found(raw, start, end, needle):
        yield before(raw, start, position), rest.end() + len(rest[2] or b""), rest[1] is not None


def found(raw: bytes, start: int, end: int, needle: bytes) -> Iterator[tuple[int, re.Match[bytes]]]:
    """Where delimiter lines start, and what follows the boundary on them; nothing is compiled for few."""
    after = ahead = start
    for _ in range(_FEW):
        position = raw.find(needle, ahead, end)
        if position < 0:
            return
        after = ahead = position + len(needle)
        if position == start or raw[position - 1] in b"\r\n":
            rest = _REST.match(raw, after, end)
            if rest is not None:
                yield position, rest
                after = rest.end()
                ahead = _hyphen(raw, after, end)
    yield from searched(raw, after, end, needle, begun=True)


def _hyphen(raw: bytes, start: int, end: int) -> int:
    """Where to look for the boundary behind the headers of a part: base64 has no hyphen, and a search for
    one octet is ten times as quick. After so many hyphens (`Content-Type`) it is no base64.
    """
    for _ in range(_HYPHENS if end - start > _LARGE else 0):
        hyphen = raw.find(b"-", start, end)
        if hyphen < 0 or raw.startswith(b"--", hyphen, end):
            return end if hyphen < 0 else hyphen
        start = hyphen + 1
    return start


def searched(
    raw: bytes, start: int, end: int, needle: bytes, *, begun: bool = False
) -> Iterator[tuple[int, re.Match[bytes]]]:
    """The same where very many lines look like delimiters; `begun`: none of them starts at `start`."""
    line = re.escape(needle) + _REST.pattern
    first = None if begun else re.compile(line).match(raw, start, end)
    line_end = rb"\n" if raw.find(b"\r" + needle, start, end) < 0 else rb"[\r\n]"  # the former is quicker
    if first is not None:
        yield start, first
    for match in re.compile(line_end + line).finditer(raw, start, end):
        yield match.start() + 1, match


def before(raw: bytes, start: int, position: int) -> int:
    """Where the line end before this position starts; the position itself at the very start."""
    if position - 2 >= start and raw[position - 2 : position] == b"\r\n":
        return position - 2
    return position - 1 if position > start else position
