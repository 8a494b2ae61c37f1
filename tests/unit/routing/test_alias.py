"""Which alias takes a mail: two passes, header order, and the header that says so."""

from __future__ import annotations

import pytest

from emailint.config.model import Alias
from emailint.routing.alias import AliasMatch, addressed, alias_at, match_alias
from tests.support.routing import addresses

DESK = Alias("desk@example.org", default=True)
PAYROLL = Alias("payroll@example.org")
URGENT = Alias("payroll+urgent@example.org")
ALL = (DESK, PAYROLL, URGENT)
NO_DEFAULT = (PAYROLL, URGENT)

TABLE = [
    ("To", ALL, {"To": ["payroll@example.org"]}, PAYROLL, "To"),
    ("without case", ALL, {"To": ["PayRoll@EXAMPLE.org"]}, PAYROLL, "To"),
    ("Cc", ALL, {"To": ["else@x.example"], "Cc": ["payroll@example.org"]}, PAYROLL, "Cc"),
    ("Resent-To", ALL, {"Resent-To": ["payroll@example.org"], "To": ["x@x.example"]}, PAYROLL, "Resent-To"),
    ("Envelope-To", ALL, {"Envelope-To": ["payroll@example.org"]}, PAYROLL, "Envelope-To"),
    ("X-Original-To", ALL, {"X-Original-To": ["payroll@example.org"]}, PAYROLL, "X-Original-To"),
    (
        "an MTA left the final mailbox in Delivered-To: the alias in To wins all the same",
        ALL,
        {"Delivered-To": ["desk@example.org"], "To": ["payroll@example.org"]},
        PAYROLL,
        "To",
    ),
    (
        "of two aliases the one whose header comes first",
        ALL,
        {"To": ["payroll@example.org"], "X-Original-To": ["payroll+urgent@example.org"]},
        URGENT,
        "X-Original-To",
    ),
    (
        "of two in one header the one that stands first",
        ALL,
        {"To": ["payroll+urgent@example.org", "payroll@example.org"]},
        URGENT,
        "To",
    ),
    ("the default by its address", ALL, {"To": ["desk@example.org"]}, DESK, "To"),
    (
        "the default by the first header it stands in",
        ALL,
        {"To": ["desk@example.org"], "Delivered-To": ["desk@example.org"]},
        DESK,
        "Delivered-To",
    ),
    ("the default for anything else", ALL, {"To": ["other@x.example"]}, DESK, "default"),
    ("the default for a mail to nobody", ALL, {}, DESK, "default"),
    ("an empty address is no address", ALL, {"To": [""]}, DESK, "default"),
    ("a header that says nothing of delivery", ALL, {"Reply-To": ["payroll@example.org"]}, DESK, "default"),
    ("no default", NO_DEFAULT, {"To": ["other@x.example"]}, None, None),
    ("no alias at all", (), {"To": ["other@x.example"]}, None, None),
]


@pytest.mark.parametrize(
    ("aliases", "headers", "alias", "by"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_alias_and_what_it_was_matched_by(
    aliases: tuple[Alias, ...], headers: dict[str, list[str]], alias: Alias | None, by: str | None
) -> None:
    found = match_alias({name: addresses(*each) for name, each in headers.items()}, aliases)
    assert (found and found.alias, found and found.matched_by) == (alias, by)


def test_addressed_names_everybody_once_in_header_order() -> None:
    headers = {
        "Cc": addresses("c@x.example", "a@x.example"),
        "To": addresses("A@x.example", ""),
        "Delivered-To": addresses("d@x.example"),
    }
    assert addressed(headers) == ["d@x.example", "a@x.example", "c@x.example"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [("payroll@example.org", PAYROLL), ("PAYROLL@example.org", PAYROLL), ("gone@example.org", DESK)],
)
def test_alias_at_an_address_that_a_row_was_made_under(address: str, expected: Alias) -> None:
    assert alias_at(ALL, address) == expected


def test_alias_at_without_a_default_is_the_first() -> None:
    assert alias_at(NO_DEFAULT, "gone@example.org") == PAYROLL


PLUS = [
    ("a tag that is no alias", {"To": ["payroll+june@example.org"]}, PAYROLL, "To", ()),
    ("a tag that is one", {"To": ["payroll+urgent@example.org"]}, URGENT, "To", ()),
    ("a tag on the default", {"To": ["desk+x@example.org"]}, DESK, "To", ()),
    ("a tag of another domain", {"To": ["payroll+x@else.example"]}, DESK, "default", ()),
    ("nothing before the tag", {"To": ["+payroll@example.org"]}, DESK, "default", ()),
    (
        "the header decides, not whether there is a tag",
        {"To": ["payroll+june@example.org"], "Cc": ["payroll+urgent@example.org"]},
        PAYROLL,
        "To",
        (URGENT.address,),
    ),
    (
        "several, in header order, each once",
        {"To": ["payroll@example.org", "payroll+urgent@example.org"], "Cc": ["payroll@example.org"]},
        PAYROLL,
        "To",
        (URGENT.address,),
    ),
    (
        "the default, written to besides",
        {"To": ["payroll@example.org"], "Cc": ["desk@example.org"]},
        PAYROLL,
        "To",
        (DESK.address,),
    ),
    (
        "the default, where only the MTA names it",
        {"Delivered-To": ["desk@example.org"], "To": ["payroll@example.org"]},
        PAYROLL,
        "To",
        (),
    ),
]


@pytest.mark.parametrize(
    ("headers", "alias", "by", "others"), [row[1:] for row in PLUS], ids=[row[0] for row in PLUS]
)
def test_tags_and_several_aliases(
    headers: dict[str, list[str]], alias: Alias, by: str, others: tuple[str, ...]
) -> None:
    found = match_alias({name: addresses(*each) for name, each in headers.items()}, ALL)
    assert found == AliasMatch(alias, by, others)
