"""A sweep as tables, as lines, and as the document of `process --json`."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from emailint.case import SCHEMA, stamp
from emailint.reply.reason import Reason
from emailint.report.moment import local
from emailint.report.sheet import Cell, Column, Sheet, Tone
from emailint.sweep.result import Counts
from emailint.terminal import clip, terminal_safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from emailint.store.records import OpenError
    from emailint.sweep.result import IntegrationResult, MessageResult, SweepResult

MAXIMUM_ROWS = 200
"""Rows of the table of messages; `list-cases` has the others."""

MOST_ALIKE = 5
"""So many errors of one kind and integration are told of one by one; `list-errors` has the others."""

_MADE = {
    "cases": ("case", Tone.GOOD),
    "follow_ups": ("follow-up", Tone.GOOD),
    "held": ("held for a person", Tone.WARNING),
    "ignored": ("ignored", Tone.QUIET),
    "already_known": ("known already", Tone.QUIET),
    "vanished": ("gone before it was read", Tone.QUIET),
    "failed": ("failed, stays unread", Tone.BAD),
    "quarantined": ("quarantined", Tone.BAD),
    "left": ("left for the next sweep", Tone.WARNING),
}
_WHY = {f"withheld: {reason}": reason.text for reason in Reason} | {
    "pending": "the next sweep sends it",
    "failed": "emailint list-errors says why",
    "unknown": "it may have gone out: emailint list-errors",
}
_REPLIES = {"replies_sent": "sent", "replies_withheld": "withheld", "replies_failed": "failed"}


def document(result: SweepResult) -> dict[str, Any]:
    """What `process --json` prints. `busy` is there only when another sweep does this one's work."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "sweep_id": result.sweep_id,
        "started_at": stamp(result.started_at),
        "seconds": round(result.seconds, 3),
        "dry_run": result.dry_run,
        "totals": asdict(result.totals),
        "integrations": [
            {"name": each.name, **asdict(each.counts), "error": each.error} for each in result.integrations
        ],
    }
    return document | ({"busy": result.busy} if result.busy else {})


def messages(result: SweepResult) -> Sheet:
    """What was made of each mail; of a dry run with the alias it goes to."""
    alias = (Column("Alias", elastic=True, room=120),)
    all_messages = [each for integration in result.integrations for each in integration.messages]
    shown = all_messages[:MAXIMUM_ROWS]
    return Sheet(
        (
            Column("Integration", room=140),
            Column("From", elastic=True, room=100),
            Column("Subject", elastic=True),
            *(alias if result.dry_run else ()),
            Column("Workspace", elastic=True, room=100),
            Column("Became", wrap=True),
            Column("Reply", wrap=True),
        ),
        tuple(_message_row(each, dry_run=result.dry_run) for each in shown),
        title="Dry run: what would be made of each mail" if result.dry_run else "",
        more=len(all_messages) - len(shown),
    )


def integrations(result: SweepResult) -> Sheet:
    """The books of each integration, in the columns that are not all zero."""
    names = [each.name for each in fields(Counts)]
    names = [name for name in names if name in {"listed", "cases"} or getattr(result.totals, name)]
    heads = {"listed": "Unread", "already_known": "Known", "cases": "Cases", "follow_ups": "Follow-ups"}
    titles = [heads.get(name, name.replace("_", " ").capitalize()) for name in names]
    return Sheet(
        (
            Column("Integration"),
            *(Column(title, right=True) for title in titles),
            Column("Trouble", elastic=True, wrap=True),
        ),
        tuple(_integration_row(each, names) for each in result.integrations),
    )


def summary(result: SweepResult) -> str:
    """One sentence with the sums, in the order in which the books balance."""
    totals = result.totals
    made = _made_of({name: getattr(totals, name) for name in _MADE})
    replies = ", ".join(
        f"{count:,} {word}" for name, word in _REPLIES.items() if (count := getattr(totals, name))
    )
    parts = [f"{totals.listed:,} unread" + (f": {made}" if made else "")]
    if replies:
        parts.append(f"replies: {replies}")
    change = " (dry run: nothing was changed)" if result.dry_run else ""
    return f"{'; '.join(parts)}; {result.seconds:.1f} s{change}"


def mailbox_line(name: str, outcomes: Mapping[str, int], error: str | None) -> str:
    """A mailbox that is through, in one line: what came of its mail by outcome, or why it was not swept."""
    parts = [error or "", _made_of(outcomes)]
    return terminal_safe(f"{name}: {'; '.join(filter(None, parts)) or 'nothing new'}")


