"""The JSON Schemas say what is written: every field, and what it means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from emailint import case, schemas
from emailint.message.model import Address, Authentication, InboundMessage, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)
ADDRESS = Address("Ann Lee", "ann@example.com")
MESSAGE = InboundMessage(
    fingerprint="1:" + "0" * 64,
    raw_sha256="0" * 64,
    size=1200,
    message_id="<a@example.com>",
    in_reply_to=("<b@example.com>",),
    references=("<b@example.com>",),
    date=NOW,
    senders=(ADDRESS,),
    reply_to=(ADDRESS,),
    recipients={"To": (ADDRESS,), "Cc": (ADDRESS,)},
)
BARE = InboundMessage(fingerprint="1:" + "0" * 64, raw_sha256="0" * 64, size=0)
ATTACHMENT = case.StoredAttachment("slip.pdf", "attachments/x/1.pdf", "application/pdf", 9, "0" * 64)


def a_case(message: InboundMessage = MESSAGE, **fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "case_id": "CS-000042",
        "created_at": NOW,
        "integration": "payroll",
        "alias": "payroll@example.org",
        "alias_matched_by": "To",
        "workspace": 1201,
        "workspace_rule": "alias",
        "email_address": "ann@example.com",
        "reported_by": "Ann Lee",
        "subject": "Hours",
        "issue": "text",
        "issue_quoted": "",
        "issue_html": None,
        "message": case.message_block(message, "maildir:/x/1", NOW),
        "kind": "person",
        "signals": (),
        "authentication": Authentication(),
        "defects": (),
        "reply_decision": "respond",
        "reply_reason": None,
    }
    return case.Case(**(given | fields)).record()


def a_follow_up(**fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "case_id": "CS-000042",
        "followup_id": "CS-000042-1",
        "created_at": NOW,
        "integration": "payroll",
        "issue": "text",
        "issue_quoted": "",
        "issue_html": "<p>text</p>",
        "message": case.message_block(MESSAGE, "maildir:/x/1", NOW),
        "kind": "person",
        "signals": ("Auto-Submitted",),
        "authentication": Authentication("pass", "pass", "fail"),
        "defects": ("no Date",),
        "matched_by": "In-Reply-To",
        "attachments": (ATTACHMENT,),
    }
    return case.FollowUp(**(given | fields)).record()


def an_error(**fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "error_id": "e1",
        "event": "opened",
        "at": NOW,
        "kind": "login_refused",
        "scope": "integration",
        "transient": False,
        "message": "refused",
    }
    return case.ErrorRecord(**(given | fields)).record()


RECORDS = [
    ("case", a_case()),
    (
        "case",
        a_case(BARE, alias=None, workspace=None, workspace_rule=None, email_address=None, reported_by=None),
    ),
    (
        "case",
        a_case(
            attachments=(ATTACHMENT,),
            workspace="north",
            routing=(case.Trace("alias", 1201), case.Trace("token", "no token")),
            due_at=NOW,
            fields={"region": "N", "n": 1},
            extra={"related_case": "CS-000001"},
            reply_decision="withhold",
            reply_reason="list",
        ),
    ),
    ("follow-up", a_follow_up()),
    ("error", an_error()),
    ("error", an_error(integration="payroll", mailbox="a@example.org", locus="x", case_id="CS-1", count=10)),
]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each property's schema, with its path."""
    for name, each in schema.get("properties", {}).items():
        yield f"{path}.{name}", each
        yield from nodes(each, f"{path}.{name}")
    if "items" in schema:
        yield f"{path}[]", schema["items"]
        yield from nodes(schema["items"], f"{path}[]")
    for each in schema.get("anyOf", []):
        yield from nodes(each, path)


@pytest.mark.parametrize(("name", "record"), RECORDS)
def test_what_is_written_is_what_the_schema_says(name: str, record: dict[str, Any]) -> None:
    written = json.loads(case.json_line(record))
    Draft202012Validator(schemas.document(name)).validate(written)


@pytest.mark.parametrize(("name", "record"), RECORDS)
def test_the_schema_knows_every_field_that_is_written(name: str, record: dict[str, Any]) -> None:
    strict = closed(schemas.document(name))
    Draft202012Validator(strict).validate(json.loads(case.json_line(record)))


def closed(schema: Any) -> Any:
    """The same schema, but with no property allowed that it does not name."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {key: closed(value) for key, value in schema.items()}
    return shut | {"additionalProperties": False} if "properties" in schema and "required" in schema else shut


@pytest.mark.parametrize("name", schemas.SCHEMAS)
def test_it_is_a_schema_and_explains_every_field(name: str) -> None:
    document = schemas.document(name)
    Draft202012Validator.check_schema(document)
    silent = [path for path, schema in nodes(document) if not schema.get("description")]
    assert silent == []
    assert len(list(nodes(document))) > 15


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("case", {"created_at": "2026-11-24 18:00"}),
        ("case", {"kind": "robot"}),
        ("case", {"case_id": "42"}),
        ("case", {"schema": 2}),
        ("case", {"attachments": [{"name": "x"}]}),
        ("follow-up", {"message": {}}),
        ("error", {"count": 0}),
        ("error", {"event": "gone"}),
    ],
)
def test_it_refuses_what_is_not_so(name: str, change: dict[str, Any]) -> None:
    record = next(record for kind, record in RECORDS if kind == name) | change
    assert list(Draft202012Validator(schemas.document(name)).iter_errors(record))


@pytest.mark.parametrize("name", ["case", "follow-up", "error"])
def test_the_order_of_the_fields_is_that_of_the_lines(name: str) -> None:
    record = next(record for kind, record in RECORDS if kind == name)
    order = [field for field in schemas.SCHEMAS[name]["properties"] if field in record]
    assert order == list(record)


def test_every_kind_of_mail_is_named() -> None:
    assert schemas.KIND["enum"] == [kind.value for kind in Kind]
