"""The schema for editors: current, descriptive, and of one mind with `load`."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from emailint.config import schema as schema_module
from emailint.config.providers import PROVIDERS
from tests.unit.config.test_config_wrong import CASES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emailint.config.model import Config

    Load = Callable[..., Config]

CONTRACT = """\
store: data
env_file: .env
directory: directory.csv
templates: templates
case_prefix: CS
concurrency: 32
deadline: 50s
dedupe: mailbox
limits: {message_size: 35MB, attempts: 3, batch_messages: 50, batch_bytes: 16MB}
reply:
  template: case-confirm
  from: null
  envelope_from: null
  max_age: 2d
  require_dmarc: false
  follow_up_template: null
  limit: {address_hour: 5, address_day: 20, domain_hour: 100, public_domain_hour: 1000, per_minute: null}
follow_up: {max_age: 90d}
defaults: {}
x-common: &common {tokens: anyone}

integrations:
  - name: payroll
    enabled: true
    mailbox: payroll@bigtmepeo.com
    provider: gmail
    username: payroll@bigtmepeo.com
    password: ${PW}
    folder: INBOX
    since: 2026-11-01
    move_to: Processed
    aliases:
      - address: payroll@bigtmepeo.com
        default: true
        workspace: 1201
        always_use_default_workspace: false
        unknown_sender: accept
        automatic: case
        trust_reply_to: [noreply@forms.example.com]
        form: client_service_case
        case:
          category: Payroll
          case_type: Question
          priority: Medium
          status: New
          assigned_to: payroll-team
          due_in: 2d
          fields: {region: "{{ workspace }}"}
      - address: payroll+urgent@bigtmepeo.com
        workspace: 1201
        automatic: {bounce: ignore, auto_reply: case, list: case}
        case: {category: Payroll, priority: High, subject: "URGENT {{ message.subject }}"}
        <<: *common

  - name: benefits
    enabled: false
    mailbox: benefits@bigtmepeo.com
    protocol: graph
    oauth: {tenant: example.com, client_id: abc, client_secret: "${BENEFITS_SECRET}"}
    workspace: 1202

  - name: desk
    mailbox: desk@example.org
    host: mail.example.org
    tls: implicit
    ca_file: null
    port: ${PORT}
    authserv_id: mail.example.org
    password: {command: [pass, show, desk]}
    outbound: {type: smtp, host: mail.example.org, port: 465, tls: implicit}
    workspace: 1203

  - name: local
    mailbox: desk@localhost
    protocol: maildir
    path: data/maildir
    outbound: {type: folder, path: data/outbox}
    workspace: 1
"""


class Loader(yaml.SafeLoader):
    """YAML as editors read it: dates are text (YAML 1.2 core schema)."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def complaints(text: str) -> list[str]:
    """What an editor would underline."""
    document = yaml.load(text, Loader=Loader)  # noqa: S506 - a SafeLoader without dates
    return [
        error.message for error in jsonschema.Draft7Validator(schema_module.schema()).iter_errors(document)
    ]


def test_the_shipped_file_is_current() -> None:
    shipped = schema_module.FILE.read_text(encoding="utf-8")
    assert shipped == schema_module.text(), "run: python -m emailint.config.schema"


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(schema_module.schema())


def test_the_contract_is_valid_for_both(load_text: Load) -> None:
    assert complaints(CONTRACT) == []
    text = CONTRACT.replace("env_file: .env\n", "")
    config = load_text(text, environ={"PW": "x", "PORT": "993", "BENEFITS_SECRET": "y"})
    assert [integration.name for integration in config.integrations] == [
        "payroll",
        "benefits",
        "desk",
        "local",
    ]


KNOWN_TO_BOTH = (
    "top, unknown key",
    "top, concurrency of nothing",
    "top, deadline without unit",
    "top, dedupe unheard of",
    "top, limits as a list",
    "top, binary size",
    "top, template by path",
    "top, breaker without time",
    "top, address in defaults",
    "integration, unknown key",
    "integration, port zero",
    "integration, tls of old",
    "integration, provider unheard of",
    "integration, trust in a text",
    "integration, automatic of a person",
    "integration, field with a list",
    "integration, alias without address",
    "whole, nothing is said",
    "whole, password from elsewhere",
    "whole, password of no command",
    "whole, outbound unheard of",
)


@pytest.mark.parametrize("name", KNOWN_TO_BOTH)
def test_editors_see_what_a_schema_can_see(name: str) -> None:
    assert complaints(CASES[name])


def mappings(node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping of keys in the schema, by name."""
    yield "top", node
    yield from node["definitions"].items()


def test_every_key_is_described() -> None:
    for place, mapping in mappings(schema_module.schema()):
        assert mapping["additionalProperties"] is False
        assert mapping["description"]
        for name, key in mapping["properties"].items():
            assert key.get("description"), f"{place}.{name}"


def test_words_and_defaults_are_offered() -> None:
    integration = schema_module.schema()["definitions"]["IntegrationKeys"]["properties"]
    assert {"enum": list(PROVIDERS)} in integration["provider"]["anyOf"]
    assert {"enum": ["implicit", "starttls", "none"]} in integration["tls"]["anyOf"]
    assert integration["folder"]["default"] == "INBOX"
    assert integration["since"]["examples"] == ["2026-11-01"]


def test_defaults_in_the_schema_are_those_of_load(load_text: Load) -> None:
    """A default that editors show and `load` does not have would be a lie."""
    made = schema_module.schema()
    definitions = made["definitions"]

    def said(keys: dict[str, Any]) -> dict[str, Any]:
        return {name: key["default"] for name, key in keys["properties"].items() if "default" in key}

    least = {
        "name": "a",
        "mailbox": "a@b.c",
        "protocol": "maildir",
        "path": "m",
        "outbound": {"type": "none"},
    }
    alias = said(definitions["AliasKeys"]) | {
        "address": "a@b.c",
        "default": True,
        "case": said(definitions["CaseKeys"]),
        "reply": said(definitions["ReplyKeys"]) | {"limit": said(definitions["LimitKeys"])},
    }
    integration = said(definitions["IntegrationKeys"])
    del integration["tls"]  # means nothing for a maildir
    full = said(made) | {
        "limits": said(definitions["SweepLimitKeys"]),
        "follow_up": said(definitions["FollowUpKeys"]),
        "integrations": [{**integration, **least, "aliases": [alias]}],
    }
    bare = load_text(json.dumps({"integrations": [least]}))
    assert len(alias["reply"]["limit"]) == 5
    assert load_text(json.dumps(full)) == dataclasses.replace(bare, digest=load_text(json.dumps(full)).digest)
