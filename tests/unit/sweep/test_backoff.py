"""When a mailbox that failed is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from emailint.store.records import Health
from emailint.sweep import backoff

NOW = datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failures_before", "minutes"), [(0, 1), (1, 2), (2, 5), (3, 15), (4, 60), (5, 60), (100, 60)]
)
def test_pauses_grow(failures_before: int, minutes: int) -> None:
    after = backoff.after_failure(Health(failures_before), NOW, "connection_failed", "c1", None)
    assert after.failures == failures_before + 1
    assert after.retry_at == NOW + timedelta(minutes=minutes)
    assert after.kind == "connection_failed"


@pytest.mark.parametrize(("asked", "seconds"), [(10, 60), (300, 300), (999_999, 3600)])
def test_a_server_may_ask_for_a_longer_pause_but_not_for_ever(asked: float, seconds: int) -> None:
    assert backoff.after_failure(Health(), NOW, "throttled", "c1", asked).retry_at == NOW + timedelta(
        seconds=seconds
    )


@pytest.mark.parametrize(
    ("retry_in", "config", "may"),
    [
        (None, "c1", True),
        (timedelta(minutes=5), "c1", False),
        (timedelta(seconds=5), "c1", True),
        (timedelta(seconds=-1), "c1", True),
        (timedelta(minutes=5), "c2", True),
        (timedelta(days=3650), "c1", True),
    ],
    ids=["well", "waiting", "cron is not exact", "due", "configuration changed", "clock was set back"],
)
def test_may_try(retry_in: timedelta | None, config: str, may: bool) -> None:
    health = Health(3, None if retry_in is None else NOW + retry_in, "login_refused", "c1")
    assert backoff.may_try(health, NOW, config) is may


def test_two_minutes_after_the_second_failure_cron_is_let_through() -> None:
    failed = backoff.after_failure(Health(1), NOW, "connection_failed", "c1", None)
    assert not backoff.may_try(failed, NOW + timedelta(seconds=56), "c1")
    assert backoff.may_try(failed, NOW + timedelta(seconds=116), "c1")
