from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.message.dates import EARLIEST, LATEST, parse


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]  # year to second, as given


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Tue, 24 Nov 2026 18:00:05 +0100", utc(2026, 11, 24, 17, 0, 5)),
        ("24 Nov 2026 18:00 -0330", utc(2026, 11, 24, 21, 30)),
        ("Tue, 24 Nov 2026 18:00:05 GMT", utc(2026, 11, 24, 18, 0, 5)),
        ("Tue, 24 Nov 2026 18:00:05 UT", utc(2026, 11, 24, 18, 0, 5)),
        ("Tue, 24 Nov 2026 18:00:05 EDT", utc(2026, 11, 24, 22, 0, 5)),
        ("Tue, 24 Nov 2026 18:00:05 Z", utc(2026, 11, 24, 18, 0, 5)),
        ("Tue, 24 Nov 2026 18:00:05 QQQ", utc(2026, 11, 24, 18, 0, 5)),
        ("Tue, 24 Nov 2026 18:00:05 -0000", utc(2026, 11, 24, 18, 0, 5)),
        ("Tue, 24 Nov 2026 18:00:60 +0000", utc(2026, 11, 24, 18, 0, 59)),
        ("Tue, 24 Nov 2026 18:00:05.123 +0000", utc(2026, 11, 24, 18, 0, 5)),
        ("Tue, 24 Nov 2026 18:00:05 +01:00", utc(2026, 11, 24, 17, 0, 5)),
        ("Tue, 24 Nov 2026 18:00:05 GMT+01:00", utc(2026, 11, 24, 17, 0, 5)),
        ("Tue,24 November 2026 6:00:05 PM +0000", utc(2026, 11, 24, 18, 0, 5)),
        ("24-Nov-26 12:00:05 AM", utc(2026, 11, 24, 0, 0, 5)),
        ("24 Nov 99 18:00:05 +0000", utc(1999, 11, 24, 18, 0, 5)),
        ("24 Nov 126 18:00:05 +0000", utc(2026, 11, 24, 18, 0, 5)),
        ("Tue Nov 24 18:00:05 CET 2026", utc(2026, 11, 24, 17, 0, 5)),
        ("Nov 24, 2026 18:00", utc(2026, 11, 24, 18, 0)),
        ("2026-11-24 18:00:05+0100", utc(2026, 11, 24, 17, 0, 5)),
        ("(sent) Tue, 24 Nov 2026 (day) 18:00:05 +0000 (x)", utc(2026, 11, 24, 18, 0, 5)),
    ],
)
def test_the_forms_of_mail(text: str, moment: datetime) -> None:
    assert parse(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Tue, 24 Nov 9999999999 18:00:05 +0000",
        "Tue, 24 Nov 99999 18:00:05 +0000",
        "Tue, 24 Foo 2026 18:00:05 +0000",
        "Tue, 32 Nov 2026 18:00:05 +0000",
        "Tue, 24 Nov 2026 25:00:05 +0000",
        "Tue, 24 Nov 2026 18:61:05 +0000",
        "Tue, 24 Nov 2026 18:00:05 +9999",
        "Tue, 24 Nov 2026 18:00:05 +1700",
        "Tue, 24 Nov 1904 18:00:05 +0000",
        "Tue, 24 Nov 2101 18:00:05 +0000",
        "0001-01-01T00:00:00+15:00",
        "1 " * 8_000,
    ],
)
def test_what_is_no_date_or_an_absurd_one_is_none(text: str) -> None:
    assert parse(text) is None


@given(st.text(max_size=100))
def test_any_text_gives_an_aware_sensible_date_or_none(text: str) -> None:
    moment = parse(text)
    assert moment is None or (moment.tzinfo is UTC and EARLIEST <= moment.year <= LATEST)


@given(st.integers(86_400, 4_000_000_000))
def test_rfc_5322_dates_come_back(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert parse(moment.strftime("%a, %d %b %Y %H:%M:%S +0000")) == moment
