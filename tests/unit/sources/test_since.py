"""From when on mail is looked at."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from emailint.sources.since import cutoff


def test_without_a_date_all_mail_counts() -> None:
    assert cutoff(None) is None


def test_a_date_begins_at_midnight_of_this_machine() -> None:
    begin = cutoff(date(2026, 11, 1))
    assert begin is not None
    assert begin.tzinfo is not None
    assert begin.astimezone().replace(tzinfo=None) == datetime(2026, 11, 1)  # noqa: DTZ001 - local on purpose


def test_a_moment_is_itself() -> None:
    moment = datetime(2026, 11, 1, 12, tzinfo=timezone(timedelta(hours=5)))
    assert cutoff(moment) == moment == datetime(2026, 11, 1, 7, tzinfo=UTC)
