"""What is told of a message: its line in the report, and the error of one that needs a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emailint.errors import (
    Held,
    MessageError,
    Quarantined,
    RepliesStopped,
    ReplyBounced,
    TemplateError,
    Undelivered,
)
from emailint.message.model import Kind
from emailint.reply.reason import Reason
from emailint.routing.record import FIELD_DEFECT
from emailint.sweep.result import MessageResult
from emailint.sweep.troubles import About

if TYPE_CHECKING:
    from emailint.config.model import Integration
    from emailint.errors import SourceError
    from emailint.message.model import InboundMessage
    from emailint.sweep.mailbox import Read
    from emailint.sweep.plans import Plan
    from emailint.sweep.run import Tally
    from emailint.sweep.troubles import Troubles

BREAKER = f"withheld: {Reason.BREAKER}"
"""What is said of a reply that the breaker holds back."""


def result(plan: Plan, outcome: str, *, case_id: str | None = None, detail: str = "") -> MessageResult:
    """What the report says of a message."""
    sender = plan.message.senders[0] if plan.message.senders else None
    match = plan.route.match
    return MessageResult(
        integration=plan.integration,
        locus=plan.read.ref.locus,
        outcome=outcome,
        subject=plan.message.subject,
        sender=sender.address if sender else "",
        case_id=case_id,
        alias=match.alias.address if match else None,
        kind=plan.message.kind.value,
        detail=detail,
    )


def trouble(plan: Plan, result: MessageResult) -> MessageError | None:
    """What is told of a mail that asks for a person's attention; None for any other."""
    match result.outcome:
        case "quarantined":
            return _quarantine(plan)
        case "held":
            return _hold(result)
        case "follow_ups" if plan.message.kind is Kind.BOUNCE:
            return _bounced(plan.message, result)
        case _:
            return None


def broken_field(result: MessageResult) -> TemplateError | None:
    """What is told where a field of a case could not be made."""
    if result.outcome != "cases" or not result.detail.startswith(FIELD_DEFECT):
        return None
    return TemplateError(
        f"alias {result.alias}: {result.detail}; its cases are made without this field",
        hint="`emailint check` names all templates that are wrong",
    )


def fields(result: MessageResult, troubles: Troubles, integration: Integration, tally: Tally) -> None:
    """Fields that could not be made are an error of their alias, until a case has all of them."""
    if result.outcome != "cases":
        return
    broken, about_alias = broken_field(result), About(key=f"{integration.name}: fields of {result.alias}")
    if broken is None:
        troubles.close_key(about_alias.key)
    else:
        tally.error = str(broken)
        troubles.report(broken, integration, about_alias)


def stopped(integration: Integration) -> RepliesStopped:
    """One error for all replies that the breaker holds back."""
    return RepliesStopped(
        f"integration {integration.name!r} makes more cases at once than its breaker allows;"
        " the cases are made, but their senders get no reply",
        hint="look for a loop or a flood; reply.limit.breaker sets the bound",
    )


def undelivered(error: SourceError, attempts: int) -> Undelivered:
    """What is told of a mail that its server does not give, while it gives others."""
    return Undelivered(
        f"the server lists a mail and does not give it: {error}; it stays unread, and each sweep asks for it"
        " again, after all others",
        hint="open it in the mailbox; what cannot be opened there either can only be deleted. After"
        f" {attempts} sweeps in which the server gave other mail, a case is made of its headers",
    )


def _quarantine(plan: Plan) -> Quarantined:
    if isinstance(plan.read.failure, Undelivered):
        return Quarantined(
            f"a mail is quarantined that its server does not give: {plan.read.failure}; its case holds its"
            " headers, as far as they could be had; the mail stays in its folder, marked read",
            hint="open it in the mailbox; `emailint retry` with the id of this error, or --quarantined for"
            " all such mail, asks the server for it again and adds it to its case",
        )
    return Quarantined(
        f"a mail could not be read and is quarantined: {plan.read.failure}; its case holds its headers and,"
        " as an attachment, the whole mail",
        hint="read the attachment by hand, and please report the mail as a bug; with a later version"
        " `emailint retry --quarantined` reads it again",
    )


def _bounced(message: InboundMessage, result: MessageResult) -> ReplyBounced | None:
    """A failure; a mere delay is a follow-up like any other."""
    if not message.bounces:
        return None
    failed = message.bounces[0]
    status = f" ({failed.status})" if failed.status else ""
    return ReplyBounced(
        f"the reply to case {result.case_id} was not delivered to"
        f" {failed.recipient or 'its reader'}{status}: {failed.diagnostic or 'no reason is given'};"
        " the report is kept as a follow-up of the case",
        hint="find another way to the sender, then `emailint dismiss` with the id of this error",
    )


def _hold(result: MessageResult) -> Held:
    return Held(
        f"a mail is held: {result.detail}; its octets are kept and it is marked read",
        hint="change the configuration or the directory, then `emailint retry` with the id of this error,"
        " or with --held for all that is held",
    )


def about(plan: Plan, result: MessageResult) -> About:
    """The message and the case that an error is about."""
    return About(
        key=result.case_id or plan.read.ref.locus,
        locus=plan.read.ref.locus,
        message_id=plan.message.message_id,
        subject=plan.message.subject,
        case_id=result.case_id,
    )


def failure(integration: Integration, read: Read, detail: str) -> MessageResult:
    """What the report says of a message that could not be read this time."""
    return MessageResult(integration.name, read.ref.locus, "failed", detail=detail)
