"""The record that is made of a routed message."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from emailint.case import Case, FollowUp, message_block
from emailint.config.model import CaseDefaults
from emailint.errors import TemplateError
from emailint.routing.due import due_at
from emailint.routing.inline import with_stored_paths
from emailint.routing.sender import sender_of
from emailint.templating import render_field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from emailint.case import StoredAttachment
    from emailint.message.model import Address, InboundMessage
    from emailint.routing.alias import AliasMatch
    from emailint.routing.follow_up import Belongs
    from emailint.routing.route import FollowUpTo
    from emailint.routing.workspace import Workspace

FIELD_DEFECT = "case field"
"""How the defects of fields begin whose templates fail."""

_NOTHING = CaseDefaults()
NO_SUBJECT = "(no subject)"
SUBJECT_LENGTH = 1_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message and where and when it came to this program."""

    message: InboundMessage
    integration: str
    locus: str
    received_at: datetime | None
    created_at: datetime


def make_case(
    case_id: str,
    arrival: Arrival,
    match: AliasMatch,
    workspace: Workspace,
    attachments: tuple[StoredAttachment, ...],
    reply: tuple[str, str | None],
) -> Case:
    """The case of a message; `reply` is decision and reason. Field templates that fail become defects.

    `match` is as the field rules have left it (`rules.with_rules`).
    """
    message = arrival.message
    sender = sender_of(message, match.alias)
    told = _of_the_mail(case_id, arrival, match, attachments, reply)
    routed = _routed(told, match, workspace, sender)
    return _with_fields(routed, match, field_variables(message, sender, workspace.value))


def _of_the_mail(
    case_id: str,
    arrival: Arrival,
    match: AliasMatch,
    attachments: tuple[StoredAttachment, ...],
    reply: tuple[str, str | None],
) -> Case:
    """What the mail says; where it belongs stands open."""
    message = arrival.message
    return Case(
        case_id=case_id,
        created_at=arrival.created_at,
        integration=arrival.integration,
        alias=match.alias.address,
        alias_matched_by=match.matched_by,
        subject=message.subject[:SUBJECT_LENGTH] or NO_SUBJECT,
        issue=message.text,
        issue_quoted=message.quoted,
        issue_html=with_stored_paths(message.html, attachments),
        attachments=attachments,
        message=message_block(message, arrival.locus, arrival.received_at),
        kind=message.kind.value,
        signals=_signals(message),
        authentication=message.authentication,
        defects=message.defects,
        bounces=message.bounces,
        reply_decision=reply[0],
        reply_reason=reply[1],
    )


def _routed(case: Case, match: AliasMatch, workspace: Workspace, sender: Address | None) -> Case:
    """The case with its form and workspace, and with who sent it as the directory knows them."""
    return replace(
        case,
        form=match.alias.form,
        workspace=workspace.value,
        workspace_rule=workspace.rule,
        routing=workspace.trace,
        client_contact=workspace.client_contact,
        employee=workspace.employee,
        email_address=(sender.address or None) if sender else None,
        reported_by=workspace.reported_by or ((sender.name or sender.address or None) if sender else None),
        extra=_extra(match),
    )


def make_follow_up(
    followup_id: str,
    arrival: Arrival,
    belongs: Belongs | FollowUpTo,
    attachments: tuple[StoredAttachment, ...],
) -> FollowUp:
    """The follow-up that a message is, of the case that it belongs to."""
    message = arrival.message
    return FollowUp(
        case_id=belongs.case_id,
        followup_id=followup_id,
        created_at=arrival.created_at,
        integration=arrival.integration,
        issue=message.text,
        issue_quoted=message.quoted,
        issue_html=with_stored_paths(message.html, attachments),
        message=message_block(message, arrival.locus, arrival.received_at),
        kind=message.kind.value,
        signals=_signals(message),
        authentication=message.authentication,
        defects=message.defects,
        matched_by=belongs.matched_by,
        bounces=message.bounces,
        attachments=attachments,
    )


def _signals(message: InboundMessage) -> tuple[str, ...]:
    return tuple(dict.fromkeys(signal.source for signal in message.signals))


def with_related(case: Case, related_case: str | None) -> Case:
    """The case with another one that its mail speaks of, if any."""
    return case if related_case is None else replace(case, extra={"related_case": related_case, **case.extra})


def _extra(match: AliasMatch) -> dict[str, Any]:
    """Fields that only some cases have."""
    found: dict[str, Any] = {}
    if match.others:
        found["other_aliases"] = list(match.others)
    if match.rules:
        found["rules"] = list(match.rules)
    if match.reply_template:
        found["reply_template"] = match.reply_template
    return found


def field_variables(
    message: InboundMessage, sender: Address | None, workspace: int | str | None
) -> dict[str, Any]:
    """What templates of case fields may name: `message`, `sender`, `workspace`."""
    return {
        "message": {
            "subject": message.subject or NO_SUBJECT,
            "text": message.text,
            "message_id": message.message_id or "",
            "kind": message.kind.value,
            "language": message.language or "",
        },
        "sender": {"name": sender.name if sender else "", "address": sender.address if sender else ""},
        "workspace": "" if workspace is None else workspace,
    }


def _with_fields(case: Case, match: AliasMatch, variables: Mapping[str, Any]) -> Case:
    """The case with what the alias maps onto it."""
    mapped, defects = match.alias.case, list(case.defects)
    if mapped == _NOTHING:
        return case

    def value(name: str, template: str | None, fallback: str | None) -> str | None:
        try:
            return fallback if template is None else render_field(template, variables)
        except TemplateError as error:
            defects.append(f"{FIELD_DEFECT} {name}: {error}")
            return fallback

    fields = {
        name: value(f"fields.{name}", given, None) if isinstance(given, str) else given
        for name, given in mapped.fields.items()
    }
    return replace(
        case,
        subject=value("subject", mapped.subject, None) or case.subject,
        category=value("category", mapped.category, None),
        case_type=value("case_type", mapped.case_type, None),
        priority=value("priority", mapped.priority, None) or case.priority,
        status=value("status", mapped.status, None) or case.status,
        assigned_to=value("assigned_to", mapped.assigned_to, None),
        due_at=due_at(case.created_at, mapped.due_in, match.alias.timezone, match.alias.holidays),
        fields=fields,
        defects=tuple(defects),
    )
