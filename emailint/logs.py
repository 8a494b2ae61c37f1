"""Logging as cron and log collectors want it: one line a message, on standard error, without secrets."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from collections.abc import Iterable

Format = Literal["text", "json"]

MASK: Final = "***"
SHORTEST_SECRET: Final = 4
"""Shorter texts are no passwords, and hiding them would make ordinary words unreadable."""

_LEVELS: Final = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO, 2: logging.DEBUG}


class Redactor:
    """Replaces known secrets in texts. The longest goes first, so that no rest of one stays behind."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: tuple[str, ...] = ()
        self.hide(secrets)

    def hide(self, secrets: Iterable[str]) -> None:
        """Hide these texts too, from now on."""
        known = {*self._secrets, *(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)}
        self._secrets = tuple(sorted(known, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """The text with each known secret replaced by `***`."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text


redact: Final = Redactor()
"""What every line on standard error goes through."""


class _StandardError(logging.Handler):
    """Writes to whatever `sys.stderr` is at that moment; a closed one never stops a sweep."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return


class TextLine(logging.Formatter):
    """`2026-11-24T18:00:05Z warning payroll: ...`"""

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback is left to `detail` in errors.jsonl."""
        return f"{_at(record)} {record.levelname.lower()} {terminal_safe(redact(record.getMessage()))}"


class JsonLine(logging.Formatter):
    """One JSON object a line: at, level, logger, message, and the `facts` that the call named in `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """One ASCII line; a traceback is left to `detail` in errors.jsonl."""
        entry = {
            "at": _at(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        shown = {key: redact(value) if isinstance(value, str) else value for key, value in entry.items()}
        return json.dumps(shown, ensure_ascii=True, default=str)


def configure(verbosity: int = 0, form: Format = "text") -> None:
    """Set up the package's loggers. `verbosity` -1: errors alone, 0: warnings, 1: each mail, 2: each step."""
    logger = logging.getLogger("emailint")
    handler = _StandardError()
    handler.setFormatter(JsonLine() if form == "json" else TextLine())
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(_LEVELS[max(-1, min(2, verbosity))])


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
