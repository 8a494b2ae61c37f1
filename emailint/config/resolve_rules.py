"""Field rules from keys to settings."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from emailint.config.rules import FieldRule, When

if TYPE_CHECKING:
    from emailint.config.rule_keys import RuleKeys, SetKeys, WhenKeys

_CASE: Final = ("category", "case_type", "priority", "status", "assigned_to", "due_in", "subject")


def field_rule(index: int, keys: RuleKeys) -> FieldRule:
    """The rule at a position of its list, which it is named for where it has no name."""
    when = _when(keys.when) if keys.when else When()
    rule = FieldRule(keys.name or f"rules[{index}]", when)
    return rule if keys.set is None else _with_changes(rule, keys.set)


def _when(keys: WhenKeys) -> When:
    return When(
        subject=keys.subject or (),
        body=keys.body or (),
        sender=keys.sender or (),
        has_attachment=keys.has_attachment,
        kind=frozenset(keys.kind or ()),
        workspace=frozenset(keys.workspace or ()),
        hours=keys.hours or (),
        days=frozenset().union(*(keys.days or ())),
    )


def _with_changes(rule: FieldRule, keys: SetKeys) -> FieldRule:
    case = {name: value for name in _CASE if (value := getattr(keys, name)) is not None}
    if keys.fields:
        case["fields"] = MappingProxyType(dict(keys.fields))
    reply = {"template": keys.reply_template} if "reply_template" in keys.written else {}
    return FieldRule(rule.name, rule.when, MappingProxyType(case), MappingProxyType(reply))
