"""From a stored line to a mail that is ready to go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from emailint.errors import TemplateError
from emailint.outgoing import OutgoingMail, Written
from emailint.reply.checks import template_of
from emailint.reply.render import Addressed, Wording, render

if TYPE_CHECKING:
    from datetime import datetime

    from emailint.config.model import ReplySettings
    from emailint.reply.mime import Letter
    from emailint.reply.stored import StoredLine
    from emailint.templating import Templates


@dataclass(frozen=True, slots=True)
class ReplyFacts:
    """What a reply is made of besides the stored line and its template.

    `message_id`: the reply's own, decided when the mail was taken. `date`: aware, the Date header. `alias`:
    the address that the message was sent to. `null_sender`: the outbound takes the null reverse-path
    (sendmail and own SMTP servers do, the presets of providers do not). `marker`: the line above which an
    answer is to be written. `timezone`: in which times are told.
    """

    message_id: str
    recipient: str
    mailbox: str
    alias: str
    date: datetime
    marker: str
    null_sender: bool = True
    timezone: tzinfo = UTC


def compose(
    stored: StoredLine, settings: ReplySettings, facts: ReplyFacts, templates: Templates
) -> OutgoingMail:
    """The reply to a stored line, octet for octet the same for the same arguments.

    Raises TemplateError when the template is missing or wrong, or when what it makes is no mail.
    """
    from emailint.reply.mime import Letter, letter_bytes  # noqa: PLC0415 - email.policy only for a reply

    name = template_of(settings, follow_up=stored.follow_up)
    if name is None:
        raise TemplateError(f"case {stored.case_id}: no template is set for its reply, so none was made")
    wording = Wording(settings.language, facts.timezone, facts.date)
    rendered = render(templates, name, stored, Addressed(facts.alias, facts.mailbox), facts.marker, wording)
    letter = Letter(
        rendered=rendered,
        sender=settings.from_ or facts.mailbox,
        recipient=facts.recipient,
        reply_to=facts.alias,
        date=facts.date,
        message_id=facts.message_id,
        case_id=stored.case_id,
        answered=stored.message_id,
        references=stored.references,
    )
    return OutgoingMail(
        message_id=facts.message_id,
        envelope_from=envelope_from(settings, facts),
        recipient=facts.recipient,
        content=letter_bytes(letter),
        written=_written(letter, stored),
    )


def _written(letter: Letter, stored: StoredLine) -> Written:
    """The same for servers that make the mail themselves."""
    from emailint.reply.mime import sender_of  # noqa: PLC0415 - as above

    address = sender_of(letter)[1]
    return Written(
        subject=letter.rendered.subject,
        text=letter.rendered.text,
        html=letter.rendered.html,
        sender=address,
        reply_to=letter.reply_to if letter.reply_to.lower() != address.lower() else "",
        case_id=letter.case_id,
        answers=str(stored.message.get("locus") or ""),
    )


def envelope_from(settings: ReplySettings, facts: ReplyFacts) -> str:
    """The reverse-path: as configured, else null where the outbound takes it, else the mailbox."""
    if settings.envelope_from is not None:
        return "" if settings.envelope_from == "<>" else settings.envelope_from
    return "" if facts.null_sender else facts.mailbox
