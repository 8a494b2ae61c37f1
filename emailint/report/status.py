"""`emailint status` as a table, as lines, and as the document of `--json`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from emailint.case import SCHEMA, stamp
from emailint.report.moment import age, local
from emailint.report.sheet import Cell, Column, Sheet, Tone
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from emailint.store.lock import Holder
    from emailint.store.records import Backlog
    from emailint.sweep.status import IntegrationStatus, Status

SOON: Final = timedelta(days=30)
"""A secret whose last day is nearer than this is to be renewed; a sweep opens its error as early."""

_WAITS: Final = {
    "to_mark": "to be marked read",
    "to_move": "to be moved",
    "replies": "to be answered",
    "held": "held",
    "quarantined": "quarantined",
}


def status_document(status: Status) -> dict[str, Any]:
    """What `status --json` prints."""
    return {
        "schema": SCHEMA,
        "at": stamp(status.at),
        "max_age_seconds": status.max_age and status.max_age.total_seconds(),
        "stale": status.stale,
        "run_errors": status.run_errors,
        "sweep": status.holder and _holder_record(status.holder),
        "integrations": [_record(each) for each in status.integrations],
    }


def status_sheet(status: Status) -> Sheet:
    """A row each integration: how it is, since when, what waits, what is wrong."""
    live = (Column("Unread", right=True),) if _asked(status) else ()
    return Sheet(
        (
            Column("Integration", elastic=True, wrap=True),
            Column("State"),
            Column("Last good sweep", room=90),
            Column("Age", right=True),
            *live,
            Column("Waiting", elastic=True, wrap=True),
            Column("Errors", right=True),
            Column("Secret until", room=100),
        ),
        tuple(_row(each, status) for each in status.integrations),
    )


def status_lines(status: Status) -> Iterator[str]:
    """What stands under the table: a sweep that runs, servers that did not answer, the sum, what to do."""
    if status.holder is not None:
        yield terminal_safe(f"{status.holder} is running")
    for each in status.integrations:
        if each.health.failures:
            yield terminal_safe(f"{each.name}: {_backs_off(each)}")
        if each.unread is not None and each.unread.error is not None:
            yield terminal_safe(f"{each.name}: unread mail is not known: {each.unread.error}")
    yield _summary(status)
    if status.run_errors or any(each.open_errors for each in status.integrations):
        yield "emailint list-errors says what to do"


def _summary(status: Status) -> str:
    enabled = [each for each in status.integrations if each.standing == "enabled"]
    errors = status.run_errors + sum(each.open_errors for each in status.integrations)
    parts = [_count(len(enabled), "integration"), _count(errors, "open error") if errors else "no open error"]
    if status.max_age is not None:
        late = sum(each.stale for each in enabled)
        within = f"within {age(status.max_age.total_seconds())}"
        parts.append(f"{late} without a good sweep {within}" if late else f"all swept well {within}")
    return "; ".join(parts)


def _row(each: IntegrationStatus, status: Status) -> tuple[Cell, ...]:
    live = (Cell(_unread(each)),) if _asked(status) else ()
    return (
        Cell(each.name),
        _state(each),
        Cell(local(each.last_good) if each.last_good else "never"),
        Cell("never" if each.age is None else age(each.age.total_seconds())),
        *live,
        Cell(_waiting(each.backlog) or "nothing", Tone.PLAIN if _waiting(each.backlog) else Tone.QUIET),
        Cell(f"{each.open_errors:,}", Tone.BAD if each.open_errors else Tone.QUIET),
        _until(each.expires, status),
    )


def _state(each: IntegrationStatus) -> Cell:
    """In words, and never by colour alone."""
    if each.standing != "enabled":
        return Cell(each.standing, Tone.QUIET)
    if each.stale:
        return Cell("stale", Tone.BAD)
    if each.health.failures:
        return Cell("failing", Tone.BAD)
    if each.age is None:
        return Cell("not yet", Tone.WARNING)
    return Cell("errors", Tone.WARNING) if each.open_errors else Cell("well", Tone.GOOD)


def _backs_off(each: IntegrationStatus) -> str:
    health = each.health
    again = f", to be tried again at {local(health.retry_at)}" if health.retry_at else ""
    return f"failed {_count(health.failures, 'time')} ({health.kind}){again}"


def _waiting(backlog: Backlog) -> str:
    waits = ((getattr(backlog, name), words) for name, words in _WAITS.items())
    return ", ".join(f"{count:,} {words}" for count, words in waits if count)


def _until(day: date | None, status: Status) -> Cell:
    if day is None:
        return Cell("")
    left = day - status.at.date()
    if left < timedelta(0):
        return Cell(f"{day} (over)", Tone.BAD)
    return Cell(f"{day} ({left.days} d)", Tone.WARNING) if left <= SOON else Cell(f"{day}")


def _unread(each: IntegrationStatus) -> str:
    if each.unread is None:  # nobody asks for mail of a disabled integration
        return ""
    return "?" if each.unread.count is None else f"{each.unread.count:,}"


def _asked(status: Status) -> bool:
    return any(each.unread is not None for each in status.integrations)


def _record(each: IntegrationStatus) -> dict[str, Any]:
    return {
        "name": each.name,
        "mailbox": each.mailbox,
        "standing": each.standing,
        "last_good_sweep": stamp(each.last_good),
        "age_seconds": None if each.age is None else round(each.age.total_seconds(), 3),
        "stale": each.stale,
        "backlog": asdict(each.backlog),
        "open_errors": each.open_errors,
        "failures": each.health.failures,
        "next_try": stamp(each.health.retry_at),
        "secret_expires": each.expires.isoformat() if each.expires else None,
        "unread": each.unread.count if each.unread else None,
        "unread_error": each.unread.error if each.unread else None,
    }


def _holder_record(holder: Holder) -> dict[str, Any]:
    return {
        "pid": holder.pid,
        "host": holder.host,
        "command": holder.command,
        "started_at": stamp(holder.started_at),
        "ends_at": stamp(holder.ends_at),
        "integrations": sorted(holder.integrations),
    }


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
