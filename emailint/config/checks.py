"""What fits together and what does not, once each value is well formed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from emailint.config.check_secrets import heartbeat_complaints, secret_complaints
from emailint.config.check_servers import outbound_complaints, source_complaints, trust_complaints
from emailint.config.check_sign_in import sign_in_complaints
from emailint.config.problems import Complaint, keys_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.config.check_secrets import Reading
    from emailint.config.keys import ConfigKeys, IntegrationKeys
    from emailint.config.model import Alias, Config, Integration
    from emailint.config.problems import Location, Spoiled

_WHERE: Final = ("protocol", "provider", "host", "username", "mailbox", "folder", "path", "enabled")
"""The keys that say which mailbox folder is swept."""


def complaints(keys: ConfigKeys, config: Config, reading: Reading, spoiled: Spoiled) -> Iterator[Complaint]:
    """Everything that does not fit together, but what rests on values that are spoiled already."""
    for complaint in _all(keys, config, reading):
        if not any(spoiled.touches(place) for place in complaint.about or (complaint.location,)):
            yield complaint


def _all(keys: ConfigKeys, config: Config, reading: Reading) -> Iterator[Complaint]:
    if not keys.integrations:
        cure = "add one below `integrations:`, or run: emailint init"
        yield Complaint(("integrations",), "there is no integration", cure)
    both = zip(keys.integrations or (), config.integrations, strict=True)
    for index, (written, integration) in enumerate(both):
        place: Location = ("integrations", index)
        yield from _identity(integration, place)
        yield from source_complaints(written, integration, place)
        yield from sign_in_complaints(written, integration, place)
        yield from outbound_complaints(written, integration, place)
        yield from trust_complaints(integration, place)
        yield from _move(integration, place)
        yield from _aliases(written, integration, place)
        yield from secret_complaints(written, place, reading)
    yield from _hooks(config)
    yield from heartbeat_complaints(keys.heartbeat, reading)
    if config.metrics is not None and config.metrics.suffix != ".prom":
        what = f"names a file {config.metrics.name!r} that node_exporter does not look for"
        yield Complaint(("metrics",), what, "let its name end with .prom")
    yield from _same_names(config.integrations)
    yield from _same_mailboxes(config.integrations)


def _hooks(config: Config) -> Iterator[Complaint]:
    """A command is begun only where it can end before the deadline."""
    if config.hooks and config.limits.hook_time.total_seconds() >= config.deadline:
        what = (
            f"leaves {' and '.join(config.hooks)} no time: a sweep ends by itself after {config.deadline:g} s"
        )
        about: tuple[Location, ...] = (("limits", "hook_time"), ("deadline",))
        yield Complaint(("limits", "hook_time"), what, "make it shorter than `deadline`", about)


def _identity(integration: Integration, place: Location) -> Iterator[Complaint]:
    if not integration.name:
        yield Complaint(place, "the integration has no name", "add `name: payroll`", ((*place, "name"),))
    if not integration.mailbox:
        cure = "add `mailbox: payroll@example.com`"
        yield Complaint(place, "the integration has no mailbox", cure, ((*place, "mailbox"),))


def _move(integration: Integration, place: Location) -> Iterator[Complaint]:
    here = (*place, "move_to")
    if integration.move_to is not None and _folder(integration.move_to) == _folder(integration.folder):
        cure = "name another folder, or take it out"
        yield Complaint(here, "is the folder that is swept", cure, (here, (*place, "folder")))


def _aliases(written: IntegrationKeys, integration: Integration, place: Location) -> Iterator[Complaint]:
    if written.aliases is None:
        yield from _alias(integration.aliases[0], integration, place)
        return
    if not written.aliases:
        cure = "add an alias, or take the key out: then the mailbox's address is the one alias"
        yield Complaint((*place, "aliases"), "is empty", cure)
    for index, alias in enumerate(integration.aliases):
        here: Location = (*place, "aliases", index)
        if not alias.address:
            cure = "add `address: payroll@example.com`"
            yield Complaint(here, "the alias has no address", cure, ((*here, "address"),))
        yield from _alias(alias, integration, here)
    yield from _alike(integration, place)


def _alike(integration: Integration, place: Location) -> Iterator[Complaint]:
    """Aliases with one address, and more than one default."""
    first: dict[str, int] = {}
    default: int | None = None
    for index, alias in enumerate(integration.aliases):
        here: Location = (*place, "aliases", index)
        same = first.setdefault(alias.address, index)
        if alias.address and same != index:
            cure = f"put them together: aliases[{same}] has it already"
            yield Complaint((*here, "address"), f"the address {alias.address} stands here twice", cure)
        if alias.default and default is not None:
            cure = f"keep one: aliases[{default}] is the default already"
            yield Complaint((*here, "default"), "a second alias is the default", cure)
        elif alias.default:
            default = index


def _alias(alias: Alias, integration: Integration, here: Location) -> Iterator[Complaint]:
    if alias.always_use_default_workspace and alias.workspace is None:
        what = "always_use_default_workspace is set, and there is no workspace"
        about = keys_at(here, "workspace", "always_use_default_workspace")
        yield Complaint(here, what, "add `workspace:`", about)
    if alias.reply.require_dmarc and alias.reply.template and not integration.authserv_id:
        what = "require_dmarc is set, and nobody's verdicts are believed, so nobody would be answered"
        cure = "add `authserv_id:`, the name that your server writes into Authentication-Results"
        about = keys_at(here, "reply") + keys_at(here[:2], "authserv_id", "provider")
        yield Complaint(here, what, cure, about)


def _same_names(integrations: tuple[Integration, ...]) -> Iterator[Complaint]:
    first: dict[str, int] = {}
    for index, integration in enumerate(integrations):
        same = first.setdefault(integration.name, index)
        if integration.name and same != index:
            what = f"integrations[{same}] is named {integration.name} too"
            yield Complaint(("integrations", index, "name"), what, "give each a name of its own")


def _same_mailboxes(integrations: tuple[Integration, ...]) -> Iterator[Complaint]:
    first: dict[tuple[str, ...], int] = {}
    for index, integration in enumerate(integrations):
        mailbox = _mailbox(integration)
        if mailbox is None or not integration.enabled:
            continue
        same = first.setdefault(mailbox, index)
        if same != index:
            other = integrations[same].name or f"integrations[{same}]"
            what = f"sweeps the same mailbox and folder as {other}"
            cure = f"put its aliases under {other}: a mailbox folder belongs to one integration"
            place: Location = ("integrations", index)
            yield Complaint(place, what, cure, keys_at(place, *_WHERE))


def _mailbox(integration: Integration) -> tuple[str, ...] | None:
    """What makes a mailbox folder the same; None where that is not known."""
    folder = _folder(integration.folder)
    if integration.protocol == "maildir":
        return ("maildir", os.path.normpath(integration.path), folder) if integration.path else None
    if not integration.username or (integration.protocol == "imap" and not integration.host):
        return None
    return integration.protocol, integration.host, integration.username.lower(), folder


def _folder(name: str) -> str:
    """INBOX is the one name without case (RFC 3501 section 5.1)."""
    return "INBOX" if name.upper() == "INBOX" else name
