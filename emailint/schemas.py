"""JSON Schemas (2020-12) of the records: what `emailint schema case|follow-up|error` prints.

They describe what `case.py` writes. Within one `schema` number fields are only ever added, so no schema
forbids fields that it does not know.
"""

from __future__ import annotations

from typing import Any, Final

_Schema = dict[str, Any]


def _text(description: str, **more: Any) -> _Schema:
    return {"type": "string", "description": description, **more}


def _maybe(description: str, **more: Any) -> _Schema:
    return {"type": ["string", "null"], "description": description, **more}


def _count(description: str, least: int = 0) -> _Schema:
    return {"type": "integer", "minimum": least, "description": description}


def _list(items: _Schema, description: str) -> _Schema:
    return {"type": "array", "items": items, "description": description}


def _record(properties: _Schema, description: str, **more: Any) -> _Schema:
    """An object all of whose properties are always there."""
    return {
        "type": "object",
        "description": description,
        "required": list(properties),
        "properties": properties,
        **more,
    }


_STAMP: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"
_MOMENT: Final = {"format": "date-time", "pattern": _STAMP}
_DIGEST: Final = {"pattern": "^[0-9a-f]{64}$"}
_WORKSPACE: Final = ["integer", "string", "null"]

ADDRESS: Final = _record(
    {
        "name": _text("the display name, decoded, on one line; may be empty"),
        "address": _text("the addr-spec as it stands in the mail (RFC 5322 section 3.4.1); may be empty"),
    },
    "a name and an address",
)

ATTACHMENT: Final = _record(
    {
        "name": _text("the file name that the sender gave; never used as a path"),
        "path": _text("where the octets lie, relative to the store folder"),
        "content_type": _text("the media type that the sender gave"),
        "size": _count("octets, transfer-decoded"),
        "sha256": _text("SHA-256 of the octets, in hex", **_DIGEST),
        "inline": {"type": "boolean", "description": "whether it is shown within the text (an image, say)"},
        "content_id": _maybe("the Content-ID by which the HTML refers to it, without brackets"),
    },
    "one attachment",
)

BOUNCES: Final = _list(
    _record(
        {
            "recipient": _text("whom it did not reach; may be empty"),
            "status": _maybe("the status code (RFC 3463), where the report gives one"),
            "diagnostic": _maybe("the reason in the words of the mail system"),
            "original_message_id": _maybe("the Message-ID of the mail that came back"),
        },
        "one failed recipient",
    ),
    "only in delivery reports: whom they name",
)

MESSAGE: Final = _record(
    {
        "message_id": _maybe("Message-ID as it stands, or null where there is none"),
        "subject": _text('The sender\'s own Subject, decoded, "" where there is none'),
        "in_reply_to": _maybe("the first id of In-Reply-To"),
        "references": _list(_text("a Message-ID"), "the ids of References, oldest first"),
        "date": _maybe("Date in UTC; null where there is none that can be read", **_MOMENT),
        "received_at": _maybe("when the server took the mail (ages are counted from here)", **_MOMENT),
        "from": {"anyOf": [ADDRESS, {"type": "null"}], "description": "the first address of From"},
        "reply_to": _list(ADDRESS, "the addresses of Reply-To"),
        "to": _list(ADDRESS, "the addresses of To"),
        "cc": _list(ADDRESS, "the addresses of Cc"),
        "size": _count("octets of the whole mail"),
        "raw_sha256": _text("SHA-256 of the mail's octets, in hex", **_DIGEST),
        "locus": _text("where the mail was when it was first seen (an RFC 5092 URL for IMAP)"),
        "fingerprint": _text(
            "what the mail is: a digest of identity headers and parts, version before the colon"
        ),
        "language": _text("the first language that Content-Language names (RFC 3282), where it names one"),
    },
    "the mail that it was made of",
)
MESSAGE["required"].remove("language")

AUTHENTICATION: Final = _record(
    {
        "dmarc": _maybe("the DMARC verdict of the trusted server, or null where it gave none"),
        "spf": _maybe("the SPF verdict of the trusted server, or null where it gave none"),
        "dkim": _maybe("the DKIM verdict of the trusted server, or null where it gave none"),
    },
    "what the mailbox's own server says of the sender (RFC 8601)",
)

KIND: Final = {
    "enum": ["person", "auto_reply", "bounce", "list", "feedback", "own"],
    "description": "who or what wrote the mail",
}

_READING: Final[_Schema] = {
    "issue": _text("what the sender wrote now, without the quoted history"),
    "issue_quoted": _text("the quoted history; the two together hold all text of the mail"),
    "issue_html": _maybe("the HTML of the mail, cleaned; null where it had none"),
}
_JUDGEMENT: Final[_Schema] = {
    "kind": KIND,
    "signals": _list(_text("a header, `subject` or `body`"), "what says that the mail is automatic"),
    "authentication": AUTHENTICATION,
    "defects": _list(_text("one defect, in words"), "what was wrong with the mail and how it was read"),
}
_NUMBER: Final[_Schema] = {"const": 1, "description": "the version of this schema"}

