"""What fits together and what does not, once each value is well formed: within an integration, and between them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emailint.config.providers import PROVIDERS
from emailint.config.secrets import GivenSecret, SecretFile, is_private
from emailint.config.validate import is_spoiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.config.keys import ConfigKeys, IntegrationKeys
    from emailint.config.model import Alias, Config, Integration, OutboundSettings
    from emailint.config.problems import Location
    from emailint.config.secrets import SecretSource

UNAVAILABLE: Final = {
    "graph": ("Microsoft Graph", "use `protocol: imap` and a password where the provider takes one"),
    "oauth": ("sign-in by OAuth", "use `password:` where the provider takes one"),
}
"""What may be written down and cannot be used before a later version; `enabled: false` keeps it for then."""

_STARTTLS_PORTS: Final = {"imap": (143,), "smtp": (25, 587)}


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something at a location; `about` are the locations that it is drawn from."""

    location: Location
    what: str
    cure: str
    about: tuple[Location, ...] = ()


@dataclass(frozen=True, slots=True)
class FileMode:
    """Mode of the configuration file (`st_mode`), and its name for the advice."""

    name: str
    mode: int


def complaints(
    keys: ConfigKeys, config: Config, file: FileMode, spoiled: set[Location]
) -> Iterator[Complaint]:
    """Everything that does not fit together, but what rests on values that are spoiled already."""
    for complaint in _all(keys, config, file):
        places = complaint.about or (complaint.location,)
        if not any(is_spoiled(place, spoiled) for place in places):
            yield complaint


def _all(keys: ConfigKeys, config: Config, file: FileMode) -> Iterator[Complaint]:
    if not keys.integrations:
        yield Complaint(
            ("integrations",),
            "there is no integration",
            "add one under `integrations:`, or run: emailint init",
        )
    for index, (written, integration) in enumerate(
        zip(keys.integrations or (), config.integrations, strict=True)
    ):
        place: Location = ("integrations", index)
        yield from _identity(integration, place)
        yield from _source(written, integration, place)
        yield from _outbound(written, integration, place)
        yield from _aliases(written, integration, place)
        yield from _secrets(integration, place, None if keys.readable_secrets == "accept" else file)
    yield from _duplicates(config.integrations)


def _identity(integration: Integration, place: Location) -> Iterator[Complaint]:
    for name, example in (("name", "payroll"), ("mailbox", "payroll@example.com")):
        if not getattr(integration, name):
            yield Complaint(
                place, f"the integration has no {name}", f"add `{name}: {example}`", ((*place, name),)
            )


def _source(written: IntegrationKeys, integration: Integration, place: Location) -> Iterator[Complaint]:
    if integration.enabled:
        yield from _unavailable(written, integration, place)
    match integration.protocol:
        case "imap":
            yield from _imap(written, integration, place)
        case "maildir":
            yield from _maildir(written, integration, place)
        case "graph":
            pass
    if integration.move_to is not None and _folder(integration.move_to) == _folder(integration.folder):
        yield Complaint(
            (*place, "move_to"), "names the folder that is swept", "name another folder, or take it out"
        )


def _unavailable(written: IntegrationKeys, integration: Integration, place: Location) -> Iterator[Complaint]:
    found = []
    if integration.protocol == "graph":
        found.append(("graph", "protocol" if written.protocol else "provider"))
    if written.oauth is not None:
        found.append(("oauth", "oauth"))
    if written.outbound is not None and written.outbound.type == "graph":
        found.append(("graph", "outbound"))
    for feature, key in found:
        title, instead = UNAVAILABLE[feature]
        cure = f"{instead}, or set `enabled: false` until then"
        yield Complaint((*place, key), f"{title} is not available yet in this version", cure)


def _imap(written: IntegrationKeys, integration: Integration, place: Location) -> Iterator[Complaint]:
    if not integration.host:
        about = tuple((*place, key) for key in ("host", "provider", "protocol", "path"))
        cure = f"add `provider:` (one of {', '.join(PROVIDERS)}) or `host: mail.example.org`"
        yield Complaint(place, "neither provider nor host says where the mailbox is", cure, about)
    if written.path is not None:
        yield Complaint((*place, "path"), "means nothing here", "take it out, or add `protocol: maildir`")
    yield from _password(written, integration, place)
    yield from _transport(
        (*place, "tls"), (*place, "port"), integration, _STARTTLS_PORTS["imap"], said=bool(written.tls)
    )


