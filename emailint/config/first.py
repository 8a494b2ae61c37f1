"""A first `integrations.yaml`, made of answers: commented, for people to edit, and without any secret."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import yaml

from emailint.config.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

OWN_SERVER: Final = "imap"
LOCAL: Final = "maildir"
CHOICES: Final = (*(name for name in PROVIDERS if name not in ("hotmail", "aim")), OWN_SERVER, LOCAL)
"""What a newcomer chooses from: providers (an alias of one is none), one's own server, a folder of mail."""

Way = Literal["none", "password", "secret", "certificate", "device", "person"]
"""secret, certificate, device: of an app at Microsoft. person: signs in at Google, Yahoo or AOL."""

_COMMENTS: Final = 44
"""Column of comments."""

_DOMAINS: Final = {
    "gmail.com": "gmail",
    "googlemail.com": "gmail",
    "aol.com": "aol",
    "aim.com": "aol",
    "icloud.com": "icloud",
    "me.com": "icloud",
    "mac.com": "icloud",
    "msn.com": "outlook",
}
_FAMILIES: Final = {"outlook": "outlook", "hotmail": "outlook", "live": "outlook", "yahoo": "yahoo"}


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret is: the path of a file, a variable's name, or a command and its arguments."""

    kind: Literal["file", "variable", "command"]
    words: tuple[str, ...]

    def __str__(self) -> str:
        if self.kind == "variable":
            return f"${{{self.words[0]}}}"
        if self.kind == "file":
            return f"{{file: {scalar(self.words[0])}}}"
        return f"{{command: [{', '.join(map(scalar, self.words))}]}}"


@dataclass(frozen=True, slots=True)
class Login:
    """How a mailbox is logged in to. `secret` is the password, or the secret of the app."""

    way: Way = "none"
    secret: Reference | None = None
    tenant: str | None = None
    client_id: str | None = None
    certificate: str | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """A server of one's own; port and TLS are the usual ones unless said."""

    host: str
    port: int | None = None
    tls: str | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """All that a first integration needs. `provider` is one of PROVIDERS, OWN_SERVER or LOCAL.

    `smtp` None with OWN_SERVER: nobody is answered. `path`: the Maildir of LOCAL. `since` None: all mail.
    """

    name: str
    mailbox: str
    provider: str
    login: Login = Login()
    server: Server | None = None
    smtp: Server | None = None
    username: str | None = None
    ca_file: str | None = None
    path: str | None = None
    since: date | None = None
    workspace: str | None = None
    replies: bool = True


def guessed_provider(address: str) -> str:
    """The provider whose addresses look like this one, else OWN_SERVER."""
    domain = address.rpartition("@")[2].lower()
    return _DOMAINS.get(domain) or _FAMILIES.get(domain.partition(".")[0], OWN_SERVER)


def guessed_name(address: str) -> str:
    """A name for the integration of this address: what stands before the at sign, as far as names can."""
    local = re.sub(r"[^A-Za-z0-9._-]+", "-", address.partition("@")[0]).strip("-._")
    return local[:64] or "mailbox"


def scalar(text: str) -> str:
    """The text as a YAML value that is itself in any place, with no variable in it."""
    listed = yaml.safe_dump([text], default_flow_style=True, allow_unicode=True, width=float("inf"))
    return str(listed).rstrip("\n")[1:-1].replace("$", "$$")


def whole_file(answers: Answers, store: str) -> str:
    """The text of a first configuration."""
    head = [
        "# Mailboxes, and what is made of their mail: each unread mail becomes a case, and is answered.",
        "# Edit it as you like: `emailint check` says what is wrong, `emailint schema config` what may be",
        "# in it, for editors too.",
        "",
        _line(f"store: {scalar(store)}", "beside this file: cases.jsonl, errors.jsonl, the ledger"),
        _line("# directory: directory.csv", "who belongs to which workspace"),
        _line("# templates: templates", "replies of your own"),
        "",
        "integrations:",
    ]
    return "\n".join(head) + "\n" + block(answers)


def block(answers: Answers, indent: str = "  ") -> str:
    """One integration, as an item of the list; `indent` stands before its dash."""
    first, *rest = _integration(answers)
    return "\n".join([f"{indent}- {first}", *(f"{indent}  {line}" for line in rest)]) + "\n"


