from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.message import own_ids

KEY = bytes(range(32))


def test_the_id_is_what_it_always_was() -> None:
    made = own_ids.make("CS-000042", KEY, "example.org")
    assert made == "<CS-000042.516baf86c631bd33b8d9c9564eb5528d@example.org>"


@pytest.mark.parametrize(
    ("case_id", "case"),
    [
        ("CS-000042", "CS-000042"),
        ("CS-000042-1", "CS-000042"),
        ("CS-000042-12345", "CS-000042"),
        ("CS-1234567", "CS-1234567"),
        ("HR-PAY-000001", "HR-PAY-000001"),
        ("CS-2026001-000042", "CS-2026001-000042"),
    ],
)
def test_our_own_id_gives_its_case(case_id: str, case: str) -> None:
    made = own_ids.make(case_id, KEY, "example.org")
    assert own_ids.case_of(made, KEY) == case
    assert own_ids.case_of(f" {made} ", KEY) == case
    assert own_ids.case_of(made.strip("<>"), KEY) == case
    assert own_ids.case_of(made.replace("example.org", "rewritten.example"), KEY) == case


MADE = own_ids.make("CS-000042", KEY, "example.org")


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "<>",
        "<1@example.com>",
        "<CS-000042@example.org>",
        MADE.replace("000042", "000043"),
        MADE.replace("CS-000042", "CS-000042-1"),
        MADE.replace("CS-", "cs-"),
        own_ids.make("CS-000042", KEY[::-1], "example.org"),
        MADE.replace(".", ".0", 1),
        MADE[:-15] + "@example.org>",
        f"{MADE}{MADE}",
        MADE.replace("@", "@evil example"),
        "<" + "-000001" * 20_000 + MADE,
    ],
)
def test_nothing_else_does(foreign: str) -> None:
    assert own_ids.case_of(foreign, KEY) is None


@given(st.text(max_size=80))
def test_any_text_is_refused(text: str) -> None:
    assert own_ids.case_of(text, KEY) is None
