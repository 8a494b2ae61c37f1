"""`emailint audit`: the mailbox against the store."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

from emailint.cli.completing import integration_names
from emailint.cli.settings import Settings, pass_settings
from emailint.cli.signals import ended_gracefully
from emailint.errors import Exit, UsageError
from emailint.report.audit import audit_document, audit_lines, books_sheet, mails_sheet
from emailint.report.screen import show
from emailint.sources.since import cutoff
from emailint.sweep.audit import AuditOptions
from emailint.sweep.audit import audit as compare
from emailint.sweep.clock import Budget, SystemClock
from emailint.sweep.options import Event, Waiting
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from emailint.sweep.books import AuditResult

DAYS: Final = 7


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=integration_names)
@click.option(
    "--days",
    type=click.IntRange(min=1, max=36_500),
    metavar="N",
    help=f"Mail of the last N days; else {DAYS}.",
)
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Mail from this day on: 2026-11-01."
)
@click.option("--adopt", is_flag=True, help="Take up what is not accounted for, as a sweep would.")
@click.option("--replies", is_flag=True, help="With --adopt: answer it, as far as it is not too old.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--plain", is_flag=True, help="Print plain text, on a terminal or not.")
@pass_settings
def audit(  # noqa: PLR0913 - one parameter an option
    settings: Settings,
    *,
    names: tuple[str, ...],
    days: int | None,
    since: datetime | None,
    adopt: bool,
    replies: bool,
    as_json: bool,
    plain: bool,
) -> int:
    """Compare the mailboxes with the store.

    Every mail, read or unread, that was received lately is a case, a follow-up, held, quarantined, ignored by
    a rule, or unread for the next sweep; whichever is not is named, with why it may be so. Nothing is
    changed, neither there nor here, unless --adopt says so. Exit status 1 where a mail is not accounted for.
    """
    if replies and not adopt:
        raise UsageError("--replies answers what --adopt takes up; nothing was done", hint="add --adopt")
    options = AuditOptions(names, _begin(days, since), adopt, replies)
    budget = Budget(SystemClock(), None)
    with ended_gracefully(budget) as ended:
        result = compare(settings.load(), options, on_event=_tell, budget=budget)
    if as_json:
        click.echo(json.dumps(audit_document(result)))
    else:
        _print(result, plain=plain)
    return ended.status or (Exit.OK if result.accounted else Exit.TROUBLE)


def _begin(days: int | None, since: datetime | None) -> datetime:
    """A day begins at its midnight on this machine; whole seconds, which is all that servers know."""
    if days is not None and since is not None:
        raise UsageError(
            "--days and --since both say from when on; nothing was done", hint="give one of them"
        )
    begin = cutoff(since.date()) if since else None
    return begin or (datetime.now(UTC) - timedelta(days=days or DAYS)).replace(microsecond=0)


def _print(result: AuditResult, *, plain: bool) -> None:
    mails = mails_sheet(result)
    if mails.rows:
        show(mails, plain=plain)
        click.echo()
    show(books_sheet(result), plain=plain)
    click.echo()
    for line in audit_lines(result):
        click.echo(line)


def _tell(event: Event) -> None:
    if isinstance(event, Waiting):
        click.echo(terminal_safe(f"waiting for {event.holder}"), err=True)