def _password(written: IntegrationKeys, integration: Integration, place: Location) -> Iterator[Complaint]:
    preset = PROVIDERS.get(integration.provider or "")
    if preset and not preset.password_login:
        if written.password is not None:
            cure = f"{preset.password_advice} in its place"
            yield Complaint((*place, "password"), f"{preset.title} takes no passwords any more", cure)
        elif written.oauth is None:
            what = f"the integration has no way to log in, and {preset.title} takes no passwords any more"
            yield Complaint(place, what, preset.password_advice, ((*place, "oauth"), (*place, "provider")))
    elif integration.password is None and written.oauth is None:
        advice = f"; {preset.password_advice}" if preset else ""
        cure = f"add `password: ${{NAME}}`, {{file: …}} or {{command: [...]}}{advice}"
        yield Complaint(
            place, "the integration has no password", cure, ((*place, "password"), (*place, "oauth"))
        )


def _maildir(written: IntegrationKeys, integration: Integration, place: Location) -> Iterator[Complaint]:
    if integration.path is None:
        yield Complaint(place, "a maildir needs a path", "add `path: /var/mail/desk`", ((*place, "path"),))
    for key in ("host", "port", "tls", "ca_file", "oauth"):
        if getattr(written, key) is not None:
            yield Complaint((*place, key), "means nothing for a maildir", "take it out, or under `outbound`")


def _transport(
    tls_place: Location,
    port_place: Location,
    server: Integration | OutboundSettings,
    starttls: tuple[int, ...],
    *,
    said: bool,
) -> Iterator[Complaint]:
    if server.tls == "none" and server.host and not is_loopback(server.host):
        cure = "use implicit or starttls; clear text is for this machine itself alone"
        yield Complaint(tls_place, f"would send passwords in clear text to {server.host}", cure)
    if not said and server.tls == "implicit" and server.port in starttls:
        cure = "add `tls: starttls`, or `tls: implicit` if it really does"
        yield Complaint(port_place, "is a port where TLS does not begin at once", cure)


def _outbound(written: IntegrationKeys, integration: Integration, place: Location) -> Iterator[Complaint]:
    outbound, here = integration.outbound, (*place, "outbound")
    keys = written.outbound
    if outbound.type == "none" and keys is None and _replies(integration):
        about = (here, (*place, "provider"), (*place, "reply"), (*place, "protocol"))
        cure = "add `outbound:` (say {type: smtp, host: mail.example.org}), or `reply: {template: none}`"
        yield Complaint(place, "replies are due, and nothing says how they leave", cure, about)
    if outbound.type == "folder" and outbound.path is None:
        yield Complaint(here, "a folder needs a path", "add `path: data/outbox`", ((*here, "path"),))
    if keys is None:
        return
    for key in sorted(keys.model_fields_set - _OUTBOUND_KEYS[outbound.type]):
        yield Complaint((*here, key), f"means nothing for {outbound.type}", "take it out")
    if outbound.type == "smtp":
        yield from _smtp(written, integration, here)


_SERVER_KEYS: Final = frozenset({"type", "host", "port", "tls", "ca_file", "username", "password"})
_OUTBOUND_KEYS: Final = {
    "smtp": _SERVER_KEYS,
    "sendmail": frozenset({"type", "command"}),
    "folder": frozenset({"type", "path"}),
    "none": frozenset({"type"}),
    "graph": frozenset({"type"}),
}


def _smtp(written: IntegrationKeys, integration: Integration, here: Location) -> Iterator[Complaint]:
    outbound, keys = integration.outbound, written.outbound
    if not outbound.host:
        about = ((*here, "host"), (*here, "type"), (*here[:-1], "provider"))
        yield Complaint(here, "smtp needs a host", "add `host: mail.example.org`", about)
    if outbound.username and outbound.password is None and not written.oauth:
        about = ((*here, "password"), (*here[:-1], "password"))
        cure = "add `password:`, or take the username out for a server that asks for none"
        yield Complaint((*here, "username"), "has no password", cure, about)
    said = bool(keys and keys.tls)
    yield from _transport((*here, "tls"), (*here, "port"), outbound, _STARTTLS_PORTS["smtp"], said=said)


def _replies(integration: Integration) -> bool:
    return any(alias.reply.template or alias.reply.follow_up_template for alias in integration.aliases)


