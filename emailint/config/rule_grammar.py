"""What single values of field rules, lists of senders and calendars look like, as in `grammar.py`."""

from __future__ import annotations

import re
from datetime import UTC, date, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Final, TypeVar

from emailint.config import grammar
from emailint.config.model import AUTOMATIC_KINDS
from emailint.config.patterns import SenderPattern, TextPattern, sender_pattern, text_pattern
from emailint.config.problems import Wrong
from emailint.config.rules import DAYS, WORKSPACE_RULES, BusinessDays, Hours

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")

KINDS: Final = ("person", *AUTOMATIC_KINDS)

_CLOCK: Final = r"([01]?[0-9]|2[0-4])(?::([0-5][0-9]))?"
_HOURS: Final = re.compile(rf"{_CLOCK} ?- ?{_CLOCK}")
_BUSINESS_DAYS: Final = re.compile(r"([0-9]{1,3}) ?bd")


def several(parse: Callable[[object], Value]) -> Callable[[object], tuple[Value, ...]]:
    """One value or a list of them, each once; what is wrong with one of a list is told with it."""

    def act(value: object) -> tuple[Value, ...]:
        if not isinstance(value, list):
            return (parse(value),)
        if not value:
            raise Wrong("is an empty list", "give a value, or leave the key out")
        found: list[Value] = []
        for each in value:
            try:
                found.append(parse(each))
            except Wrong as wrong:
                raise Wrong(f"holds {str(each)[:60]!r}, which {wrong.what}", wrong.cure) from None
        return tuple(dict.fromkeys(found))

    return act


def subject_pattern(value: object) -> TextPattern:
    """Words, or `/…/` for RE2."""
    return text_pattern(grammar.text(value))


def sender(value: object) -> SenderPattern:
    """An address, a domain, a glob of one, or `/…/` for RE2."""
    return sender_pattern(grammar.line(value))


kind = grammar.choice(*KINDS)


def hours(value: object) -> Hours:
    """`18:00-08:00`; the end is not among them, and 24:00 is midnight."""
    match = _HOURS.fullmatch(grammar.text(value))
    cure = "write them like 08:00-17:30, or 18:00-08:00 over midnight"
    if not match:
        raise Wrong("is no span of hours", cure)
    begin, end = _clock(match[1], match[2]), _clock(match[3], match[4])
    if begin is None or end is None:
        raise Wrong("is no span of hours: a day ends at 24:00", cure)
    if begin == end:
        raise Wrong("is no span of hours: it begins where it ends", "leave `hours` out for the whole day")
    return Hours(begin, end)


def _clock(hour: str, minute: str | None) -> time | None:
    if hour == "24":
        return None if int(minute or 0) else time(0)
    return time(int(hour), int(minute or 0))


def days(value: object) -> frozenset[int]:
    """`sat`, or a span: `mon-fri`."""
    first, dash, last = grammar.text(value).lower().partition("-")
    one = grammar.choice(*DAYS)
    begin = DAYS.index(one(first))
    end = DAYS.index(one(last)) if dash else begin
    return frozenset(day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))


def due(value: object) -> timedelta | BusinessDays:
    """`4h`, `2d`, or `2bd` for business days."""
    match = _BUSINESS_DAYS.fullmatch(grammar.text(value))
    if match is None:
        return _duration(value)
    if not int(match[1]):
        raise Wrong("is no time at all", "write 1bd or more, or a duration like 4h")
    return BusinessDays(int(match[1]))


def _duration(value: object) -> timedelta:
    try:
        return grammar.duration(value)
    except Wrong as wrong:
        raise Wrong(wrong.what, f"{wrong.cure}, or business days like 2bd") from None


def zone(value: object) -> tzinfo:
    """A time zone by its name in the IANA database: `Europe/Berlin`."""
    found = grammar.line(value)
    if found.upper() in ("UTC", "Z"):
        return UTC
    import zoneinfo  # noqa: PLC0415 - of use only to who names one

    try:
        return zoneinfo.ZoneInfo(found)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Wrong("is no time zone that is known here", "write one like America/New_York") from None


def workspace_rules(value: object) -> tuple[str, ...]:
    """Which rules are asked for the workspace, in this order."""
    if not isinstance(value, list):
        raise Wrong("is not a list", f"write [{', '.join(WORKSPACE_RULES)}], or some of them")
    found = several(grammar.choice(*WORKSPACE_RULES))(value)
    if "alias" in found[:-1]:
        raise Wrong("has rules behind `alias`, which answers always", "put `alias` at the end")
    return found


def domain(value: object) -> str:
    """A mail domain, lower case."""
    found = grammar.line(value).lower().removeprefix("@")
    if not re.fullmatch(r"[\w-]+(?:\.[\w-]+)+", found):
        raise Wrong("is not a mail domain", "write it like example.com")
    return found


def holiday(value: object) -> date:
    """`2026-12-25`."""
    return grammar.day(value)
