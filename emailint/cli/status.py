"""`emailint status`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from emailint.cli.completing import integration_names
from emailint.cli.parameters import duration
from emailint.cli.settings import Settings, pass_settings
from emailint.errors import Exit, UsageError
from emailint.report.screen import show
from emailint.report.status import status_document, status_lines, status_sheet
from emailint.sweep.clock import Budget, SystemClock
from emailint.sweep.status import look

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from emailint.config.model import Config
    from emailint.sweep.status import Status


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=integration_names)
@click.option("--live", is_flag=True, help="Also ask the servers how much is unread now.")
@click.option(
    "--max-age",
    type=duration,
    metavar="TIME",
    help="Exit status 1 where an integration has no good sweep within it, say 5m.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--plain", is_flag=True, help="Print plain text, on a terminal or not.")
@pass_settings
def status(
    settings: Settings,
    *,
    names: tuple[str, ...],
    live: bool,
    max_age: timedelta | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Say how each integration is doing.

    When it was swept well for the last time, what waits to be marked, moved, answered or decided, open
    errors, and when a secret ends. Nothing is changed and no sweep is waited for. Exit status 1 where
    --max-age is exceeded, or --live gets no answer; else 0, whatever is wrong.
    """
    config = settings.load()
    _require(config, names)
    clock = SystemClock()
    budget = Budget(clock, config.deadline) if live else None
    found = look(config, names, datetime.now(UTC), max_age=max_age, live=budget)
    if as_json:
        click.echo(json.dumps(status_document(found)))
    else:
        _print(found, plain=plain)
    return Exit.TROUBLE if found.stale or found.unanswered else Exit.OK


def _print(found: Status, *, plain: bool) -> None:
    show(status_sheet(found), plain=plain)
    click.echo()
    for line in status_lines(found):
        click.echo(line)


def _require(config: Config, names: Sequence[str]) -> None:
    known = [integration.name for integration in config.integrations]
    for name in names:
        if name not in known:
            raise UsageError(
                f"no integration is named {name!r} in {config.path}",
                hint=f"the integrations there are: {', '.join(known) or 'none'}",
            )
