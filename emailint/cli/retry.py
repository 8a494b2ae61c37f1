"""`emailint retry`: what waits for a person, once more."""

from __future__ import annotations

import json

import click

from emailint.cli.completing import error_ids
from emailint.cli.settings import Settings, pass_settings
from emailint.cli.signals import ended_gracefully
from emailint.errors import Exit, UsageError
from emailint.report.retry import retry_document, retry_line
from emailint.report.sweep import news_lines
from emailint.sweep.clock import Budget, SystemClock
from emailint.sweep.options import Event, Waiting
from emailint.sweep.orders import Order
from emailint.sweep.retry import retry as try_again
from emailint.terminal import terminal_safe


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=error_ids)
@click.option("--held", is_flag=True, help="All held mail.")
@click.option("--quarantined", is_flag=True, help="All quarantined mail.")
@click.option("--replies", is_flag=True, help="All replies that failed; not those whose end is unknown.")
@click.option("--hooks", is_flag=True, help="What commands (on_case, on_error …) failed on.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@pass_settings
def retry(  # noqa: PLR0913 - the options of the command
    settings: Settings,
    *,
    ids: tuple[str, ...],
    held: bool,
    quarantined: bool,
    replies: bool,
    hooks: bool,
    as_json: bool,
) -> int:
    """Try again: held mail, quarantined mail, replies that failed.

    ID is that of an error: the mail or the reply it is about; or of a case: its reply, even one that may have
    gone out. Held mail is decided anew by the configuration and the directory of now, quarantined mail is
    read again. A second case is never made of one mail. Waits for a sweep that is running.
    """
    order = Order(ids, held, quarantined, replies, hooks)
    if order == Order():
        raise UsageError(
            "nothing was named to try again",
            hint="give ids of errors or cases, or --held, --quarantined, --replies, --hooks",
        )
    budget = Budget(SystemClock(), None)
    with ended_gracefully(budget) as ended:
        result = try_again(settings.load(), order, on_event=_tell, budget=budget)
    for _, line in news_lines(result.news):
        click.echo(line, err=True)
    if as_json:
        click.echo(json.dumps(retry_document(result)))
    else:
        for each in result.results:
            click.echo(retry_line(each))
        if result.calls:
            click.echo(f"the next sweep gives {result.calls} lines to the commands that failed on them")
        elif not result.results:
            click.echo("nothing waits")
    return ended.status or (Exit.TROUBLE if result.left else Exit.OK)


def _tell(event: Event) -> None:
    if isinstance(event, Waiting):
        click.echo(terminal_safe(f"waiting for {event.holder}"), err=True)
