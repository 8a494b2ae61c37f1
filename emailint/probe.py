"""One step of a connection test: what was tried, how it ended, the cause and the cure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a step of a connection test ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """`detail` is what was found (or why it was skipped), `cure` what to do about a failure."""

    name: str
    outcome: Outcome
    detail: str = ""
    cure: str = ""