def indent_of(text: str) -> str:
    """How the list of integrations is indented in a configuration that is there."""
    found = re.search(r"^integrations:[^\n]*\n(?:[ \t]*(?:#[^\n]*)?\n)*([ ]*)- ", text, re.MULTILINE)
    return found[1] if found else "  "


def _integration(answers: Answers) -> Iterator[str]:
    yield f"name: {scalar(answers.name)}"
    yield f"mailbox: {scalar(answers.mailbox)}"
    yield from _reading(answers)
    yield from _login(answers.login)
    if answers.since:
        yield _line(f"since: {answers.since}", "older unread mail is neither listed nor touched")
    else:
        yield _line("# since: 2026-11-01", "older unread mail is neither listed nor touched")
    yield _line("# move_to: Processed", "where done mail goes; it is marked read in any case")
    yield from _replies(answers)
    yield from _cases(answers)


def _reading(answers: Answers) -> Iterator[str]:
    if answers.path is not None:
        yield "protocol: maildir"
        yield _line(f"path: {scalar(answers.path)}", "a Maildir on this machine")
    elif answers.server is not None:
        yield from _server(answers.server)
    else:
        yield _line(f"provider: {answers.provider}", "fills in server, port, TLS, and how replies leave")
    if answers.username:
        yield _line(f"username: {scalar(answers.username)}", "where it is not the address")
    if answers.ca_file:
        yield _line(
            f"ca_file: {scalar(answers.ca_file)}", "the authorities to believe, in place of the system's"
        )


def _server(server: Server) -> Iterator[str]:
    yield _line(f"host: {scalar(server.host)}", "IMAP; TLS at port 993 unless port and tls say otherwise")
    if server.port:
        yield f"port: {server.port}"
    if server.tls:
        yield f"tls: {server.tls}"


def _login(login: Login) -> Iterator[str]:
    if login.way == "password":
        yield _line(f"password: {login.secret}", _about(login.secret))
    elif login.way != "none":
        yield "oauth:"
        yield from (f"  {line}" for line in _oauth(login))


def _oauth(login: Login) -> Iterator[str]:
    if login.tenant:
        yield f"tenant: {scalar(login.tenant)}"
    yield f"client_id: {scalar(login.client_id or '')}"
    if login.secret:
        yield _line(f"client_secret: {login.secret}", _about(login.secret))
    if login.way == "secret":
        yield _line("# secret_expires: 2028-11-01", "the day shown beside it, to be warned 30 days ahead")
    if login.certificate:
        yield _line(f"certificate: {scalar(login.certificate)}", "with its key, readable by its owner alone")
    if login.way == "device":
        yield _line("flow: device", "a person signs in once, by emailint authorize")


def _about(secret: Reference | None) -> str:
    match secret.kind if secret else "":
        case "file":
            return "its first line; readable by its owner alone"
        case "command":
            return "the first line that it prints; no shell, 10 s"
        case _:
            return "cron's environment is nearly empty: put it into `env_file:`"


def _replies(answers: Answers) -> Iterator[str]:
    if answers.path is not None:
        yield _line("outbound: {type: folder, path: outbox}", "one .eml a reply: nobody is written to")
    elif answers.smtp is not None:
        yield "outbound:"
        yield f"  host: {scalar(answers.smtp.host)}"
        yield from (f"  port: {port}" for port in [answers.smtp.port] if port)
        yield from (f"  tls: {tls}" for tls in [answers.smtp.tls] if tls)
    elif answers.server is not None:
        yield _line("outbound: {type: none}", "nobody is answered; or: {host: smtp.example.org}")
    if not answers.replies:
        yield _line("reply: {template: none}", "nobody is answered; or: case-confirm")
    elif answers.path is not None or answers.smtp or not answers.server:
        yield _line("# reply: {from: Payroll team <payroll@example.org>}", "the sender that people see")


def _cases(answers: Answers) -> Iterator[str]:
    if answers.workspace:
        digits = answers.workspace.isascii() and answers.workspace.isdigit()
        written = answers.workspace if digits else scalar(answers.workspace)
        yield _line(f"workspace: {written}", "the client account, where the directory knows none")
    else:
        yield _line("# workspace: 1201", "the client account, where the directory knows none")
    yield _line(
        "# case: {category: Payroll, priority: High}",
        "fields of its cases",
    )


def _line(text: str, comment: str) -> str:
    return f"{text.ljust(_COMMENTS - 1)} # {comment}"
