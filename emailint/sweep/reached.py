"""Limits on replies that are reached: which of them a person is told of, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emailint.addresses import domain_of, normalise
from emailint.errors import RepliesStopped
from emailint.reply.reason import Reason
from emailint.sweep.troubles import About

if TYPE_CHECKING:
    from emailint.sweep.letter import Letter
    from emailint.sweep.troubles import Troubles


def tell(troubles: Troubles, letter: Letter, reason: Reason) -> None:
    """One error for an address that had its replies of the day, or a domain that had those of the hour.

    That is a loop of two machines, a flood under forged names, or a limit too small for a busy sender.
    Whoever writes a sixth time within an hour is no news: people do, and it is over within the hour.
    """
    recipient, limit = letter.reply.recipient, letter.settings.limit
    match reason:
        case Reason.ADDRESS_DAY:
            who, bound = normalise(recipient), f"{limit.address_day} replies within a day (address_day)"
        case Reason.DOMAIN_HOUR:
            who, bound = domain_of(recipient), "so many replies within an hour as domain_hour allows"
        case _:
            return
    name = letter.integration.name
    error = RepliesStopped(
        f"{who} had {bound} and gets none from integration {name!r} for now; its mail becomes cases as ever",
        hint="look whether a machine answers our replies, or somebody writes under forged names"
        " (`emailint list-cases`); if it is people, raise reply.limit",
    )
    troubles.report(error, letter.integration, About(key=f"{name}: replies to {who}"))
