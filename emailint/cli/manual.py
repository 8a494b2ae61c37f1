"""Man pages and completions for shells, made from the commands: `python -m emailint.cli.manual FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from emailint import __version__
from emailint.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COMPLETIONS: Final[dict[str, type[ShellComplete]]] = {
    "emailint": BashComplete,
    "_emailint": ZshComplete,
    "emailint.fish": FishComplete,
}
_VARIABLE: Final = "_EMAILINT_COMPLETE"


def files() -> dict[str, str]:
    """Each file by its name: a page for the root and for every command, and a script for each shell."""
    found = {}
    for names, command in _commands(("emailint",), app):
        found[f"{'-'.join(names)}.1"] = page(names, command)
    for name, kind in COMPLETIONS.items():
        shell = kind(app, {}, "emailint", _VARIABLE)
        found[name] = (kind.source_template % shell.source_vars()).strip() + "\n"
    return found


def page(names: Sequence[str], command: click.Command) -> str:
    """The page of one command, in man(7)."""
    context = _context(names, command)
    summary, _, rest = (command.help or "").partition("\n")
    title = "-".join(names)
    lines = [
        f'.TH "{title.upper()}" "1" "" "emailint {__version__}" "emailint"',
        ".SH NAME",
        f"{_text(title)} \\- {_text(summary.rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {_text(' '.join(names))}",
        _text(" ".join(command.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        *_paragraphs(rest.strip() or summary),
        *_options(command, context),
        *_below(names, command, context),
        *_ending(names),
    ]
    return "\n".join(lines) + "\n"


def write(folder: Path) -> None:
    """Write all files there, and delete pages of commands that are gone."""
    wanted = files()
    for path in folder.glob("*.1"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def _commands(
    names: tuple[str, ...], command: click.Command
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield names, command
    if isinstance(command, click.Group):
        context = _context(names, command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from _commands((*names, name), below)


def _context(names: Sequence[str], command: click.Command) -> click.Context:
    """As below the root: a command keeps the names of its option for help from its first context on."""
    return click.Context(
        command,
        info_name=" ".join(names),
        max_content_width=100,
        help_option_names=app.context_settings["help_option_names"],
    )


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    records = [record for each in command.get_params(context) if (record := each.get_help_record(context))]
    if records:
        yield ".SH OPTIONS"
    for names, explanation in records:
        yield from (".TP", f"\\fB{_text(names)}\\fR", _text(explanation))


def _below(names: Sequence[str], command: click.Command, context: click.Context) -> Iterator[str]:
    if not isinstance(command, click.Group):
        return
    yield ".SH COMMANDS"
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        if below is not None and not below.hidden:
            summary = (below.help or "").partition("\n")[0]
            yield from (".TP", f"\\fB{_text('-'.join([*names, name]))}\\fR(1)", _text(summary))


def _ending(names: Sequence[str]) -> Iterator[str]:
    if len(names) == 1:
        yield from (".SH EXIT STATUS", _text((app.epilog or "").removeprefix("Exit status: ")))
    else:
        yield from (".SH SEE ALSO", "\\fBemailint\\fR(1)")


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield ".PP"
        yield _text(" ".join(paragraph.split()))


def _text(text: str) -> str:
    """The text as man(7) shows it: backslashes and hyphens are themselves, and no line is a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("\b", "").replace("…", "...")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    write(Path(sys.argv[1]))
