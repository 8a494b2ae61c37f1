"""Calendar parts (RFC 5545, RFC 5546) summed up in a few lines of text."""

from __future__ import annotations

import re

_LINES = 5_000
_EVENTS = 5
_FOLD = re.compile(r"\n[ \t]")
_LINE = re.compile(r'([A-Za-z-]+)((?:;[A-Za-z-]+=(?:"[^"]*"|[^":;]*))*):(.*)', re.DOTALL)
_ZONE = re.compile(r";TZID=\"?([^\":;]+)", re.IGNORECASE)
_COMMON_NAME = re.compile(r";CN=(?:\"([^\"]*)\"|([^\":;]*))", re.IGNORECASE)
_STATUS = re.compile(r";PARTSTAT=([A-Z-]+)", re.IGNORECASE)
_MOMENT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(?:\d{2})?(Z?))?")
_ESCAPES = re.compile(r"\\(.)", re.DOTALL)
_METHODS = {
    "REQUEST": "Invitation",
    "PUBLISH": "Event",
    "REPLY": "Answer to an invitation",
    "CANCEL": "Cancelled event",
    "COUNTER": "Other time proposed",
    "ADD": "Added event",
    "REFRESH": "Details asked for",
    "DECLINECOUNTER": "Other time declined",
}
_ROWS = (
    ("SUMMARY", "Summary"),
    ("DTSTART", "Start"),
    ("DTEND", "End"),
    ("DURATION", "Duration"),
    ("LOCATION", "Location"),
    ("ORGANIZER", "Organizer"),
    ("ATTENDEE", "Answer"),
)

Property = tuple[str, str]


def summary(calendar: str, method: str = "") -> str:
    """Method, summary, times, place and organizer of the events of an iCalendar text; "" for none.

    `method` is that of Content-Type. Times stand as they are written, with their zone.
    """
    events, declared = _events(calendar)
    method = (declared or method).upper()
    title = _METHODS.get(method, "Event")
    blocks = [_block(event, title, method) for event in events[:_EVENTS]]
    if len(events) > _EVENTS:
        blocks.append(f"[and {len(events) - _EVENTS} more events]")
    return "\n\n".join(blocks)


def _events(calendar: str) -> tuple[list[dict[str, Property]], str]:
    """The first property of each name of each event or task, and the calendar's method."""
    events: list[dict[str, Property]] = []
    method, inside = "", 0
    for line in _FOLD.sub("", calendar[:500_000]).split("\n")[:_LINES]:
        match = _LINE.fullmatch(line.strip())
        if match is None:
            continue
        name, value = match[1].upper(), match[3].strip()
        if name == "METHOD":
            method = value
        elif name == "BEGIN" and (value.upper() in ("VEVENT", "VTODO") or inside):
            inside += 1
            events.extend([{}] if inside == 1 else [])
        elif name == "END" and inside:
            inside -= 1
        elif inside == 1:
            events[-1].setdefault(name, (match[2], value))
    return events, method


def _block(event: dict[str, Property], title: str, method: str) -> str:
    rows = [f"[{title}]"]
    for name, label in _ROWS:
        if name in event and (name != "ATTENDEE" or method == "REPLY"):
            value = _value(name, *event[name])
            rows += [f"{label}: {value}"] if value else []
    return "\n".join(rows)


def _value(name: str, parameters: str, value: str) -> str:
    if name.startswith("DT"):
        return _when(parameters, value)
    if name == "ORGANIZER":
        return _who(parameters, value)
    if name == "ATTENDEE":
        return _answer(parameters, value)
    text = _ESCAPES.sub(lambda match: " " if match[1] in "nN" else match[1], value)
    return " ".join(text.split())[:500]


def _when(parameters: str, value: str) -> str:
    match = _MOMENT.match(value)
    if match is None:
        return value[:40]
    day = f"{match[1]}-{match[2]}-{match[3]}"
    if not match[4]:
        return day
    zone = _ZONE.search(parameters)
    place = " UTC" if match[6] else f" ({zone[1][:60]})" if zone else ""
    return f"{day} {match[4]}:{match[5]}{place}"


def _who(parameters: str, value: str) -> str:
    name = _COMMON_NAME.search(parameters)
    address = re.sub(r"(?i)^mailto:", "", value)[:250]
    shown = (name[1] or name[2] or "").strip()[:100] if name else ""
    return f"{shown} <{address}>" if shown and shown != address else address


def _answer(parameters: str, value: str) -> str:
    status = _STATUS.search(parameters)
    return _who(parameters, value) + (f" {status[1].lower()}" if status else "")
