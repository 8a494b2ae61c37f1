"""MAPI properties in what Graph answers: names are written in more than one way, and any may be missing."""

from __future__ import annotations

from typing import Any

import pytest

from emailint.graph_client.properties import expanded, integer_of, values_of

NAMED = "String {888c2774-618c-41f6-ab25-9b13d7329ad6} Name EmailintReply"


def shown(*pairs: tuple[Any, Any]) -> dict[str, Any]:
    return {"singleValueExtendedProperties": [{"id": name, "value": value} for name, value in pairs]}


@pytest.mark.parametrize("name", ["Integer 0x0E07", "Integer 0xe07", "integer 0x00e07", "Long 0x0E07"])
def test_a_tag_is_known_however_it_is_written(name: str) -> None:
    assert integer_of(shown((name, "9"), ("Integer 0x0E08", "5")), "Integer 0x0E07") == 9


@pytest.mark.parametrize(
    "message",
    [
        {},
        shown(),
        {"singleValueExtendedProperties": None},
        {"singleValueExtendedProperties": "9"},
        {"singleValueExtendedProperties": [None, "x", {"value": "9"}, {"id": 7, "value": "9"}]},
        shown(("Integer 0x0E08", "9")),
        shown(("Integer 0x0E07", None)),
        shown(("Integer 0x0E07", "-9")),
        shown(("Integer 0x0E07", "nine")),
    ],
)
def test_what_is_not_shown_or_no_number_is_none(message: dict[str, Any]) -> None:
    assert integer_of(message, "Integer 0x0E07") is None


def test_a_named_property_is_known_in_any_case_and_its_value_is_as_it_is() -> None:
    assert values_of(shown((NAMED.upper(), "<CS-1.Ab@x>"))) == {NAMED.lower(): "<CS-1.Ab@x>"}


def test_how_one_is_asked_for() -> None:
    asked = "singleValueExtendedProperties($filter=id eq 'Integer 0x0E07')"
    assert expanded("Integer 0x0E07") == asked
