"""FETCH, SEARCH and COPYUID as servers write them, and UID sets as they are sent."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.errors import ProtocolFailed
from emailint.sources import imap_response
from emailint.sources.imap_response import (
    MAX_UIDS,
    Fetched,
    expand,
    parse_copy_uid,
    parse_fetch,
    parse_internal_date,
    parse_search,
    uid_sets,
)

if TYPE_CHECKING:
    from emailint.sources.imap_response import Piece

DATE = b'"24-Nov-2026 18:00:05 +0100"'
WHEN = datetime(2026, 11, 24, 18, 0, 5, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("pieces", "fetched"),
    [
        ([b"1 (UID 7)"], Fetched(7)),
        ([b"1 (UID 7 RFC822.SIZE 44 INTERNALDATE " + DATE + b")"], Fetched(7, 44, WHEN)),
        ([b"1 (rfc822.size 44 internaldate " + DATE + b" uid 7)"], Fetched(7, 44, WHEN)),
        ([(b"1 (UID 7 BODY[] {3}", b"a)b"), b")"], Fetched(7, body=b"a)b")),
        ([(b"1 (BODY[HEADER]<0> {2}", b"()"), b" UID 7)"], Fetched(7, body=b"()")),
        ([b'1 (UID 7 BODY[] "a \\"b\\" \\\\ c")'], Fetched(7, body=b'a "b" \\ c')),
        ([b'1 (UID 7 BODY[] "")'], Fetched(7, body=b"")),
        ([b'1 (UID 7 BODY[] "NIL")'], Fetched(7, body=b"NIL")),
        ([b"1 (UID 7 BODY[] NIL)"], Fetched(7)),
        ([b"1 (FLAGS (\\Seen UID 9 BODY[] x) UID 7)"], Fetched(7)),
        ([b"1 (FLAGS () UID 7)"], Fetched(7)),
        ([b'1 (ENVELOPE ("UID 9" ((NIL NIL "a" "b")) ")") UID 7)'], Fetched(7)),
        ([b"1 (MODSEQ (12) UID 7)"], Fetched(7)),
        ([(b"1 (X {3}", b"UID"), (b" UID 7 BODY[] {1}", b"x"), b")"], Fetched(7, body=b"x")),
        ([b"1 (FLAGS (\\Seen))"], Fetched(None)),
        ([b'1 (UID 7 INTERNALDATE "yesterday")'], Fetched(7)),
        ([b"1 (UID 7 INTERNALDATE NIL)"], Fetched(7)),
        ([b"1 (UID 7 RFC822.SIZE -1)"], Fetched(7)),
        ([b"1 (UID 7 RFC822.SIZE NIL)"], Fetched(7)),
        ([b"1 (UID 7 X " + b"(" * 40_000 + b")" * 40_000 + b")"], Fetched(7)),
        ([(b"1 (UID 7 BODY[] {2}", b"ab"), b" )"], Fetched(7, body=b"ab")),
        ([(b"1 (UID 7 BODY[] {2}", b"ab"), b" flags (\\Seen) MODSEQ (9))"], Fetched(7, body=b"ab")),
        ([(b"1 (UID 7 BODY[] {2}", b"ab"), b" X-GM-LABELS (a b) RFC822.SIZE 2)"], Fetched(7, 2, body=b"ab")),
        ([(b"1 (UID 7 BODY[] {2}", b"ab"), b' ENVELOPE ("a" NIL) EMAILID (M1))'], Fetched(7, body=b"ab")),
    ],
)
def test_fetch_responses(pieces: list[Piece], fetched: Fetched) -> None:
    assert parse_fetch(pieces) == fetched


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b""],
        [b"1"],
        [b"1 UID 7"],
        [b"1 (UID 7"],
        [b"1 (UID x)"],
        [b"1 (UID -7)"],
        [b"1 (UID " + b"9" * 21 + b")"],
        [b"1 (UID 7 X " + b"(" * 100_000],
        [b"1 (UID 7 X " + b"(" * 40_000 + b")"],
        [b"1 (UID 7 X (a)) b)"],
        [b"1 (UID 7 BODY[] (((( )"],
        [b"1 (UID 7 X " + b"x " * 60_000 + b")"],
        [b'1 (UID 7 BODY[] "no end)'],
        [b'1 (BODY[] "without UID")'],
        [(b"1 (UID 7 BODY[] {2}", b"of"), b" a longer one)"],
        [(b"1 (UID 7 BODY[] {2}", b"of"), b" two)"],
        [(b"1 (UID 7 BODY[] {2}", b"of"), b" FLAGS)"],
        [(b"1 (UID 7 BODY[] {2}", b"of"), b' "quoted" words)'],
        [(b"1 (UID 7 BODY[] {2}", b"of"), b" (a list) of)"],
    ],
)
def test_what_is_no_fetch_response(pieces: list[Piece]) -> None:
    with pytest.raises(ProtocolFailed):
        parse_fetch(pieces)


_DAY = b'"24-Nov-2026 18:00:05 +0100"'
_BODY = [(b"1 (UID 7 BODY[] {4}", b"a) b"), b")"]


@pytest.mark.parametrize(
    ("pieces", "usual"),
    [
        (_BODY, True),
        ([b"1 (UID 7 RFC822.SIZE 4096 INTERNALDATE " + _DAY + b")"], True),
        ([b'1 (UID 7 RFC822.SIZE 4096 INTERNALDATE "31-Foo-2026 18:00:05 +0100")'], True),
        ([b"1 (UID 7 RFC822.SIZE 4096 INTERNALDATE NIL)"], False),
        ([b"1 (RFC822.SIZE 4096 UID 7 INTERNALDATE " + _DAY + b")"], False),
        ([(b"1 (UID 7 BODY[] {4}", b"a) b"), b" FLAGS (\\Seen))"], False),
        ([*_BODY, b"more"], False),
    ],
)
def test_the_usual_response_is_read_by_one_look_and_alike(pieces: list[Piece], usual: bool) -> None:
    assert (imap_response._usual(pieces) is not None) == usual
    if usual:
        assert imap_response._usual(pieces) == imap_response._parsed(pieces)


@given(
    st.from_regex(
        rb"1 \(UID [0-9]{1,12} RFC822\.SIZE -?[0-9]{1,12} INTERNALDATE (\"[^\"]*\"|NIL)\)", fullmatch=True
    )
)
def test_one_look_sees_what_the_parser_sees(response: bytes) -> None:
    found = imap_response._usual([response])
    if found is not None:
        assert found == imap_response._parsed([response])


@pytest.mark.parametrize("endless", [b'"', b'"\\', b'"a', b"(", b")", b"{", b"[", b"\\", b"\x00"])
def test_a_long_line_takes_time_in_proportion(endless: bytes) -> None:
    begun = time.process_time()
    with suppress(ProtocolFailed):
        parse_fetch([b"1 (UID 7 X " + endless * (90_000 // len(endless))])
    assert time.process_time() - begun < 2


@given(st.lists(st.one_of(st.binary(), st.tuples(st.binary().map(lambda text: text + b"{1}"), st.binary()))))
def test_any_octets_are_a_response_or_refused(pieces: list[Piece]) -> None:
    try:
        fetched = parse_fetch(pieces)
    except ProtocolFailed:
        return
    assert fetched.uid is None or fetched.uid >= 0


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("24-Nov-2026 18:00:05 +0100", datetime(2026, 11, 24, 17, 0, 5, tzinfo=UTC)),
        (" 1-Jan-2026 00:00:00 -0930", datetime(2026, 1, 1, 9, 30, tzinfo=UTC)),
        ("29-Feb-2028 23:59:59 +0000", datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("29-Feb-2026 00:00:00 +0000", None),
        ("24-Foo-2026 18:00:05 +0100", None),
        ("24-Nov-2026 18:00:05 +9900", None),
        ("24-Nov-2026 24:00:05 +0100", None),
        ("  4-Mar-2026 05:06:07 +0000", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("4-Mar-2026 05:06:07 +0000", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("24-Nov-2026 18:00:05", datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)),
        ("30-Dec-1899 00:00:00 +0530", datetime(1899, 12, 29, 18, 30, tzinfo=UTC)),
        ("24-Nov-2026 18:00:05 CET", None),
        ("24-Nov-2026", None),
        ("", None),
    ],
)
def test_internal_dates(text: str, moment: datetime | None) -> None:
    parsed = parse_internal_date(text)
    assert parsed == moment
    assert parsed is None or parsed.tzinfo is not None


@pytest.mark.parametrize(
    ("search", "esearch", "uids"),
    [
        ([b"3 1 2"], [], [1, 2, 3]),
        ([b"3", b"", b"1"], [], [1, 3]),
        ([b"3 3 (MODSEQ 99)"], [], [3]),
        ([], [b'(TAG "A1") UID ALL 5,1:3'], [1, 2, 3, 5]),
        ([], [b'(TAG "A1") UID COUNT 2 ALL 7,9'], [7, 9]),
        ([], [b'(TAG "A1") UID'], []),
        ([(b"{3}", b"1 2")], [], []),
    ],
)
def test_search_answers(search: list[Piece], esearch: list[Piece], uids: list[int]) -> None:
    assert parse_search(search, esearch) == uids


@pytest.mark.parametrize(
    ("code", "copied"),
    [
        (b"9 1:2 41:42", (9, {1: 41, 2: 42})),
        (b"9 304,319:320 3956:3958", (9, {304: 3956, 319: 3957, 320: 3958})),
        (b"9 2,1 42,41] moved [all", (9, {2: 42, 1: 41})),
        (b"9 1:2 41", None),
        (b"", None),
        (b"x y z", None),
    ],
)
def test_copy_uid_codes(code: bytes, copied: tuple[int, dict[int, int]] | None) -> None:
    assert parse_copy_uid(code) == copied


@pytest.mark.parametrize(
    "lie", [b"1:4294967295", b"1:999999,2000000:2000001", b"", b"1:", b":", b"a", b"1,,2", b"*"]
)
def test_sets_that_are_refused(lie: bytes) -> None:
    with pytest.raises(ProtocolFailed):
        expand(lie)


def test_the_largest_set_that_is_believed() -> None:
    assert len(expand(b"1:%d" % MAX_UIDS)) == MAX_UIDS


@pytest.mark.parametrize(
    ("uids", "texts"),
    [
        ([], []),
        ([5], ["5"]),
        ([3, 1, 2], ["1:3"]),
        ([1, 2, 4, 6, 7, 7], ["1:2,4,6:7"]),
    ],
)
def test_sets_are_written_short(uids: list[int], texts: list[str]) -> None:
    assert [text for text, _ in uid_sets(uids)] == texts


@given(st.sets(st.integers(1, 300)), st.integers(9, 60), st.integers(1, 50))
def test_sets_hold_every_uid_once_and_keep_their_bounds(uids: set[int], octets: int, most: int) -> None:
    written = list(uid_sets(uids, octets=octets, most=most))
    assert [uid for text, _ in written for uid in expand(text.encode())] == sorted(uids)
    for text, members in written:
        assert expand(text.encode()) == members
        assert len(text) <= octets
        assert len(members) <= most
