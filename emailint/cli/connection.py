"""`emailint test-connection`: each step of the way to a mailbox and back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from emailint.cli.completing import integration_names
from emailint.cli.settings import Settings, pass_settings
from emailint.errors import Exit
from emailint.probe import Outcome
from emailint.report.screen import show_row
from emailint.report.steps import WIDTHS, connection_document, row
from emailint.sweep.chosen import chosen
from emailint.sweep.connect import outbound_for, source_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.config.model import Config, Integration
    from emailint.probe import Step


@click.command("test-connection")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=integration_names)
@click.option("--send-to", metavar="ADDRESS", help="Also send one mail to this address.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, once all is tested.")
@click.option("--plain", is_flag=True, help="Print plain text, on a terminal or not.")
@pass_settings
def test_connection(
    settings: Settings, names: tuple[str, ...], *, send_to: str | None, as_json: bool, plain: bool
) -> int:
    """Test each step of the way to a mailbox.

    Name, TCP, TLS, login, folder, whether mail may be marked read, how replies leave: each is ok, skipped,
    or failed with its cause and what to do. No mail is read, marked or sent, unless --send-to says so.
    """
    config = settings.load()
    tested: list[tuple[Integration, list[Step]]] = []
    for integration in chosen(config, names):
        tested.append((integration, []))
        if not as_json:
            click.echo(f"{integration.name} ({integration.mailbox})")
        for step in steps_to(config, integration, send_to):
            tested[-1][1].append(step)
            if not as_json:
                show_row(row(step), WIDTHS, plain=plain)
        if not as_json:
            click.echo()
    if as_json:
        click.echo(json.dumps(connection_document(tested)))
    failed = any(step.outcome is Outcome.FAILED for _, steps in tested for step in steps)
    return Exit.TROUBLE if failed else Exit.OK


def steps_to(config: Config, integration: Integration, send_to: str | None) -> Iterator[Step]:
    """Each step as it ends.

    Not read-only: whether mail may be marked is only told of a folder that is opened for it.
    """
    reached = True
    for step in source_for(config, integration).test():
        reached = reached and step.outcome is not Outcome.FAILED
        yield step
    if integration.move_to is not None and reached:
        yield from _move_to(config, integration, integration.move_to)
    yield from outbound_for(config, integration).test(send_to)


def _move_to(config: Config, integration: Integration, folder: str) -> Iterator[Step]:
    """Whether the folder is there that done mail is moved to."""
    target = source_for(config, replace(integration, folder=folder), read_only=True)
    for step in target.test():
        if step.name == "folder":
            yield replace(step, name="move to")
