"""What `list-errors` shows: what repeats in one row, newest last, and a line with the sum."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from emailint.report.sheet import plain_lines
from emailint.report.troubles import errors_line, errors_sheet, grouped
from emailint.store.records import OpenError, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _local_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "EST+5EDT,M3.2.0,M11.1.0")
        time.tzset()
        yield
    time.tzset()


def an_error(
    number: int, kind: str = "held", *, minutes: int = 3, count: int = 1, closed: bool = False, **fields: str
) -> OpenError:
    given = {"message": f"no alias fits mail {number}", "hint": "add an alias", "integration": "payroll"}
    trouble = Trouble(kind, "message", transient=False, **(given | fields))  # type: ignore[arg-type]  # texts alone
    last = NOW - timedelta(minutes=minutes)
    return OpenError(f"E-{number}", trouble, last - timedelta(hours=1), last, count, NOW if closed else None)


def test_one_error_is_one_row_with_what_to_do() -> None:
    one = an_error(1, "login_refused", count=34, message="refused\nthe login", case_id="CS-000001")
    lines = list(plain_lines(errors_sheet(grouped([one]), NOW)))
    assert [" ".join(line.split()) for line in lines] == [
        "ERROR SINCE LAST TIMES WHERE WHAT",
        "E-1 2026-11-24 11:57:05 -0500 3 min 34 payroll CS-000001 login_refused: refused\\x0athe login",
        "What to do: add an alias",
    ]


def test_many_that_are_alike_are_one_row_that_says_how_to_see_each() -> None:
    errors = [an_error(number, minutes=100 - number, count=2, case_id=f"CS-{number}") for number in range(40)]
    lines = list(plain_lines(errors_sheet(grouped(errors), NOW)))
    assert " ".join(lines[1].split()) == (
        "E-39 2026-11-24 10:20:05 -0500 1 h 80 payroll held: the last of them: no alias fits mail 39"
    )
    assert [line.strip() for line in lines[2:]] == [
        "and 39 more",
        "What to do: add an alias; each of them: emailint list-errors --kind held --integration payroll",
    ]


@pytest.mark.parametrize(
    ("errors", "each", "rows"),
    [
        ([an_error(1), an_error(2)], False, ["E-1", "E-2"]),
        ([an_error(1), an_error(2), an_error(3)], False, ["E-3"]),
        ([an_error(1), an_error(2), an_error(3)], True, ["E-1", "E-2", "E-3"]),
        ([an_error(1), an_error(2), an_error(3, integration="desk")], False, ["E-1", "E-2", "E-3"]),
        ([an_error(1), an_error(2), an_error(3, "quarantined")], False, ["E-1", "E-2", "E-3"]),
        ([an_error(1), an_error(2), an_error(3, closed=True)], False, ["E-1", "E-2", "E-3"]),
        ([an_error(1, minutes=1), an_error(2, "x", minutes=2)], False, ["E-2", "E-1"]),
        (
            [an_error(1, minutes=9), an_error(2, "x", minutes=5), an_error(3, minutes=8), an_error(4)],
            False,
            ["E-2", "E-4"],
        ),
    ],
)
def test_what_shares_a_row_and_the_newest_last(errors: list[OpenError], each: bool, rows: list[str]) -> None:
    assert [group.newest.error_id for group in grouped(errors, each=each)] == rows


def test_closed_ones_say_so() -> None:
    errors = [an_error(number, closed=True, hint="") for number in range(3)]
    lines = list(plain_lines(errors_sheet(grouped(errors), NOW)))
    assert lines[1].endswith("no alias fits mail 2 (closed 2026-11-24 13:00:05 -0500)")
    assert lines[3].strip() == ("Each of them: emailint list-errors --kind held --integration payroll --all")


def test_the_last_line_counts() -> None:
    kinds = ["a", "a", "b", "c", "d", "e", "f"]
    errors = [an_error(number, kind, minutes=number) for number, kind in enumerate(kinds)]
    assert errors_line(errors) == (
        "7 open errors: 2 a, 1 b, 1 c, 1 d, 2 of other kinds; the oldest since 2026-11-24 11:54:05 -0500"
    )
    assert errors_line([an_error(1, "a\x07"), an_error(2, closed=True)]) == (
        "1 open error (1 closed): 1 a\\x07; the oldest since 2026-11-24 11:57:05 -0500"
    )
    assert errors_line([an_error(2, closed=True)]) == "no open error (1 closed)"


def test_a_hostile_name_and_text_are_harmless() -> None:
    errors = [an_error(number, integration="a; rm\x1b[2J -r", subject="\x9b31m") for number in range(3)]
    text = "\n".join(plain_lines(errors_sheet(grouped(errors), NOW)))
    assert all(each.isprintable() or each == "\n" for each in text)
    assert "--integration 'a; rm\\x1b[2J -r'" in text
