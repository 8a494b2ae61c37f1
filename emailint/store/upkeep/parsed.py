"""Lines of the JSON-lines files as they are found: whose they are, and what they say."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emailint.store.records import Journal

if TYPE_CHECKING:
    from collections.abc import Mapping

_CASE_ID = r"[A-Za-z][A-Za-z0-9]*-(\d{1,18})"
_NAMES = re.compile(
    rb'\{"schema":\d+,"case_id":"([^"\\{}\x00-\x1f]+)"(?:,"followup_id":"([^"\\{}\x00-\x1f]+)")?'
)


@dataclass(frozen=True, slots=True)
class Names:
    """The ids with which a line begins."""

    case_id: str
    followup_id: str | None
    start: bytes


def names(line: bytes) -> Names | None:
    """The ids of a line that begins as ours do; it need not be whole."""
    found = _NAMES.match(line)
    if found is None:
        return None
    followup = found[2].decode("utf-8", "replace") if found[2] else None
    return Names(found[1].decode("utf-8", "replace"), followup, found[0])


def number(case_id: str) -> int | None:
    """42 for `CS-000042`; None for what is no case id."""
    found = re.fullmatch(_CASE_ID, case_id)
    return int(found[1]) if found else None


def record(line: bytes, journal: Journal) -> Mapping[str, Any] | None:
    """What a whole line of ours says; None for anything else."""
    if not line.endswith(b"\n") or not line.isascii():
        return None
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) and _is_ours(said, journal) else None


def _is_ours(said: Mapping[str, Any], journal: Journal) -> bool:
    message = said.get("message")
    texts = ("case_id", "integration", "created_at")
    return (
        said.get("schema") == 1
        and all(isinstance(said.get(name), str) for name in texts)
        and number(str(said["case_id"])) is not None
        and isinstance(message, dict)
        and isinstance(message.get("fingerprint"), str)
        and isinstance(message.get("locus"), str)
        and isinstance(said.get("followup_id"), str) == (journal is Journal.FOLLOW_UPS)
    )
