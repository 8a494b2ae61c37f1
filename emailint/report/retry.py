"""What came of `emailint retry`: a line each, and the document of `--json`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from emailint.case import SCHEMA
from emailint.terminal import clip, terminal_safe

if TYPE_CHECKING:
    from emailint.sweep.orders import Retried
    from emailint.sweep.retry import RetryResult

_BECAME = {
    "case": "case {}",
    "follow_up": "follow-up of {}",
    "ignored": "ignored",
    "reread": "read after all, and added to {}",
}


def retry_line(result: Retried) -> str:
    """Its id, what it is now, why, and which mail it is."""
    subject = f" ({clip(result.subject, 60)})" if result.subject else ""
    return terminal_safe(f"{result.name}: {_now(result)}{subject}")


def retry_document(result: RetryResult) -> dict[str, Any]:
    """What `retry --json` prints."""
    done = len(result.results) - result.left
    return {
        "schema": SCHEMA,
        "done": done,
        "left": result.left,
        "results": [asdict(each) for each in result.results],
    }


def _now(result: Retried) -> str:
    detail = f": {result.detail}" if result.detail else ""
    if result.what == "reply":
        return f"reply {result.outcome}{detail}"
    if result.outcome in _BECAME:
        reply = f", reply {result.reply}" if result.reply else detail
        return _BECAME[result.outcome].format(result.case_id) + reply
    return result.detail if result.done else f"stays {result.what}{detail}"
