"""Which alias a message was sent to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emailint.config.model import Alias
    from emailint.message.model import Address

HEADERS = ("X-Original-To", "Envelope-To", "Delivered-To", "Resent-To", "To", "Cc")
"""Where an alias is looked for, in this order."""


@dataclass(frozen=True, slots=True)
class AliasMatch:
    """An alias and the header its address stands in, or `default`."""

    alias: Alias
    matched_by: str


def match_alias(recipients: Mapping[str, tuple[Address, ...]], aliases: Sequence[Alias]) -> AliasMatch | None:
    """The alias of a message, in two passes; None where no alias fits and none is the default.

    First all aliases but the default one: an MTA that expands an alias leaves the final mailbox in
    Delivered-To, so the default alias must not win there. Addresses are compared without case.
    """
    others = {alias.address.lower(): alias for alias in aliases if not alias.default}
    for header, address in _addresses(recipients):
        if address in others:
            return AliasMatch(others[address], header)
    default = next((alias for alias in aliases if alias.default), None)
    if default is None:
        return None
    for header, address in _addresses(recipients):
        if address == default.address.lower():
            return AliasMatch(default, header)
    return AliasMatch(default, "default")


def addressed(recipients: Mapping[str, tuple[Address, ...]]) -> list[str]:
    """All addresses a message names as its recipients, each once, in header order."""
    return list(dict.fromkeys(address for _, address in _addresses(recipients)))


def _addresses(recipients: Mapping[str, tuple[Address, ...]]) -> list[tuple[str, str]]:
    return [
        (header, each.address.lower())
        for header in HEADERS
        for each in recipients.get(header, ())
        if each.address
    ]


def alias_at(aliases: Sequence[Alias], address: str) -> Alias:
    """The alias with this address; where the configuration has it no more, the default or first one."""
    exact = [alias for alias in aliases if alias.address.lower() == address.lower()]
    default = [alias for alias in aliases if alias.default]
    return next(iter([*exact, *default, *aliases]))
