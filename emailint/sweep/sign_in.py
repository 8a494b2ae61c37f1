"""From configuration to tokens: which sign-in serves an integration, and for which server."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emailint.config.secrets import SecretCommand, reveal
from emailint.errors import ConfigError, EmailintError, SecretExpires
from emailint.oauth.tokens import shared

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from emailint.config.model import Config, Integration
    from emailint.config.sign_in import SignIn
    from emailint.oauth.entra import EntraApp
    from emailint.oauth.refresh import RefreshSignIn
    from emailint.oauth.tokens import Tokens

    TimeLeft = Callable[[], float]

# learn.microsoft.com/exchange/client-developer/legacy-protocols (OAuth for IMAP, POP, SMTP). A token for
# Graph is not one for these.
_MAIL: Final = "https://outlook.office365.com"
_MAIL_OF_PERSON: Final = "https://outlook.office.com"
_MAIL_HOSTS: Final = {
    "outlook.office365.us": "https://outlook.office365.us",
    "smtp.office365.us": "https://outlook.office365.us",
    "partner.outlook.cn": "https://partner.outlook.cn",
    "smtp.partner.outlook.cn": "https://partner.outlook.cn",
}


def for_ever() -> float:
    """The time left to who has no deadline."""
    return math.inf


def graph_tokens(
    config: Config, integration: Integration, *, keep: bool = True, time_left: TimeLeft = for_ever
) -> Tokens:
    """Tokens for Graph. Their scope follows from its address, since each cloud has its own.

    Without `keep` a person's sign-in is used and never written back. `time_left`: seconds until the sweep
    ends, which all mailboxes of an app share as they share its tokens.
    """
    return _entra_tokens(_kept(graph_app(config, integration), keep=keep), time_left)


def mail_tokens(
    config: Config,
    integration: Integration,
    host: str = "",
    *,
    keep: bool = True,
    time_left: TimeLeft = for_ever,
) -> Tokens:
    """Tokens for IMAP and SMTP at a host; the rest as above."""
    if _sign_in(integration).issuer == "entra":
        return _entra_tokens(_kept(mail_app(config, integration, host), keep=keep), time_left)
    sign_in = replace(refresh_sign_in(config, integration), keep=keep)

    def make() -> Tokens:
        from emailint.oauth.refresh import RefreshTokens  # noqa: PLC0415 - only where one is signed in so

        return RefreshTokens(sign_in, time_left)

    return shared(sign_in, make)


def expiring(config: Config, integration: Integration) -> SecretExpires | None:
    """What will soon end the sign-in of an integration that has just signed in, None if nothing will."""
    by_graph = integration.protocol == "graph"
    tokens = graph_tokens(config, integration) if by_graph else mail_tokens(config, integration)
    end = tokens.end()
    if end is None or not end.soon:
        return None
    return SecretExpires(
        f"integration {integration.name!r}: the {end.what} of its app ends on {end.last_day};"
        " mail is taken until then, and stays unread after it",
        hint=f"make a new {end.what} (Certificates & secrets of the app), and put it into the configuration",
    )


def last_day(integration: Integration) -> date | None:
    """When what an integration signs in with ends to be valid, without signing in: None where nobody says.

    No command that gives a password is run for it.
    """
    sign_in = _sign_in(integration)
    if sign_in.certificate is None:
        return sign_in.secret_expires
    from emailint.oauth.certificate import key_pair  # noqa: PLC0415 - only where one is signed in so

    try:
        password = sign_in.certificate_password
        if isinstance(password, SecretCommand):
            return None
        passphrase = reveal(password) if password is not None else None
        return key_pair(sign_in.certificate, passphrase, readable=sign_in.readable).until.date()
    except EmailintError:  # what is wrong with it is told by whoever signs in
        return None


def authorize(config: Config, integration: Integration, show: Callable[[str], None]) -> str:
    """A person signs in; returns who, as far as that is told.

    One sign-in is for Graph, or for IMAP and SMTP, whichever the integration reads its mail by. Raises
    SourceErrors.
    """
    if _sign_in(integration).issuer == "entra":
        from emailint.oauth.entra import EntraTokens  # noqa: PLC0415 - only where one is signed in so

        by_graph = integration.protocol == "graph"
        app = graph_app(config, integration) if by_graph else mail_app(config, integration)
        return EntraTokens(app).sign_in(show)
    from emailint.oauth.sign_in import sign_in  # noqa: PLC0415 - as above

    sign_in(refresh_sign_in(config, integration), show)
    return integration.username


def graph_app(config: Config, integration: Integration) -> EntraApp:
    """The sign-in for Graph."""
    root = integration.graph_url.rstrip("/").removesuffix("/v1.0")
    names = ["Mail.ReadWrite", "Mail.Send"]
    if not own_mailbox(integration):  # learn.microsoft.com/graph/outlook-share-messages-folders
        names = [f"{name}.Shared" for name in names]
    return _app(config, integration, root, tuple(f"{root}/{name}" for name in names))


def mail_app(config: Config, integration: Integration, host: str = "") -> EntraApp:
    """The sign-in for IMAP and SMTP: one for both, so that a person signs in once."""
    resource = _MAIL_HOSTS.get(host or integration.host, _MAIL)
    of_person = _MAIL_OF_PERSON if resource == _MAIL else resource
    names = ("IMAP.AccessAsUser.All", "SMTP.Send")
    return _app(config, integration, resource, tuple(f"{of_person}/{name}" for name in names))


def refresh_sign_in(config: Config, integration: Integration) -> RefreshSignIn:
    """The sign-in at Google, Yahoo or AOL."""
    from emailint.oauth.refresh import RefreshSignIn  # noqa: PLC0415 - only where one is signed in so

    sign_in = _sign_in(integration)
    return RefreshSignIn(
        issuer=sign_in.issuer,
        client_id=sign_in.client_id,
        client_secret=sign_in.client_secret,
        refresh_token=sign_in.refresh_token,
        service_account=sign_in.service_account,
        user=integration.username,
        cache=_cache(config, integration),
        authority=sign_in.authority,
        ca_file=integration.ca_file,
        name=integration.name,
        readable=sign_in.readable,
    )


def own_mailbox(integration: Integration) -> bool:
    """Whether a person signs in to the mailbox that is theirs, and not to a shared one."""
    return integration.username.lower() == integration.mailbox


def by_person(integration: Integration) -> bool:
    """Whether a person signs in, by device code."""
    return _sign_in(integration).flow == "device"


def _app(config: Config, integration: Integration, resource: str, of_person: tuple[str, ...]) -> EntraApp:
    from emailint.oauth.entra import EntraApp  # noqa: PLC0415 - only where one is signed in so

    sign_in = _sign_in(integration)
    person = sign_in.flow == "device"
    return EntraApp(
        tenant=sign_in.tenant,
        client_id=sign_in.client_id,
        scopes=of_person if person else (f"{resource}/.default",),
        secret=sign_in.client_secret,
        certificate=sign_in.certificate,
        passphrase=sign_in.certificate_password,
        cache=_cache(config, integration) if person else None,
        authority=sign_in.authority,
        ca_file=integration.ca_file,
        # an app is one for all its mailboxes; what a person has signed in for is not
        name=integration.name if person else "",
        secret_expires=sign_in.secret_expires,
        readable=sign_in.readable,
    )


def _kept(app: EntraApp, *, keep: bool) -> EntraApp:
    """An application's tokens are kept in memory alone, and shared whoever asks."""
    return app if keep or app.cache is None else replace(app, keep=False)


def _entra_tokens(app: EntraApp, time_left: TimeLeft) -> Tokens:
    def make() -> Tokens:
        from emailint.oauth.entra import EntraTokens  # noqa: PLC0415 - as above

        return EntraTokens(app, time_left)

    return shared(app, make)


def _sign_in(integration: Integration) -> SignIn:
    if integration.sign_in is None:
        raise ConfigError(f"integration {integration.name!r} has no oauth to sign in by")
    return integration.sign_in


def _cache(config: Config, integration: Integration) -> Path:
    return config.store / "sign-ins" / f"{integration.name}.json"
