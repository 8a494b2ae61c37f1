"""`emailint init`: a first configuration, asked for or given by options."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from emailint.cli.first_answers import Given, Interview
from emailint.cli.first_files import Draft, say_next, write
from emailint.cli.first_trial import passes, tried
from emailint.cli.settings import Settings, pass_settings
from emailint.config.first import CHOICES
from emailint.config.load import FILE_NAME, VARIABLE
from emailint.errors import Exit, UsageError
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from collections.abc import Callable

INTERRUPTED: Final = 130

_OPTIONS: Final = (
    click.option("--mailbox", metavar="ADDRESS", help="The mailbox's address."),
    click.option(
        "--provider",
        type=click.Choice([*CHOICES, "hotmail", "aim"]),
        metavar="NAME",
        help=f"One of {', '.join(CHOICES)}: imap is any other server, maildir a folder of this machine.",
    ),
    click.option("--name", metavar="NAME", help="A name for it; what stands before the at sign unless said."),
    click.option("--host", metavar="HOST", help="imap: the server that mail is read from."),
    click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="imap: its port; else 993."),
    click.option("--tls", type=click.Choice(["implicit", "starttls", "none"]), help="imap: how TLS begins."),
    click.option("--ca-file", metavar="FILE", help="imap: authorities (PEM) in place of the system's."),
    click.option("--username", metavar="NAME", help="The login name, where it is not the address."),
    click.option(
        "--smtp-host",
        metavar="HOST",
        help="imap: the server that replies leave by; none: nobody is answered.",
    ),
    click.option(
        "--smtp-port",
        type=click.IntRange(1, 65535),
        metavar="N",
        help="imap: its port; else 465, or 587 by STARTTLS.",
    ),
    click.option(
        "--smtp-tls", type=click.Choice(["implicit", "starttls", "none"]), help="imap: how TLS begins there."
    ),
    click.option(
        "--path",
        metavar="FOLDER",
        help="maildir: the folder; made, with a sample mail, where it is not there.",
    ),
    click.option(
        "--password-file",
        metavar="FILE",
        help="A private file whose first line is the password or the app's secret.",
    ),
    click.option(
        "--password-env", metavar="NAME", help="The variable that holds it; cron has to have it too."
    ),
    click.option(
        "--password-stdin", is_flag=True, help="Read it from standard input, and keep it in a private file."
    ),
    click.option(
        "--password-command",
        metavar="COMMAND",
        help="A command that prints it: 'pass show payroll'. No shell.",
    ),
    click.option(
        "--secret-file",
        metavar="FILE",
        help="Where a password that was typed or read is kept; NAME.secret unless said.",
    ),
    click.option("--tenant", metavar="ID", help="Microsoft: the tenant, by id or domain."),
    click.option(
        "--client-id", metavar="ID", help="The app that signs in (Microsoft, or OAuth at Google, Yahoo, AOL)."
    ),
    click.option(
        "--certificate",
        metavar="FILE",
        help="Microsoft: the app's certificate with its key, in place of a secret.",
    ),
    click.option("--device", is_flag=True, help="Microsoft: a person signs in, by device code."),
    click.option(
        "--since", metavar="DATE", help="Unread mail from this day on: now (unless said), 2026-11-01, or all."
    ),
    click.option(
        "--workspace", metavar="ID", help="The client account of its cases, where no directory knows one."
    ),
    click.option(
        "--store", metavar="FOLDER", help="Where cases are kept; data, beside the configuration, unless said."
    ),
    click.option("--no-replies", is_flag=True, help="Nobody is answered."),
    click.option("--no-test", is_flag=True, help="Do not test the connection."),
    click.option(
        "--print",
        "print_only",
        is_flag=True,
        help="Print it in place of writing it; beside one that is there, a block to paste.",
    ),
    click.option("-y", "--yes", is_flag=True, help="Ask nothing: take what is usual for what is not said."),
)


def _with_options(command: Callable[..., int]) -> Callable[..., int]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("file", required=False, metavar="[FILE]")
@_with_options
@pass_settings
def init(settings: Settings, /, *, file: str | None, **options: Any) -> int:
    """Write a first configuration.

    Asks for a mailbox and how to log in, tests the connection, and writes a commented FILE
    (./integrations.yaml unless said) that passes `emailint check`. For scripts the same goes by options,
    without a question. Passwords go into a private file, never into the configuration. Nothing that is
    there is ever overwritten: beside a configuration that is there, a block to paste is printed.
    """
    path = Path(file or settings.config or os.environ.get(VARIABLE) or FILE_NAME)
    try:
        return _init(settings, path, Given(**options))
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nemailint: interrupted; nothing was written", err=True)
        return INTERRUPTED


def _init(settings: Settings, path: Path, given: Given) -> int:
    now = datetime.now().astimezone()
    asking = sys.stdin.isatty() and sys.stderr.isatty() and not given.yes
    draft = _begun(path, given, asking=asking)
    interview = Interview(given, asking=asking, today=now.date(), taken=draft.taken)
    answered = interview.answers()
    draft = replace(draft, answers=answered.answers, typed=answered.typed, store=given.store or "data")
    draft.refuse_what_is_there()
    config = tried(draft, settings)
    if interview.wants_test(draft.answers) and not passes(config) and not interview.goes_on():
        click.echo("emailint: the connection test failed; nothing was written", err=True)
        click.echo("emailint:   put right what it says and run it again, or add --no-test", err=True)
        return Exit.TROUBLE
    if not draft.prints and not interview.confirms(f"Write {terminal_safe(str(path))}?"):
        raise click.Abort
    write(draft, format_datetime(now))
    say_next(draft)
    return Exit.OK


def _begun(path: Path, given: Given, *, asking: bool) -> Draft:
    if os.path.lexists(path) and not (asking or given.print_only):
        raise UsageError(
            f"{path} is there already and stays as it is; nothing was written",
            hint="name another file, or add --print for a block to paste into it",
        )
    draft = Draft.beside(path, print_only=given.print_only)
    if draft.existing is not None:
        said = f"{path} is there already and stays as it is: you get a block to paste into it."
        click.echo(terminal_safe(said), err=True)
    return draft
