"""`emailint schema`: JSON Schemas for editors and for programs."""

from __future__ import annotations

import json
from typing import Any

import click

NAMES = ("config", "case", "follow-up", "error")


@click.command()
@click.argument("name", type=click.Choice(NAMES), metavar="|".join(NAMES))
def schema(name: str) -> None:
    """Print a JSON Schema.

    config: what integrations.yaml may hold, for editors. case, follow-up, error: the lines of cases.jsonl,
    followups.jsonl and errors.jsonl.
    """
    click.echo(json.dumps(_document(name), indent=2))


def _document(name: str) -> dict[str, Any]:
    if name == "config":
        from emailint.config.schema import schema as config_schema  # noqa: PLC0415 - pydantic, for this one alone

        return config_schema()
    from emailint.schemas import document  # noqa: PLC0415 - for these alone

    return document(name)
