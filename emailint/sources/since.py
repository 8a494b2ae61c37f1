"""From when on mail is looked at."""

from __future__ import annotations

from datetime import date, datetime


def cutoff(since: date | None) -> datetime | None:
    """The first moment that counts: a date begins at its midnight on this machine, a datetime is itself."""
    if since is None:
        return None
    if isinstance(since, datetime):
        return since.astimezone()
    return datetime(since.year, since.month, since.day).astimezone()
