"""From configuration to sources and outbounds: which class serves an integration."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, assert_never

from emailint.config.secrets import reveal
from emailint.errors import EmailintError, OutboundRefused, ProtocolFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from emailint.config.model import Config, Integration, OutboundSettings
    from emailint.graph_client.client import GraphSettings
    from emailint.oauth.tokens import Tokens
    from emailint.outbound.protocol import Outbound
    from emailint.sources.protocol import MailSource
    from emailint.sweep.clock import Budget
    from emailint.templating import Templates

SLOWEST = 20.0
"""Seconds that a server may be silent."""

QUICKEST = 1.0
"""The same, where there is hardly any time."""

LONGEST = 120.0
"""Seconds that the whole answer to one command, or one message, may take."""


def source_for(
    config: Config,
    integration: Integration,
    *,
    read_only: bool = False,
    budget: Budget | None = None,
    known: Callable[[Sequence[str]], Collection[str]] = lambda _loci: (),
) -> MailSource:
    """The source of an integration, not connected yet. Each protocol is imported when it is used.

    `known` says which loci are done, to sources that bound how much they list.
    """
    match integration.protocol:
        case "imap":
            return _imap(config, integration, read_only=read_only, time_left=_time_left(budget))
        case "maildir":
            return _maildir(config, integration, read_only=read_only)
        case "graph":
            time_left = _time_left(budget)
            return _graph(config, integration, read_only=read_only, time_left=time_left, known=known)
        case _:
            assert_never(integration.protocol)


def place_of(source: MailSource, integration: Integration) -> str:
    """Account and folder: whose messages this source can mark and move."""
    inbox = integration.folder.upper() == "INBOX"
    return f"{source.account}/{'INBOX' if inbox else integration.folder}"


def outbound_for(config: Config, integration: Integration, *, budget: Budget | None = None) -> Outbound:
    """The way of an integration's replies, not connected yet."""
    settings = integration.outbound
    match settings.type:
        case "smtp":
            return _smtp(config, integration, settings, time_left=_time_left(budget))
        case "sendmail":
            from emailint.outbound.sendmail import SendmailOutbound, SendmailSettings  # noqa: PLC0415

            return SendmailOutbound(SendmailSettings(settings.command), sender=integration.mailbox)
        case "folder":
            from emailint.outbound.folder import FolderOutbound, FolderSettings  # noqa: PLC0415

            path = settings.path or config.store / "outbox"
            return FolderOutbound(FolderSettings(path), sender=integration.mailbox)
        case "none":
            from emailint.outbound.nowhere import NoOutbound  # noqa: PLC0415

            return NoOutbound()
        case "graph":
            return _graph_outbound(config, integration, time_left=_time_left(budget))
        case _:
            assert_never(settings.type)


def outbound_key(integration: Integration) -> str:
    """What shares one connection: a server and login, a program, a folder."""
    settings = integration.outbound
    match settings.type:
        case "smtp":
            return f"smtp://{settings.username or ''}@{settings.host}:{settings.port}"
        case "sendmail":
            return " ".join(settings.command)
        case "graph":
            return f"graph:{integration.graph_url} {integration.username} {integration.mailbox}"
        case _:
            return f"{settings.type}:{settings.path or ''}"


def templates_for(config: Config) -> Templates:
    """The reply templates of a configuration."""
    from emailint.templating import Templates  # noqa: PLC0415 - jinja2 only where something is rendered

    return Templates(config.templates)


def unforeseen(error: Exception, where: str) -> EmailintError:
    """A bug, told without the text of the exception, which may repeat a secret."""
    told: EmailintError
    if isinstance(error, EmailintError):
        return error
    told = ProtocolFailed(
        f"{where}: unforeseen {type(error).__name__}; what was not taken stays unread",
        hint="this is a bug of emailint; please report it with the detail of this error",
    )
    told.__cause__ = error
    return told


def unsent(error: Exception) -> EmailintError:
    """The same for one reply."""
    told = OutboundRefused(
        f"the reply could not be made or sent: unforeseen {type(error).__name__}",
        hint="this is a bug of emailint; please report it with the detail of this error",
    )
    told.__cause__ = error
    return told


def _time_left(budget: Budget | None) -> Callable[[], float]:
    def seconds() -> float:
        if budget is not None and budget.stopped:
            return 0.0
        remaining = None if budget is None else budget.remaining()
        return math.inf if remaining is None else remaining

    return seconds


