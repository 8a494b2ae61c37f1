"""Commands that errors and pages tell people to run are commands that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from emailint.cli.app import app

ROOT = Path(__file__).parents[2]
HOW_TO = sorted((ROOT / "docs" / "how-to").glob("*.md"))


def told() -> dict[str, str]:
    """Each command between backquotes in the sources, with the file that names it."""
    found = {}
    for path in sorted((ROOT / "emailint").rglob("*.py")):
        text = re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8"))
        for command in re.findall(r"`emailint ([^`{]+)`", text):
            found[command] = str(path.relative_to(ROOT))
    return found


def test_something_is_told() -> None:
    commands = {command.split()[0] for command in told()}
    assert commands >= {"retry", "check"}


@pytest.mark.parametrize("command", sorted(told()))
def test_each_command_that_is_told_exists(command: str) -> None:
    name, *options = command.split()
    context = app.make_context("emailint", ["check"])
    found = app.get_command(context, name)
    if isinstance(found, click.Group) and options:
        found = found.get_command(context, options.pop(0))
    assert found is not None, told()[command]
    known = {option for each in found.params for option in each.opts}
    assert {option for option in options if option.startswith("--")} <= known


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_commands_of_a_page_can_be_parsed(page: Path) -> None:
    blocks = re.findall(
        r"^```console\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    for line in (line for block in blocks for line in block.splitlines()):
        _, *words = shlex.split(line.partition("#")[0].removeprefix("$ "))
        with app.make_context("emailint", words) as context:
            name, *rest = words
            command = app.get_command(context, name)
            assert command is not None, line
            command.make_context(name, rest, parent=context).close()


def test_commands_of_the_page_on_the_store_can_be_parsed() -> None:
    page = (ROOT / "docs" / "reference" / "store.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\$ emailint (.*)$", page, re.MULTILINE)
    assert {line.split()[1] for line in lines} == {"verify", "rebuild", "rotate", "prune"}
    for line in lines:
        with app.make_context("emailint", shlex.split(line)) as context:
            group = app.get_command(context, "store")
            assert isinstance(group, click.Group)
            _, name, *rest = shlex.split(line)
            command = group.get_command(context, name)
            assert command is not None, line
            command.make_context(name, rest, parent=context).close()
