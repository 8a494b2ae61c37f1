"""Whether a mail is answered, and whom: pure decisions, no clock, no store, no network.

`decide` speaks when a mail is taken, `still_due` when its reply is about to be sent. Both follow RFC 3834;
every "no" is a `Withhold` whose reason ends up in the case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from emailint.addresses import domain_of, is_deliverable, local_part, normalise
from emailint.message.model import Automatic, Kind
from emailint.public_domains import is_public
from emailint.reply.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from emailint.config.model import ReplyLimit, ReplySettings
    from emailint.message.model import Address, InboundMessage

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
    own_addresses: Collection[str]
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

    The checks are made in the order in which they stand in `_CHECKS`, and the first "no" is the reason.
    """
    mail = _Mail(message, context)
    for check in _CHECKS:
        reason = check(mail)
        if reason is not None:
            return Withhold(reason)
    return Respond(mail.destination)


def template_of(settings: ReplySettings, *, follow_up: bool) -> str | None:
    """The name of the template that answers a new mail or a follow-up; None: it is not answered."""
    return settings.follow_up_template if follow_up else settings.template


def is_automated(address: str) -> bool:
    """Whether this is the address of a program, by its local part (RFC 3834 section 2)."""
    return _AUTOMATED.fullmatch(local_part(address).lower()) is not None


def still_due(
    reply: PendingReply,
    begun: BegunReplies,
    settings: ReplySettings,
    now: datetime,
    *,
    begun_last_minute: int = 0,
    own_addresses: Collection[str] = (),
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
    reply: PendingReply, settings: ReplySettings, now: datetime, own_addresses: Collection[str]
) -> Reason | None:
    if template_of(settings, follow_up=reply.follow_up) is None:
        return Reason.NO_TEMPLATE
    if normalise(reply.recipient) in {normalise(address) for address in own_addresses}:
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


class _Mail:
    """One mail as the checks see it."""

    def __init__(self, message: InboundMessage, context: ReplyContext) -> None:
        self.message = message
        self.context = context
        self.settings = context.settings
        self.own = frozenset(normalise(address) for address in context.own_addresses)
        self.form = self._is_trusted_form()
        self.senders = message.reply_to if self.form else message.senders
        self.signals = frozenset(
            signal.reason
            for signal in message.signals
            if not (self.form and signal.reason in _OF_THE_FORM and signal.source.lower() in _SENDER_HEADERS)
        )

    def _is_trusted_form(self) -> bool:
        """From is one address that the alias trusts, and there is a Reply-To to stand for it."""
        trusted = {address.lower() for address in self.context.trust_reply_to}
        senders = self.message.senders
        return len(senders) == 1 and senders[0].address.lower() in trusted and bool(self.message.reply_to)

    @property
    def destination(self) -> str:
        """Reply-To where it may be followed, else the sender. Only after the senders were checked."""
        sender, replies = self.senders[0].address, self.message.reply_to
        if not self.form and len(replies) == 1 and self._may_follow(replies[0].address, sender):
            return replies[0].address
        return sender

    def _may_follow(self, reply_to: str, sender: str) -> bool:
        """Of the same domain; or of any, once the mail is proven to be its sender's.

        Under `require_dmarc` the proof has to be of the address that is answered, so there is no other.
        """
        if domain_of(reply_to) == domain_of(sender):
            return is_deliverable(reply_to)
        proven = self.message.authentication.dmarc == "pass" and not self.settings.require_dmarc
        return proven and is_deliverable(reply_to)


def _envelope(mail: _Mail) -> Reason | None:
    if Automatic.NULL_SENDER in mail.signals or mail.message.return_path == "":
        return Reason.NULL_SENDER
    if Automatic.AUTOMATED_SENDER in mail.signals:
        return Reason.AUTOMATED_SENDER
    addresses = [*mail.senders, *mail.message.reply_to]
    return Reason.AUTOMATED_SENDER if any(is_automated(each.address) for each in addresses) else None


def _signalled(signal: Automatic, reason: Reason) -> Callable[[_Mail], Reason | None]:
    return lambda mail: reason if signal in mail.signals else None


def _machine(mail: _Mail) -> Reason | None:
    unexplained = mail.message.kind is not Kind.PERSON and not mail.message.signals
    return Reason.MACHINE if Automatic.MACHINE in mail.signals or unexplained else None


def _own(mail: _Mail) -> Reason | None:
    addresses = [*mail.senders, *mail.message.reply_to]
    ours = any(normalise(each.address) in mail.own for each in addresses)
    return Reason.OWN_ADDRESS if ours or Automatic.OWN in mail.signals else None


def _not_addressed(mail: _Mail) -> Reason | None:
    named = (
        normalise(each.address)
        for header in ("To", "Cc", "Resent-To")
        for each in mail.message.recipients.get(header, ())
    )
    return None if any(address in mail.own for address in named) else Reason.NOT_ADDRESSED


def _dmarc(mail: _Mail) -> Reason | None:
    proven = mail.message.authentication.dmarc == "pass"
    return Reason.DMARC if mail.settings.require_dmarc and not proven else None


def _breaker(mail: _Mail) -> Reason | None:
    return Reason.BREAKER if mail.context.recent_cases >= mail.settings.limit.breaker_cases else None


def _old(mail: _Mail) -> Reason | None:
    age = mail.context.now - mail.context.received_at
    return Reason.OLD if age > mail.settings.max_age else None


def _no_template(mail: _Mail) -> Reason | None:
    if template_of(mail.settings, follow_up=mail.context.follow_up) is None:
        return Reason.NO_TEMPLATE
    return None if mail.context.outbound else Reason.NO_OUTBOUND


def _senders(mail: _Mail) -> Reason | None:
    if not mail.senders or not any(each.address for each in mail.senders):
        return Reason.NO_SENDER
    if len(mail.senders) > 1:
        return Reason.SEVERAL_SENDERS
    if _names_another(mail.senders[0]):
        return Reason.AMBIGUOUS_SENDER
    unread = mail.message.sender is None and not mail.form
    return Reason.MALFORMED_SENDER if unread or not is_deliverable(mail.senders[0].address) else None


def _names_another(sender: Address) -> bool:
    """Whether the display name holds an address that is not the sender's: which one is meant?"""
    words = (word.lower() for word in _BETWEEN_WORDS.split(sender.name) if "@" in word.strip("@"))
    return any(word != sender.address.lower() for word in words)


_CHECKS: Final = (
    _envelope,
    _signalled(Automatic.AUTO_SUBMITTED, Reason.AUTO_SUBMITTED),
    _signalled(Automatic.REPORT, Reason.REPORT),
    _signalled(Automatic.LIST, Reason.LIST),
    _signalled(Automatic.SUPPRESSED, Reason.SUPPRESSED_BY_SENDER),
    _machine,
    _own,
    _not_addressed,
    _dmarc,
    _breaker,
    _old,
    _no_template,
    _senders,
)

_AUTOMATED: Final = re.compile(
    r"mailer-?daemon|postmaster|listserv|majordomo|owner-.+|.+-(?:request|bounces?)|bounces?(?:[+=-].+)?"
    r"|(?:.+[._+-])?(?:no|do[._-]?not)[._-]?reply(?:[._+-].+)?"
)
_SENDER_HEADERS: Final = frozenset({"from", "sender", "return-path"})
_OF_THE_FORM: Final = frozenset({Automatic.AUTOMATED_SENDER, Automatic.OWN})
"""What the address of a trusted web form may look like, since its Reply-To is the sender."""
_BETWEEN_WORDS: Final = re.compile(r"""[\s<>()\[\],;:"']+""")
