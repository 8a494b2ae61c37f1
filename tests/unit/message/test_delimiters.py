"""Two ways to find delimiter lines, one for few and one for very many that look alike, find the same."""

from __future__ import annotations

import re
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from emailint.message import delimiters, fingerprint, fingerprint_delimiters

PIECES = st.sampled_from([b"--b", b"--", b"b", b"\n", b"\r\n", b"\r", b" ", b"\t", b"x", b"--b--", b"\x0b"])


@given(st.lists(PIECES, max_size=40).map(b"".join), st.integers(0, 5), st.integers(0, 5))
def test_both_ways_find_the_same(raw: bytes, start: int, cut: int) -> None:
    end = max(start, len(raw) - cut)
    ways = [
        [(position, rest.end(), rest[1], rest[2]) for position, rest in way(raw, start, end, b"--b")]
        for way in (fingerprint_delimiters.found, fingerprint_delimiters.searched)
    ]
    assert ways[0] == ways[1]


@given(st.lists(PIECES, max_size=40).map(b"".join), st.integers(0, 5), st.integers(1, 4))
def test_one_way_goes_on_where_the_other_ends(raw: bytes, start: int, few: int) -> None:
    end = max(start, len(raw))
    with patch.object(fingerprint_delimiters, "_FEW", few):
        found = [position for position, _ in fingerprint_delimiters.found(raw, start, end, b"--b")]
    assert found == [position for position, _ in fingerprint_delimiters.searched(raw, start, end, b"--b")]


BLANK = re.compile(rb"(?>\r\n|\n|\r)[ \t]*(?>\r\n|\n|\r)")


@given(st.lists(PIECES, max_size=20).map(b"".join), st.integers(0, 5), st.integers(0, 5))
def test_a_blank_line_is_found_whatever_ends_lines(raw: bytes, start: int, cut: int) -> None:
    end = max(start, len(raw) - cut)
    blank = BLANK.search(raw, start, end)
    assert fingerprint._blank_line(raw, start, end) == (blank.span() if blank else (end, None))


LARGE = st.sampled_from([0, 9, 50_000])
BOUNDARIES = st.sampled_from([b"--b", b"----", b"--b\n--b"])


@given(st.lists(PIECES, max_size=40).map(b"".join), LARGE, st.integers(1, 3))
def test_looking_for_hyphens_first_misses_nothing(raw: bytes, large: int, hyphens: int) -> None:
    ways = []
    for module in (fingerprint_delimiters, delimiters):
        with patch.object(module, "_LARGE", large), patch.object(module, "_HYPHENS", hyphens):
            ways.append(
                (list(fingerprint_delimiters.delimiters(raw, 0, len(raw), b"--b")), found(raw, b"--b"))
            )
    usual = list(fingerprint_delimiters.delimiters(raw, 0, len(raw), b"--b")), found(raw, b"--b")
    assert ways == [usual, usual]


def found(raw: bytes, needle: bytes, most: int = 9, alike: int = 99) -> tuple[list[delimiters.Mark], int]:
    return delimiters.find(raw, 0, len(raw), needle, most, alike)


@given(st.lists(PIECES, max_size=40).map(b"".join), BOUNDARIES, st.integers(1, 4), st.integers(0, 4))
def test_lines_that_look_alike_are_counted(raw: bytes, needle: bytes, most: int, most_alike: int) -> None:
    count = raw.count(b"\n" + needle)
    marks, alike = found(raw, needle, most, most_alike)
    assert alike == count if count <= most_alike else alike > most_alike
    if count <= most_alike:
        assert marks == found(raw, needle)[0][:most]
