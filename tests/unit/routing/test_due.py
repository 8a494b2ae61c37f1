"""When a case is due: durations, business days, weekends, holidays, clocks that are changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from emailint.config.rules import BusinessDays
from emailint.routing.due import due_at

NEW_YORK = ZoneInfo("America/New_York")
THANKSGIVING = frozenset({date(2026, 11, 26), date(2026, 11, 27)})

TABLE = [
    # 2026-11-24 is a Tuesday
    ("nothing", "2026-11-24T10:00", None, UTC, None),
    ("hours", "2026-11-24T10:00", timedelta(hours=30), UTC, "2026-11-25T16:00"),
    ("days count weekends", "2026-11-27T10:00", timedelta(days=2), UTC, "2026-11-29T10:00"),
    ("a business day", "2026-11-24T10:00", BusinessDays(1), UTC, "2026-11-25T10:00"),
    ("over a weekend", "2026-11-20T10:00", BusinessDays(1), UTC, "2026-11-23T10:00"),
    ("over two weekends", "2026-11-13T10:00", BusinessDays(6), UTC, "2026-11-23T10:00"),
    ("from a Saturday", "2026-11-21T10:00", BusinessDays(1), UTC, "2026-11-23T10:00"),
    ("from a Sunday", "2026-11-22T23:59", BusinessDays(2), UTC, "2026-11-24T23:59"),
    ("over holidays and a weekend", "2026-11-25T10:00", BusinessDays(1), UTC, "2026-11-30T10:00"),
    ("from a holiday", "2026-11-26T10:00", BusinessDays(2), UTC, "2026-12-01T10:00"),
    # 02:00 UTC on Saturday is 21:00 on Friday in New York
    ("Friday night there", "2026-11-21T02:00", BusinessDays(1), NEW_YORK, "2026-11-24T02:00"),
    # winter time there ends on 2027-03-14 at 07:00 UTC: 10:00 is 15:00 UTC before, 14:00 UTC after
    ("the same time of day there", "2027-03-12T15:00", BusinessDays(1), NEW_YORK, "2027-03-15T14:00"),
]


@pytest.mark.parametrize(
    ("begin", "due_in", "zone", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_due(
    begin: str, due_in: timedelta | BusinessDays | None, zone: ZoneInfo, expected: str | None
) -> None:
    found = due_at(datetime.fromisoformat(begin).replace(tzinfo=UTC), due_in, zone, THANKSGIVING)
    assert found == (datetime.fromisoformat(expected).replace(tzinfo=UTC) if expected else None)
    assert found is None or found.tzinfo is UTC


def test_a_calendar_without_business_days_ends() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    holidays = frozenset(date(2026, 1, 1) + timedelta(days=number) for number in range(5_000))
    found = due_at(begin, BusinessDays(2), UTC, holidays)
    assert found is not None
    assert timedelta(days=700) < found - begin < timedelta(days=800)


def test_no_time_zone_runs_past_the_end_of_days() -> None:
    assert due_at(datetime(2026, 11, 24, tzinfo=UTC), BusinessDays(999), NEW_YORK, frozenset()) is not None