def message_line(message: MessageResult) -> str:
    """One mail in one line, for logs."""
    made = _made(message).text
    about = f" from {message.sender}" if message.sender else ""
    subject = f": {clip(message.subject, 120)}" if message.subject else ""
    reply = f"; reply {message.reply}" if message.reply else ""
    return terminal_safe(f"{message.integration}: {made}{about}{subject}{reply}")


def news_line(error: OpenError) -> str:
    """One error in one line: where, what, what to do, and its id."""
    trouble = error.trouble
    where = f"{trouble.integration}: " if trouble.integration else ""
    hint = f"; {trouble.hint}" if trouble.hint else ""
    again = f" ({error.count:,} times since {local(error.opened_at)})" if error.count > 1 else ""
    return terminal_safe(f"{where}{trouble.message}{hint}{again} [{error.error_id}]")


def news_lines(news: Iterable[OpenError]) -> Iterator[tuple[OpenError, str]]:
    """Each error with its line; of many of one kind and integration the first few, and how many more."""
    alike: dict[tuple[str, str | None], list[OpenError]] = {}
    for error in latest(news):
        alike.setdefault((error.trouble.kind, error.trouble.integration), []).append(error)
    for (kind, name), errors in alike.items():
        for error in errors[:MOST_ALIKE]:
            yield error, news_line(error)
        if len(errors) > MOST_ALIKE:
            more = f"{len(errors) - MOST_ALIKE:,} more of kind {kind}: emailint list-errors --kind {kind}"
            yield errors[-1], terminal_safe(f"{name}: {more}" if name else more)


def latest(news: Iterable[OpenError]) -> list[OpenError]:
    """Each error once, as it was told last: a cause that came twice in a sweep is one piece of news."""
    return list({error.error_id: error for error in news}.values())


def recovered_line(error: OpenError) -> str:
    """One line for an error that is over."""
    trouble = error.trouble
    where = f"{trouble.integration}: " if trouble.integration else ""
    since = f"since {local(error.opened_at)}"
    return terminal_safe(f"{where}well again after {trouble.kind} {since} [{error.error_id}]")


def trouble_lines(result: SweepResult) -> Iterator[str]:
    """What a person is told after the tables: notes, new errors with their cure, recoveries."""
    yield from map(terminal_safe, result.notes)
    yield from (line for _, line in news_lines(result.news))
    yield from map(recovered_line, result.recovered)
    if result.trouble and not result.dry_run:
        yield "emailint list-errors says what to do"


def _made_of(outcomes: Mapping[str, int]) -> str:
    return ", ".join(
        f"{count:,} {_counted(name, count)}" for name in _MADE if (count := outcomes.get(name, 0))
    )


def _counted(name: str, count: int) -> str:
    if name in {"cases", "follow_ups"}:
        word = name.replace("_", "-")
        return word if count != 1 else word[:-1]
    return name.replace("_", " ")


def _message_row(message: MessageResult, *, dry_run: bool) -> tuple[Cell, ...]:
    workspace = "" if message.workspace is None else str(message.workspace)
    return (
        Cell(message.integration, Tone.QUIET),
        Cell(clip(message.sender, 36)),
        Cell(clip(message.subject or "(no subject)", 50)),
        *((Cell(message.alias or "", Tone.QUIET),) if dry_run else ()),
        Cell(workspace),
        _made(message),
        _reply(message.reply, dry_run=dry_run),
    )


def _made(message: MessageResult) -> Cell:
    words, tone = _MADE.get(message.outcome, (message.outcome, Tone.PLAIN))
    if message.case_id:
        words = f"{words} {message.case_id}" if tone is Tone.GOOD else f"{words} ({message.case_id})"
    if message.kind != "person":
        words += f", {message.kind.replace('_', ' ')}"
    return Cell(words, tone, below=message.detail)


def _reply(reply: str, *, dry_run: bool) -> Cell:
    if dry_run and reply == "pending":  # nothing waits for a next sweep: nothing was done
        return Cell("would be sent", Tone.GOOD)
    state = reply.partition(":")[0]
    tone = {"sent": Tone.GOOD, "failed": Tone.BAD, "unknown": Tone.BAD, "pending": Tone.WARNING}
    return Cell(reply or "none", tone.get(state, Tone.QUIET), below=_why(reply))


def _why(reply: str) -> str:
    """Why no reply went out, for people; "" where it went, or where the words say it already."""
    return _WHY.get(reply, "")


def _integration_row(result: IntegrationResult, names: list[str]) -> tuple[Cell, ...]:
    counts = [Cell(f"{getattr(result.counts, name):,}") for name in names]
    trouble = Cell(result.error, Tone.BAD) if result.error else Cell("none", Tone.QUIET)
    return Cell(result.name), *counts, trouble
