"""Sign-in by OAuth: what must be there for it, and what has no meaning."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from emailint.config.problems import Complaint, keys_at
from emailint.config.providers import PROVIDERS
from emailint.config.sign_in import issuer_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.config.keys import IntegrationKeys, OAuthKeys
    from emailint.config.model import Integration
    from emailint.config.problems import Location
    from emailint.config.sign_in import Issuer

_ENTRA: Final = frozenset(
    {
        "authority",
        "certificate",
        "certificate_password",
        "client_id",
        "client_secret",
        "flow",
        "secret_expires",
        "tenant",
    }
)
_OTHERS: Final = frozenset({"authority", "client_id", "client_secret", "refresh_token", "service_account"})
_ONE: Final = "keep one of the two"
_APP: Final = "add `client_secret: ${NAME}`, `certificate: app.pem`, or `flow: device`"
_WHERE: Final[dict[Issuer, str]] = {
    "entra": "Microsoft",
    "google": "Google",
    "yahoo": "Yahoo",
    "aol": "AOL",
}
_TENANT: Final = "Directory (tenant) ID on the app's Overview page, or a domain of the tenant"
_ANY_TENANT: Final = frozenset({"common", "consumers", "organizations"})
_TENANT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


def sign_in_complaints(
    written: IntegrationKeys, integration: Integration, place: Location
) -> Iterator[Complaint]:
    """What keeps a mailbox from signing in by OAuth; nothing of one that is off, which may be unfinished."""
    if written.enabled is False:
        return
    graph = integration.protocol == "graph" or integration.outbound.type == "graph"
    issuer = issuer_of(integration.provider, integration.host)
    preset = PROVIDERS.get(integration.provider or "")
    about = keys_at(place, "oauth", "protocol", "provider", "outbound")
    if graph and preset is not None and not preset.graph:
        what = f"{preset.title} is not at Microsoft, so that Graph does not reach it"
        yield Complaint((*place, "protocol"), what, "take graph out here, and at `outbound:`", about)
    elif written.oauth is None:
        yield from _without(written, place, about) if graph else ()
    elif preset is not None and not preset.oauth:
        what, cure = f"{preset.title} has no sign-in by OAuth", f"{preset.login_advice} in its place"
        yield Complaint((*place, "oauth"), what, cure, about)
    elif graph or integration.protocol != "maildir":
        yield from _with(written, written.oauth, place, issuer, graph=graph)


def _without(written: IntegrationKeys, place: Location, about: tuple[Location, ...]) -> Iterator[Complaint]:
    """Graph without a sign-in."""
    how = "`oauth: {tenant: …, client_id: …, client_secret: …}`"
    if written.password is None or written.provider is None:
        yield Complaint(place, "Microsoft Graph needs oauth", f"add {how}", about)
    else:
        what = f"{PROVIDERS[written.provider].title} takes no passwords any more"
        yield Complaint((*place, "password"), what, f"use {how} in its place", about)


def _with(
    written: IntegrationKeys, keys: OAuthKeys, place: Location, issuer: Issuer, *, graph: bool
) -> Iterator[Complaint]:
    about = keys_at(place, "oauth", "protocol", "provider", "outbound")
    if written.password is not None:
        what, cure = ("means nothing for graph", "take it out") if graph else ("stands beside oauth", _ONE)
        yield Complaint((*place, "password"), what, cure, about)
    here: Location = (*place, "oauth")
    allowed = _ENTRA if issuer == "entra" else _OTHERS
    for key in sorted(keys.written - allowed):
        other = "add `provider:` (gmail, yahoo, aol)" if issuer == "entra" else "use an app password"
        cure = f"take it out: this mailbox signs in at {_WHERE[issuer]}; or {other}"
        yield Complaint((*here, key), f"means nothing for {written.provider or _WHERE[issuer]}", cure)
    if issuer == "entra":
        yield from _entra(keys, here)
        yield from _tenant(keys, here, personal=written.provider in ("outlook", "hotmail"))
    else:
        yield from _others(keys, here, issuer)


def _entra(keys: OAuthKeys, here: Location) -> Iterator[Complaint]:
    if not keys.client_id:
        cure = "add `client_id:`, the Application (client) ID on the app's Overview page"
        yield Complaint(here, "there is no client_id", cure, keys_at(here, "client_id"))
    ways = [name for name in ("client_secret", "certificate", "flow") if getattr(keys, name) is not None]
    about = keys_at(here, "client_secret", "certificate", "flow")
    if not ways:
        yield Complaint(here, "nothing says how the app signs in", _APP, about)
    elif len(ways) > 1:
        what = f"{' and '.join(ways)} are several ways to sign in"
        yield Complaint(here, what, "keep one of them", about)


def _tenant(keys: OAuthKeys, here: Location, *, personal: bool) -> Iterator[Complaint]:
    """Where the sign-in is; an app can sign in by itself to one tenant, and to no personal account."""
    about = keys_at(here, "tenant", "authority", "flow")
    inside = urlsplit(keys.authority or "").path.strip("/")
    tenant = keys.tenant or inside
    if keys.tenant and not _TENANT_NAME.fullmatch(keys.tenant):
        yield Complaint((*here, "tenant"), f"{keys.tenant!r} is no tenant", f"write the {_TENANT}", about)
    elif keys.tenant and inside and keys.tenant.lower() != inside.lower():
        what = f"the authority is for the tenant {inside}, and tenant says {keys.tenant}"
        yield Complaint((*here, "tenant"), what, "keep one of the two", about)
    elif keys.flow is None and personal and tenant.lower() in {"", "consumers"}:
        what = "personal accounts let no app sign in by itself"
        yield Complaint(here, what, "use `flow: device` in place of the secret or certificate", about)
    elif keys.flow is None and not tenant:
        yield Complaint(here, "there is no tenant", f"add `tenant:`, the {_TENANT}", about)
    elif keys.flow is None and tenant.lower() in _ANY_TENANT:
        what = f"{tenant} is no tenant that an app can sign in to by itself"
        yield Complaint((*here, "tenant"), what, f"write the {_TENANT}; or use `flow: device`", about)


def _others(keys: OAuthKeys, here: Location, issuer: Issuer) -> Iterator[Complaint]:
    if keys.service_account is not None and issuer != "google":
        yield Complaint((*here, "service_account"), "is for Google Workspace alone", "take it out")
    elif keys.service_account is not None:
        for key in ("client_id", "client_secret", "refresh_token"):
            if getattr(keys, key) is not None:
                yield Complaint((*here, key), "means nothing beside service_account", "take it out")
    elif not keys.client_id:
        cure = "add `client_id:` of the app (OAuth client of type desktop)"
        yield Complaint(here, "there is no client_id", cure, keys_at(here, "client_id"))
