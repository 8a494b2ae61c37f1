"""The routes a message can take, and the decision between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.routing.alias import AliasMatch, addressed, match_alias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emailint.config.model import Alias
    from emailint.message.model import InboundMessage


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case is to be made under this alias."""

    match: AliasMatch


@dataclass(frozen=True, slots=True)
class Ignore:
    """The alias asks to make nothing of mail of this kind; it is marked read."""

    match: AliasMatch
    reason: str


@dataclass(frozen=True, slots=True)
class Unrouted:
    """No alias fits; `addresses` are the ones the message named."""

    addresses: tuple[str, ...]


Route = NewCase | Ignore | Unrouted


def decide(message: InboundMessage, aliases: Sequence[Alias]) -> Route:
    """The route of a message that is not known yet."""
    match = match_alias(message.recipients, aliases)
    if match is None:
        return Unrouted(tuple(addressed(message.recipients)))
    if match.alias.automatic_for(message.kind) == "ignore":
        return Ignore(match, f"automatic: {message.kind} is ignored by alias {match.alias.address}")
    return NewCase(match)
