"""What is known of mail providers, by the name that `provider:` takes.

Compared in November 2026 with guides that restate what Google, Microsoft, Yahoo, AOL and Apple publish, and
with Mozilla's ISPDB (aim.com is served by AOL's hosts). Authentication services are named as mails of each
provider show them: Yahoo's and AOL's hosts each write a name of their own, so none can be believed by name;
iCloud writes one header a method, and of these the DMARC one is believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Provider:
    """Settings of one provider. `login_advice`: what a password is here, or what to use in its place.

    `oauth`: whether one can sign in by OAuth. `graph`: whether Microsoft Graph reaches its mailboxes.
    """

    title: str
    host: str
    smtp_host: str
    login_advice: str
    password_login: bool = True
    oauth: bool = True
    graph: bool = False
    protocol: Literal["imap", "graph"] = "imap"
    port: int = 993
    tls: Literal["implicit", "starttls"] = "implicit"
    smtp_port: int = 465
    smtp_tls: Literal["implicit", "starttls"] = "implicit"
    authserv_id: str | None = None
    per_minute: int | None = None


_GMAIL: Final = Provider(
    title="Gmail",
    host="imap.gmail.com",
    smtp_host="smtp.gmail.com",
    authserv_id="mx.google.com",
    login_advice="use an app password (myaccount.google.com/apppasswords)",
)

_OUTLOOK: Final = Provider(
    title="Outlook.com",
    host="outlook.office365.com",
    smtp_host="smtp-mail.outlook.com",
    smtp_port=587,
    smtp_tls="starttls",
    authserv_id="topmost-without-id",
    password_login=False,
    graph=True,
    login_advice="use `oauth: {client_id: …, flow: device}`",
)

_OFFICE365: Final = Provider(
    title="Office 365",
    protocol="graph",
    host="outlook.office365.com",
    smtp_host="smtp.office365.com",
    smtp_port=587,
    smtp_tls="starttls",
    authserv_id="topmost-without-id",
    per_minute=25,  # Exchange Online refuses more than 30 a minute and mailbox
    password_login=False,
    graph=True,
    login_advice="use `oauth: {tenant: …, client_id: …, client_secret: …}`",
)

_YAHOO: Final = Provider(
    title="Yahoo Mail",
    host="imap.mail.yahoo.com",
    smtp_host="smtp.mail.yahoo.com",
    login_advice="use an app password (login.yahoo.com/account/security)",
)

_AOL: Final = Provider(
    title="AOL Mail",
    host="imap.aol.com",
    smtp_host="smtp.aol.com",
    login_advice="use an app password (login.aol.com/account/security)",
)

_ICLOUD: Final = Provider(
    title="iCloud Mail",
    host="imap.mail.me.com",
    smtp_host="smtp.mail.me.com",
    smtp_port=587,
    smtp_tls="starttls",
    authserv_id="dmarc.icloud.com",
    oauth=False,
    login_advice="use an app-specific password (account.apple.com)",
)

PROVIDERS: Final[dict[str, Provider]] = {
    "gmail": _GMAIL,
    "outlook": _OUTLOOK,
    "hotmail": _OUTLOOK,
    "office365": _OFFICE365,
    "yahoo": _YAHOO,
    "aol": _AOL,
    "aim": _AOL,
    "icloud": _ICLOUD,
}
