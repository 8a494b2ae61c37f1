"""Cases as a table; errors and cases as JSON documents."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from emailint.case import SCHEMA, stamp
from emailint.report.moment import local
from emailint.report.sheet import Cell, Column, Sheet, Tone
from emailint.terminal import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from emailint.store.records import OpenError


def error_document(found: Sequence[OpenError]) -> dict[str, Any]:
    """What `list-errors --json` prints."""
    return {"schema": SCHEMA, "errors": [_error_record(error) for error in found]}


def cases(found: Iterable[Mapping[str, Any]]) -> Sheet:
    """Cases as they stand in `cases.jsonl`."""
    return Sheet(
        (
            Column("Case"),
            Column("Created", room=120),
            Column("Integration", room=140),
            Column("Workspace", elastic=True, room=80),
            Column("Rule", elastic=True, room=80),
            Column("From", elastic=True, room=60),
            Column("Subject", elastic=True),
            Column("Priority", room=100),
        ),
        tuple(_case_row(case) for case in found),
    )


def case_document(lines: Iterable[bytes], after: str | None) -> Iterator[str]:
    """What `list-cases --json` prints, piece by piece: the stored lines as they are.

    `last` is what `--after` takes the next time; it stays the old one when there is nothing new.
    """
    yield f'{{"schema":{SCHEMA},"cases":['
    last = after
    for number, line in enumerate(lines):
        text = line.decode("ascii").strip()
        last = str(json.loads(text)["case_id"])
        yield f"{',' if number else ''}\n{text}"
    yield f'\n],"last":{json.dumps(last)}}}\n'


def _error_record(error: OpenError) -> dict[str, Any]:
    trouble = error.trouble
    return {
        "error_id": error.error_id,
        "kind": trouble.kind,
        "scope": trouble.scope,
        "transient": trouble.transient,
        "integration": trouble.integration,
        "mailbox": trouble.mailbox,
        "locus": trouble.locus,
        "message_id": trouble.message_id,
        "subject": trouble.subject,
        "case_id": trouble.case_id,
        "message": trouble.message,
        "hint": trouble.hint,
        "detail": trouble.detail,
        "attempt": trouble.attempt,
        "count": error.count,
        "opened_at": stamp(error.opened_at),
        "last_at": stamp(error.last_at),
        "closed_at": stamp(error.closed_at),
    }


def _case_row(case: Mapping[str, Any]) -> tuple[Cell, ...]:
    priority = str(case.get("priority") or "")
    return (
        Cell(str(case.get("case_id") or "")),
        Cell(_local(str(case.get("created_at") or "")), Tone.QUIET),
        Cell(str(case.get("integration") or ""), Tone.QUIET),
        Cell(str(case.get("workspace") or "")),
        Cell(str(case.get("workspace_rule") or ""), Tone.QUIET),
        Cell(clip(str(case.get("email_address") or ""), 40)),
        Cell(clip(str(case.get("subject") or ""), 60)),
        Cell(priority, Tone.WARNING if priority in {"High", "Urgent"} else Tone.PLAIN),
    )


def _local(stamp: str) -> str:
    """A stored stamp in the local zone; whatever else stands there stays as it is."""
    try:
        return local(datetime.fromisoformat(stamp))
    except ValueError:
        return stamp
