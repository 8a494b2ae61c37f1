"""Field rules: each condition, each pair of them, first or all, and what they set."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import combinations
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from emailint.config.model import Alias, CaseDefaults, ReplySettings
from emailint.config.patterns import sender_pattern, text_pattern
from emailint.config.rules import BusinessDays, FieldRule, Hours, When
from emailint.message.model import Attachment, Kind
from emailint.routing.alias import AliasMatch
from emailint.routing.rules import Subject, changed, origins, reply_settings, variants, with_rules
from tests.support.routing import addresses, message

DESK = Alias("desk@example.org", case=CaseDefaults(category="General", fields={"a": 1, "b": 2}))
# a Tuesday, 13:30 in New York
NOW = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
PDF = Attachment("slip.pdf", "application/pdf", b"")
LOGO = Attachment("logo.png", "image/png", b"", inline=True)
MAIL = message("Ann <ann@client.example>", subject="Invoice INV-7", text="please pay", attachments=(PDF,))


def texts(*sources: str) -> tuple[Any, ...]:
    return tuple(text_pattern(source) for source in sources)


def senders(*sources: str) -> tuple[Any, ...]:
    return tuple(sender_pattern(source) for source in sources)


def rule(
    name: str = "r", when: When | None = None, reply: dict[str, Any] | None = None, **case: Any
) -> FieldRule:
    return FieldRule(name, when or When(), MappingProxyType(case), MappingProxyType(reply or {}))


def applied(
    *rules: FieldRule, mail: Any = MAIL, workspace: int | str | None = 1201, **alias: Any
) -> AliasMatch:
    match = AliasMatch(replace(DESK, rules=rules, **alias), "To")
    return with_rules(match, Subject(mail, workspace, NOW))


CONDITIONS: list[tuple[str, When, When]] = [
    ("subject", When(subject=texts("invoice")), When(subject=texts("receipt"))),
    (
        "subject, any of them",
        When(subject=texts("receipt", r"/\binv-\d$/")),
        When(subject=texts("x", "/^inv-/")),
    ),
    ("body", When(body=texts("PAY")), When(body=texts("invoice"))),
    (
        "sender",
        When(sender=senders("client.example")),
        When(sender=senders("other.example", "bob@client.example")),
    ),
    ("has attachment", When(has_attachment=True), When(has_attachment=False)),
    ("kind", When(kind=frozenset({"list", "person"})), When(kind=frozenset({"list"}))),
    ("workspace", When(workspace=frozenset({1201})), When(workspace=frozenset({"1201", 1202}))),
    ("hours", When(hours=(Hours(time(18), time(19)),)), When(hours=(Hours(time(13), time(14)),))),
    ("days", When(days=frozenset({1, 5})), When(days=frozenset({0, 2, 3, 4, 5, 6}))),
]


@pytest.mark.parametrize(("yes", "no"), [row[1:] for row in CONDITIONS], ids=[row[0] for row in CONDITIONS])
def test_each_condition(yes: When, no: When) -> None:
    assert applied(rule(when=yes, category="A")).alias.case.category == "A"
    assert applied(rule(when=no, category="A")).alias.case.category == "General"


FIELDS = ("subject", "body", "sender", "has_attachment", "kind", "workspace", "hours", "days")


@pytest.mark.parametrize(
    ("first", "second"), list(combinations([row for row in CONDITIONS if "," not in row[0]], 2))
)
def test_each_pair_of_conditions_must_both_hold(
    first: tuple[str, When, When], second: tuple[str, When, When]
) -> None:
    def joined(one: When, other: When) -> When:
        given = {
            name: getattr(other, name) for name in FIELDS if getattr(other, name) != getattr(When(), name)
        }
        return replace(one, **given)

    holds = [bool(applied(rule(when=joined(one, other))).rules) for one in first[1:] for other in second[1:]]
    assert holds == [True, False, False, False]


def test_a_rule_without_conditions_fits_every_mail() -> None:
    assert applied(rule(category="A"), mail=message(""), workspace=None).alias.case.category == "A"


def test_the_clock_is_that_of_the_alias() -> None:
    evening = When(hours=(Hours(time(13), time(14)),), days=frozenset({1}))
    assert applied(rule(when=evening), timezone=ZoneInfo("America/New_York")).rules == ("r",)
    assert applied(rule(when=evening)).rules == ()
    tomorrow = When(days=frozenset({2}))
    assert applied(rule(when=tomorrow), timezone=ZoneInfo("Asia/Tokyo")).rules == ("r",)


@pytest.mark.parametrize(("attachments", "has"), [((), False), ((LOGO,), False), ((LOGO, PDF), True)])
def test_pictures_within_the_text_are_no_attachments(attachments: tuple[Attachment, ...], has: bool) -> None:
    mail = replace(MAIL, attachments=attachments)
    assert bool(applied(rule(when=When(has_attachment=True)), mail=mail).rules) is has
    assert bool(applied(rule(when=When(has_attachment=False)), mail=mail).rules) is not has


def test_the_body_is_the_new_text() -> None:
    mail = replace(MAIL, text="new", quoted="> old")
    assert applied(rule(when=When(body=texts("old"))), mail=mail).rules == ()


def test_the_sender_of_a_trusted_form_is_the_one_in_reply_to() -> None:
    mail = message("form@x.example", reply_to=addresses("ann@client.example"))
    when = When(sender=senders("ann@client.example"))
    assert applied(rule(when=when), mail=mail, trust_reply_to=frozenset({"form@x.example"})).rules == ("r",)
    assert applied(rule(when=when), mail=mail).rules == ()


def test_nobody_is_no_sender() -> None:
    assert applied(rule(when=When(sender=senders("*@*", "/./"))), mail=message("")).rules == ()


def test_kinds_are_those_of_the_mail() -> None:
    when = When(kind=frozenset({"auto_reply"}))
    assert applied(rule(when=when), mail=replace(MAIL, kind=Kind.AUTO_REPLY)).rules == ("r",)


THREE = (
    rule("one", When(subject=texts("receipt")), category="A"),
    rule(
        "two",
        When(subject=texts("invoice")),
        category="B",
        priority="High",
        fields=MappingProxyType({"b": 3, "c": 4}),
    ),
    rule(
        "three",
        When(body=texts("pay")),
        category="C",
        due_in=BusinessDays(2),
        fields=MappingProxyType({"c": 5}),
    ),
)


def test_first_takes_one_rule() -> None:
    match = applied(*THREE)
    assert match.rules == ("two",)
    assert (match.alias.case.category, match.alias.case.priority, match.alias.case.due_in) == (
        "B",
        "High",
        None,
    )
    assert match.alias.case.fields == {"a": 1, "b": 3, "c": 4}


def test_all_take_effect_the_later_over_the_earlier() -> None:
    match = applied(*THREE, rules_match="all")
    assert match.rules == ("two", "three")
    case = match.alias.case
    assert (case.category, case.priority, case.due_in) == ("C", "High", BusinessDays(2))
    assert case.fields == {"a": 1, "b": 3, "c": 5}


def test_a_rule_that_sets_nothing_ends_the_search() -> None:
    match = applied(rule("stop", When(sender=senders("ann@client.example"))), *THREE)
    assert match.rules == ("stop",)
    assert match.alias.case == DESK.case


def test_without_a_fitting_rule_the_match_is_the_same() -> None:
    match = AliasMatch(replace(DESK, rules=THREE[:1]), "To")
    assert with_rules(match, Subject(MAIL, 1, NOW)) is match
    bare = AliasMatch(DESK, "To")
    assert with_rules(bare, Subject(MAIL, 1, NOW)) is bare


SETTINGS: dict[str, Any] = {
    "category": "A",
    "case_type": "B",
    "priority": "C",
    "status": "D",
    "assigned_to": "E",
    "subject": "F",
    "due_in": timedelta(hours=1),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_is_set_alone(name: str) -> None:
    case = applied(rule(**{name: SETTINGS[name]})).alias.case
    assert case == replace(DESK.case, **{name: SETTINGS[name]})


@pytest.mark.parametrize(
    ("template", "stored", "expected"), [("urgent", "urgent", "urgent"), (None, "none", None)]
)
def test_the_template_of_the_reply(template: str | None, stored: str, expected: str | None) -> None:
    match = applied(rule(reply={"template": template}), rule("later", category="A"), rules_match="all")
    assert match.alias.reply == ReplySettings(template=expected)
    assert match.reply_template == stored
    assert reply_settings(DESK, {"reply_template": stored}) == ReplySettings(template=expected)


def test_without_a_rule_the_reply_is_the_alias_own() -> None:
    assert applied(rule(category="A")).reply_template is None
    alias = replace(DESK, reply=ReplySettings(template="own", require_dmarc=True))
    assert reply_settings(alias, {}) == alias.reply
    assert reply_settings(alias, {"reply_template": "x"}) == replace(alias.reply, template="x")


def test_where_fields_come_from() -> None:
    alias = replace(DESK, rules=(*THREE, rule("four", reply={"template": "x"})), rules_match="all")
    assert dict(origins(alias, ("two", "three", "four"))) == {
        "category": "three",
        "priority": "two",
        "due_in": "three",
        "fields.b": "two",
        "fields.c": "three",
        "reply_template": "four",
    }
    assert dict(origins(alias, ())) == {}


def test_variants_are_for_checks_of_templates() -> None:
    alias = replace(DESK, rules=THREE)
    assert [(name, found.case.category) for name, found in variants(alias)] == [
        ("one", "A"),
        ("two", "B"),
        ("three", "C"),
    ]
    assert changed(DESK, THREE[1]).case.fields == {"a": 1, "b": 3, "c": 4}
    assert DESK.case.fields == {"a": 1, "b": 2}
