"""The records that other programs read: case, follow-up, error; and their exact JSON lines.

Names and order of the fields are a contract (`emailint schema case|follow-up|error`). Within one `schema`
number fields are only ever added.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emailint.message.model import Address, Authentication, Bounce, InboundMessage

SCHEMA = 1


_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def stamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with whole seconds, `2026-11-24T18:00:05Z`; None stays None."""
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def json_line(record: Mapping[str, Any]) -> bytes:
    """One ASCII line, newline at its end and nowhere else (lone surrogates come out as escapes)."""
    return _ENCODER.encode(record).encode("ascii") + b"\n"


@dataclass(frozen=True, slots=True)
class StoredAttachment:
    """An attachment as it lies in the store; `path` is relative to the store folder."""

    name: str
    path: str
    content_type: str
    size: int
    sha256: str
    inline: bool = False
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """One routing rule and what it answered."""

    rule: str
    result: int | str


@dataclass(frozen=True, slots=True)
class Case:
    """One line of `cases.jsonl`. `message` is the block that `message_block` makes."""

    case_id: str
    created_at: datetime
    integration: str
    alias: str | None
    alias_matched_by: str
    subject: str
    issue: str
    issue_quoted: str
    issue_html: str | None
    message: Mapping[str, Any]
    kind: str
    signals: tuple[str, ...]
    authentication: Authentication
    defects: tuple[str, ...]
    reply_decision: str
    reply_reason: str | None
    form: str = "client_service_case"
    workspace: int | str | None = None
    workspace_rule: str | None = None
    routing: tuple[Trace, ...] = ()
    client_contact: str | None = None
    employee: str | None = None
    email_address: str | None = None
    reported_by: str | None = None
    communication_method: str = "Email Integration"
    category: str | None = None
    case_type: str | None = None
    priority: str = "Medium"
    status: str = "New"
    assigned_to: str | None = None
    due_at: datetime | None = None
    attachments: tuple[StoredAttachment, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    bounces: tuple[Bounce, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """The line as a mapping, in the documented order; `extra` (say `related_case`) comes last."""
        return {
            "schema": SCHEMA,
            "case_id": self.case_id,
            "form": self.form,
            "created_at": stamp(self.created_at),
            "integration": self.integration,
            "alias": self.alias,
            "alias_matched_by": self.alias_matched_by,
            "workspace": self.workspace,
            "workspace_rule": self.workspace_rule,
            "routing": [{"rule": step.rule, "result": step.result} for step in self.routing],
            "client_contact": self.client_contact,
            "employee": self.employee,
            "email_address": self.email_address,
            "reported_by": self.reported_by,
            "subject": self.subject,
            "issue": self.issue,
            "issue_quoted": self.issue_quoted,
            "issue_html": self.issue_html,
            "communication_method": self.communication_method,
            "category": self.category,
            "case_type": self.case_type,
            "priority": self.priority,
            "status": self.status,
            "assigned_to": self.assigned_to,
            "due_at": stamp(self.due_at),
            "fields": dict(self.fields),
            "attachments": [attachment_record(stored) for stored in self.attachments],
            "message": dict(self.message),
            "kind": self.kind,
            "signals": list(self.signals),
            "authentication": authentication_record(self.authentication),
            "defects": list(self.defects),
            "reply": {"decision": self.reply_decision, "reason": self.reply_reason},
            **bounces_record(self.bounces),
            **self.extra,
        }


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One line of `followups.jsonl`: a message that belongs to a case that exists."""

    case_id: str
    followup_id: str
    created_at: datetime
    integration: str
    issue: str
    issue_quoted: str
    issue_html: str | None
    message: Mapping[str, Any]
    kind: str
    signals: tuple[str, ...]
    authentication: Authentication
    defects: tuple[str, ...]
    matched_by: str
    attachments: tuple[StoredAttachment, ...] = ()
    bounces: tuple[Bounce, ...] = ()

    def record(self) -> dict[str, Any]:
        """The line as a mapping, in the documented order."""
        return {
            "schema": SCHEMA,
            "case_id": self.case_id,
            "followup_id": self.followup_id,
            "created_at": stamp(self.created_at),
            "integration": self.integration,
            "issue": self.issue,
            "issue_quoted": self.issue_quoted,
            "issue_html": self.issue_html,
            "attachments": [attachment_record(stored) for stored in self.attachments],
            "message": dict(self.message),
            "kind": self.kind,
            "signals": list(self.signals),
            "authentication": authentication_record(self.authentication),
            "defects": list(self.defects),
            "matched_by": self.matched_by,
            **bounces_record(self.bounces),
        }


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """One line of `errors.jsonl`. `error_id` is the same for the same trouble."""

    error_id: str
    event: str
    at: datetime
    kind: str
    scope: str
    transient: bool
    message: str
    hint: str = ""
    integration: str | None = None
    mailbox: str | None = None
    locus: str | None = None
    message_id: str | None = None
    subject: str | None = None
    case_id: str | None = None
    detail: str = ""
    attempt: int = 1
    count: int = 1

    def record(self) -> dict[str, Any]:
        """The line as a mapping, in the documented order."""
        return {
            "schema": SCHEMA,
            "error_id": self.error_id,
            "event": self.event,
            "at": stamp(self.at),
            "kind": self.kind,
            "scope": self.scope,
            "transient": self.transient,
            "integration": self.integration,
            "mailbox": self.mailbox,
            "locus": self.locus,
            "message_id": self.message_id,
            "subject": self.subject,
            "case_id": self.case_id,
            "message": self.message,
            "hint": self.hint,
            "detail": self.detail,
            "attempt": self.attempt,
            "count": self.count,
        }


def attachment_record(stored: StoredAttachment) -> dict[str, Any]:
    """One element of `attachments`."""
    return {
        "name": stored.name,
        "path": stored.path,
        "content_type": stored.content_type,
        "size": stored.size,
        "sha256": stored.sha256,
        "inline": stored.inline,
        "content_id": stored.content_id,
    }


def authentication_record(verdicts: Authentication) -> dict[str, str | None]:
    """The block `authentication`."""
    return {"dmarc": verdicts.dmarc, "spf": verdicts.spf, "dkim": verdicts.dkim}


def bounces_record(bounces: tuple[Bounce, ...]) -> dict[str, list[dict[str, str | None]]]:
    """The block `bounces`, which only a delivery report has: whom it names, and why."""
    if not bounces:
        return {}
    return {
        "bounces": [
            {
                "recipient": bounce.recipient,
                "status": bounce.status,
                "diagnostic": bounce.diagnostic,
                "original_message_id": bounce.original_message_id,
            }
            for bounce in bounces
        ]
    }


def message_block(message: InboundMessage, locus: str, received_at: datetime | None) -> dict[str, Any]:
    """The block `message` of a case or follow-up."""
    first = message.senders[0] if message.senders else None
    return {
        "message_id": message.message_id,
        "subject": message.subject,
        "in_reply_to": message.in_reply_to[0] if message.in_reply_to else None,
        "references": list(message.references),
        "date": stamp(message.date),
        "received_at": stamp(received_at),
        "from": _address(first) if first else None,
        "reply_to": [_address(address) for address in message.reply_to],
        "to": [_address(address) for address in message.recipients.get("To", ())],
        "cc": [_address(address) for address in message.recipients.get("Cc", ())],
        "size": message.size,
        "raw_sha256": message.raw_sha256,
        "locus": locus,
        "fingerprint": message.fingerprint,
        **({"language": message.language} if message.language else {}),
    }


def _address(address: Address) -> dict[str, str]:
    return {"name": address.name, "address": address.address}
