"""Dates of mail (RFC 5322 section 3.3 and 4.3, asctime, ISO 8601) to aware UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EARLIEST, LATEST = 1970, 2100
"""Years outside are absurd: such a date is no date."""

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_CLOCK = r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?(?:[.,]\d{1,9})?"
_HALF = r"(?:\s*(?P<half>[AaPp])\.?[Mm]\b\.?)?"
_ZONE = r"(?:\s*(?:(?:GMT|UTC|Z)(?=[+-]))?(?P<zone>[+-]\s?\d{1,2}:?\d{0,2}(?!\d)|[A-Za-z]{1,5}\b))?"
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"(?P<day>\d{{1,2}})[\s-]*(?P<month>[A-Za-z]{{3}})[A-Za-z]*\.?,?[\s-]*(?P<year>\d{{2,5}})[\s,]+{_CLOCK}{_HALF}{_ZONE}",
        rf"(?P<month>[A-Za-z]{{3}})[A-Za-z]*\s+(?P<day>\d{{1,2}}),?\s+{_CLOCK}{_HALF}{_ZONE}\s+(?P<year>\d{{4}})\b",
        rf"(?P<month>[A-Za-z]{{3}})[A-Za-z]*\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}}),?\s+{_CLOCK}{_HALF}{_ZONE}",
        rf"(?P<year>\d{{4}})[-/](?P<month>\d{{1,2}})[-/](?P<day>\d{{1,2}})[T\s]+{_CLOCK}{_HALF}{_ZONE}",
    )
)
_COMMENT = re.compile(r"\([^()]*\)")
_ZONES = {
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "CET": 1,
    "CEST": 2,
    "MET": 1,
    "MEST": 2,
    "EET": 2,
    "EEST": 3,
    "BST": 1,
    "JST": 9,
    "KST": 9,
    "MSK": 3,
}
"""Zone names of RFC 5322 section 4.3, and common ones; any other name is taken for UTC, as it says."""


def parse(text: str) -> datetime | None:
    """The moment in UTC; None when `text` is no date, or an absurd one. A missing zone is UTC."""
    text = _COMMENT.sub(" ", text[:200])
    for form in _FORMS:
        match = form.search(text)
        if match is not None:
            return _moment(match)
    return None


def _moment(match: re.Match[str]) -> datetime | None:
    month = match["month"]
    offset = _offset(match["zone"])
    if offset is None or (month[:1].isalpha() and month.lower() not in _MONTHS):
        return None
    year, hour = _year(match["year"]), _hour(int(match["hour"]), match["half"])
    number = _MONTHS.index(month.lower()) + 1 if month[:1].isalpha() else int(month)
    second = 59 if match["second"] in ("60", "61") else int(match["second"] or 0)  # a leap second
    try:
        local = datetime(year, number, int(match["day"]), hour, int(match["minute"]), second, tzinfo=UTC)
        moment = local - offset
    except (ValueError, OverflowError):
        return None
    return moment if EARLIEST <= moment.year <= LATEST else None


def _year(digits: str) -> int:
    """RFC 5322 section 4.3: two digits are 1950 to 2049, three count from 1900."""
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _hour(hour: int, half: str | None) -> int:
    if half and hour <= 12:
        return hour % 12 + (12 if half in "Pp" else 0)
    return hour


def _offset(zone: str | None) -> timedelta | None:
    """How far local time is before UTC; None when no place on earth has it."""
    if not zone:
        return timedelta()
    if zone[0] not in "+-":
        return timedelta(hours=_ZONES.get(zone.upper(), 0))
    digits = zone[1:].strip().replace(":", "")
    hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
    if hours > 15 or minutes > 59:
        return None
    size = timedelta(hours=hours, minutes=minutes)
    return -size if zone[0] == "-" else size
