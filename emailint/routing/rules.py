"""Field rules of an alias: which of them fit a mail, and the alias as they leave it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from emailint.config.patterns import Searched
from emailint.routing.sender import sender_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from emailint.config.model import Alias, ReplySettings
    from emailint.config.rules import FieldRule, When
    from emailint.message.model import InboundMessage
    from emailint.routing.alias import AliasMatch


NO_REPLY: Final = "none"
"""What stands for a template where nobody is answered."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What conditions are about: a mail, the workspace of its case, and when it came."""

    message: InboundMessage
    workspace: int | str | None
    received_at: datetime


def with_rules(match: AliasMatch, about: Subject) -> AliasMatch:
    """The match, its alias as the rules that fit leave it, and their names.

    `rules_match: first` takes one rule at most; with `all` each that fits, and the later ones go over the
    earlier ones, value by value.
    """
    fitting = list(_fitting(match.alias, about))
    if not fitting:
        return match
    alias = match.alias
    for rule in fitting:
        alias = changed(alias, rule)
    named = any(rule.reply for rule in fitting)
    return replace(
        match,
        alias=alias,
        rules=tuple(rule.name for rule in fitting),
        reply_template=(alias.reply.template or NO_REPLY) if named else None,
    )


def changed(alias: Alias, rule: FieldRule) -> Alias:
    """The alias with what a rule sets."""
    values = dict(rule.case)
    if "fields" in values:
        values["fields"] = MappingProxyType({**alias.case.fields, **values["fields"]})
    return replace(alias, case=replace(alias.case, **values), reply=replace(alias.reply, **rule.reply))


def variants(alias: Alias) -> Iterator[tuple[str, Alias]]:
    """The alias as each of its rules alone leaves it, by the rule's name, for checks of templates."""
    for rule in alias.rules:
        yield rule.name, changed(alias, rule)


def origins(alias: Alias, names: tuple[str, ...]) -> Mapping[str, str]:
    """For each case field, `reply_template` and `fields.…` that a rule set, the name of the last that did."""
    found: dict[str, str] = {}
    for rule in alias.rules:
        if rule.name in names:
            own = {f"fields.{name}": rule.name for name in rule.case.get("fields", {})}
            plain = {name: rule.name for name in rule.case if name != "fields"}
            found |= own | plain | ({"reply_template": rule.name} if rule.reply else {})
    return MappingProxyType(found)


def reply_settings(alias: Alias, record: Mapping[str, Any]) -> ReplySettings:
    """How a case's mail is answered: as its alias says, by the template that a rule gave the stored case."""
    template = record.get("reply_template")
    if not isinstance(template, str):
        return alias.reply
    return replace(alias.reply, template=None if template == NO_REPLY else template)


def _fitting(alias: Alias, about: Subject) -> Iterator[FieldRule]:
    if not alias.rules:
        return
    facts = _Facts(alias, about)
    for rule in alias.rules:
        if facts.fit(rule.when):
            yield rule
            if alias.rules_match == "first":
                return


class _Facts:
    """A mail as conditions look at it; its texts are prepared once for all rules."""

    def __init__(self, alias: Alias, about: Subject) -> None:
        sender = sender_of(about.message, alias)
        self._sender = sender.address if sender else ""
        self._subject = Searched(about.message.subject)
        self._body = Searched(about.message.text)
        self._attached = any(not each.inline for each in about.message.attachments)
        self._kind = about.message.kind.value
        self._workspace = about.workspace
        self._local = about.received_at.astimezone(alias.timezone)

    def fit(self, when: When) -> bool:
        """Whether all that is given holds; what costs least is asked first."""
        return (
            (when.has_attachment is None or when.has_attachment is self._attached)
            and (not when.kind or self._kind in when.kind)
            and (not when.workspace or self._workspace in when.workspace)
            and self._fits_clock(when)
            and self._fits_texts(when)
        )

    def _fits_clock(self, when: When) -> bool:
        if when.days and self._local.weekday() not in when.days:
            return False
        return not when.hours or any(span.hold(self._local.time()) for span in when.hours)

    def _fits_texts(self, when: When) -> bool:
        if when.sender and not any(pattern.matches(self._sender) for pattern in when.sender):
            return False
        if when.subject and not any(pattern.matches(self._subject) for pattern in when.subject):
            return False
        return not when.body or any(pattern.matches(self._body) for pattern in when.body)
