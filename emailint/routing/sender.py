"""Who a message is from, for the purposes of a case."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emailint.config.model import Alias
    from emailint.message.model import Address, InboundMessage


def sender_of(message: InboundMessage, alias: Alias) -> Address | None:
    """The first From address; for a web form that the alias trusts, its Reply-To instead."""
    first = next((each for each in message.senders if each.address), None)
    if first is None:
        return message.senders[0] if message.senders else None
    if not message.reply_to or not alias.trust_reply_to:
        return first
    trusted = {address.lower() for address in alias.trust_reply_to}
    return message.reply_to[0] if first.address.lower() in trusted else first
