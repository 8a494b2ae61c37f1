"""`emailint list-errors` and `emailint dismiss`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from emailint.cli import known
from emailint.cli.completing import error_ids, integration_names
from emailint.cli.parameters import duration
from emailint.cli.settings import Settings, pass_settings
from emailint.errors import UsageError
from emailint.report import records
from emailint.report.screen import show
from emailint.report.troubles import errors_line, errors_sheet, grouped
from emailint.store.errors_log import ErrorsLog
from emailint.store.sqlite_ledger import SqliteLedger
from emailint.sweep.held_store import open_errors
from emailint.sweep.troubles import error_record
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from emailint.report.troubles import Group
    from emailint.store.records import OpenError


@click.command("list-errors")
@click.option("--since", type=duration, metavar="TIME", help="Only those seen in the last 2h, 3d ...")
@click.option(
    "--integration", metavar="NAME", shell_complete=integration_names, help="Only this integration's."
)
@click.option("--kind", metavar="KIND", help="Only this kind: login_refused, held ...")
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The newest N.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--plain", is_flag=True, help="Print plain text, on a terminal or not.")
@pass_settings
def list_errors(  # noqa: PLR0913 - one parameter an option
    settings: Settings,
    *,
    since: timedelta | None,
    integration: str | None,
    kind: str | None,
    everything: bool,
    limit: int | None,
    as_json: bool,
    plain: bool,
) -> None:
    """List what is wrong now.

    Errors are open until the next good sweep, until their mail reached its end, or until they are dismissed.
    The newest come last. Many of one kind and integration share a row, with the newest of them; --kind names
    each.
    """
    now = datetime.now(UTC)
    config = settings.load()
    with SqliteLedger.open(config.store, read_only=True) as ledger:
        errors = [*ledger.errors(closed=everything or bool(integration or kind)), *open_errors(config.store)]
    known.require_integration(integration, config, [error.trouble.integration for error in errors])
    known.require_kind(kind, known.error_kinds(), [error.trouble.kind for error in errors])
    found = [
        error
        for error in sorted(errors, key=lambda error: error.last_at)
        if (everything or error.closed_at is None)
        and (since is None or error.last_at >= now - since)
        and integration in {None, error.trouble.integration}
        and kind in {None, error.trouble.kind}
    ]
    found = found[-limit:] if limit else found
    if as_json:
        click.echo(json.dumps(records.error_document(found)))
    else:
        _print(found, grouped(found, each=kind is not None), now, plain=plain)


def _print(found: Sequence[OpenError], groups: Sequence[Group], now: datetime, *, plain: bool) -> None:
    if not found:
        click.echo("no errors")
        return
    show(errors_sheet(groups, now), plain=plain)
    click.echo()
    click.echo(errors_line(found))


@click.command()
@click.argument("error_ids", nargs=-1, required=True, metavar="ERROR_ID...", shell_complete=error_ids)
@pass_settings
def dismiss(settings: Settings, error_ids: tuple[str, ...]) -> None:
    """Close errors that are dealt with.

    Nothing else changes: mail that is held or quarantined stays so. The same trouble opens a new error.
    """
    folder = settings.load().store
    with SqliteLedger.open(folder, read_only=True) as ledger:
        known = [error.error_id for error in ledger.errors()]
    unknown = set(error_ids).difference(known)
    if unknown:
        raise UsageError(
            f"no open error in {folder} has the id {min(unknown)!r}; none was dismissed",
            hint="the ids are those that emailint list-errors prints",
        )
    with SqliteLedger.open(folder) as ledger:
        closed = ledger.close_errors(error_ids, datetime.now(UTC))
    log = ErrorsLog(folder)
    for error in closed:
        log.write(error_record(error, "closed"))
        click.echo(
            terminal_safe(f"dismissed {error.error_id}: {error.trouble.kind}: {error.trouble.message}")
        )
