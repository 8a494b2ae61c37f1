"""A configuration that is not written yet is checked, and its connection tested."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

import click

from emailint import logs
from emailint.cli.connection import steps_to
from emailint.config.known_secrets import secrets_of
from emailint.config.load import read
from emailint.config.problems import ConfigProblems, Problem
from emailint.probe import Outcome
from emailint.report.screen import show_row
from emailint.report.steps import WIDTHS, row

if TYPE_CHECKING:
    from emailint.cli.first_files import Draft
    from emailint.cli.settings import Settings
    from emailint.config.model import Config

_VARIABLE: Final = "EMAILINT_INIT_SECRET"
"""Stands for the secret that was typed, in this process alone."""


def tried(draft: Draft, settings: Settings) -> Config:
    """The configuration as it is going to be; its secrets are hidden in what is logged from now on.

    Raises ConfigProblems, without lines, since nobody has seen the file yet.
    """
    logs.configure(settings.verbosity, settings.log_format)
    environ = dict(os.environ)
    if draft.typed is not None:
        environ[_VARIABLE] = draft.typed.disclose()
    try:
        config = read(draft.trial(_VARIABLE).encode(), draft.path, stat.S_IFREG | 0o644, environ)
    except ConfigProblems as error:
        raise ConfigProblems([_without_line(each) for each in error.problems]) from None
    logs.redact.hide(secrets_of(config))
    return config


def passes(config: Config) -> bool:
    """Whether each step of the connection test is well; shows them as they come."""
    (integration,) = config.integrations
    passed = True
    for step in steps_to(config, integration, None):
        show_row(row(step), WIDTHS)
        passed = passed and step.outcome is not Outcome.FAILED
    click.echo()
    return passed


def _without_line(problem: Problem) -> Problem:
    return Problem(problem.file, 0, problem.path, problem.what, problem.cure)
