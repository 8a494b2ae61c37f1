from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.message.addresses import is_plain, parse, sender_problem
from tests.support.timing import assert_within


@pytest.mark.parametrize(
    ("field", "addresses"),
    [
        ("ann@example.com", [("", "ann@example.com")]),
        (
            "Ann <ann@example.com>, Bob <bob@example.com>",
            [("Ann", "ann@example.com"), ("Bob", "bob@example.com")],
        ),
        ("ann@example.com; bob@example.com", [("", "ann@example.com"), ("", "bob@example.com")]),
        ("ann@example.com,, ,bob@example.com,", [("", "ann@example.com"), ("", "bob@example.com")]),
        ("Lee, Ann <ann@example.com>, root", [("Lee, Ann", "ann@example.com"), ("", "root")]),
        ('"Lee, Ann" <ann@example.com>', [("Lee, Ann", "ann@example.com")]),
        ('"Ann \\"The Slip\\" Lee" <ann@example.com>', [('Ann "The Slip" Lee', "ann@example.com")]),
        ("Ann (at work) Lee <ann@example.com> (home)", [("Ann Lee", "ann@example.com")]),
        ("<ann@example.com> Ann Lee", [("Ann Lee", "ann@example.com")]),
        ("Ann Lee ann@example.com", [("Ann Lee", "ann@example.com")]),
        ("ann @ example.com", [("", "ann@example.com")]),
        ("Ann <mailto:ann@example.com>", [("Ann", "ann@example.com")]),
        ("mailto:ann@example.com", [("", "ann@example.com")]),
        (
            "Team: Ann <ann@example.com>, bob@example.com;",
            [("Ann", "ann@example.com"), ("", "bob@example.com")],
        ),
        ("undisclosed-recipients:;, ann@example.com", [("", "ann@example.com")]),
        ("unlisted-recipients:; (no To-header on input)", []),
        (
            "Ann <ann@example.com>\r\n\t, Bob <bob@example.com>",
            [("Ann", "ann@example.com"), ("Bob", "bob@example.com")],
        ),
        ("=?utf-8?B?TGVlLCBKw7ZyZw==?= <ann@example.com>", [("Lee, Jörg", "ann@example.com")]),
        ('"=?utf-8?Q?J=C3=B6rg?=" <ann@example.com>', [("Jörg", "ann@example.com")]),
        ("Jörg <jörg@münchen.example>", [("Jörg", "jörg@münchen.example")]),
        ("Ann Lee", [("Ann Lee", "")]),
        ("", []),
        ("()", []),
        (" ,;, ", []),
    ],
)
def test_entries(field: str, addresses: list[tuple[str, str]]) -> None:
    found = parse(field.encode())
    assert [(each.name, each.address) for each in found.addresses] == addresses
    assert found.problem is None


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("a@trusted.example <b@evil.example>", "the display name holds another address"),
        ("alice@example.org)bob@evil.example", "a ')' stands alone"),
        ("Ann <ann@example.com", "an angle bracket is not closed"),
        ("Ann> ann@example.com", "a '>' stands alone"),
        ("(ann@example.com", "a parenthesis is not closed"),
        ('"Ann <ann@example.com>', "a quote is not closed"),
        ("a@example.com b@example.com", "one entry has several addresses"),
        ("=?utf-8?Q?b=40evil.example?=", "the address stands inside an encoded word"),
    ],
)
def test_what_is_broken_is_said(field: str, problem: str) -> None:
    assert parse(field.encode()).problem == problem


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (["Ann <ann@example.com>"], None),
        (["ann@example.com <ann@example.com>"], None),
        (["'ann@example.com' <ann@example.com>"], None),
        (["\"'ann@example.com'\" <Ann@example.com>"], None),
        (["o'neil@example.ie <o'neil@example.ie>"], None),
        (["'a@trusted.example' <b@evil.example>"], "From is broken: the display name holds another address"),
        ([], "there is no From"),
        ([""], "From has no address"),
        (["Ann Lee"], "From has no address"),
        (["a@trusted.example <b@evil.example>"], "From is broken: the display name holds another address"),
        (["Ann <ann@example.com>", "bob@example.com"], "there are several From fields"),
        (["ann@example.com, bob@example.com"], "From has several addresses"),
        (["Team: ann@example.com;"], "From names a group"),
        (["root"], "the address of From is not one that can be answered"),
        (["ann@localhost"], "the address of From is not one that can be answered"),
    ],
)
def test_who_can_be_answered(fields: list[str], problem: str | None) -> None:
    assert sender_problem([parse(field.encode()) for field in fields]) == problem


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example",
        "ann.lee+tag@mail.example.com",
        "o'neil@example.ie",
        "x_y-z=1@xn--mnchen-3ya.de",
        "1@2.example",
    ],
)
def test_plain(address: str) -> None:
    assert is_plain(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@example",
        "ann@[127.0.0.1]",
        "ann@127.0.0.1",
        ".ann@example.com",
        "ann.@example.com",
        "ann..lee@example.com",
        "-oQ/tmp@example.com",
        "|sh@example.com",
        "ann lee@example.com",
        '"ann"@example.com',
        "ann@example..com",
        "ann@-example.com",
        "ann@exa_mple.com",
        "ann@example.com\n",
        "jörg@example.com",
        "ann@bob@example.com",
        "a" * 65 + "@example.com",
        "ann@" + "a." * 130 + "example",
    ],
)
def test_not_plain(address: str) -> None:
    assert not is_plain(address)


@pytest.mark.parametrize(
    "field",
    [
        b"(" * 16_000,
        b"a:" * 8_000,
        b'"' * 16_000,
        b'"\\' * 8_000,
        b"<" * 16_000,
        b"a@b " * 4_000,
        b"a@b:" * 4_000,
        b"=?a?q?" * 2_600,
        b" " * 16_000,
        b"a@b.example," * 20_000,
        b",:" * 8_000,
        b"@" * 16_000,
    ],
    ids=range(12),
)
def test_it_takes_linear_time(field: bytes) -> None:
    assert_within(0.5, lambda: parse.__wrapped__(field))


@given(st.binary(max_size=120))
def test_any_field_is_read(field: bytes) -> None:
    for each in parse(field).addresses:
        assert each.name or each.address or b"<" in field
        assert not any(unicodedata.category(letter) == "Cc" for letter in each.name + each.address)
