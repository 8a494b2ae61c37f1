"""The questions of `emailint init`: each is answered by its option, else asked, else by what is usual."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import click

from emailint.cli.first_login import Logins
from emailint.config import grammar
from emailint.config.first import CHOICES, LOCAL, OWN_SERVER, Answers, Server, guessed_name, guessed_provider
from emailint.config.problems import Wrong
from emailint.config.providers import PROVIDERS
from emailint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from emailint.config.secrets import SecretText

_NAME: Final = grammar.named(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "use letters, digits, dot, dash and underscore"
)


@dataclass(frozen=True, slots=True)
class Given:
    """What the options say; their names are the options'."""

    mailbox: str | None = None
    provider: str | None = None
    name: str | None = None
    host: str | None = None
    port: int | None = None
    tls: str | None = None
    ca_file: str | None = None
    username: str | None = None
    smtp_host: str | None = None
    smtp_port: int | None = None
    smtp_tls: str | None = None
    path: str | None = None
    password_file: str | None = None
    password_env: str | None = None
    password_stdin: bool = False
    password_command: str | None = None
    secret_file: str | None = None
    tenant: str | None = None
    client_id: str | None = None
    certificate: str | None = None
    device: bool = False
    since: str | None = None
    workspace: str | None = None
    store: str | None = None
    no_replies: bool = False
    no_test: bool = False
    print_only: bool = False
    yes: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers, and the secret that was typed or read, which goes into a private file."""

    answers: Answers
    typed: SecretText | None


class Asker:
    """Asks where somebody is there to answer; a question without an answer is a usage error."""

    def __init__(self, *, asking: bool) -> None:
        self.asking = asking

    def text(
        self,
        option: str,
        given: str | None,
        question: str,
        parse: Callable[[object], object],
        *,
        usual: str | None = None,
        quiet: bool = False,
    ) -> str:
        """The answer as written, once `parse` takes it. `quiet`: what is usual needs no question."""
        if given is not None:
            return _parsed(parse, given, option)
        if self.asking and not (quiet and usual is not None):
            return str(
                click.prompt(question, default=usual, err=True, value_proc=lambda text: _parsed(parse, text))
            )
        if usual is None:
            raise UsageError(f"nothing says: {question.lower()}; nothing was written", hint=f"add {option}")
        return usual

    def choice(self, question: str, choices: tuple[str, ...], usual: str) -> str:
        """One of a few words."""
        if not self.asking:
            return usual
        return str(click.prompt(question, default=usual, err=True, type=click.Choice(choices)))

    def yes(self, question: str, *, usual: bool) -> bool:
        """Yes or no."""
        return click.confirm(question, default=usual, err=True) if self.asking else usual

    def say(self, *lines: str) -> None:
        """Advice, for people alone."""
        for line in lines if self.asking else ():
            click.echo(line, err=True)


class Interview:
    """One run of `emailint init`. `taken` are names of integrations that are there."""

    def __init__(self, given: Given, *, asking: bool, today: date, taken: frozenset[str]) -> None:
        self._given = given
        self._ask = Asker(asking=asking)
        self._today = today
        self._taken = taken

    def answers(self) -> Answered:
        """Everything. Raises UsageError for what is missing or unfit, click.Abort at the end of input."""
        given, ask = self._given, self._ask
        mailbox = ask.text("--mailbox ADDRESS", given.mailbox, "Address of the mailbox", grammar.address)
        provider = self._provider(mailbox)
        self._refuse_strays(provider)
        name = self._name(mailbox)
        server = self._server(mailbox) if provider == OWN_SERVER else None
        login, typed = Logins(given, ask, provider, name).login()
        answers = Answers(
            name=name,
            mailbox=mailbox,
            provider=provider,
            login=login,
            server=server,
            smtp=self._smtp(server) if server else None,
            username=given.username,
            ca_file=given.ca_file,
            path=self._path() if provider == LOCAL else None,
            since=self._since(provider),
            workspace=self._workspace(),
            replies=self._replies(provider, server),
        )
        return Answered(answers, typed)

    def wants_test(self, answers: Answers) -> bool:
        """Whether the connection is to be tested now: not where a person has to sign in first."""
        if self._given.no_test or answers.provider == LOCAL or answers.login.way in ("device", "person"):
            return False
        return self._ask.yes("Test the connection now?", usual=True)

    def goes_on(self) -> bool:
        """Whether to write it although the test failed; never without a person."""
        return self._ask.yes("The test failed. Write it all the same?", usual=False)

    def confirms(self, question: str) -> bool:
        """The last question."""
        return self._ask.yes(question, usual=True)

    def _provider(self, mailbox: str) -> str:
        guess = LOCAL if self._given.path else OWN_SERVER if self._given.host else guessed_provider(mailbox)
        if self._given.provider:
            return self._given.provider
        self._ask.say(
            "imap is any other mail server; maildir is a folder here, to try it without an account."
        )
        return self._ask.choice("Provider", CHOICES, guess)

    def _name(self, mailbox: str) -> str:
        def parse(value: object) -> str:
            found = _NAME(value)
            if found in self._taken:
                raise Wrong("is there already", "give another name")
            return found

        usual = guessed_name(mailbox)
        if usual in self._taken and not self._ask.asking and not self._given.name:
            raise UsageError(
                f"an integration is named {usual} already; nothing was written", hint="add --name NAME"
            )
        return self._ask.text("--name NAME", self._given.name, "A name for it", parse, usual=usual)

    def _server(self, mailbox: str) -> Server:
        given, ask = self._given, self._ask
        usual = f"imap.{mailbox.rpartition('@')[2]}" if ask.asking else None
        host = ask.text(
            "--host HOST (or --provider)", given.host, "Its IMAP server", grammar.host, usual=usual
        )
        return Server(host, given.port, given.tls)

    def _smtp(self, server: Server) -> Server | None:
        given, ask = self._given, self._ask
        if given.no_replies and given.smtp_host is None:
            return None
        question = "The SMTP server that replies leave by (none: nobody is answered)"
        usual = server.host.replace("imap.", "smtp.", 1)
        host = ask.text("--smtp-host HOST", given.smtp_host, question, grammar.host, usual=usual)
        if host == "none":
            return None
        starttls = "starttls" if given.smtp_port in (25, 587) else None
        return Server(host, given.smtp_port, given.smtp_tls or starttls)

    def _path(self) -> str:
        return self._ask.text(
            "--path", self._given.path, "Folder of the mail", grammar.path, usual="data/maildir"
        )

    def _since(self, provider: str) -> date | None:
        given, ask = self._given.since, self._ask
        if given is None and provider == LOCAL:
            return None
        if given is None:
            ask.say(f"Unread mail from before today ({self._today}) can be left alone, or become cases too.")
            return self._today if ask.yes("Leave older mail alone?", usual=True) else None
        if given in ("now", "all"):
            return self._today if given == "now" else None
        return date.fromisoformat(_parsed(grammar.day, given, "--since"))

    def _workspace(self) -> str | None:
        question = "Workspace (client account) of its cases; - for none yet"
        found = self._ask.text("--workspace", self._given.workspace, question, grammar.workspace, usual="-")
        return None if found == "-" else found

    def _replies(self, provider: str, server: Server | None) -> bool:
        if self._given.no_replies:
            return False
        if provider == LOCAL or server is not None:
            return True
        return self._ask.yes("Confirm each mail to its sender?", usual=True)

    def _refuse_strays(self, provider: str) -> None:
        """Options that mean nothing here are a mistake that is told now, and not by mail at night."""
        if strays := _strays(self._given, provider):
            verb = "means" if len(strays) == 1 else "mean"
            raise UsageError(
                f"{', '.join(strays)} {verb} nothing for {provider}; nothing was written",
                hint="take it out, or name another --provider",
            )


def _strays(given: Given, provider: str) -> list[str]:
    servers = ("host", "port", "tls", "ca_file", "smtp_host", "smtp_port", "smtp_tls")
    secrets = ("password_file", "password_env", "password_stdin", "password_command", "secret_file")
    apps = ("tenant", "client_id", "certificate", "device")
    microsoft = provider in PROVIDERS and not PROVIDERS[provider].password_login
    unfit = [] if provider == OWN_SERVER else list(servers)
    unfit += [] if provider == LOCAL else ["path"]
    unfit += [*secrets, *apps, "username"] if provider == LOCAL else []
    unfit += [] if microsoft else ["tenant", "certificate", "device"]
    return sorted({f"--{name.replace('_', '-')}" for name in unfit if getattr(given, name)})


def _parsed(parse: Callable[[object], Any], text: str, option: str = "") -> str:
    """The text once it is well formed; else a usage error, which a prompt shows before it asks again."""
    try:
        parse(text)
    except Wrong as wrong:
        about = f"{option.partition(' ')[0]}: " if option else ""
        value = "what was given" if option.startswith("--password") else repr(text)  # it may be the password
        raise click.UsageError(f"{about}{value} {wrong.what}; {wrong.cure}") from None
    return text.strip()
