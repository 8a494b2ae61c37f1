"""What the tests of faults counted: printed at the end of a run, and kept as Markdown and JSON where asked.

    figures(Row("IMAP", "death before a call", points=168, survived=168))

EMAILINT_FIGURES names a file without its suffix; `make soak` sets it.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

NAME: Final = "figures"
TARGET: Final = os.environ.get("EMAILINT_FIGURES", "")
"""Read once: tests see no settings of the machine."""


@dataclass
class Row:
    """One kind of fault at one kind of mailbox. `unknown`: replies in doubt, which is allowed."""

    source: str
    fault: str
    points: int = 0
    survived: int = 0
    lost: int = 0
    doubled: int = 0
    answered_twice: int = 0
    unknown: int = 0


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Callable[[Row], None]:
    """Notes a row for the end of the run."""
    return lambda row: record_property(NAME, json.dumps(asdict(row)))


def gathered(reports: list[Any]) -> list[Row]:
    """The rows of all tests, those of one source and fault together."""
    rows: dict[tuple[str, str], Row] = {}
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == NAME:
                row = Row(**json.loads(value))
                known = rows.setdefault((row.source, row.fault), Row(row.source, row.fault))
                for each in fields(Row)[2:]:
                    setattr(known, each.name, getattr(known, each.name) + getattr(row, each.name))
    return sorted(rows.values(), key=astuple)


def table(rows: list[Row]) -> str:
    """Markdown."""
    head = [each.name.replace("_", " ") for each in fields(Row)]
    lines = [
        head,
        ["---"] * 2 + ["---:"] * (len(head) - 2),
        *([str(v) for v in astuple(row)] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was counted; pytest calls it at the end."""
    rows = gathered(
        [each for state in ("passed", "failed") for each in terminalreporter.stats.get(state, [])]
    )
    if not rows:
        return
    terminalreporter.section("faults")
    terminalreporter.write_line(table(rows))
    if TARGET:
        Path(f"{TARGET}.md").write_text(table(rows) + "\n", encoding="utf-8")
        Path(f"{TARGET}.json").write_text(
            json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8"
        )
