"""Sign-in by OAuth as the configuration has it, and which cloud of Microsoft's a mailbox is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from emailint.config.providers import PROVIDERS

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from emailint.config.secrets import SecretSource

Issuer = Literal["entra", "google", "yahoo", "aol"]

_ISSUERS: Final[dict[str, Issuer]] = {"gmail": "google", "yahoo": "yahoo", "aol": "aol", "aim": "aol"}

GRAPH_URL: Final = "https://graph.microsoft.com"
LOGIN_URL: Final = "https://login.microsoftonline.com"

# learn.microsoft.com/graph/deployments; tokens of one cloud are worth nothing in another.
_LOGINS: Final = {
    "graph.microsoft.com": LOGIN_URL,
    "graph.microsoft.us": "https://login.microsoftonline.us",
    "dod-graph.microsoft.us": "https://login.microsoftonline.us",
    "microsoftgraph.chinacloudapi.cn": "https://login.chinacloudapi.cn",
}
_GRAPHS: Final = {
    "login.microsoftonline.us": "https://graph.microsoft.us",
    "login.chinacloudapi.cn": "https://microsoftgraph.chinacloudapi.cn",
    "login.partner.microsoftonline.cn": "https://microsoftgraph.chinacloudapi.cn",
}


@dataclass(frozen=True, slots=True)
class SignIn:
    """How one mailbox, or all of an application, sign in.

    One of: an application with `client_secret` or `certificate`; a person (`flow`: device); a refresh token
    (`refresh_token`, or what `emailint authorize` keeps); a `service_account` of Google.

    `authority` is the URL that tokens come from, with or without a tenant; "" for the issuer's own.
    `readable`: others may read the files with keys.
    """

    issuer: Issuer
    tenant: str = ""
    client_id: str = ""
    client_secret: SecretSource | None = None
    certificate: Path | None = None
    certificate_password: SecretSource | None = None
    flow: Literal["app", "device"] = "app"
    refresh_token: SecretSource | None = None
    service_account: Path | None = None
    authority: str = ""
    secret_expires: date | None = None
    readable: bool = False


def issuer_of(provider: str | None, host: str) -> Issuer:
    """Who gives tokens for a mailbox: by its provider, or by the provider's host where that is written out.

    Whatever else signs in by OAuth is Microsoft's.
    """
    by_host = next((name for name, preset in PROVIDERS.items() if preset.host == host), "")
    return _ISSUERS.get(provider or by_host, "entra")


def takes_token(smtp_host: str | None, reading_host: str) -> bool:
    """Whether the sign-in of reading is for an SMTP server too: the same host, or its provider's own.

    A token for Google or Microsoft is nothing that another server should see.
    """
    own = {preset.smtp_host for preset in PROVIDERS.values() if preset.host == reading_host}
    return not smtp_host or smtp_host in {reading_host, *own}


def clouds(authority: str | None, graph_url: str | None) -> tuple[str, str]:
    """Authority and Graph root that belong together; what is not said follows from the other."""
    if graph_url is None:
        host = urlsplit(authority or "").netloc.lower()
        graph_url = _GRAPHS.get(host, GRAPH_URL)
    return authority or _LOGINS.get(urlsplit(graph_url).netloc.lower(), LOGIN_URL), graph_url
