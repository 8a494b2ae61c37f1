"""`emailint list-cases`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

import click

from emailint.cli import journal, known
from emailint.cli.completing import integration_names
from emailint.cli.parameters import duration
from emailint.cli.settings import Settings, pass_settings
from emailint.errors import UsageError
from emailint.message.model import Kind
from emailint.report import records
from emailint.report.screen import show
from emailint.store.records import ReplyState
from emailint.store.sqlite_ledger import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import timedelta
    from pathlib import Path
    from typing import Any

    Found = Iterable[tuple[bytes, Mapping[str, Any]]]

SHOWN: Final = 20
"""Cases that are listed when nothing else is said."""


@click.command("list-cases")
@click.option("--since", type=duration, metavar="TIME", help="Only those of the last 2h, 3d ...")
@click.option(
    "--integration", metavar="NAME", shell_complete=integration_names, help="Only this integration's."
)
@click.option("--kind", metavar="KIND", help="Only mail of this kind: person, auto_reply, bounce, list ...")
@click.option("--workspace", metavar="WORKSPACE", help="Only of this workspace.")
@click.option("--alias", metavar="ADDRESS", help="Only mail to this alias.")
@click.option(
    "--reply",
    type=click.Choice([state.value for state in ReplyState]),
    help="Only where the reply is so now.",
)
@click.option("--all", "everything", is_flag=True, help=f"All of them; else the newest {SHOWN}.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="The newest N; after --after, the next N."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document with whole cases, all of them."
)
@click.option("--after", metavar="CASE_ID", help="Only later ones, so that a program can read on.")
@click.option("--plain", is_flag=True, help="Print plain text, on a terminal or not.")
@pass_settings
def list_cases(  # noqa: PLR0913 - one parameter an option
    settings: Settings,
    *,
    since: timedelta | None,
    integration: str | None,
    kind: str | None,
    workspace: str | None,
    alias: str | None,
    reply: str | None,
    everything: bool,
    limit: int | None,
    as_json: bool,
    after: str | None,
    plain: bool,
) -> None:
    """List the cases that were made.

    The newest come last. With --json, `last` is the case id to give as --after the next time.
    """
    config = settings.load()
    known.require_integration(integration, config, _stored(config.store, "integration"))
    known.require_kind(kind, list(Kind), _stored(config.store, "kind"))
    start = datetime.now(UTC) - since if since else None
    wanted = journal.Wanted(
        start, integration, kind, _number(after), workspace, alias.lower() if alias else None
    )
    if not (as_json or everything or after):
        limit = limit or SHOWN
    newest = after is None and limit is not None
    chosen = _chosen(config.store, wanted, ReplyState(reply) if reply else None, limit, newest=newest)
    if as_json:  # the stored lines as they are, one at a time
        sys.stdout.writelines(records.case_document((line for line, _ in chosen), after))
        return
    sheet = records.cases(case for _, case in chosen)
    if sheet.rows:
        show(sheet, plain=plain)
    else:
        click.echo("no cases")


def _chosen(
    store: Path, wanted: journal.Wanted, reply: ReplyState | None, limit: int | None, *, newest: bool
) -> Found:
    """The cases to show, oldest first: the newest so many, or the first so many."""
    found: Found = journal.newest(store, wanted) if newest else journal.read(store, wanted)
    if reply is not None:
        found = _replied(found, store, reply)
    if limit is not None:
        found = islice(found, limit)
    return reversed(list(found)) if newest else found


def _stored(store: Path, key: str) -> Iterator[str | None]:
    """What the cases have under this key."""
    return (case.get(key) for _, case in journal.read(store, journal.Wanted()))


def _number(after: str | None) -> int | None:
    if after is None:
        return None
    number = journal.number_of(after)
    if number is None:
        raise UsageError(
            f"{after!r} is no case id", hint="give one as list-cases prints them, like CS-000042"
        )
    return number


def _replied(found: Found, store: Path, state: ReplyState) -> Found:
    """Those whose reply is in this state by now, which the ledger knows."""
    with SqliteLedger.open(store, read_only=True) as ledger:
        for line, case in found:
            if ledger.reply_state(str(case["case_id"])) is state:
                yield line, case
