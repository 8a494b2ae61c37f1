"""`emailint schema`: JSON Schemas for editors and for programs."""

from __future__ import annotations

import json
from importlib.resources import files

import click

from emailint.schemas import document

NAMES = ("config", "case", "follow-up", "error")


@click.command()
@click.argument("name", type=click.Choice(NAMES), metavar="|".join(NAMES))
def schema(name: str) -> None:
    """Print a JSON Schema.

    config: what integrations.yaml may hold, for editors. case, follow-up, error: the lines of cases.jsonl,
    followups.jsonl and errors.jsonl.
    """
    click.echo(_text(name), nl=False)


def _text(name: str) -> str:
    if name == "config":
        return files("emailint.config").joinpath("integrations.schema.json").read_text(encoding="utf-8")
    return json.dumps(document(name), indent=2) + "\n"
