"""Whose a reply is, and what becomes of one of which nobody knows whether it went out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from emailint.errors import OutboundError, OutcomeUnknown
from emailint.outbound.protocol import Traceable
from emailint.store.records import ReplyState
from emailint.sweep.troubles import About

if TYPE_CHECKING:
    from datetime import datetime

    from emailint.config.model import Config, Integration
    from emailint.outbound.protocol import Outbound
    from emailint.store.ledger import Ledger
    from emailint.store.records import Reply

TAKE_BACK_AFTER = timedelta(minutes=15)
"""No request of ours is on its way after this: what the server has not begun to send may be taken back."""

LOOK_FOR = timedelta(hours=1)
"""So long each sweep looks what became of a reply; then a person has to."""

LOOK_AT_LONGEST = timedelta(days=1)
"""The same, where the server could not be asked."""

NOT_SENT = "the server did not send it, and its draft was removed"


def traceable(config: Config, reply: Reply) -> bool:
    """Whether the server of a reply that was begun can be asked what became of it."""
    integration = owner(config, reply)
    return reply.token is not None and integration is not None and integration.outbound.type == "graph"


def settle_doubt(ledger: Ledger, outbound: Outbound, reply: Reply, now: datetime) -> ReplyState:
    """What a SENDING reply becomes, whose sending got no answer.

    SENT; PENDING where it certainly was not sent and never will be; SENDING while it is still looked for;
    else UNKNOWN, which is left to the caller to settle.
    """
    if reply.token is None or reply.begun_at is None or not isinstance(outbound, Traceable):
        return ReplyState.UNKNOWN
    age = now - reply.begun_at
    try:
        sent = outbound.was_sent(reply.token, reply.message_id, take_back=age >= TAKE_BACK_AFTER)
    except OutboundError:
        return still_looked_for(age, LOOK_AT_LONGEST)
    if sent is None:
        return still_looked_for(age, LOOK_FOR)
    if sent:
        ledger.settle(reply, ReplyState.SENT)
        return ReplyState.SENT
    ledger.postpone(reply, now, NOT_SENT)
    return ReplyState.PENDING


def still_looked_for(age: timedelta, at_longest: timedelta) -> ReplyState:
    """SENDING, or UNKNOWN once it is too long ago, or too far in the future for a clock that is right."""
    return ReplyState.SENDING if abs(age) < at_longest else ReplyState.UNKNOWN


def in_doubt(reply: Reply, why: str) -> OutcomeUnknown:
    """The error that tells a person of it."""
    return OutcomeUnknown(
        f"the reply to case {reply.case_id} may or may not have gone out ({why}); it is not sent again",
        hint="look whether it arrived; `emailint retry` with the case id sends it again",
    )


def owner(config: Config, reply: Reply) -> Integration | None:
    """The integration that answers: the one that took the mail, or the one that has its alias now."""
    named = [each for each in config.integrations if each.name == reply.integration]
    by_alias = [
        each for each in config.integrations if any(alias.address == reply.alias for alias in each.aliases)
    ]
    return next(iter([*named, *by_alias]), None)


def about(reply: Reply) -> About:
    """What an error says of a reply."""
    return About(key=reply.message_id, case_id=reply.case_id)
