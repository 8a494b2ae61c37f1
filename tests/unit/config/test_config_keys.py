"""How what was written is read by the keys that are declared."""

from typing import Annotated

import pytest

from emailint.config.grammar import line, whole
from emailint.config.keys_base import Grammar, Keys, Misshapen, Refused, UnknownKey, key
from emailint.config.problems import Location

Line = Annotated[str, Grammar(line, {"type": "string"})]
Count = Annotated[int, Grammar(whole(1, 9), {"type": "integer"})]


class Inner(Keys):
    """A mapping in a mapping."""

    count: Count | None = key("a number")
    must: Line = key("not null")


class Outer(Inner):
    """A mapping."""

    from_: Line | None = key("a text", alias="from")
    lines: tuple[Line, ...] | None = key("texts")
    inner: Inner | None = key("a mapping")
    several: tuple[Inner, ...] | None = key("mappings")


def read(values: object) -> tuple[Outer, Refused]:
    """The keys, and what was refused."""
    refused: Refused = []
    return Outer.read(values, (), refused), refused


def places(values: object) -> list[Location]:
    """Where something was refused."""
    return [location for location, _ in read(values)[1]]


def test_what_is_written_is_read_and_all_else_is_none() -> None:
    keys, refused = read(
        {"from": "a", "lines": ["b", "c"], "inner": {"count": "3"}, "several": [{"must": "x"}, {}]}
    )
    assert not refused
    assert (keys.from_, keys.lines, keys.count) == ("a", ("b", "c"), None)
    assert "must" not in keys.written
    assert keys.inner is not None
    assert keys.inner.count == 3
    assert keys.several is not None
    assert [each.must for each in keys.several] == ["x", None]


def test_null_is_written_too() -> None:
    keys, refused = read({"from": None, "lines": None, "inner": None})
    assert not refused
    assert set(keys.written) == {"from_", "lines", "inner"}


def test_null_is_refused_where_only_a_value_will_do() -> None:
    assert places({"must": None, "lines": [None], "several": [None]}) == [
        ("must",), ("lines", 0), ("several", 0)
    ]  # fmt: skip


def test_all_that_is_wrong_is_found_in_the_order_of_the_declaration() -> None:
    wrong = {
        "several": [{"must": "x"}, {"count": "99", "cuont": "1"}],
        "unheard": "of",
        "from_": "a",
        "lines": ["a", "b\nc"],
        "count": "0",
    }
    assert places(wrong) == [
        ("count",),
        ("lines", 1),
        ("several", 1, "count"),
        ("several", 1, "cuont"),
        ("unheard",),
        ("from_",),
    ]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"inner": ["a"]}, Misshapen),
        ({"inner": "a"}, Misshapen),
        ({"lines": "a"}, Misshapen),
        ({"lines": {"a": "b"}}, Misshapen),
        ({"several": {"count": "1"}}, Misshapen),
        ("a", Misshapen),
        ({"inner": {"inner": {}}}, UnknownKey),
    ],
)
def test_what_has_no_place_is_told_from_what_no_grammar_takes(values: object, kind: type[Exception]) -> None:
    assert [type(wrong) for _, wrong in read(values)[1]] == [kind]


def test_what_is_inherited_comes_first_and_leaves_the_parent_alone() -> None:
    assert list(Outer.declared) == ["count", "must", "from", "lines", "inner", "several"]
    assert list(Inner.declared) == ["count", "must"]


def test_what_was_written_stays_so() -> None:
    with pytest.raises(AttributeError, match="count"):
        Inner().count = 4
