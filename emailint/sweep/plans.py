"""What can be decided of a message without the ledger, and what must be durable before it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from emailint.routing.route import FollowUpTo, Hold, Ignore, NewCase, Route, decide
from emailint.store.records import Key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emailint.case import StoredAttachment
    from emailint.config.model import Config, Integration
    from emailint.message.model import InboundMessage
    from emailint.routing.knowledge import Knowledge
    from emailint.store.records import Known
    from emailint.sweep.mailbox import Read
    from emailint.sweep.run import SweepStore

Kept = tuple["StoredAttachment", ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made of a message unless the ledger knows it. `folder` is where it moves.

    `known` is its row where it is decided anew.
    """

    integration: str
    read: Read
    message: InboundMessage
    key: Key
    route: Route
    folder: str | None
    known: Known | None = None

    @property
    def quarantined(self) -> bool:
        """Whether the message could not be read, and a case is made of its headers."""
        return self.read.failure is not None and isinstance(self.route, NewCase)

    @property
    def keeps(self) -> bool:
        """Whether anything besides its row and line is to be kept of it."""
        return self.quarantined or (self.lasting and bool(self.message.attachments))

    @property
    def row(self) -> int | None:
        """Its row in the ledger, if it has one."""
        return self.known.row if self.known else None

    @property
    def lasting(self) -> bool:
        """Whether its attachments may be needed: it makes a case, or may turn out to be a follow-up."""
        match self.route:
            case NewCase() | FollowUpTo():
                return True
            case Hold(unless_follow_up=may) | Ignore(unless_follow_up=may):
                return may
            case _:
                assert_never(self.route)


def plan(config: Config, integration: Integration, read: Read, knowledge: Knowledge) -> Plan:
    """Decide what needs no ledger. Raises DirectoryError where the directory cannot be asked."""
    message = read.message
    if message is None:  # callers pass only what was read
        raise TypeError("a message that was not read has no plan")
    route = decide(message, integration.aliases, knowledge)
    if read.failure is not None and route.match is not None:
        route = NewCase(route.match)
    moves = read.whole and read.failure is None
    return Plan(
        integration=integration.name,
        read=read,
        message=message,
        key=Key(scope_of(config, integration), message.fingerprint),
        route=route,
        folder=integration.move_to if moves else None,
    )


def scope_of(config: Config, integration: Integration) -> str:
    """Within what a message is one and the same: its mailbox, or all of them."""
    return "" if config.dedupe == "global" else integration.mailbox.lower()


def keep(store: SweepStore, plans: Sequence[Plan]) -> Mapping[Key, Kept]:
    """Store attachments, and the octets of mail that is quarantined, before anything refers to them.

    All of it is durable when this returns; keeping the same again is harmless. Whether mail is held is known
    only within the transaction, which keeps its octets before it ends.
    """
    for each in plans:
        if each.quarantined:
            store.quarantine.keep(each.key, each.read.raw)
    return store.attachments.save_many({each.key: each.message.attachments for each in plans if each.lasting})
