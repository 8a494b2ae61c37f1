"""`emailint status` as a table, as lines, and as a document."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import jsonschema
import pytest

from emailint.report.sheet import plain_lines
from emailint.report.status import status_document, status_lines, status_sheet
from emailint.store.lock import Holder
from emailint.store.records import Backlog, Health
from emailint.sweep.status import IntegrationStatus, Status, Unread

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)
WELL = IntegrationStatus(
    "payroll", "payroll@example.org", "enabled", NOW - timedelta(seconds=40), timedelta(seconds=40),
    stale=False, backlog=Backlog(to_mark=3, replies=1200), expires=date(2027, 6, 1),
)  # fmt: skip
FAILING = IntegrationStatus(
    "benefits", "b@example.org", "enabled", NOW - timedelta(hours=3), timedelta(hours=3), stale=True,
    open_errors=2, health=Health(4, NOW + timedelta(minutes=15), "login_refused\x1b[2J"),
    expires=date(2026, 12, 1),
)  # fmt: skip
OFF = IntegrationStatus(
    "off", "off@example.org", "disabled", None, None, stale=False, expires=date(2026, 11, 1)
)
STATUS = Status(NOW, timedelta(minutes=5), (WELL, FAILING, OFF), run_errors=1)


@pytest.fixture(autouse=True)
def _local_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "EST+5EDT,M3.2.0,M11.1.0")
        time.tzset()
        yield
    time.tzset()


def test_the_table() -> None:
    rows = [line.split("  ") for line in plain_lines(status_sheet(STATUS))]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert cells == [
        ["INTEGRATION", "STATE", "LAST GOOD SWEEP", "AGE", "WAITING", "ERRORS", "SECRET UNTIL"],
        ["payroll", "well", "2026-11-24 12:59:25 -0500", "40 s",
         "3 to be marked read, 1,200 to be answered", "0", "2027-06-01"],
        ["benefits", "stale", "2026-11-24 10:00:05 -0500", "3 h", "nothing", "2", "2026-12-01 (7 d)"],
        ["off", "disabled", "never", "never", "nothing", "0", "2026-11-01 (over)"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, "well"),
        ({"open_errors": 1}, "errors"),
        ({"age": None, "last_good": None}, "not yet"),
        ({"health": Health(1, NOW, "login_refused")}, "failing"),
        ({"stale": True, "open_errors": 1}, "stale"),
        ({"standing": "removed"}, "removed"),
    ],
)
def test_each_state_has_a_word(change: dict[str, object], state: str) -> None:
    changed = replace(WELL, **change)  # type: ignore[arg-type]  # fields are given by name
    assert status_sheet(replace(STATUS, integrations=(changed,))).rows[0][1].text == state


def test_the_lines_say_what_fails_and_what_to_do() -> None:
    assert list(status_lines(STATUS)) == [
        "benefits: failed 4 times (login_refused\\x1b[2J), to be tried again at 2026-11-24 13:15:05 -0500",
        "2 integrations; 3 open errors; 1 without a good sweep within 5 min",
        "emailint list-errors says what to do",
    ]
    well = replace(STATUS, integrations=(WELL,), run_errors=0)
    assert list(status_lines(well)) == ["1 integration; no open error; all swept well within 5 min"]


def test_unread_mail_is_shown_where_it_was_asked_for() -> None:
    asked = (replace(WELL, unread=Unread(1234)), replace(FAILING, unread=Unread(error="no\x07")), OFF)
    status = replace(STATUS, integrations=asked, holder=Holder(4711, "h", NOW, command="process"))
    sheet = status_sheet(status)
    column = [each.title for each in sheet.columns].index("Unread")
    assert [row[column].text for row in sheet.rows] == ["1,234", "?", ""]
    lines = list(status_lines(status))
    assert lines[0] == "process 4711 (emailint process) since 2026-11-24 13:00:05 -0500 is running"
    assert "benefits: unread mail is not known: no\\x07" in lines


SCHEMA = {
    "type": "object",
    "required": ["schema", "at", "max_age_seconds", "stale", "run_errors", "sweep", "integrations"],
    "properties": {
        "schema": {"const": 1},
        "at": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
        "max_age_seconds": {"type": ["number", "null"]},
        "integrations": {
            "type": "array",
            "items": {
                "type": "object",
                "required": [
                    "name", "mailbox", "standing", "last_good_sweep", "age_seconds", "stale", "backlog",
                    "open_errors", "failures", "next_try", "secret_expires", "unread", "unread_error",
                ],
            },
        },
    },
}  # fmt: skip


def test_the_document() -> None:
    document = json.loads(json.dumps(status_document(replace(STATUS, holder=Holder(4711, "h", NOW)))))
    jsonschema.validate(document, SCHEMA)
    assert (document["max_age_seconds"], document["stale"], document["run_errors"]) == (300, True, 1)
    assert document["sweep"]["pid"] == 4711
    first, second, third = document["integrations"]
    assert first["last_good_sweep"] == "2026-11-24T17:59:25Z"
    assert first["age_seconds"] == 40
    assert first["backlog"] == {"to_mark": 3, "to_move": 0, "replies": 1200, "held": 0, "quarantined": 0}
    assert (second["failures"], second["next_try"]) == (4, "2026-11-24T18:15:05Z")
    assert (third["last_good_sweep"], third["age_seconds"], third["stale"]) == (None, None, False)
