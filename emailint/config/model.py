"""The configuration as everything else sees it: resolved, frozen, with no question left open.

Presets are filled in, inheritance is done, paths are absolute, durations are `timedelta`s (the deadline is
in seconds), sizes are octets. What a person writes is in `keys.py`; `load.load` makes the one from the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, timedelta, tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from emailint.config.rules import WORKSPACE_RULES, BusinessDays, FieldRule
from emailint.config.sign_in import GRAPH_URL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from emailint.config.patterns import SenderPattern
    from emailint.config.secrets import SecretSource
    from emailint.config.sign_in import SignIn

Protocol = Literal["imap", "maildir", "graph"]
Tls = Literal["implicit", "starttls", "none"]
OutboundType = Literal["smtp", "sendmail", "folder", "none", "graph"]
UnknownSender = Literal["accept", "hold", "ignore"]
Disposal = Literal["case", "ignore"]
FieldValue = str | int | float | bool | None

AUTOMATIC_KINDS: Final = ("auto_reply", "bounce", "list", "feedback", "own")
"""The kinds of mail that `automatic` decides about; mail of a person is always a case."""


@dataclass(frozen=True, slots=True)
class ReplyLimit:
    """How many replies may go out; None is no limit. `per_minute` counts those of one mailbox."""

    address_hour: int = 5
    address_day: int = 20
    domain_hour: int = 100
    public_domain_hour: int = 1000
    per_minute: int | None = None
    breaker_cases: int = 1000
    breaker_window: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class ReplySettings:
    """How mail to one alias is answered.

    `template` None: not at all. `language`: `auto` is the mail's own or English, `auto/de` the mail's own or
    German, `de` always German. `from_` None: from the mailbox's address. `envelope_from` None: what
    `Integration.envelope_from` says, "" is the null reverse-path. `max_age`: older mail is not answered.
    """

    template: str | None = "case-confirm"
    language: str = "auto"
    from_: str | None = None
    envelope_from: str | None = None
    max_age: timedelta = timedelta(days=2)
    require_dmarc: bool = False
    follow_up_template: str | None = None
    limit: ReplyLimit = ReplyLimit()


@dataclass(frozen=True, slots=True)
class CaseDefaults:
    """Fields of the cases of one alias; texts are templates over message, sender and workspace."""

    category: str | None = None
    case_type: str | None = None
    priority: str = "Medium"
    status: str = "New"
    assigned_to: str | None = None
    due_in: timedelta | BusinessDays | None = None
    subject: str | None = None
    fields: Mapping[str, FieldValue] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Alias:
    """An address, lower case, and what is made of the mail to it.

    `workspace_rules` are names of `rules.WORKSPACE_RULES`, in the order in which they are asked. `rules` are
    asked in order, and the first that fits or all of them take effect, as `rules_match` says.
    """

    address: str
    default: bool = False
    workspace: int | str | None = None
    always_use_default_workspace: bool = False
    unknown_sender: UnknownSender = "accept"
    automatic: Mapping[str, Disposal] = field(
        default_factory=lambda: MappingProxyType(dict.fromkeys(AUTOMATIC_KINDS, "case"))
    )
    trust_reply_to: frozenset[str] = frozenset()
    form: str = "client_service_case"
    tokens: Literal["known", "anyone"] = "known"
    workspace_rules: tuple[str, ...] = WORKSPACE_RULES
    subdomains: bool = False
    allow: tuple[SenderPattern, ...] = ()
    deny: tuple[SenderPattern, ...] = ()
    case: CaseDefaults = CaseDefaults()
    rules: tuple[FieldRule, ...] = ()
    rules_match: Literal["first", "all"] = "first"
    timezone: tzinfo = UTC
    holidays: frozenset[date] = frozenset()
    reply: ReplySettings = ReplySettings()

    def automatic_for(self, kind: str) -> Disposal:
        """What becomes of mail of this kind (`person`, `bounce` …)."""
        return self.automatic.get(kind, "case")


@dataclass(frozen=True, slots=True)
class OutboundSettings:
    """How the replies of one integration leave.

    smtp: `host`, `port`, `tls`, and a login unless `username` is None, with the integration's sign-in where
    `by_token`. sendmail: `command`, the program and
    its first arguments. folder: `path`. `null_sender`: the null reverse-path is taken (presets of providers
    refuse or rewrite it). graph: `save_to_sent_items`: the copy that Exchange files is left there.
    """

    type: OutboundType = "none"
    host: str = ""
    port: int = 0
    tls: Tls = "implicit"
    ca_file: Path | None = None
    username: str | None = None
    password: SecretSource | None = None
    by_token: bool = False
    command: tuple[str, ...] = ()
    path: Path | None = None
    null_sender: bool = True
    save_to_sent_items: bool = True


@dataclass(frozen=True, slots=True)
class Integration:
    """A mailbox, its aliases, how to reply. `mailbox` is lower case.

    imap: `host`, `port`, `tls`, `username`, `password` or `sign_in`. graph: `graph_url`, `sign_in`. maildir:
    `path`. `since`: mail received before this
    day is neither listed nor touched.
    """

    name: str
    mailbox: str
    enabled: bool = True
    protocol: Protocol = "imap"
    provider: str | None = None
    host: str = ""
    port: int = 0
    tls: Tls = "implicit"
    ca_file: Path | None = None
    username: str = ""
    password: SecretSource | None = None
    sign_in: SignIn | None = None
    graph_url: str = GRAPH_URL
    folder: str = "INBOX"
    since: date | None = None
    move_to: str | None = None
    authserv_id: str | None = None
    path: Path | None = None
    outbound: OutboundSettings = OutboundSettings()
    aliases: tuple[Alias, ...] = ()

    @property
    def default_alias(self) -> Alias | None:
        """The alias that takes what no other does."""
        return next((alias for alias in self.aliases if alias.default), None)

    def envelope_from(self, reply: ReplySettings) -> str:
        """The reverse-path of a reply, "" for the null one (RFC 5321 section 4.5.5)."""
        if reply.envelope_from is not None:
            return reply.envelope_from
        return "" if self.outbound.null_sender else self.mailbox


@dataclass(frozen=True, slots=True)
class SweepLimits:
    """`message_size` and `batch_bytes` in octets; `attempts` before a mail is quarantined.

    `hooks`: lines that one command is given in a sweep; `hook_time`: how long it may take for each.
    """

    message_size: int = 35_000_000
    attempts: int = 3
    batch_messages: int = 50
    batch_bytes: int = 16_000_000
    hooks: int = 50
    hook_time: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Config:
    """One configuration file. `digest` is the SHA-256 of its octets in hex; `deadline` is in seconds."""

    path: Path
    digest: str
    store: Path
    integrations: tuple[Integration, ...]
    directory: Path | None = None
    public_domains: frozenset[str] = frozenset()
    """Public mail domains beside those of `emailint.public_domains`, lower case."""
    templates: Path | None = None
    case_prefix: str = "CS"
    concurrency: int = 32
    deadline: float = 50.0
    dedupe: Literal["mailbox", "global"] = "mailbox"
    limits: SweepLimits = SweepLimits()
    hooks: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Commands by key (`on_case`, `on_follow_up`, `on_error`), those that are configured."""
    metrics: Path | None = None
    heartbeat: SecretSource | None = None
    follow_up_max_age: timedelta = timedelta(days=90)
    own_addresses: frozenset[str] = frozenset()
    """Every mailbox, alias and `reply.from` address, lower case: mail from these is our own."""
