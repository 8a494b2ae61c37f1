"""The root of the command line: global options, commands, and where errors become exit status."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from emailint import __version__
from emailint.cli.lazy import Lazy, LazyGroup
from emailint.cli.settings import Settings
from emailint.errors import EmailintError, Exit
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED: Final = 130
_HERE: Final = Path(__file__).parents[1]
OUTPUT_CLOSED: Final = 141
"""As a shell reports a program that SIGPIPE ended: `emailint list-cases | head`."""

COMMANDS: Final = {
    "init": Lazy("emailint.cli.init", "init", "Write a first configuration."),
    "process": Lazy("emailint.cli.process", "process", "Sweep the mailboxes once."),
    "test-connection": Lazy(
        "emailint.cli.connection", "test_connection", "Test each step of the way to a mailbox."
    ),
    "render-template": Lazy("emailint.cli.template", "render_template", "Show a reply as its reader will."),
    "list-errors": Lazy("emailint.cli.troubles", "list_errors", "List what is wrong now."),
    "dismiss": Lazy("emailint.cli.troubles", "dismiss", "Close errors that are dealt with."),
    "explain": Lazy("emailint.cli.explain", "explain", "Explain what would be made of a mail."),
    "retry": Lazy(
        "emailint.cli.retry", "retry", "Try again: held mail, quarantined mail, replies that failed."
    ),
    "audit": Lazy("emailint.cli.audit", "audit", "Compare the mailboxes with the store."),
    "status": Lazy("emailint.cli.status", "status", "Say how each integration is doing."),
    "list-cases": Lazy("emailint.cli.cases", "list_cases", "List the cases that were made."),
    "authorize": Lazy("emailint.cli.authorize", "authorize", "Sign in for a mailbox, once."),
    "check": Lazy(
        "emailint.cli.check", "check", "Check configuration, templates and directory, without network."
    ),
    "schedule": Lazy("emailint.cli.schedule", "schedule", "Start a sweep each minute."),
    "store": Lazy("emailint.cli.store", "store", "Verify, rebuild, rotate or prune the store."),
    "schema": Lazy("emailint.cli.schema", "schema", "Print a JSON Schema."),
}


class App(LazyGroup):
    """The root group; keeps click from deciding what a closed output means."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. A closed standard output ends it quietly."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return OUTPUT_CLOSED


@click.group(
    cls=App,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 well, 1 something failed, 2 usage, 70 a bug, 73 the store, 78 the configuration.",
)
@click.option(
    "-c",
    "--config",
    metavar="FILE",
    help="The configuration; else $EMAILINT_CONFIG, ./integrations.yaml, the user's, the system's folder.",
)
@click.option("-v", "--verbose", count=True, help="Log each mail; -vv: each step.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    envvar="EMAILINT_LOG_FORMAT",
    help="How standard error is written.",
)
@click.version_option(__version__, prog_name="emailint", message="%(prog)s %(version)s")
@click.pass_context
def app(
    ctx: click.Context, config: str | None, verbose: int, quiet: bool, log_format: Literal["text", "json"]
) -> None:
    """Turn unread mail into cases: once each, durably, with one reply."""
    ctx.obj = Settings(config, -1 if quiet else verbose, log_format)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status and lets no exception out."""
    _prepare_output()
    status = _run(arguments)
    return status if _flushed() or status != Exit.OK else OUTPUT_CLOSED


def _run(arguments: Sequence[str] | None) -> int:
    try:
        return int(app.main(arguments, prog_name="emailint", standalone_mode=False) or Exit.OK)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted; what was done is kept, mail that was not recorded stays unread")
        return INTERRUPTED
    except EmailintError as error:
        _say_error(error)
        return error.exit_code
    except OSError as error:  # rooms translate theirs; what is left is a file that was named, or the output
        _say(f"{error.filename or 'the output'}: {error.strerror or type(error).__name__}")
        return Exit.TROUBLE
    except Exception as error:  # noqa: BLE001 - whatever else comes is a bug, told without its values
        _say_bug(error)
        return Exit.BUG


def _prepare_output() -> None:
    """No character and no closed descriptor ends a command: what the locale cannot show comes out escaped."""
    if sys.stdout is None or sys.stderr is None:  # started with `>&-`
        sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - as long as we run
        sys.stderr = sys.stderr or sys.stdout
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _say_error(error: EmailintError) -> None:
    """The error and what to do about it; of a configuration every single problem, which says so itself.

    Its line begins with the file, so that editors find the place.
    """
    problems = getattr(error, "problems", ())
    for problem in problems:
        _write(str(problem))
    if problems:
        _say("the configuration is wrong; nothing was touched")
        return
    _say(str(error))
    if error.hint:
        _say(f"  {error.hint}")


def _say_bug(error: Exception) -> None:
    """Which error and where: neither its text nor any value, which may be a secret or somebody's mail."""
    from traceback import extract_tb  # noqa: PLC0415 - only when something is wrong

    ours = [frame for frame in extract_tb(error.__traceback__) if _HERE in Path(frame.filename).parents]
    where = "".join(
        f" at {Path(frame.filename).relative_to(_HERE)}:{frame.lineno} in {frame.name}" for frame in ours[-1:]
    )
    _say(f"a bug: {type(error).__name__}{where} (version {__version__}); what was done until then is kept")
    _say("  please report this line and the command at the project's issue tracker")
    if os.environ.get("EMAILINT_DEBUG"):
        for frame in extract_tb(error.__traceback__):
            _say(f"  {frame.filename}:{frame.lineno} in {frame.name}")


def _say(text: str) -> None:
    _write(f"emailint: {text}")


def _write(line: str) -> None:
    from emailint.logs import redact  # noqa: PLC0415 - only when something is wrong

    click.echo(terminal_safe(redact(line)), err=True)


def _flushed() -> bool:
    """Whether all output is out. A closed one goes nowhere, or the interpreter's last flush would fail."""
    whole = True
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            whole = False
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return whole
