"""Errors as people read them: what repeats in one row, with since when, how often and what to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING, Final

from emailint.report.moment import age, local
from emailint.report.sheet import Cell, Column, Sheet, Tone
from emailint.terminal import clip, terminal_safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from emailint.store.records import OpenError

MOST_ALIKE: Final = 2
"""So many errors of one kind and integration have a row each; more of them share one."""

KINDS_TOLD: Final = 4
"""So many kinds are counted by name in the last line."""


@dataclass(frozen=True, slots=True)
class Group:
    """Errors of one kind and integration, open all or closed all, in the order in which they came last."""

    errors: tuple[OpenError, ...]

    @property
    def newest(self) -> OpenError:
        """The one that came last; it speaks for all."""
        return self.errors[-1]

    @property
    def since(self) -> datetime:
        """When the first of them was opened."""
        return min(error.opened_at for error in self.errors)

    @property
    def count(self) -> int:
        """How often any of them came."""
        return sum(error.count for error in self.errors)


def grouped(errors: Iterable[OpenError], *, each: bool = False) -> list[Group]:
    """Many that are alike are one group, unless `each` is wanted; the one that came last is last."""
    alike: dict[tuple[str, str | None, bool], list[OpenError]] = {}
    for error in sorted(errors, key=lambda error: error.last_at):
        closed = error.closed_at is not None
        alike.setdefault((error.trouble.kind, error.trouble.integration, closed), []).append(error)
    groups = []
    for found in alike.values():
        if each or len(found) <= MOST_ALIKE:
            groups += [Group((error,)) for error in found]
        else:
            groups.append(Group(tuple(found)))
    return sorted(groups, key=lambda group: group.newest.last_at)


def errors_sheet(groups: Sequence[Group], now: datetime) -> Sheet:
    """A row a group, with what to do about it under what happened."""
    return Sheet(
        (
            Column("Error"),
            Column("Since", room=110),
            Column("Last", right=True, room=50),
            Column("Times", right=True, room=70),
            Column("Where", elastic=True, wrap=True, room=60),
            Column("What", elastic=True, wrap=True),
        ),
        tuple(_row(group, now) for group in groups),
    )


def errors_line(errors: Sequence[OpenError]) -> str:
    """One line: how many are open, of which kinds, since when; and how they are closed."""
    still = [error for error in errors if error.closed_at is None]
    closed = len(errors) - len(still)
    also = f" ({closed:,} closed)" if closed else ""
    if not still:
        return f"no open error{also}"
    kinds = Counter(error.trouble.kind for error in still).most_common()
    told = [f"{count:,} {kind}" for kind, count in kinds[:KINDS_TOLD]]
    others = sum(count for _, count in kinds[KINDS_TOLD:])
    what = ", ".join([*told, f"{others:,} of other kinds"] if others else told)
    oldest = local(min(error.opened_at for error in still))
    number = f"{len(still):,} open error{'' if len(still) == 1 else 's'}"
    return terminal_safe(f"{number}{also}: {what}; the oldest since {oldest}")


def _row(group: Group, now: datetime) -> tuple[Cell, ...]:
    error, others = group.newest, len(group.errors) - 1
    trouble = error.trouble
    where = " ".join(part for part in (trouble.integration, "" if others else trouble.case_id) if part)
    return (
        Cell(error.error_id, below=f"and {others:,} more" if others else ""),
        Cell(local(group.since), Tone.QUIET),
        Cell(age((now - error.last_at).total_seconds())),
        Cell(f"{group.count:,}"),
        Cell(where or "this run", Tone.QUIET),
        Cell(_what(group), Tone.QUIET if error.closed_at else Tone.BAD, below=_cure(group)),
    )


def _what(group: Group) -> str:
    error = group.newest
    trouble = error.trouble
    subject = f" (mail: {clip(trouble.subject, 60)})" if trouble.subject else ""
    ended = f" (closed {local(error.closed_at)})" if error.closed_at else ""
    last = "the last of them: " if len(group.errors) > 1 else ""
    return f"{trouble.kind}: {last}{trouble.message}{subject}{ended}"


def _cure(group: Group) -> str:
    """What to do; of a group also which command names each of them."""
    trouble = group.newest.trouble
    parts = [f"What to do: {trouble.hint}"] if trouble.hint else []
    if len(group.errors) > 1:
        name = f" --integration {quote(trouble.integration)}" if trouble.integration else ""
        closed = " --all" if group.newest.closed_at else ""
        said = "each of them" if parts else "Each of them"
        parts.append(f"{said}: emailint list-errors --kind {trouble.kind}{name}{closed}")
    return "; ".join(parts)
