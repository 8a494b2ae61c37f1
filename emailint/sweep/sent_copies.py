"""The copies in Sent Items of replies that were sent, removed where `save_to_sent_items` is false.

A copy is removed only when its reply is SENT in the ledger: at the end of that sweep, or by the ones that
follow if the server had not filed it by then or the sweep died. That a copy stays is no failure of the reply.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from emailint.errors import CopyLeft, OutboundError
from emailint.outbound.protocol import Clearing
from emailint.sweep.troubles import About

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from emailint.config.model import Integration
    from emailint.outbound.protocol import Outbound
    from emailint.store.ledger import Ledger
    from emailint.store.records import Reply
    from emailint.sweep.clock import Budget, Clock
    from emailint.sweep.troubles import Troubles

TRIED_FOR = timedelta(days=1)
"""So long a copy is tried to be removed."""

FILED_WITHIN = timedelta(hours=1)
"""A copy that was not filed by then was removed by somebody else, or never made."""

PATIENCE = timedelta(minutes=15)
"""How long it may go wrong before it is told."""


class SentCopies:
    """Removes copies through the outbound that sent them, in its thread."""

    def __init__(self, ledger: Ledger, troubles: Troubles, clock: Clock, budget: Budget) -> None:
        self._ledger = ledger
        self._troubles = troubles
        self._clock = clock
        self._budget = budget

    def left(self, integration: Integration) -> Sequence[Reply]:
        """Replies of which a copy is to be removed: none unless the configuration says so."""
        if integration.outbound.save_to_sent_items:
            return ()
        return self._ledger.sent_with_copy(integration.name, self._clock.now() - TRIED_FOR)

    def clear(self, outbound: Outbound, integration: Integration) -> None:
        """Remove what is left while there is time; the first failure leaves the rest for the next sweep."""
        left = self.left(integration)
        if not left or not isinstance(outbound, Clearing):
            return
        for reply in left:
            if self._budget.over(0.0):
                return
            try:
                cleared = outbound.clear_away(reply.token or "", reply.message_id)
            except OutboundError as error:
                self._told(error, reply, integration)
                return
            if cleared or not younger(reply, self._clock.now(), FILED_WITHIN):
                self._ledger.copy_cleared(reply)
        self._troubles.close_key(_key(integration))

    def _told(self, error: OutboundError, reply: Reply, integration: Integration) -> None:
        if younger(reply, self._clock.now(), PATIENCE):
            return
        left = CopyLeft(
            f"the copies of replies of {integration.name} in Sent Items cannot be removed: {error}",
            hint=error.hint or "remove them by hand, or take save_to_sent_items out; the replies were sent",
        )
        self._troubles.report(left, integration, About(key=_key(integration)))


def younger(reply: Reply, now: datetime, age: timedelta) -> bool:
    """Whether it was begun less than so long ago."""
    return reply.begun_at is not None and now - reply.begun_at < age


def _key(integration: Integration) -> str:
    return f"sent items of {integration.name}"
