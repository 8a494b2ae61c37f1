"""Which alias a message was sent to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emailint.addresses import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from emailint.config.model import Alias
    from emailint.message.model import Address

    Recipients = Mapping[str, tuple[Address, ...]]

HEADERS: Final = ("X-Original-To", "Envelope-To", "Delivered-To", "Resent-To", "To", "Cc")
"""Where an alias is looked for, in this order."""

WRITTEN: Final = ("Resent-To", "To", "Cc")
"""Those that somebody wrote; the others an MTA adds, and there the mailbox itself stands in every mail."""


@dataclass(frozen=True, slots=True)
class AliasMatch:
    """An alias and the header its address stands in, or `default`.

    `others` are the addresses of further aliases that the message names, in header order. Once field rules
    have been applied, `alias` bears what they set, `rules` are their names, and `reply_template` is the
    template (or `none`) where one of them named it.
    """

    alias: Alias
    matched_by: str
    others: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    reply_template: str | None = None


def match_alias(recipients: Recipients, aliases: Sequence[Alias]) -> AliasMatch | None:
    """The alias of a message, in two passes; None where no alias fits and none is the default.

    First all aliases but the default one: an MTA that expands an alias leaves the final mailbox in
    Delivered-To, so the default alias must not win there. Addresses are compared without case; one with a
    plus-tag that is no alias itself counts for the alias without the tag.
    """
    named = list(_named(recipients, aliases))
    first = next(((alias, header) for alias, header in named if not alias.default), None)
    default = next((alias for alias in aliases if alias.default), None)
    if first is None and default is not None:
        first = next((pair for pair in named if pair[0].default), (default, "default"))
    if first is None:
        return None
    alias, header = first
    others = dict.fromkeys(other.address for other, where in named if not other.default or where in WRITTEN)
    return AliasMatch(alias, header, tuple(address for address in others if address != alias.address))


def _named(recipients: Recipients, aliases: Sequence[Alias]) -> Iterator[tuple[Alias, str]]:
    """Each alias that a recipient's address means, with the header it stands in."""
    known = {alias.address.lower(): alias for alias in reversed(aliases)}
    for header, address in _addresses(recipients):
        alias = known.get(address) or known.get(normalise(address))
        if alias is not None:
            yield alias, header


def addressed(recipients: Recipients) -> list[str]:
    """All addresses a message names as its recipients, each once, in header order."""
    return list(dict.fromkeys(address for _, address in _addresses(recipients)))


def _addresses(recipients: Recipients) -> list[tuple[str, str]]:
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
