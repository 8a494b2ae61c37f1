"""From configuration to sources and outbounds: which class serves an integration."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, assert_never

from emailint.config.secrets import reveal
from emailint.errors import ConfigError, EmailintError, OutboundRefused, ProtocolFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from emailint.config.model import Config, Integration, OutboundSettings
    from emailint.outbound.protocol import Outbound
    from emailint.sources.protocol import MailSource
    from emailint.sweep.clock import Budget
    from emailint.templating import Templates

SLOWEST = 20.0
"""Seconds that a server may be silent."""

LONGEST = 120.0
"""Seconds that the whole answer to one command, or one message, may take."""


def source_for(
    config: Config, integration: Integration, *, read_only: bool = False, budget: Budget | None = None
) -> MailSource:
    """The source of an integration, not connected yet. Each protocol is imported when it is used."""
    match integration.protocol:
        case "imap":
            return _imap(config, integration, read_only=read_only, time_left=_time_left(budget))
        case "maildir":
            return _maildir(config, integration, read_only=read_only)
        case "graph":
            raise ConfigError(f"integration {integration.name!r}: protocol graph is not available yet")
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
            return _smtp(integration, settings, time_left=_time_left(budget))
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
            raise ConfigError(f"integration {integration.name!r}: outbound graph is not available yet")
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
        remaining = None if budget is None else budget.remaining()
        return math.inf if remaining is None else remaining

    return seconds


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
        timeout=SLOWEST,
        command_timeout=max(SLOWEST, min(LONGEST, time_left())),
        max_message=config.limits.message_size,
    )
    return ImapSource(settings)


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
    integration: Integration, settings: OutboundSettings, *, time_left: Callable[[], float]
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
    )
    envelope_from = "" if settings.null_sender else integration.mailbox
    return SmtpOutbound(server, sender=integration.mailbox, envelope_from=envelope_from, time_left=time_left)
