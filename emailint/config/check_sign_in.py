"""Sign-in by OAuth: what must be there for it, and what has no meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emailint.config.problems import Complaint, keys_at
from emailint.config.sign_in import ISSUERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.config.keys import IntegrationKeys, OAuthKeys
    from emailint.config.model import Integration
    from emailint.config.problems import Location

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
_APP: Final = "add `client_secret: ${NAME}`, `certificate: app.pem`, or `flow: device`"


def sign_in_complaints(
    written: IntegrationKeys, integration: Integration, place: Location
) -> Iterator[Complaint]:
    """What keeps a mailbox from signing in by OAuth; nothing of one that is off, which may be unfinished."""
    if written.enabled is False:
        return
    here: Location = (*place, "oauth")
    about = keys_at(place, "oauth", "protocol", "provider", "outbound")
    needs = integration.protocol == "graph" or integration.outbound.type == "graph"
    if written.oauth is None:
        if needs:
            cure = "add `oauth: {tenant: …, client_id: …, client_secret: …}`"
            yield Complaint(place, "Microsoft Graph needs oauth", cure, about)
        return
    if integration.protocol == "maildir" and not needs:
        return
    if needs and written.password is not None:
        yield Complaint((*place, "password"), "means nothing for graph", "take it out", about)
    elif written.password is not None:
        yield Complaint((*place, "password"), "stands beside oauth", "keep one of the two", about)
    issuer = ISSUERS.get(integration.provider or "", "entra")
    allowed = _ENTRA if issuer == "entra" else _OTHERS
    for key in sorted(written.oauth.model_fields_set - allowed):
        yield Complaint(
            (*here, key), f"means nothing for {integration.provider or 'Microsoft'}", "take it out"
        )
    yield from _entra(written.oauth, here) if issuer == "entra" else _others(written.oauth, here)


def _entra(keys: OAuthKeys, here: Location) -> Iterator[Complaint]:
    if not keys.client_id:
        cure = "add `client_id:`, the Application (client) ID on the app's Overview page"
        yield Complaint(here, "there is no client_id", cure, keys_at(here, "client_id"))
    if keys.flow is None and not keys.tenant and not (keys.authority or "").rstrip("/").count("/") > 2:
        cure = "add `tenant:`, the Directory (tenant) ID or a domain of the tenant"
        yield Complaint(here, "there is no tenant", cure, keys_at(here, "tenant", "authority"))
    ways = [name for name in ("client_secret", "certificate", "flow") if getattr(keys, name) is not None]
    about = keys_at(here, "client_secret", "certificate", "flow")
    if not ways:
        yield Complaint(here, "nothing says how the app signs in", _APP, about)
    elif len(ways) > 1:
        what = f"{' and '.join(ways)} are several ways to sign in"
        yield Complaint(here, what, "keep one of them", about)


def _others(keys: OAuthKeys, here: Location) -> Iterator[Complaint]:
    if keys.service_account is not None:
        for key in ("client_id", "client_secret", "refresh_token"):
            if getattr(keys, key) is not None:
                yield Complaint((*here, key), "means nothing beside service_account", "take it out")
    elif not keys.client_id:
        cure = "add `client_id:` of the app (OAuth client of type desktop)"
        yield Complaint(here, "there is no client_id", cure, keys_at(here, "client_id"))