def _aliases(written: IntegrationKeys, integration: Integration, place: Location) -> Iterator[Complaint]:
    if written.aliases is not None and not written.aliases:
        yield Complaint(
            (*place, "aliases"), "is empty", "add an alias, or take the key out: the mailbox is one then"
        )
    listed = written.aliases is not None
    first: dict[str, int] = {}
    default: int | None = None
    for index, alias in enumerate(integration.aliases):
        here: Location = (*place, "aliases", index) if listed else place
        if listed and not alias.address:
            yield Complaint(
                here, "the alias has no address", "add `address: payroll@example.com`", ((*here, "address"),)
            )
        if alias.address and alias.address in first:
            cure = f"put them together: aliases[{first[alias.address]}] has the same address"
            yield Complaint((*here, "address"), f"the address {alias.address} stands here twice", cure)
        first.setdefault(alias.address, index)
        if alias.default and default is not None:
            cure = f"keep one: aliases[{default}] is the default already"
            yield Complaint((*here, "default"), "is a second default alias", cure)
        default = index if alias.default and default is None else default
        yield from _alias(alias, integration, here)


def _alias(alias: Alias, integration: Integration, here: Location) -> Iterator[Complaint]:
    if alias.always_use_default_workspace and alias.workspace is None:
        about = ((*here, "workspace"), (*here, "always_use_default_workspace"))
        yield Complaint(
            here, "always_use_default_workspace is set, and there is no workspace", "add `workspace:`", about
        )
    if alias.reply.require_dmarc and alias.reply.template and not integration.authserv_id:
        about = ((*here, "reply"), (*here[:2], "authserv_id"), (*here[:2], "provider"))
        cure = "add `authserv_id:`, the name that your server writes into Authentication-Results"
        yield Complaint(here, "require_dmarc is set, and nobody's verdict is believed", cure, about)


def _secrets(integration: Integration, place: Location, file: FileMode | None) -> Iterator[Complaint]:
    if file is None:
        return
    own, outbound = integration.password, integration.outbound.password
    yield from _secret(own, (*place, "password"), integration, file)
    if outbound is not own and outbound != own:
        yield from _secret(outbound, (*place, "outbound", "password"), integration, file)


def _secret(
    source: SecretSource | None, place: Location, integration: Integration, file: FileMode
) -> Iterator[Complaint]:
    if isinstance(source, GivenSecret) and source.literal and not is_private(file.mode):
        what = f"a password stands in a file that others can read (mode {file.mode & 0o7777:04o})"
        yield Complaint(place, what, f"run: chmod 600 {file.name}, or write ${{NAME}} or {{file: …}} here")
    if isinstance(source, SecretFile) and integration.enabled:
        try:
            mode = os.stat(source.path).st_mode
        except OSError as error:
            yield Complaint(
                place, f"the file {source.path} cannot be used: {error.strerror}", "create it, with mode 0600"
            )
            return
        if not is_private(mode):
            what = f"the file {source.path} can be read by others (mode {mode & 0o7777:04o})"
            yield Complaint(place, what, f"run: chmod 600 {source.path}")


def _duplicates(integrations: tuple[Integration, ...]) -> Iterator[Complaint]:
    names: dict[str, int] = {}
    mailboxes: dict[tuple[str, ...], int] = {}
    for index, integration in enumerate(integrations):
        place: Location = ("integrations", index)
        first = names.setdefault(integration.name, index)
        if integration.name and first != index:
            yield Complaint(
                (*place, "name"), f"is the name of integrations[{first}] too", "give each a name of its own"
            )
        mailbox = _mailbox(integration)
        if mailbox is None or not integration.enabled:
            continue
        first = mailboxes.setdefault(mailbox, index)
        if first != index:
            other = integrations[first].name or f"integrations[{first}]"
            what = f"sweeps the same mailbox and folder as {other}"
            yield Complaint(
                place,
                what,
                f"put the aliases of both under {other}: a mailbox folder belongs to one integration",
            )


def _mailbox(integration: Integration) -> tuple[str, ...] | None:
    """What makes a mailbox folder the same; None where that is not known yet."""
    if integration.protocol == "maildir":
        return ("maildir", os.path.normpath(integration.path)) if integration.path else None
    if not integration.username or (integration.protocol == "imap" and not integration.host):
        return None
    return integration.protocol, integration.host, integration.username.lower(), _folder(integration.folder)


def _folder(name: str) -> str:
    """INBOX is the one name without case (RFC 3501 section 5.1)."""
    return "INBOX" if name.upper() == "INBOX" else name


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine by what it says; names are not looked up."""
    if host in ("localhost", "ip6-localhost") or host.endswith(".localhost"):
        return True
    from ipaddress import ip_address  # noqa: PLC0415 - few need it, and cron pays for each import

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
