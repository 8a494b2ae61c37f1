"""What a log says while a sweep runs, and a guard that keeps a closed output from ending the sweep."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, assert_never

from emailint.report.sweep import message_line, news_lines, recovered_line
from emailint.sweep.options import MailboxDone, MailboxListed, MailboxStarted, MessageDone, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from emailint.sweep.options import Event
    from emailint.sweep.result import MessageResult, SweepResult

_logger = logging.getLogger("emailint.process")


def log_event(event: Event) -> None:
    """One line a mail (level INFO), and what the mailboxes do (level DEBUG)."""
    match event:
        case MailboxStarted(name):
            _logger.debug("%s: connecting", name)
        case MailboxListed(name, unread):
            _logger.debug("%s: %d unread", name, unread)
        case MessageDone(_, result):
            if _logger.isEnabledFor(logging.INFO):  # the line costs more than all else that is told of a mail
                _logger.info("%s", message_line(result), extra={"facts": _facts(result)})
        case MailboxDone(name, error):
            _logger.debug("%s: %s", name, error or "done")
        case Waiting(holder):
            _logger.info("waiting for %s", holder)
        case _:
            assert_never(event)


def log_news(result: SweepResult) -> None:
    """What is new since the last sweep, and what is over: all that cron ever says of a sweep."""
    for error, line in news_lines(result.news):
        facts = {"error_id": error.error_id, "kind": error.trouble.kind, "count": error.count}
        _logger.error("%s", line, extra={"facts": facts})
    for error in result.recovered:
        facts = {"error_id": error.error_id, "kind": error.trouble.kind}
        _logger.warning("%s", recovered_line(error), extra={"facts": facts})
    for note in result.notes:
        _logger.warning("%s", note)
    if result.busy:
        _logger.info("%s", result.busy)


def unbreakable(watch: Callable[[Event], None]) -> Callable[[Event], None]:
    """The same watcher, which a closed terminal or pipe makes silent instead of ending the sweep."""
    closed = False

    def guarded(event: Event) -> None:
        nonlocal closed
        if closed:
            return
        try:
            watch(event)
        except (OSError, ValueError):
            closed = True

    return guarded


def _facts(result: MessageResult) -> dict[str, int | str | None]:
    return {
        "integration": result.integration,
        "outcome": result.outcome,
        "case_id": result.case_id,
        "alias": result.alias,
        "workspace": result.workspace,
        "kind": result.kind,
        "reply": result.reply,
        "locus": result.locus,
        "detail": result.detail,
    }
