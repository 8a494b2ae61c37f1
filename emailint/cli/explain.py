"""`emailint explain`: what would be made of one mail, and why."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

import click

from emailint.cli.completing import integration_names
from emailint.cli.settings import Settings, pass_settings
from emailint.errors import UsageError
from emailint.report.explanation import explanation_document, explanation_tree
from emailint.report.screen import show_tree
from emailint.sweep.explain import explain as explain_octets
from emailint.sweep.explain import explain_live

if TYPE_CHECKING:
    from emailint.config.model import Config
    from emailint.sweep.explain import Explanation


@click.command()
@click.argument("file", type=click.File("rb"), required=False, metavar="FILE")
@click.option("--locus", metavar="LOCUS", help="A message in its mailbox, as errors.jsonl names it.")
@click.option(
    "--integration",
    metavar="NAME",
    shell_complete=integration_names,
    help="The mailbox that it came to, where there are several.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--plain", is_flag=True, help="Print plain text, on a terminal or not.")
@pass_settings
def explain(
    settings: Settings,
    *,
    file: IO[bytes] | None,
    locus: str | None,
    integration: str | None,
    as_json: bool,
    plain: bool,
) -> None:
    """Explain what would be made of a mail.

    FILE is an .eml file, or - for standard input. Says which alias takes it, what kind of mail it is, what
    each workspace rule answers, where each field comes from, whether it would be answered and why not, and
    what would be stored. Nothing is marked, written or sent.
    """
    said = _explanation(settings.load(), file, locus, integration)
    if as_json:
        click.echo(json.dumps(explanation_document(said)))
    else:
        show_tree(explanation_tree(said), plain=plain)


def _explanation(
    config: Config, file: IO[bytes] | None, locus: str | None, integration: str | None
) -> Explanation:
    if file is not None and locus is None:
        return explain_octets(config, file.read(), integration=integration)
    if locus is not None and file is None:
        return explain_live(config, locus, integration=integration)
    raise UsageError("one mail is explained at a time", hint="give a FILE, - for standard input, or --locus")
