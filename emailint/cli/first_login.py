"""How a new mailbox logs in, and where its secret is: the part of `emailint init` that is about secrets."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from emailint.config import grammar
from emailint.config.first import LOCAL, Login, Reference
from emailint.config.providers import PROVIDERS
from emailint.config.secrets import MAXIMUM_SECRET, SecretText
from emailint.errors import UsageError

if TYPE_CHECKING:
    from emailint.cli.first_answers import Asker, Given

ADVICE: Final = {
    "gmail": (
        "With 2-Step Verification on, make an app password at https://myaccount.google.com/apppasswords.",
    ),
    "yahoo": ("Make an app password at https://login.yahoo.com/account/security.",),
    "aol": ("Make an app password at https://login.aol.com/account/security.",),
    "icloud": ("Make an app-specific password at https://account.apple.com (Sign-In and Security).",),
    "office365": (
        "Microsoft takes no passwords for mail: an app of your tenant signs in.",
        "At https://entra.microsoft.com:",
        "  1. App registrations, New registration; note its client ID and tenant ID.",
        "  2. Certificates & secrets: make a client secret and copy its Value (or upload a certificate).",
        "  3. Give it Mail.ReadWrite and Mail.Send for this mailbox: docs/how-to/office-365.md says how.",
    ),
    "outlook": (
        "Microsoft takes no passwords for mail: you sign in once, through an app.",
        "At https://entra.microsoft.com:",
        "  1. App registrations, New registration, with personal accounts; note the Application (client) ID.",
        "  2. Authentication: allow public client flows.",
        "  3. In Outlook.com, Settings, Mail, Forwarding and IMAP: let devices use IMAP.",
    ),
}

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Logins:
    """The questions about logging in to one mailbox."""

    def __init__(self, given: Given, ask: Asker, provider: str, name: str) -> None:
        self._given = given
        self._ask = ask
        self._provider = {"hotmail": "outlook", "aim": "aol"}.get(provider, provider)
        self._name = name

    def login(self) -> tuple[Login, SecretText | None]:
        """The login, and the secret where it was typed or read. Raises UsageError for what is missing."""
        self._refuse_several()
        preset = PROVIDERS.get(self._provider)
        if self._provider == LOCAL:
            return Login(), None
        self._ask.say("", *ADVICE.get(self._provider, ()))
        if preset is not None and not preset.password_login:
            return self._microsoft()
        secret, typed = self._secret("Its password")
        if self._given.client_id:
            return Login("person", secret, client_id=self._given.client_id), typed
        return Login("password", secret), typed

    def _microsoft(self) -> tuple[Login, SecretText | None]:
        given, ask = self._given, self._ask
        app = ask.text("--client-id ID", given.client_id, "Application (client) ID", grammar.line)
        if self._provider == "outlook" or given.device:
            return Login("device", tenant=given.tenant, client_id=app), None
        tenant = ask.text(
            "--tenant ID", given.tenant, "Directory (tenant) ID, or a domain of it", grammar.line
        )
        way = "certificate" if given.certificate else "secret"
        if not (given.certificate or _told(given)):
            way = ask.choice("The app signs in by", ("secret", "certificate", "device"), "secret")
        if way == "certificate":
            question = "Its file (PEM with the key, or PFX)"
            path = ask.text("--certificate FILE", given.certificate, question, grammar.path)
            return Login("certificate", tenant=tenant, client_id=app, certificate=_absolute(path)), None
        if way == "device":
            return Login("device", tenant=tenant, client_id=app), None
        secret, typed = self._secret("The app's secret (its Value)")
        return Login("secret", secret, tenant=tenant, client_id=app), typed

    def _secret(self, question: str) -> tuple[Reference, SecretText | None]:
        given = self._given
        if given.password_stdin:
            return self._kept(SecretText(_from_stdin()))
        if not _told(given) and not self._ask.asking:
            ways = "--password-file, --password-env, --password-command or --password-stdin"
            raise UsageError("nothing says where the password is; nothing was written", hint=f"add {ways}")
        self._ask.say("Type it now, and it is kept in a private file; or name a file, variable or command.")
        way = _way(given) or self._ask.choice("Where is it?", ("type", "file", "env", "command"), "type")
        if way == "type":
            return self._kept(SecretText(click.prompt(question, hide_input=True, err=True)))
        return self._elsewhere(way), None

    def _elsewhere(self, way: str) -> Reference:
        given, ask = self._given, self._ask
        if way == "env":
            usual = re.sub(r"\W", "_", f"{self._name}_PASSWORD".upper())
            name = ask.text("--password-env NAME", given.password_env, "Variable", _variable, usual=usual)
            return Reference("variable", (name,))
        if way == "command":
            command = ask.text("--password-command COMMAND", given.password_command, "Command", shlex_words)
            return Reference("command", tuple(shlex.split(command)))
        path = ask.text("--password-file FILE", given.password_file, "Its file (mode 0600)", grammar.path)
        return Reference("file", (_absolute(path),))

    def _kept(self, typed: SecretText) -> tuple[Reference, SecretText]:
        usual = f"{self._name}.secret"
        question = "Private file to keep it in, beside the configuration"
        path = self._ask.text("--secret-file", self._given.secret_file, question, grammar.path, usual=usual)
        return Reference("file", (path,)), typed

    def _refuse_several(self) -> None:
        given = self._given
        told = [bool(each) for each in (_told(given), given.certificate, given.device)]
        ways = (given.password_file, given.password_env, given.password_command, given.password_stdin)
        if sum(map(bool, ways)) > 1 or sum(told) > 1:
            raise UsageError("several ways to log in are given; nothing was written", hint="keep one of them")


def shlex_words(value: object) -> list[str]:
    """The words of a command. Raises Wrong for quotes that are not closed, and for no word."""
    from emailint.config.problems import Wrong  # noqa: PLC0415 - hardly ever

    try:
        return list(grammar.argv(shlex.split(str(value))))
    except ValueError as error:
        if isinstance(error, Wrong):
            raise
        raise Wrong("has an open quote", "close it") from None


def _variable(value: object) -> str:
    from emailint.config.problems import Wrong  # noqa: PLC0415 - hardly ever

    if not _VARIABLE.fullmatch(str(value)):
        raise Wrong("is no name of a variable", "use letters, digits and underscore; not the password itself")
    return str(value)


def _told(given: Given) -> bool:
    return bool(given.password_stdin or _way(given))


def _way(given: Given) -> str:
    if given.password_file:
        return "file"
    if given.password_env:
        return "env"
    return "command" if given.password_command else ""


def _absolute(path: str) -> str:
    """Options name files from the working folder; the configuration, from its own."""
    return os.path.abspath(Path(path).expanduser())  # noqa: PTH100 - links stay as they are, as cron's owner wrote them


def _from_stdin() -> str:
    text = sys.stdin.readline(MAXIMUM_SECRET).rstrip("\r\n")
    if not text:
        raise UsageError(
            "standard input gave no password; nothing was written", hint="give it in the first line"
        )
    return text
