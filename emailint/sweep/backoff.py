"""When a mailbox that failed is tried again, so that no account is locked and no server is pressed."""

from __future__ import annotations

from datetime import datetime, timedelta

from emailint.store.records import Health
from emailint.terminal import local

MINUTES = (1, 2, 5, 15, 60)
SLACK = timedelta(seconds=10)
"""Cron's minute is not exact: what is due within the slack is due now."""


def after_failure(before: Health, now: datetime, kind: str, config: str, wait: float | None) -> Health:
    """The health after one more failure; `wait` is what the server asked for, in seconds."""
    failures = before.failures + 1
    minutes = MINUTES[min(failures, len(MINUTES)) - 1]
    pause = max(timedelta(minutes=minutes), timedelta(seconds=min(wait or 0, 3600)))
    return Health(failures, now + pause, kind, config)


def may_try(health: Health, now: datetime, config: str) -> bool:
    """Whether the mailbox may be tried now.

    A changed configuration tries at once, and a time further away than any pause means that the clock was
    set back.
    """
    if health.retry_at is None or health.config != config:
        return True
    longest = timedelta(minutes=MINUTES[-1]) + SLACK
    return health.retry_at - SLACK <= now or health.retry_at - now > longest


def reply_pause(attempts: int) -> timedelta:
    """How long a reply waits after so many failed tries."""
    return timedelta(minutes=MINUTES[min(attempts + 1, len(MINUTES)) - 1])


def backing_off(health: Health) -> str:
    """Why a mailbox is left out of this sweep."""
    times = "once" if health.failures == 1 else f"{health.failures} times in a row"
    until = local(health.retry_at) if health.retry_at else "the next sweep"
    return f"failed {times} ({health.kind}); not tried before {until}, mail stays unread until then"
