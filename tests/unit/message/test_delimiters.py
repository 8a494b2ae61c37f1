"""Two ways to find delimiter lines, one for few and one for very many that look alike, find the same."""

from __future__ import annotations

import re
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from emailint.message import fingerprint

PIECES = st.sampled_from([b"--b", b"--", b"b", b"\n", b"\r\n", b"\r", b" ", b"\t", b"x", b"--b--", b"\x0b"])


@given(st.lists(PIECES, max_size=40).map(b"".join), st.integers(0, 5), st.integers(0, 5))
def test_both_ways_find_the_same(raw: bytes, start: int, cut: int) -> None:
    end = max(start, len(raw) - cut)
    ways = [
        [(position, rest.end(), rest[1], rest[2]) for position, rest in way(raw, start, end, b"--b")]
        for way in (fingerprint._found, fingerprint._searched)
    ]
    assert ways[0] == ways[1]


@given(st.lists(PIECES, max_size=40).map(b"".join), st.integers(0, 5), st.integers(1, 4))
def test_one_way_goes_on_where_the_other_ends(raw: bytes, start: int, few: int) -> None:
    end = max(start, len(raw))
    with patch.object(fingerprint, "_FEW", few):
        found = [position for position, _ in fingerprint._found(raw, start, end, b"--b")]
    assert found == [position for position, _ in fingerprint._searched(raw, start, end, b"--b")]


BLANK = re.compile(rb"(?>\r\n|\n|\r)[ \t]*(?>\r\n|\n|\r)")


@given(st.lists(PIECES, max_size=20).map(b"".join), st.integers(0, 5), st.integers(0, 5))
def test_a_blank_line_is_found_whatever_ends_lines(raw: bytes, start: int, cut: int) -> None:
    end = max(start, len(raw) - cut)
    blank = BLANK.search(raw, start, end)
    assert fingerprint._blank_line(raw, start, end) == (blank.span() if blank else (end, None))
