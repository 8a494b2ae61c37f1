"""When a case is due."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, assert_never

from emailint.config.rules import BusinessDays

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from datetime import date, datetime, tzinfo

_SATURDAY = 5
_LONGEST_CLOSURE = 366
"""Days without a business day after which counting goes on as if all were."""


def due_at(
    begin: datetime, due_in: timedelta | BusinessDays | None, zone: tzinfo, holidays: AbstractSet[date]
) -> datetime | None:
    """The moment so much later, in UTC.

    Business days are counted by the calendar of `zone`: the case is due on the n-th business day after its
    own, at its own time of day there. What begins on a weekend or holiday is due as if it had begun at the
    same time on the last business day before.
    """
    match due_in:
        case None:
            return None
        case timedelta():
            return begin + due_in
        case BusinessDays(days=days):
            local = begin.astimezone(zone)
            ahead = _days_ahead(local.date(), days, holidays)
            return (local.replace(tzinfo=None) + timedelta(days=ahead)).replace(tzinfo=zone).astimezone(UTC)
        case _:
            assert_never(due_in)


def _days_ahead(begin: date, days: int, holidays: AbstractSet[date]) -> int:
    """How many days on the n-th business day after `begin` is."""
    ahead = closed = 0
    while days:
        ahead += 1
        day = begin + timedelta(days=ahead)
        if (day.weekday() < _SATURDAY and day not in holidays) or closed >= _LONGEST_CLOSURE:
            days, closed = days - 1, 0
        else:
            closed += 1
    return ahead
