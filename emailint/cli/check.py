"""`emailint check`: configuration and templates, without network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from emailint.cli.previews import template_problems
from emailint.cli.settings import Settings, pass_settings
from emailint.errors import Exit
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from emailint.config.model import Config


@click.command()
@pass_settings
def check(settings: Settings) -> int:
    """Check configuration and templates, without network.

    Says everything that is wrong at once, with file, line and what to do. Each template that is named is
    rendered with a sample case; no password is asked for and no server is spoken to.
    """
    config = settings.load()
    problems = list(template_problems(config))
    for problem in problems:
        click.echo(terminal_safe(f"{config.path}: {problem}"), err=True)
    if problems:
        return Exit.CONFIG
    if settings.verbosity >= 0:
        click.echo(terminal_safe(_summary(config)))
    return Exit.OK


def _summary(config: Config) -> str:
    enabled = [integration.name for integration in config.integrations if integration.enabled]
    aliases = sum(len(integration.aliases) for integration in config.integrations)
    off = len(config.integrations) - len(enabled)
    names = ", ".join(enabled) or "no integration is enabled"
    disabled = f" ({off} disabled)" if off else ""
    return f"{config.path} is well: {names}{disabled}; {aliases} alias{'' if aliases == 1 else 'es'}"
