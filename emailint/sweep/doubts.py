"""Whose a reply is, and what becomes of one of which nobody knows whether it went out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emailint.errors import OutboundError, OutcomeUnknown
from emailint.outbound.protocol import Traceable
from emailint.store.records import ReplyState
from emailint.sweep.troubles import About

if TYPE_CHECKING:
    from emailint.config.model import Config, Integration
    from emailint.outbound.protocol import Outbound
    from emailint.store.ledger import Ledger
    from emailint.store.records import Reply


def settle_doubt(ledger: Ledger, outbound: Outbound, reply: Reply) -> ReplyState:
    """What an UNKNOWN reply becomes: SENT, PENDING where it certainly was not sent, else still UNKNOWN."""
    if reply.token is None or not isinstance(outbound, Traceable):
        return ReplyState.UNKNOWN
    try:
        sent = outbound.was_sent(reply.token)
    except OutboundError:
        return ReplyState.UNKNOWN
    if sent is None:
        return ReplyState.UNKNOWN
    if sent:
        ledger.settle(reply, ReplyState.SENT)
        return ReplyState.SENT
    ledger.send_again(reply)
    return ReplyState.PENDING


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
