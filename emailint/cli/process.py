"""`emailint process`: one sweep."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from emailint.cli.completing import integration_names
from emailint.cli.parameters import duration
from emailint.cli.settings import Settings, pass_settings
from emailint.cli.signals import ended_gracefully
from emailint.errors import Exit, StoreBusy
from emailint.report import sweep as report
from emailint.report.events import log_event, log_news, unbreakable
from emailint.report.screen import drawn, show
from emailint.sweep.clock import Budget, SystemClock
from emailint.sweep.options import SweepOptions
from emailint.sweep.result import SweepResult
from emailint.sweep.schedule import run_sweep
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from emailint.config.model import Config
    from emailint.sweep.options import Event


@click.command()
@click.option(
    "--integration",
    "names",
    multiple=True,
    metavar="NAME",
    shell_complete=integration_names,
    help="Only this one; may be given again.",
)
@click.option(
    "--dry-run", is_flag=True, help="Read, decide and show; change nothing, neither there nor here."
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many mails, over all.")
@click.option("--no-replies", is_flag=True, help="Answer none of these mails, now or later.")
@click.option("--deadline", type=duration, metavar="TIME", help="End by itself after this time, say 50s.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--plain", is_flag=True, help="Print the tables as plain text, on a terminal or not.")
@pass_settings
def process(  # noqa: PLR0913 - one parameter an option
    settings: Settings,
    *,
    names: tuple[str, ...],
    dry_run: bool,
    limit: int | None,
    no_replies: bool,
    deadline: timedelta | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Sweep the mailboxes once.

    Every unread mail becomes one case, is marked read, and is answered where an answer is due. Without a
    terminal (under cron) nothing is printed when all is well, and the sweep ends before the next minute.
    """
    config = settings.load()
    watched = sys.stdout.isatty() or sys.stderr.isatty()
    seconds = deadline.total_seconds() if deadline else None if watched else config.deadline
    options = SweepOptions(names, dry_run, limit, not no_replies, seconds, watched)
    result, status = _sweep(config, options, settings, plain=plain)
    if as_json:
        click.echo(json.dumps(report.document(result)))
        log_news(result)
    elif plain or dry_run or sys.stdout.isatty():
        _tell(result, plain=plain)
    else:
        log_news(result)
    return status


def _sweep(
    config: Config, options: SweepOptions, settings: Settings, *, plain: bool
) -> tuple[SweepResult, int]:
    """Run the sweep, and say with which status the process is to end."""
    budget = Budget(SystemClock(), options.deadline)
    with ended_gracefully(budget) as ended, _watching(settings, plain=plain) as watch:
        try:
            result = run_sweep(config, options, on_event=watch, budget=budget)
        except StoreBusy as busy:
            result = SweepResult("", datetime.now(UTC), 0.0, options.dry_run, (), busy=str(busy))
    return result, ended.status or (Exit.TROUBLE if result.trouble else Exit.OK)


@contextmanager
def _watching(settings: Settings, *, plain: bool) -> Iterator[Callable[[Event], None]]:
    """A bar where a person is looking who did not ask for plain text, else the log."""
    if settings.verbosity == 0 and drawn(sys.stderr, plain=plain):
        from emailint.report.progress import ProgressBar  # noqa: PLC0415 - cron never pays for rich

        with ProgressBar() as bar:
            yield unbreakable(bar)
    else:
        yield unbreakable(log_event)


def _tell(result: SweepResult, *, plain: bool) -> None:
    """Tables of the mails and the integrations, then what is new, then the sums."""
    if result.busy:
        click.echo(terminal_safe(result.busy))
        return
    messages = report.messages(result)
    if messages.rows:
        show(messages, plain=plain)
        click.echo()
    if len(result.integrations) > 1 or any(each.error for each in result.integrations):
        show(report.integrations(result), plain=plain)
        click.echo()
    for line in report.trouble_lines(result):
        click.echo(line)
    click.echo(report.summary(result))
