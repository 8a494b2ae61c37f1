"""Whether a mail is answered, and whom: pure decisions, no clock, no store, no network.

`decide` speaks when a mail is taken, `still_due` when its reply is about to be sent. Both follow RFC 3834;
every "no" is a `Withhold` whose reason ends up in the case.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from emailint.addresses import domain_of, normalise, normalised
from emailint.public_domains import is_public
from emailint.reply.checks import CHECKS, Mail, template_of
from emailint.reply.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Collection

    from emailint.config.model import ReplyLimit, ReplySettings
    from emailint.message.model import InboundMessage

MINUTE: Final = timedelta(minutes=1)
"""Window of `reply.limit.per_minute`, and how long a reply over it waits."""


@dataclass(frozen=True, slots=True)
class Respond:
    """A reply is due, to this address and to no other."""

    to: str


@dataclass(frozen=True, slots=True)
class Withhold:
    """No reply, for good."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Due:
    """The reply may be sent now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The reply must wait: not before this moment."""

    until: datetime


Decision = Respond | Withhold
Standing = Due | Wait | Withhold


@dataclass(frozen=True, slots=True)
class ReplyContext:
    """What the decision rests on besides the mail itself.

    `own_addresses`: every configured mailbox and alias. `trust_reply_to`: web forms of the alias whose
    Reply-To is the sender. `received_at`: when the server took the mail (never its Date header).
    `follow_up`: the mail was added to a case. `recent_cases`: cases of this mailbox within the window of
    the breaker. `outbound`: replies can leave at all.
    """

    settings: ReplySettings
    own_addresses: frozenset[str]
    received_at: datetime
    now: datetime
    trust_reply_to: Collection[str] = ()
    follow_up: bool = False
    recent_cases: int = 0
    outbound: bool = True


class BegunReplies(Protocol):
    """How many replies were begun: to this address in an hour and a day, to its domain in an hour."""

    @property
    def address_hour(self) -> int: ...

    @property
    def address_day(self) -> int: ...

    @property
    def domain_hour(self) -> int: ...


@dataclass(frozen=True, slots=True)
class PendingReply:
    """A stored reply, as far as its sending is judged. `dmarc`: the verdict in the case record."""

    recipient: str
    received_at: datetime
    follow_up: bool = False
    dmarc: str | None = None


def decide(message: InboundMessage, context: ReplyContext) -> Decision:
    """Whether and whom to answer, at the moment a mail is taken.

    The checks are made in the order in which they stand in `checks.CHECKS`, and the first "no" is the reason.
    """
    mail = Mail(message, context)
    for check in CHECKS:
        reason = check(mail)
        if reason is not None:
            return Withhold(reason)
    return Respond(mail.destination)


def still_due(
    reply: PendingReply,
    begun: BegunReplies,
    settings: ReplySettings,
    now: datetime,
    *,
    begun_last_minute: int = 0,
    own_addresses: frozenset[str] = frozenset(),
) -> Standing:
    """Whether a stored reply may be sent now; age, rates and configuration are looked at again.

    `begun` counts replies to the normalised address, `begun_last_minute` those of the same mailbox to
    anybody. Over a limit of an address or domain the reply is withheld for good, since a limit is what
    ends a loop of two machines; over the limit of the provider it waits.
    """
    reason = _withdrawn(reply, settings, now, own_addresses) or _over(reply, begun, settings.limit)
    if reason is not None:
        return Withhold(reason)
    per_minute = settings.limit.per_minute
    if per_minute is not None and begun_last_minute >= per_minute:
        return Wait(now + MINUTE)
    return Due()


def _withdrawn(
    reply: PendingReply, settings: ReplySettings, now: datetime, own_addresses: frozenset[str]
) -> Reason | None:
    if template_of(settings, follow_up=reply.follow_up) is None:
        return Reason.NO_TEMPLATE
    if normalise(reply.recipient) in normalised(own_addresses):
        return Reason.OWN_ADDRESS
    if settings.require_dmarc and reply.dmarc != "pass":
        return Reason.DMARC
    return Reason.OLD if now - reply.received_at > settings.max_age else None


def _over(reply: PendingReply, begun: BegunReplies, limit: ReplyLimit) -> Reason | None:
    domain_hour = limit.public_domain_hour if is_public(domain_of(reply.recipient)) else limit.domain_hour
    if begun.address_hour >= limit.address_hour:
        return Reason.ADDRESS_HOUR
    if begun.address_day >= limit.address_day:
        return Reason.ADDRESS_DAY
    return Reason.DOMAIN_HOUR if begun.domain_hour >= domain_hour else None
