"""What is known of mail providers, by the name that `provider:` takes.

Checked against what the providers publish, November 2026: Google (support.google.com/mail/answer/7126229),
Microsoft (support.microsoft.com, "POP, IMAP and SMTP settings for Outlook.com"; learn.microsoft.com, "SMTP AUTH
client submission"), Yahoo and AOL (help.yahoo.com/kb/SLN4075, help.aol.com, "set up other email applications";
aim.com is served by AOL's hosts), Apple (support.apple.com/102525). Authentication services as seen in the mails
of each: Yahoo's hosts each write their own name, so none can be trusted by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Provider:
    """Settings of one provider. `password_advice`: what a password is here, or what to use in its place."""

    title: str
    host: str
    smtp_host: str
    password_advice: str
    password_login: bool = True
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
    password_advice="use an app password (myaccount.google.com/apppasswords)",
)

_OUTLOOK: Final = Provider(
    title="Outlook.com",
    host="outlook.office365.com",
    smtp_host="smtp-mail.outlook.com",
    smtp_port=587,
    smtp_tls="starttls",
    authserv_id="topmost-without-id",
    password_login=False,
    password_advice="use `oauth: {client_id: …, flow: device}`",
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
    password_advice="use `oauth: {tenant: …, client_id: …, client_secret: …}`",
)

_YAHOO: Final = Provider(
    title="Yahoo Mail",
    host="imap.mail.yahoo.com",
    smtp_host="smtp.mail.yahoo.com",
    password_advice="use an app password (login.yahoo.com/account/security)",
)

_AOL: Final = Provider(
    title="AOL Mail",
    host="imap.aol.com",
    smtp_host="smtp.aol.com",
    password_advice="use an app password (login.aol.com/account/security)",
)

_ICLOUD: Final = Provider(
    title="iCloud Mail",
    host="imap.mail.me.com",
    smtp_host="smtp.mail.me.com",
    smtp_port=587,
    smtp_tls="starttls",
    authserv_id="dmarc.icloud.com",
    password_advice="use an app-specific password (account.apple.com)",
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
