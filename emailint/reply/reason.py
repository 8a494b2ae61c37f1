"""Why a mail is not answered: the words of `reply.reason` in a case."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Each member carries what it rests on (`citation`) and what it means for people (`text`)."""

    citation: str
    text: str

    def __new__(cls, value: str, citation: str, text: str) -> Self:
        """The value is the word in the record; citation and text are for `explain` and the documents."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.citation = citation
        member.text = text
        return member

    NULL_SENDER = "null_sender", "RFC 3834 section 2", "the envelope sender is empty, as that of a bounce"
    AUTOMATED_SENDER = (
        "automated_sender",
        "RFC 3834 section 2",
        "the sender's address belongs to a program (mailer-daemon, no-reply, owner-..., ...-request)",
    )
    AUTO_SUBMITTED = "auto_submitted", "RFC 3834 section 5", "Auto-Submitted says that no person sent it"
    REPORT = "report", "RFC 6522 section 3", "it is a report about delivery, reading or abuse"
    LIST = "list", "RFC 3834 section 2, RFC 2369, RFC 2919", "it came through a list or in bulk"
    SUPPRESSED_BY_SENDER = (
        "suppressed_by_sender",
        "MS-OXCMAIL section 2.1.3.2.20",
        "X-Auto-Response-Suppress asks for no automatic reply",
    )
    MACHINE = "machine", "RFC 3834 section 2", "other headers or its text say that a program wrote it"
    OWN_ADDRESS = "own_address", "RFC 3834 section 2", "it came from this program or one of its own addresses"
    NOT_ADDRESSED = "not_addressed", "RFC 5230 section 4.5", "none of our addresses is in To, Cc or Resent-To"
    DMARC = "dmarc", "RFC 7489 section 6.6, RFC 8601", "require_dmarc is set and the verdict is not pass"
    BREAKER = "breaker", "RFC 3834 section 2", "too many cases of this mailbox in a short time"
    OLD = "old", "RFC 3834 section 2", "it was received longer ago than max_age"
    NO_TEMPLATE = "no_template", "configuration", "no template is set for it"
    NO_OUTBOUND = "no_outbound", "configuration", "the integration has no outbound"
    NO_SENDER = "no_sender", "RFC 5322 section 3.6.2", "there is no address in From"
    SEVERAL_SENDERS = "several_senders", "RFC 5322 section 3.6.2", "there are several addresses to answer"
    AMBIGUOUS_SENDER = (
        "ambiguous_sender",
        "RFC 5322 section 3.4",
        "the display name holds another address than the sender's",
    )
    MALFORMED_SENDER = "malformed_sender", "RFC 5321 section 4.1.2", "the sender's address is not usable"
    ANSWERED_ELSEWHERE = (
        "answered_elsewhere",
        "RFC 3834 section 2",
        "the same mail was answered in another mailbox",
    )
    NOT_READ = (
        "not_read",
        "RFC 3834 section 2",
        "the mail could not be read, so nothing is known of its sender",
    )
    REPLIES_OFF = "replies_off", "command line", "the sweep ran with --no-replies"
    ADOPTED = "adopted", "command line", "it was taken up by audit --adopt, which answers only with --replies"
    ADDRESS_HOUR = "address_hour", "RFC 3834 section 2", "this address had its replies of the hour"
    ADDRESS_DAY = "address_day", "RFC 3834 section 2", "this address had its replies of the day"
    DOMAIN_HOUR = "domain_hour", "RFC 3834 section 2", "this domain had its replies of the hour"
