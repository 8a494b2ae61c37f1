"""`emailint authorize`: a person signs in for a mailbox, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from emailint.cli.completing import integration_names
from emailint.cli.settings import Settings, pass_settings
from emailint.errors import Exit, UsageError
from emailint.sweep.chosen import chosen
from emailint.sweep.sign_in import authorize as sign_in_for
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from emailint.config.model import Integration


@click.command()
@click.argument("name", shell_complete=integration_names)
@pass_settings
def authorize(settings: Settings, name: str) -> int:
    """Sign in for a mailbox, once.

    For OAuth that needs a person. Microsoft: shows a page and a code to enter there, on whatever device
    (oauth.flow: device). Google, Yahoo, AOL: shows an address to open in a browser on this machine. What
    comes of it is kept in a private file of the store, and sweeps renew it by themselves.
    """
    config = settings.load()
    (integration,) = chosen(config, [name])
    _refuse_what_needs_nobody(integration)
    who = sign_in_for(config, integration, lambda text: click.echo(terminal_safe_lines(text)))
    click.echo(terminal_safe(f"{integration.name}: signed in{f' as {who}' if who else ''}"))
    click.echo(f"now try it: emailint test-connection {integration.name}")
    return Exit.OK


def terminal_safe_lines(text: str) -> str:
    """Lines of a server's, each made safe for a terminal."""
    return "\n".join(terminal_safe(line) for line in text.split("\n"))


def _refuse_what_needs_nobody(integration: Integration) -> None:
    sign_in = integration.sign_in
    if sign_in is None:
        raise UsageError(
            f"integration {integration.name!r} has no oauth, so there is nothing to sign in for",
            hint="it logs in with its password",
        )
    by_itself = sign_in.client_secret or sign_in.certificate if sign_in.issuer == "entra" else False
    if by_itself or sign_in.service_account or sign_in.refresh_token:
        raise UsageError(
            f"integration {integration.name!r} signs in by itself; nobody has to sign in",
            hint=f"try it: emailint test-connection {integration.name}",
        )
