"""What `emailint init` writes, and what it says of it."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from emailint.config.create import Creation, exists
from emailint.config.first import Answers, Reference, block, indent_of, whole_file
from emailint.config.load import FILE_NAME, load
from emailint.errors import ConfigError
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from emailint.config.secrets import SecretText

_SAMPLE: Final = """\
From: Ann Lee <ann@example.com>
To: {mailbox}
Subject: Wrong hours on my slip
Date: {date}
Message-ID: <first-mail@example.com>

Hello,

my slip of this week says 32 hours, and I worked 40. Would you look into it?

Ann
"""


_NOTHING: Final = Answers("", "", "")


@dataclass(frozen=True, slots=True)
class Draft:
    """A configuration that is about to be written. `existing` is the text of one that is there.

    `typed` is the secret that goes into a file of its own; `taken` are names of integrations that are there.
    """

    path: Path
    existing: str | None
    taken: frozenset[str]
    print_only: bool
    answers: Answers = _NOTHING
    typed: SecretText | None = None
    store: str = "data"

    @classmethod
    def beside(cls, path: Path, *, print_only: bool) -> Draft:
        """A draft for this file, which may be there already, and may be wrong."""
        if not os.path.lexists(path):
            return cls(path, None, frozenset(), print_only)
        return cls(path, path.read_text(encoding="utf-8"), _names(path), print_only)

    @property
    def prints(self) -> bool:
        """Whether the configuration is shown in place of being written."""
        return self.print_only or self.existing is not None

    @property
    def folder(self) -> Path:
        """The configuration's folder, where relative paths start."""
        return self.path.absolute().parent

    @property
    def secret_file(self) -> Path | None:
        """The file that is made for the secret that was typed."""
        reference = self.answers.login.secret
        if self.typed is None or reference is None:
            return None
        return self.folder / Path(reference.words[0]).expanduser()

    @property
    def maildir(self) -> Path | None:
        """The Maildir that is made, where it is not there."""
        path = self.folder / Path(self.answers.path).expanduser() if self.answers.path else None
        return None if path is None or path.exists() else path

    def text(self) -> str:
        """What is written, or shown."""
        if self.existing is not None:
            return block(self.answers, indent_of(self.existing))
        return whole_file(self.answers, self.store)

    def trial(self, variable: str) -> str:
        """The whole file with a typed secret in a variable: nothing has to be on disk to try it."""
        answers = self.answers
        if self.typed is not None:
            answers = replace(
                answers, login=replace(answers.login, secret=Reference("variable", (variable,)))
            )
        return whole_file(answers, self.store)

    def refuse_what_is_there(self) -> None:
        """Raises UsageError for a secret file that is there, before anybody is asked for more."""
        if self.secret_file is not None and os.path.lexists(self.secret_file):
            raise exists(self.secret_file)


def write(draft: Draft, date: str) -> None:
    """Make the files, or none of them; print what is to be printed. Raises UsageError, OSError."""
    creation = Creation()
    try:
        with creation:
            _make(draft, creation, date)
            if not draft.prints:
                creation.file(draft.path, draft.text().encode(), 0o644)
                load(draft.path)
    finally:
        for path in creation.kept:
            click.echo(terminal_safe(f"emailint: {path} was made and could not be removed again"), err=True)
    for path in (each for each in creation.made if each.is_file()):
        click.echo(terminal_safe(f"wrote {path}"), err=True)
    if draft.prints:
        click.echo(draft.text(), nl=False)


def say_next(draft: Draft) -> None:
    """What to do now, each a command that can be pasted."""
    command = "emailint" if draft.path == Path(FILE_NAME) else f"emailint -c {shlex.quote(str(draft.path))}"
    paste = f"Paste it below `integrations:` in {draft.path}, then:"
    said = "Now:" if draft.existing is None else paste
    click.echo(terminal_safe(f"\n{said}", lines=True), err=True)
    for words in _next(draft):
        click.echo(terminal_safe(f"  {command} {words}"), err=True)


def _names(path: Path) -> frozenset[str]:
    try:
        return frozenset(each.name for each in load(path).integrations)
    except ConfigError:  # `emailint check` says what is wrong with it
        return frozenset()


def _next(draft: Draft) -> list[str]:
    name = draft.answers.name
    first = ["check"]
    if draft.answers.login.way in ("device", "person"):
        first += [f"authorize {name}", f"test-connection {name}"]
    return [*first, "process --dry-run", "process", "schedule"]


def _make(draft: Draft, creation: Creation, date: str) -> None:
    creation.folder(draft.folder)
    if draft.secret_file is not None and draft.typed is not None:
        creation.folder(draft.secret_file.parent, 0o700)
        creation.file(draft.secret_file, f"{draft.typed.disclose()}\n".encode())
    if (maildir := draft.maildir) is not None:
        for name in ("cur", "new", "tmp"):
            creation.folder(maildir / name, 0o700)
        sample = _SAMPLE.format(mailbox=draft.answers.mailbox, date=date)
        creation.file(maildir / "new" / "1.sample.emailint", sample.encode())
