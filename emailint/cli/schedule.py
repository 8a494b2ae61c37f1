"""`emailint schedule`: a sweep each minute, by cron or by systemd."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from emailint.cli.settings import Settings, pass_settings
from emailint.config.load import find, load
from emailint.errors import Exit, UsageError
from emailint.scheduling import crontab
from emailint.scheduling.job import Job, difference, job_of
from emailint.scheduling.systemd import Units, folder_of
from emailint.scheduling.units import Account
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from collections.abc import Iterable

_BARE = ("HOME", "LOGNAME", "USER")
"""What cron and systemd set too."""


@click.command()
@click.option(
    "--systemd", "by_systemd", is_flag=True, help="A service and a timer, in place of a crontab line."
)
@click.option(
    "--install", "action", flag_value="install", help="Put it in; once is enough, twice does no harm."
)
@click.option("--remove", "action", flag_value="remove", help="Take it out again.")
@click.option("--dry-run", is_flag=True, help="Show what --install or --remove would change.")
@click.option(
    "--name", default="emailint", metavar="NAME", help="systemd: the name of the units; emailint unless said."
)
@pass_settings
def schedule(
    settings: Settings,
    *,
    by_systemd: bool,
    action: Literal["install", "remove"] | None,
    dry_run: bool,
    name: str,
) -> int:
    """Start a sweep each minute.

    Prints the line for the crontab, or with --systemd a closed-in service and its timer: yours, or the
    system's when you are root. --install and --remove do it, say what changes, and touch nothing else: of a
    crontab one marked line, of units those of this configuration. The configuration is checked with an
    environment as bare as cron's, so that a variable that is set here alone is found now.
    """
    if dry_run and action is None:
        raise click.UsageError(
            "--dry-run is for --install and --remove: without them nothing is changed anyway"
        )
    job = _job(find(settings.config).absolute(), checked=action != "remove")
    if by_systemd:
        _by_systemd(
            Units(job, _account(job), _unit_name(name), folder_of(_account(job))), action, dry_run=dry_run
        )
    else:
        _by_cron(job, action, dry_run=dry_run)
    return Exit.OK


def _by_cron(job: Job, action: str | None, *, dry_run: bool) -> None:
    if action is None:
        click.echo("# MAILTO=you@example.org     says who hears of trouble; without it, this machine's user")
        click.echo(crontab.line(job))
        return
    before = crontab.read()
    after = (
        crontab.with_line(before, job) if action == "install" else crontab.without_line(before, job.config)
    )
    changed = _show(difference(_text(before), _text(after), "crontab"))
    if changed and not dry_run:
        crontab.write(after)
    _conclude("the crontab", changed=changed, dry_run=dry_run)
    if action == "install" and not crontab.names_a_reader(before):
        click.echo(
            "no MAILTO says who hears of trouble; cron tells this machine's user: crontab -e", err=True
        )


def _by_systemd(units: Units, action: str | None, *, dry_run: bool) -> None:
    if action is None:
        for path, text in units.wanted.items():
            click.echo(f"# {path}\n{text}")
        return
    before = units.there()
    wanted = units.wanted if action == "install" else {}
    paths = dict.fromkeys([*units.wanted])
    shown = [_show(difference(before.get(path, ""), wanted.get(path, ""), str(path))) for path in paths]
    if not dry_run:
        _change(units, action)
    _conclude(f"{units.name}.timer", changed=any(shown), dry_run=dry_run)
    if action == "install" and not units.account.system:
        click.echo("it runs while you are logged in; without you too: loginctl enable-linger", err=True)


def _change(units: Units, action: str) -> None:
    if action == "remove":
        units.remove()
        return
    for folder in units.job.own:
        if not folder.exists():  # a closed-in service may write to it, and not make it
            folder.mkdir(mode=0o700, parents=True)
            if units.account.user:
                shutil.chown(folder, units.account.user)
    units.install()


def _conclude(what: str, *, changed: bool, dry_run: bool) -> None:
    if not changed:
        click.echo(f"{what} is as it should be; nothing was changed", err=True)
    elif dry_run:
        click.echo(f"{what} would be changed so; nothing was changed", err=True)
    else:
        click.echo(f"{what} was changed so", err=True)


def _text(crontab_file: bytes) -> str:
    return crontab_file.decode(errors="backslashreplace")


def _show(lines: Iterable[str]) -> bool:
    shown = list(lines)
    for each in shown:
        click.echo(terminal_safe(each))
    return bool(shown)


def _job(path: Path, *, checked: bool) -> Job:
    """Raises ConfigProblems where cron would meet them. What is to be removed may be wrong or gone."""
    if not checked:
        return Job(_command(), path)
    bare = {name: os.environ[name] for name in _BARE if name in os.environ}
    return job_of(load(path, {**bare, "PATH": "/usr/bin:/bin"}), _command())


def _command() -> tuple[str, ...]:
    """How this very command was started, by a whole path."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return sys.executable, "-m", "emailint"
    found = shutil.which(sys.argv[0]) or shutil.which("emailint") or sys.argv[0]
    return (os.path.abspath(found),)  # noqa: PTH100 - a link stays one: pipx and package managers move what is behind it


def _account(job: Job) -> Account:
    """The system's when root asks; it runs as the owner of the configuration."""
    if os.geteuid() != 0:
        return Account(system=False)
    owner = job.config.stat().st_uid if job.config.exists() else 0
    return Account(system=True, user=pwd.getpwuid(owner).pw_name if owner else None)


def _unit_name(name: str) -> str:
    if not name or name.strip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"):
        raise UsageError(
            f"{name!r} is no name of a unit", hint="use letters, digits, dot, dash and underscore"
        )
    return name
