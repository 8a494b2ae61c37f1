"""The addresses that are this program's own: mail from them is never answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emailint.config.grammar import bare_address

if TYPE_CHECKING:
    from emailint.config.model import Integration


def own_addresses(integrations: tuple[Integration, ...]) -> frozenset[str]:
    """All mailboxes, aliases, and what stands in From of their replies; lower case."""
    found = set()
    for integration in integrations:
        found.add(integration.mailbox.lower())
        for alias in integration.aliases:
            found.add(alias.address)
            if alias.reply.from_:
                found.add(bare_address(alias.reply.from_).lower())
    return frozenset(found - {""})
