"""What Entra's refusals mean, and what to do about each.

The numbers are those of learn.microsoft.com/entra/identity-platform/reference-error-codes. They choose
nothing but words: that page forbids programs to branch on them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from emailint.errors import LoginRefused, ProtocolFailed

if TYPE_CHECKING:
    from emailint.errors import SourceError
    from emailint.oauth.tokens import End

_NAMED: Final = "emailint authorize with the integration's name"
_NUMBER: Final = re.compile(r"AADSTS(\d{4,7})")


class Cause(NamedTuple):
    """What it is, in the words of whoever reads it, and the cure."""

    what: str
    cure: str

    def cure_for(self, name: str) -> str:
        """The cure, with the name of the integration where it says to sign in anew."""
        return self.cure.replace(_NAMED, f"emailint authorize {name}") if name else self.cure


_APP: Final = (
    "check oauth.client_id against Application (client) ID on the app's Overview page, and the tenant"
)
_TENANT: Final = (
    "check oauth.tenant: Directory (tenant) ID on the app's Overview page, or a domain of the tenant"
)
_CONSENT: Final = "an administrator has to grant the app's permissions (API permissions, Grant admin consent)"
_AGAIN: Final = f"sign in anew: {_NAMED}"
_MAKE_ANEW: Final = "make a new one under Certificates & secrets, and put its Value (not its Secret ID) here"
_UPLOAD_ANEW: Final = (
    "make a new one, upload it under Certificates & secrets, and put it into oauth.certificate"
)
_CERTIFICATE: Final = "upload the certificate that oauth.certificate names under Certificates & secrets"

CAUSES: Final = {
    7000215: Cause("the client secret is wrong", _MAKE_ANEW),
    7000222: Cause("the client secret has expired", _MAKE_ANEW),
    7000216: Cause("no client secret or certificate was accepted", _MAKE_ANEW),
    7000218: Cause(
        "the app does not allow public client flows",
        "set Allow public client flows to Yes (Authentication, Advanced settings) for flow: device",
    ),
    7000112: Cause("the app is disabled", "enable it under Enterprise applications, Properties"),
    7000229: Cause("the app has no service principal in this tenant", _CONSENT),
    700016: Cause("the app is not known in this tenant", _APP),
    700027: Cause("the certificate is not the app's", _CERTIFICATE),
    700030: Cause("the certificate is not the app's", _CERTIFICATE),
    50013: Cause("the signed request does not fit the certificate", _CERTIFICATE),
    50012: Cause("the client secret or certificate is refused", _MAKE_ANEW),
    700025: Cause("the app is a public one and takes no secret", "take the secret out, and use flow: device"),
    700024: Cause("the signed request is not valid now", "set this machine's clock, by NTP"),
    700082: Cause("the sign-in has expired from disuse", _AGAIN),
    700003: Cause("the device is no longer known", _AGAIN),
    50059: Cause("the request names no tenant", _TENANT),
    90013: Cause("the request is not valid", _TENANT),
    900021: Cause("the tenant is neither an id nor a domain", _TENANT),
    90002: Cause("there is no such tenant", _TENANT),
    900023: Cause("the tenant is neither an id nor a domain", _TENANT),
    90072: Cause("the account is not in this tenant", _TENANT),
    50020: Cause("the account is not in this tenant", _TENANT),
    50034: Cause("the account does not exist in this tenant", "check who signed in, and the tenant"),
    50194: Cause("the app is for one tenant only", "give oauth.tenant the tenant's id in place of common"),
    53000: Cause("a Conditional Access policy asks for a managed device", "have it except this app"),
    53001: Cause("a Conditional Access policy asks for a joined device", "have it except this app"),
    50158: Cause("a Conditional Access policy asks for more", _AGAIN),
    53003: Cause(
        "a Conditional Access policy forbids it", "ask the tenant's administrator to except this app"
    ),
    530034: Cause("a Conditional Access policy forbids it", "ask the tenant's administrator"),
    50076: Cause("a second factor is asked for", _AGAIN),
    50079: Cause("a second factor has to be set up", _AGAIN),
    50078: Cause("the second factor has expired", _AGAIN),
    50173: Cause("the sign-in was revoked, as by a new password", _AGAIN),
    50133: Cause("the sign-in has ended, as by a new password", _AGAIN),
    70008: Cause("the sign-in has expired", _AGAIN),
    70043: Cause("the sign-in has expired by policy", _AGAIN),
    70016: Cause("nobody has signed in in time", _AGAIN),
    70018: Cause("the sign-in was declined", _AGAIN),
    70020: Cause("the code was not entered in time", _AGAIN),
    70011: Cause("the scope is not valid", "check graph.base_url and the cloud that the tenant is in"),
    500011: Cause("the tenant does not know this resource", "check graph.base_url and the tenant's cloud"),
    500014: Cause("the resource is disabled in this tenant", "enable it under Enterprise applications"),
    900382: Cause("the tenant is in another cloud", "set graph.base_url to the Graph of the tenant's cloud"),
    900432: Cause("the app is in another cloud", "set graph.base_url to the Graph of the tenant's cloud"),
    65001: Cause("nobody has consented to the permissions", _CONSENT),
    65004: Cause("the consent was refused", _CONSENT),
    90094: Cause("an administrator has to consent", _CONSENT),
    90099: Cause("the app was not granted its permissions in this tenant", _CONSENT),
    50105: Cause("the account is not assigned to the app", "assign it under Enterprise applications, Users"),
    50057: Cause("the account is disabled", "enable it, or sign in with another"),
    50126: Cause("user name or password is wrong", _AGAIN),
    1002012: Cause("the scope is not valid for an application", "check graph.base_url"),
}

_OF_CERTIFICATE: Final = frozenset({700027, 700030})

_BY_ERROR: Final = {
    "invalid_client": Cause("the app's secret or certificate is refused", _MAKE_ANEW),
    "unauthorized_client": Cause("the app may not sign in here", _APP),
    "invalid_grant": Cause("the sign-in is no longer valid", _AGAIN),
    "interaction_required": Cause("somebody has to sign in", _AGAIN),
    "invalid_scope": Cause("the scope is not valid", "check graph.base_url and the tenant's cloud"),
    "invalid_resource": Cause("the resource is not known", "check graph.base_url and the tenant's cloud"),
    "consent_required": Cause("nobody has consented to the permissions", _CONSENT),
    "expired_token": Cause("the code was not entered in time", _AGAIN),
    "authorization_declined": Cause("the sign-in was declined", _AGAIN),
    "access_denied": Cause("the sign-in was declined", _AGAIN),
}


def number_in(description: str) -> int | None:
    """The number of an `AADSTS…` text."""
    found = _NUMBER.search(description)
    return int(found[1]) if found else None


def cause_of(error: str, description: str, end: End | None = None) -> Cause:
    """The cause by its number, else by the OAuth error (RFC 6749 section 5.2).

    Entra has one number for a certificate that is not the app's and for one that has expired: `end`, that of
    the certificate, tells them apart.
    """
    number = number_in(description) or 0
    if number in _OF_CERTIFICATE and end is not None and end.days_left() < 0:
        return Cause(str(end), _UPLOAD_ANEW)
    found = CAUSES.get(number) or _BY_ERROR.get(error)
    return found or Cause("the sign-in was refused", "look the code up at login.microsoftonline.com/error")


def no_tenant(authority_url: str, status: int, text: str) -> SourceError:
    """Why there is nothing to sign in at, by the answer to the question what a tenant's addresses are."""
    parts = urlsplit(authority_url)
    host, tenant, number = parts.netloc, parts.path.strip("/"), number_in(text)
    if status == 400 and number:
        return LoginRefused(f"{host} knows no tenant {tenant} (AADSTS{number})", hint=_TENANT)
    return ProtocolFailed(
        f"{host} does not answer as Entra does to the question for the tenant {tenant} (status {status});"
        " no secret was sent",
        hint="check oauth.authority and oauth.tenant, and whether a proxy answers in its place",
    )
