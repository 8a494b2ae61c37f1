"""How mailboxes are reached and replies leave: hosts, passwords, TLS, and what has no meaning there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from emailint.config.problems import Complaint, keys_at
from emailint.config.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emailint.config.keys import IntegrationKeys, OutboundKeys
    from emailint.config.model import Integration, OutboundSettings
    from emailint.config.problems import Location

_IMAP_STARTTLS: Final = (143,)
_SMTP_STARTTLS: Final = (25, 587)
"""Ports on which TLS begins by STARTTLS, if at all (RFC 8314 section 7, RFC 6409)."""

_OUTBOUND_KEYS: Final = {
    "smtp": frozenset({"type", "host", "port", "tls", "ca_file", "username", "password"}),
    "sendmail": frozenset({"type", "command"}),
    "folder": frozenset({"type", "path"}),
    "none": frozenset({"type"}),
    "graph": frozenset({"type", "save_to_sent_items"}),
}


def source_complaints(
    written: IntegrationKeys, integration: Integration, place: Location
) -> Iterator[Complaint]:
    """What keeps a mailbox from being read."""
    match integration.protocol:
        case "imap":
            yield from _imap(written, integration, place)
        case "maildir":
            yield from _maildir(written, integration, place)
        case "graph":
            yield from _graph(written, place)
        case _:
            assert_never(integration.protocol)


def outbound_complaints(
    written: IntegrationKeys, integration: Integration, place: Location
) -> Iterator[Complaint]:
    """What keeps replies from leaving."""
    here: Location = (*place, "outbound")
    keys, outbound = written.outbound, integration.outbound
    if keys is None:
        yield from _no_outbound(integration, place)
        return
    if outbound.type == "folder" and outbound.path is None:
        yield Complaint(here, "a folder needs a path", "add `path: data/outbox`", ((*here, "path"),))
    for key in sorted(keys.written - _OUTBOUND_KEYS[outbound.type]):
        yield Complaint((*here, key), f"means nothing for {outbound.type}", "take it out")
    if outbound.type == "smtp":
        yield from _smtp(keys, integration, here)


def trust_complaints(integration: Integration, place: Location) -> Iterator[Complaint]:
    """Authorities that cannot be believed, since nobody can read them."""
    if not integration.enabled:
        return
    for path, here in (
        (integration.ca_file, (*place, "ca_file")),
        (integration.outbound.ca_file, (*place, "outbound", "ca_file")),
    ):
        what = _unread(path) if path else ""
        if what:
            yield Complaint(here, what, "name a PEM file of the authorities to believe")
        if what and path == integration.ca_file:
            return  # and the same again for sending


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine by what it says; names are not looked up."""
    if host in ("localhost", "ip6-localhost") or host.endswith(".localhost"):
        return True
    from ipaddress import ip_address  # noqa: PLC0415 - few need it, and cron pays for each import

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _imap(written: IntegrationKeys, integration: Integration, place: Location) -> Iterator[Complaint]:
    if not integration.host:
        about = keys_at(place, "host", "provider", "protocol", "path")
        cure = f"add `provider:` (one of {', '.join(PROVIDERS)}), or `host: mail.example.org`"
        yield Complaint(place, "neither provider nor host says where the mailbox is", cure, about)
    if written.path is not None:
        cure = "take it out, or add `protocol: maildir`"
        yield Complaint(
            (*place, "path"), "means nothing for imap", cure, ((*place, "path"), (*place, "protocol"))
        )
    yield from _password(written, integration, place)
    yield from _clear_text(integration, place)
    if written.tls is None:
        yield from _late_tls(integration, place, _IMAP_STARTTLS)