def _share(time_left: float) -> float:
    """How long a server may be silent: a third of the time there is, so that there is time to try again."""
    return max(QUICKEST, min(SLOWEST, time_left / 3))


def _password(integration: Integration) -> Callable[[], str]:
    return partial(reveal, integration.password) if integration.password else lambda: ""


def _imap(
    config: Config, integration: Integration, *, read_only: bool, time_left: Callable[[], float]
) -> MailSource:
    from emailint.sources.imap import ImapSettings, ImapSource  # noqa: PLC0415

    settings = ImapSettings(
        host=integration.host,
        port=integration.port,
        tls=integration.tls,
        username=integration.username,
        password=_password(integration),
        folder=integration.folder,
        since=integration.since,
        ca_file=integration.ca_file,
        read_only=read_only,
        timeout=_share(time_left()),
        command_timeout=max(_share(time_left()), min(LONGEST, time_left())),
        max_message=config.limits.message_size,
        tokens=_mail_tokens(config, integration, integration.host, time_left, keep=not read_only)
        if integration.sign_in
        else None,
        time_left=time_left,
    )
    return ImapSource(settings)


def _graph(
    config: Config,
    integration: Integration,
    *,
    read_only: bool,
    time_left: Callable[[], float],
    known: Callable[[Sequence[str]], Collection[str]],
) -> MailSource:
    from emailint.sources.graph import GraphSource, GraphSourceSettings  # noqa: PLC0415

    settings = GraphSourceSettings(
        mailbox=_graph_settings(config, integration, time_left, keep=not read_only),
        folder=integration.folder,
        since=integration.since,
        read_only=read_only,
        max_message=config.limits.message_size,
        known=known,
    )
    return GraphSource(settings)


def _graph_outbound(config: Config, integration: Integration, *, time_left: Callable[[], float]) -> Outbound:
    from emailint.outbound.graph import GraphOutbound  # noqa: PLC0415
    from emailint.sources.locus import graph_account, graph_id  # noqa: PLC0415

    settings = _graph_settings(config, integration, time_left)
    account = graph_account(settings.host, settings.mailbox)
    return GraphOutbound(settings, sender=integration.mailbox, answered=partial(graph_id, account))


def _graph_settings(
    config: Config, integration: Integration, time_left: Callable[[], float], *, keep: bool = True
) -> GraphSettings:
    from emailint.graph_client.client import GraphSettings  # noqa: PLC0415
    from emailint.sweep import sign_in  # noqa: PLC0415

    app = sign_in.graph_app(config, integration)
    person = sign_in.by_person(integration)
    return GraphSettings(
        mailbox=integration.mailbox if person else integration.username,
        tokens=sign_in.graph_tokens(config, integration, keep=keep, time_left=time_left),
        base_url=integration.graph_url,
        person=person and sign_in.own_mailbox(integration),
        app=f"{app.tenant} {app.client_id}",
        ca_file=integration.ca_file,
        time_left=time_left,
    )


def _mail_tokens(
    config: Config, integration: Integration, host: str, time_left: Callable[[], float], *, keep: bool = True
) -> Tokens:
    from emailint.sweep.sign_in import mail_tokens  # noqa: PLC0415

    return mail_tokens(config, integration, host, keep=keep, time_left=time_left)


def _maildir(config: Config, integration: Integration, *, read_only: bool) -> MailSource:
    from emailint.sources.maildir import MaildirSettings, MaildirSource  # noqa: PLC0415

    settings = MaildirSettings(
        path=integration.path or config.store / "maildir",
        mailbox=integration.mailbox,
        folder=integration.folder,
        since=integration.since,
        read_only=read_only,
    )
    return MaildirSource(settings)


def _smtp(
    config: Config, integration: Integration, settings: OutboundSettings, *, time_left: Callable[[], float]
) -> Outbound:
    from emailint.outbound.smtp import SmtpOutbound, SmtpSettings  # noqa: PLC0415

    password = settings.password
    server = SmtpSettings(
        host=settings.host,
        port=settings.port,
        tls=settings.tls,
        username=settings.username,
        password=partial(reveal, password) if password else None,
        ca_file=settings.ca_file,
        timeout=SLOWEST,
        tokens=_mail_tokens(config, integration, settings.host, time_left) if settings.by_token else None,
    )
    envelope_from = "" if settings.null_sender else integration.mailbox
    return SmtpOutbound(server, sender=integration.mailbox, envelope_from=envelope_from, time_left=time_left)