CASE: Final = _record(
    {
        "schema": _NUMBER,
        "case_id": _text(
            "the id, in the order in which cases were made", pattern="^[A-Za-z][A-Za-z0-9]*-[0-9]{6,}$"
        ),
        "form": _text("the form of the case, as the alias says"),
        "created_at": _text("when the case was made, in UTC", **_MOMENT),
        "integration": _text("the integration whose mailbox the mail came to"),
        "alias": _maybe("the alias whose rules were followed"),
        "alias_matched_by": _text("the header in which the alias's address stands, or `default`"),
        "workspace": {"type": _WORKSPACE, "description": "the client account that the case belongs to"},
        "workspace_rule": _maybe("the rule that gave the workspace"),
        "routing": _list(
            _record(
                {
                    "rule": _text("the rule"),
                    "result": {"type": ["integer", "string"], "description": "what it answered"},
                },
                "one rule",
            ),
            "all workspace rules that were tried, in order",
        ),
        "client_contact": _maybe("the directory's id of the contact who wrote"),
        "employee": _maybe("the directory's id of the employee who wrote"),
        "email_address": _maybe("the address of the sender"),
        "reported_by": _maybe("the name of the sender, or the address where there is none"),
        "subject": _text("the subject, or `(no subject)`"),
        **_READING,
        "communication_method": _text("`Email Integration`"),
        "category": _maybe("as the alias says"),
        "case_type": _maybe("as the alias says"),
        "priority": _text("Medium unless the alias says otherwise"),
        "status": _text("New unless the alias says otherwise"),
        "assigned_to": _maybe("as the alias says"),
        "due_at": _maybe("when it is due, in UTC", **_MOMENT),
        "fields": {"type": "object", "description": "fields of one's own, as the alias says"},
        "attachments": _list(ATTACHMENT, "the attachments, in the order of the mail"),
        "message": MESSAGE,
        **_JUDGEMENT,
        "reply": _record(
            {
                "decision": {
                    "enum": ["respond", "withhold"],
                    "description": "whether a reply was due when the case was made",
                },
                "reason": _maybe("why not; null for respond"),
            },
            "what was decided about the confirmation",
        ),
        "related_case": _text("another case that the mail speaks of, without belonging to it for certain"),
        "other_aliases": _list(_text("an address"), "further aliases of the mailbox that the mail names"),
        "rules": _list(_text("a name"), "the field rules that took effect, in order"),
        "reply_template": _text("the reply's template where a field rule named one, or `none`"),
        "bounces": BOUNCES,
    },
    "one case: one line of cases.jsonl",
)
for _name in ("related_case", "other_aliases", "rules", "reply_template", "bounces"):
    CASE["required"].remove(_name)

FOLLOW_UP: Final = _record(
    {
        "schema": _NUMBER,
        "case_id": _text("the case that it belongs to"),
        "followup_id": _text("the id of this follow-up"),
        "created_at": _text("when it was taken in, in UTC", **_MOMENT),
        "integration": _text("the integration whose mailbox the mail came to"),
        **_READING,
        "attachments": _list(ATTACHMENT, "the attachments, in the order of the mail"),
        "message": MESSAGE,
        **_JUDGEMENT,
        "matched_by": _text("what tied it to the case"),
        "bounces": BOUNCES,
    },
    "one message that belongs to a case that exists: one line of followups.jsonl",
)
FOLLOW_UP["required"].remove("bounces")

ERROR: Final = _record(
    {
        "schema": _NUMBER,
        "error_id": _text("the same for the same trouble, however often it comes"),
        "event": {
            "enum": ["opened", "repeated", "closed"],
            "description": "repeated is written at the 10th, 100th, 1,000th … time",
        },
        "at": _text("when, in UTC", **_MOMENT),
        "kind": _text("what went wrong, one of the kinds of the documentation", pattern="^[a-z_]+$"),
        "scope": {"enum": ["run", "integration", "message"], "description": "how wide the trouble is"},
        "transient": {"type": "boolean", "description": "whether trying again can help"},
        "integration": _maybe("the integration, where it is about one"),
        "mailbox": _maybe("the address of its mailbox"),
        "locus": _maybe("where the mail is, where it is about one"),
        "message_id": _maybe("Message-ID of that mail"),
        "subject": _maybe("subject of that mail"),
        "case_id": _maybe("the case, where there is one"),
        "message": _text("what failed, where, and what became of the mail"),
        "hint": _text("what to do about it; may be empty"),
        "detail": _text("the stack, without secrets; may be empty"),
        "attempt": _count("which attempt at this mail it was", 1),
        "count": _count("how often it has come so far", 1),
    },
    "one event of an error: one line of errors.jsonl",
)

SCHEMAS: Final = {"case": CASE, "follow-up": FOLLOW_UP, "error": ERROR}


def document(name: str) -> _Schema:
    """The whole JSON Schema document of `case`, `follow-up` or `error`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"emailint {name}, schema 1",
        **SCHEMAS[name],
    }
