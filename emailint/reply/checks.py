"""The questions about a mail that decide whether it is answered, in the order in which they are asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from emailint.addresses import domain_of, is_deliverable, local_part, normalise, normalised
from emailint.message.model import Automatic, Kind
from emailint.reply.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from emailint.config.model import ReplySettings
    from emailint.message.model import Address, InboundMessage
    from emailint.reply.policy import ReplyContext


def template_of(settings: ReplySettings, *, follow_up: bool) -> str | None:
    """The name of the template that answers a new mail or a follow-up; None: it is not answered."""
    return settings.follow_up_template if follow_up else settings.template


def is_automated(address: str) -> bool:
    """Whether this is the address of a program, by its local part (RFC 3834 section 2)."""
    return _AUTOMATED.fullmatch(local_part(address).lower()) is not None


class Mail:
    """One mail as the checks see it."""

    def __init__(self, message: InboundMessage, context: ReplyContext) -> None:
        self.message = message
        self.context = context
        self.settings = context.settings
        self.own = normalised(context.own_addresses)
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


def _envelope(mail: Mail) -> Reason | None:
    if Automatic.NULL_SENDER in mail.signals or mail.message.return_path == "":
        return Reason.NULL_SENDER
    if Automatic.AUTOMATED_SENDER in mail.signals:
        return Reason.AUTOMATED_SENDER
    addresses = [*mail.senders, *mail.message.reply_to]
    return Reason.AUTOMATED_SENDER if any(is_automated(each.address) for each in addresses) else None


def _signalled(signal: Automatic, reason: Reason) -> Callable[[Mail], Reason | None]:
    return lambda mail: reason if signal in mail.signals else None


def _machine(mail: Mail) -> Reason | None:
    unexplained = mail.message.kind is not Kind.PERSON and not mail.message.signals
    return Reason.MACHINE if Automatic.MACHINE in mail.signals or unexplained else None


def _own(mail: Mail) -> Reason | None:
    addresses = [*mail.senders, *mail.message.reply_to]
    ours = any(normalise(each.address) in mail.own for each in addresses)
    return Reason.OWN_ADDRESS if ours or Automatic.OWN in mail.signals else None


def _not_addressed(mail: Mail) -> Reason | None:
    named = (
        normalise(each.address)
        for header in ("To", "Cc", "Resent-To")
        for each in mail.message.recipients.get(header, ())
    )
    return None if any(address in mail.own for address in named) else Reason.NOT_ADDRESSED


def _dmarc(mail: Mail) -> Reason | None:
    proven = mail.message.authentication.dmarc == "pass"
    return Reason.DMARC if mail.settings.require_dmarc and not proven else None


def _breaker(mail: Mail) -> Reason | None:
    return Reason.BREAKER if mail.context.recent_cases >= mail.settings.limit.breaker_cases else None


def _old(mail: Mail) -> Reason | None:
    age = mail.context.now - mail.context.received_at
    return Reason.OLD if age > mail.settings.max_age else None


def _no_template(mail: Mail) -> Reason | None:
    if template_of(mail.settings, follow_up=mail.context.follow_up) is None:
        return Reason.NO_TEMPLATE
    return None if mail.context.outbound else Reason.NO_OUTBOUND


def _senders(mail: Mail) -> Reason | None:
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
    words = (word.strip("'").lower() for word in _BETWEEN_WORDS.split(sender.name) if "@" in word.strip("@"))
    return any(word != sender.address.lower() for word in words)


CHECKS: Final = (
    _envelope,
    _signalled(Automatic.AUTO_SUBMITTED, Reason.AUTO_SUBMITTED),
    _signalled(Automatic.REPORT, Reason.REPORT),
    _signalled(Automatic.LIST, Reason.LIST),
    _signalled(Automatic.SUPPRESSED, Reason.SUPPRESSED_BY_SENDER),
    _machine,
    _own,
    _not_addressed,
    _dmarc,
    _no_template,
    _breaker,
    _old,
    _senders,
)

_AUTOMATED: Final = re.compile(
    r"mailer-?daemon|postmaster|listserv|majordomo|owner-.+|.+-(?:request|bounces?)|bounces?(?:[+=-].+)?"
    r"|(?:.+[._+-])?(?:no|do[._-]?not)[._-]?reply(?:[._+-].+)?"
)
_SENDER_HEADERS: Final = frozenset({"from", "sender", "return-path"})
_OF_THE_FORM: Final = frozenset({Automatic.AUTOMATED_SENDER, Automatic.OWN})
"""What the address of a trusted web form may look like, since its Reply-To is the sender."""
_BETWEEN_WORDS: Final = re.compile(r"""[\s<>()\[\],;:"]+""")
