"""The routes a message can take, and the decision between them.

    alias (none: held) → deny list → automatic mail → (follow_up.py, which asks the ledger) → unknown sender

What is decided here needs no ledger. `unless_follow_up` marks the routes that a follow-up goes before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.routing.alias import AliasMatch, addressed, match_alias
from emailint.routing.sender import sender_of
from emailint.routing.tokens import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emailint.config.model import Alias
    from emailint.config.patterns import SenderPattern
    from emailint.message.model import InboundMessage
    from emailint.routing.knowledge import Knowledge


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case is to be made under this alias; `related_case` is one that the mail speaks of, if any."""

    match: AliasMatch
    related_case: str | None = None


@dataclass(frozen=True, slots=True)
class FollowUpTo:
    """The message belongs to a case that exists; `matched_by` says what tied it to the case."""

    match: AliasMatch
    case_id: str
    matched_by: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A person has to decide; the mail is kept, marked read, and listed until then.

    `match` is None where no alias fits, and none is the default.
    """

    match: AliasMatch | None
    reason: str
    unless_follow_up: bool = False


@dataclass(frozen=True, slots=True)
class Ignore:
    """The alias asks to make nothing of this mail; it is marked read."""

    match: AliasMatch
    reason: str
    unless_follow_up: bool = False


Route = NewCase | FollowUpTo | Hold | Ignore


def decide(
    message: InboundMessage, aliases: Sequence[Alias], knowledge: Knowledge | None = None
) -> NewCase | Hold | Ignore:
    """The route of a message that is not known yet; without knowledge nobody counts as a stranger.

    Raises DirectoryError where the directory must be asked and cannot.
    """
    match = match_alias(message.recipients, aliases)
    if match is None:
        return Hold(None, f"no_alias: no alias fits a mail to {_named(message)}")
    alias = match.alias
    sender = sender_of(message, alias)
    address = sender.address if sender else ""
    verdict, entry = _listed(alias, address)
    if verdict == "deny":
        return Ignore(match, f"deny: {address} is on the deny list of alias {alias.address} ({entry})")
    if alias.automatic_for(message.kind) == "ignore":
        returned = any(bounce.original_message_id for bounce in message.bounces)  # a reply of ours, perhaps
        reason = f"automatic: {message.kind} is ignored by alias {alias.address}"
        return Ignore(match, reason, unless_follow_up=returned)
    if knowledge is None or verdict == "allow" or _is_welcome(alias, address, knowledge):
        return NewCase(match)
    return _stranger(match, address)


def _named(message: InboundMessage) -> str:
    return listed(addressed(message.recipients)) or "nobody"


def _is_welcome(alias: Alias, address: str, knowledge: Knowledge) -> bool:
    return alias.unknown_sender == "accept" or knowledge.knows(address, alias)


def _stranger(match: AliasMatch, address: str) -> Hold | Ignore:
    route, does = (Hold, "holds") if match.alias.unknown_sender == "hold" else (Ignore, "ignores")
    who = address or "nobody"
    reason = (
        f"unknown_sender: {who} is not in the directory, and alias {match.alias.address} {does} such mail"
    )
    return route(match, reason, unless_follow_up=True)


def _listed(alias: Alias, address: str) -> tuple[str, str]:
    """`allow` or `deny` with the entry that says so, or "". An exact address goes before any other entry."""
    for exact in (True, False):
        for verdict, entries in (("deny", alias.deny), ("allow", alias.allow)):
            entry = _entry(entries, address, exact=exact)
            if entry is not None:
                return verdict, entry.source
    return "", ""


def _entry(entries: Sequence[SenderPattern], address: str, *, exact: bool) -> SenderPattern | None:
    return next((each for each in entries if each.exact is exact and each.matches(address)), None)
