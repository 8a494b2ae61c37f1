"""`emailint check`: configuration, templates and directory, without network."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import click

from emailint.cli.settings import Settings, pass_settings
from emailint.cli.template_checks import template_problems
from emailint.config.problems import ConfigProblems, Problem
from emailint.directory.check import check as inspect_directory
from emailint.errors import Exit
from emailint.routing.knowledge import knowledge_of
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.config.model import Config


@click.command()
@pass_settings
def check(settings: Settings) -> int:
    """Check configuration, templates and directory, without network.

    Says everything that is wrong at once, with file, line and what to do. Each template is rendered with
    sample cases, but for files that begin with _, which are parts of others; no password is
    asked for and no server is spoken to.
    """
    config = settings.load()
    problems = [*template_problems(config), *authority_problems(config)]
    if config.directory is not None:
        found = inspect_directory(config.directory, knowledge_of(config).is_public)
        problems += found.problems
        for notice in found.notices:
            click.echo(terminal_safe(str(notice)), err=True)
    if problems:
        raise ConfigProblems(problems)
    if settings.verbosity >= 0:
        click.echo(terminal_safe(_summary(config)))
    return Exit.OK


def authority_problems(config: Config) -> Iterator[Problem]:
    """Files of authorities that cannot be used."""
    named = {
        path: integration.name
        for integration in config.integrations
        for path in (integration.ca_file, integration.outbound.ca_file)
        if path is not None
    }
    for path, name in named.items():
        try:
            ssl.create_default_context(cafile=str(path))
        except OSError as error:  # ssl.SSLError is one
            why = (
                error.strerror
                if isinstance(error.errno, int) and error.errno > 0
                else "it holds no certificate"
            )
            yield Problem(
                str(config.path),
                0,
                f"integration {name}, ca_file",
                f"{path} cannot be used: {why}",
                "name a file of PEM certificates",
            )


def _summary(config: Config) -> str:
    enabled = [integration.name for integration in config.integrations if integration.enabled]
    aliases = sum(len(integration.aliases) for integration in config.integrations)
    off = len(config.integrations) - len(enabled)
    names = ", ".join(enabled) or "no integration is enabled"
    disabled = f" ({off} disabled)" if off else ""
    return f"{config.path} is well: {names}{disabled}; {aliases} alias{'' if aliases == 1 else 'es'}"