def _password(written: IntegrationKeys, integration: Integration, place: Location) -> Iterator[Complaint]:
    by_host = (each for each in PROVIDERS.values() if each.host == integration.host)
    preset = PROVIDERS[integration.provider] if integration.provider else next(by_host, None)
    about = keys_at(place, "password", "oauth", "provider", "protocol")
    if preset is not None and not preset.password_login:
        if written.password is not None:
            what, cure = f"{preset.title} takes no passwords any more", f"{preset.login_advice} in its place"
            yield Complaint((*place, "password"), what, cure, about)
        elif written.oauth is None:
            what = f"nothing says how to log in, and {preset.title} takes no passwords any more"
            yield Complaint(place, what, preset.login_advice, about)
    elif integration.password is None and written.oauth is None:
        advice = f"; {preset.login_advice}" if preset else ""
        cure = f"add `password:` with ${{NAME}}, {{file: …}} or {{command: [...]}}{advice}"
        yield Complaint(place, "the integration has no password", cure, about)


def _maildir(written: IntegrationKeys, integration: Integration, place: Location) -> Iterator[Complaint]:
    if integration.path is None:
        yield Complaint(place, "a maildir needs a path", "add `path: /var/mail/desk`", ((*place, "path"),))
    for key in ("host", "port", "tls", "ca_file", "oauth"):
        if getattr(written, key) is not None:
            about = ((*place, key), (*place, "protocol"))
            yield Complaint(
                (*place, key), "means nothing for a maildir", "take it out, or put it under `outbound`", about
            )


def _graph(written: IntegrationKeys, place: Location) -> Iterator[Complaint]:
    for key in ("host", "port", "tls", "path"):
        if getattr(written, key) is not None and written.oauth is not None:
            about = ((*place, key), (*place, "protocol"))
            cure = "take it out; another address of Graph is `graph: {base_url: https://…}`"
            yield Complaint((*place, key), "means nothing for graph", cure, about)


def _no_outbound(integration: Integration, place: Location) -> Iterator[Complaint]:
    answers = any(alias.reply.template or alias.reply.follow_up_template for alias in integration.aliases)
    if integration.outbound.type == "none" and answers:
        what = "replies are due, and nothing says how they leave"
        cure = "add `outbound: {type: smtp, host: mail.example.org}`, or `reply: {template: none}`"
        about = keys_at(place, "outbound", "provider", "protocol", "reply", "aliases")
        yield Complaint(place, what, cure, about)


def _smtp(keys: OutboundKeys, integration: Integration, here: Location) -> Iterator[Complaint]:
    outbound = integration.outbound
    if not outbound.host:
        about = keys_at(here, "host", "type") + keys_at(here[:-1], "provider")
        yield Complaint(here, "smtp needs a host", "add `host: mail.example.org`", about)
    if outbound.username and outbound.password is None and not outbound.by_token:
        cure = "add `password:`, or take the username out for a server that asks for none"
        about = keys_at(here, "password") + keys_at(here[:-1], "password")
        yield Complaint((*here, "username"), "has no password", cure, about)
    yield from _clear_text(outbound, here)
    if keys.tls is None:
        yield from _late_tls(outbound, here, _SMTP_STARTTLS)


def _unread(path: Path) -> str:
    try:
        pem = b"-----BEGIN" in path.read_bytes()
    except OSError as error:
        return f"the certificates in {path} cannot be read: {error.strerror}"
    return "" if pem else f"there are no certificates in {path}"


def _clear_text(server: Integration | OutboundSettings, place: Location) -> Iterator[Complaint]:
    if server.tls == "none" and server.host and not is_loopback(server.host):
        what = f"would talk to {server.host} in clear text"
        cure = "use implicit or starttls; clear text is for this machine alone (localhost)"
        yield Complaint((*place, "tls"), what, cure)


def _late_tls(
    server: Integration | OutboundSettings, place: Location, ports: tuple[int, ...]
) -> Iterator[Complaint]:
    if server.tls == "implicit" and server.port in ports:
        what = f"TLS does not begin at once on port {server.port}"
        yield Complaint((*place, "port"), what, "add `tls: starttls` (or `tls: implicit`, if it does here)")
