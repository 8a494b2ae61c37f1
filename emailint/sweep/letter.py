"""One stored reply: whether it is still due, and what it says. Made now, from the stored line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.errors import TemplateError
from emailint.message.quoted import MARKER
from emailint.reply.compose import ReplyFacts, compose
from emailint.reply.policy import PendingReply, still_due
from emailint.reply.stored import StoredLine
from emailint.routing.alias import alias_at
from emailint.routing.rules import reply_settings

if TYPE_CHECKING:
    from datetime import datetime

    from emailint.config.model import Alias, Config, Integration, ReplySettings
    from emailint.outbound.protocol import OutgoingMail
    from emailint.reply.policy import Standing
    from emailint.store.ledger import Ledger
    from emailint.store.records import Reply
    from emailint.templating import Templates


@dataclass(frozen=True, slots=True)
class Letter:
    """A reply with the configuration that is in force now."""

    config: Config
    integration: Integration
    reply: Reply
    stored: StoredLine

    @property
    def alias(self) -> Alias:
        """The alias that the mail was sent to, as it is configured now."""
        return alias_at(self.integration.aliases, self.reply.alias)

    @property
    def settings(self) -> ReplySettings:
        """How mail to this alias is answered, and what its rules said of this case."""
        return reply_settings(self.alias, self.stored.record)

    @property
    def paced(self) -> bool:
        """Whether the way out takes only so many a minute."""
        return self.settings.limit.per_minute is not None

    def standing(self, ledger: Ledger, now: datetime, begun_last_minute: int) -> Standing:
        """Age, rates and configuration looked at again, at the moment of sending."""
        pending = PendingReply(
            recipient=self.reply.recipient,
            received_at=self.reply.received_at,
            follow_up=self.stored.follow_up,
            dmarc=self.stored.dmarc,
        )
        return still_due(
            pending,
            ledger.rates(self.reply.recipient, now),
            self.settings,
            now,
            begun_last_minute=begun_last_minute,
            own_addresses=self.config.own_addresses,
        )

    def compose(self, templates: Templates, now: datetime) -> OutgoingMail:
        """The mail, ready to go. Raises TemplateError."""
        facts = ReplyFacts(
            message_id=self.reply.message_id,
            recipient=self.reply.recipient,
            mailbox=self.integration.mailbox,
            alias=self.reply.alias,
            date=now,
            marker=MARKER,
            null_sender=self.integration.outbound.null_sender,
            timezone=self.alias.timezone,
        )
        return compose(self.stored, self.settings, facts, templates)


def letter_for(config: Config, integration: Integration, reply: Reply) -> Letter:
    """The letter of a stored reply. Raises TemplateError where the stored line cannot be read."""
    try:
        return Letter(config, integration, reply, StoredLine.parse(reply.line))
    except ValueError as error:
        raise TemplateError(f"the stored line of case {reply.case_id} cannot be read") from error
