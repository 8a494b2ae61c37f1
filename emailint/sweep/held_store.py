"""A store that somebody else holds: whether that is a trouble, and whether it is to be told of now.

A sweep that covers this one and is in its time is no trouble: this one gives way. One that should have ended
long ago is, and so is one that does other mailboxes and keeps these waiting until the deadline. Such a
trouble is told of like any other: when it is new, once a day while it lasts, and when it is over. The ledger
belongs to whoever has the lock, so what was told stands beside the lock (`store/told.py`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from emailint.errors import LockTimeout, Scope
from emailint.store.errors_log import ErrorsLog
from emailint.store.records import OpenError, Trouble
from emailint.store.told import Told, read_told, write_told
from emailint.sweep.result import SweepResult
from emailint.sweep.troubles import TELL_AGAIN, error_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from emailint.config.model import Config
    from emailint.store.lock import Holder, StoreHeld

KIND: Final = LockTimeout("").kind
LATE: Final = timedelta(minutes=1)
"""So long after its own end a sweep is said to hang; its watchdog ends it within seconds, where it can."""
LONG: Final = timedelta(hours=1)
"""The same from its start, for one without a deadline: a person may sweep a full mailbox for long."""
FORGOTTEN: Final = 2 * TELL_AGAIN
"""What was not told again for so long is of a line of the crontab that is no more."""


def hangs(holder: Holder, now: datetime) -> bool:
    """Whether it should have ended long ago. This decides what is said; the lock stays the holder's."""
    if holder.ends_at is not None:
        return now > holder.ends_at + LATE
    return holder.started_at is not None and now > holder.started_at + LONG


def advice(holder: Holder, folder: Path) -> str:
    """What to do about a run that does not end."""
    if holder.pid is None:
        return f"`fuser -v {folder / 'lock'}` says which process holds it"
    pid, where = holder.pid, f" on {holder.host}" if holder.host else ""
    return (
        f"look at it{where}: ps -o pid,stat,etime,args -p {pid}; a stopped one (T) goes on after"
        f" kill -CONT {pid}; one that hangs is ended by kill {pid}, or kill -9 {pid}: nothing is lost by"
        " that, and the next sweep goes on"
    )


def given_way(config: Config, names: Sequence[str], held: StoreHeld, now: datetime) -> SweepResult:
    """The result of a sweep that did not get the lock; its `news` is what is to be told, if anything."""
    holder = held.holder
    covered = holder.covers(names, str(config.path))
    told = _words(config, names, holder, covered=covered, now=now)
    news = _tell(config.store, told) if not covered or hangs(holder, now) else ()
    return SweepResult("", now, 0.0, False, (), news=news, busy=str(held), locked_out=not covered)


def over(config: Config, names: Sequence[str], now: datetime) -> tuple[OpenError, ...]:
    """This run has the lock: what was told of it, and of runs that it covers, is over."""
    told = read_told(config.store)
    if not told:
        return ()
    mine = [each for each in told if each.config == str(config.path) and each.integrations.issubset(names)]
    left = [each for each in told if each not in mine and now - each.at < FORGOTTEN]
    if len(left) != len(told):
        write_told(config.store, left)
    ended = tuple(_open_error(each, now) for each in mine)
    for error in ended:
        ErrorsLog(config.store).write(error_record(error, "closed"))
    return ended


def open_errors(folder: Path) -> list[OpenError]:
    """The troubles with the lock that are open, for whoever lists errors."""
    return [_open_error(each) for each in read_told(folder)]


def _words(config: Config, names: Sequence[str], holder: Holder, *, covered: bool, now: datetime) -> Told:
    if covered:
        message = f"{holder} has not ended: sweeps give way to it, and no mail is taken"
    else:
        message = f"{holder} held the store until the deadline of this sweep; nothing was touched"
    return Told(str(config.path), frozenset(names), message, advice(holder, config.store), now, now)


def _tell(folder: Path, new: Told) -> tuple[OpenError, ...]:
    """The trouble where it is to be told of now, which is noted; else nothing."""
    told = read_told(folder)
    before = next((each for each in told if _asker(each) == _asker(new)), None)
    if before is not None and timedelta(0) <= new.at - before.at < TELL_AGAIN:
        return ()
    others = [each for each in told if each is not before]
    write_told(folder, [*others, new if before is None else _again(before, new)])
    error = _open_error(new)
    if before is None:
        ErrorsLog(folder).write(error_record(error, "opened"))
    return (error,)


def _again(before: Told, new: Told) -> Told:
    return Told(new.config, new.integrations, new.message, new.hint, before.since, new.at)


def _asker(told: Told) -> tuple[str, frozenset[str]]:
    return told.config, told.integrations


def _open_error(told: Told, closed_at: datetime | None = None) -> OpenError:
    trouble = Trouble(
        kind=KIND,
        scope=Scope.RUN.value,
        transient=LockTimeout.transient,
        message=told.message,
        hint=told.hint,
        subject_key="\n".join(_sorted(told)),
    )
    return OpenError(trouble.error_id, trouble, told.since, told.at, 1, closed_at, told_at=told.at)


def _sorted(told: Told) -> Iterable[str]:
    return told.config, *sorted(told.integrations)
