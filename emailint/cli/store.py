"""`emailint store`: verify, rebuild, rotate, prune."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from emailint.cli.parameters import age, size
from emailint.cli.settings import Settings, pass_settings
from emailint.errors import Exit, UsageError
from emailint.report import upkeep as shown
from emailint.sweep import upkeep
from emailint.sweep.options import Event, Waiting
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from emailint.store.upkeep.prune import PrunePlan
    from emailint.store.upkeep.rebuild_plan import Plan


@click.group()
def store() -> None:
    """Verify, rebuild, rotate or prune the store."""


@store.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@pass_settings
def verify(settings: Settings, *, as_json: bool) -> int:
    """Compare the ledger, the JSON lines, attachments and kept mail with each other.

    Changes nothing, and works while a sweep runs. Exit status 0: all is well; 1: something is amiss, a line
    each; 73: there is no ledger to compare with.
    """
    from emailint.store.upkeep.verify import verify as compare  # noqa: PLC0415 - only for this command

    found = compare(settings.load().store)
    if as_json:
        click.echo(json.dumps(shown.verified_document(found)))
    else:
        _echo(shown.verified_lines(found))
    return Exit.TROUBLE if found.findings.grave else Exit.OK


@store.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--mailbox",
    "former",
    multiple=True,
    metavar="NAME=ADDRESS",
    help="The mailbox of an integration that is not in the configuration any more.",
)
@pass_settings
def rebuild(settings: Settings, *, dry_run: bool, yes: bool, former: tuple[str, ...]) -> int:
    """Make the ledger again from the JSON lines, or these from the ledger.

    What is lost or damaged is made again from what is left, whichever it is; if both are, from both.
    Says what it is going to do, and asks. Old files are kept aside, in a folder .before-rebuild-… of the
    store. Replies of which it is not known whether they went out are never sent. Cut off, begin it again.
    """

    def confirm(plan: Plan) -> bool:
        _echo(shown.plan_lines(plan.steps()))
        return not dry_run and _agreed("Do it?", yes=yes)

    result = upkeep.rebuild(settings.load(), confirm=confirm, former=_pairs(former), on_event=_tell)
    _echo(shown.rebuilt_lines(result))
    return Exit.OK


@store.command()
@click.option("--larger-than", type=size, metavar="SIZE", help="Only files of more than this: 500kB, 100MB.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@pass_settings
def rotate(settings: Settings, *, larger_than: int | None, as_json: bool) -> int:
    """Give cases.jsonl, followups.jsonl and errors.jsonl dated names; new lines go to new files.

    Nothing is copied and nothing removed: each case is in one file, and the other commands look into all.
    """
    done = upkeep.rotate(settings.load(), larger_than=larger_than or 0, on_event=_tell)
    if as_json:
        click.echo(json.dumps(shown.rotation_document(done)))
    else:
        _echo(shown.rotation_lines(done))
    return Exit.OK


@store.command()
@click.option("--older-than", type=age, required=True, metavar="TIME", help="How old: 2y, 400d.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_settings
def prune(settings: Settings, *, older_than: timedelta, dry_run: bool, yes: bool) -> int:
    """Remove what old cases say: their lines, texts, attachments; for good.

    That their mail was there is never forgotten: it makes no second case, and answers to it are known.
    Cases that wait for something (a reply, a person, an open error) are kept.
    """

    def confirm(plan: PrunePlan) -> bool:
        click.echo(shown.prune_line(plan))
        return not dry_run and _agreed("Remove them for good?", yes=yes)

    plan, done = upkeep.prune(settings.load(), older_than, confirm=confirm, on_event=_tell)
    if plan.idle:
        click.echo(shown.prune_line(plan))
    elif done:
        click.echo("removed")
    return Exit.OK


def _agreed(question: str, *, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked here; nothing was changed", hint="give --yes, or --dry-run")
    return click.confirm(question)


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for each in given:
        name, equals, address = each.rpartition("=")
        if not (name and equals and "@" in address):
            raise UsageError(
                f"--mailbox {each!r} is no NAME=ADDRESS", hint="like payroll=payroll@example.com"
            )
        pairs[name] = address
    return pairs


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _tell(event: Event) -> None:
    if isinstance(event, Waiting):
        click.echo(terminal_safe(f"waiting for {event.holder}"), err=True)
