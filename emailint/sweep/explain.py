"""What would be made of one mail, and why: decided as a sweep decides; nothing is written, nothing marked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from emailint import message as reader
from emailint.config.model import CaseDefaults
from emailint.errors import UsageError
from emailint.message.model import ReadSettings
from emailint.reply.checks import template_of
from emailint.reply.reason import Reason
from emailint.routing.alias import match_alias
from emailint.routing.rules import NO_REPLY, origins
from emailint.sources.protocol import MessageRef, RawMessage
from emailint.store.records import Disposition, ReplyState
from emailint.sweep import connect, entry, mailbox, opening, plans
from emailint.sweep.chosen import chosen
from emailint.sweep.clock import Budget, SystemClock
from emailint.sweep.options import SweepOptions
from emailint.sweep.schedule import Conditions, run_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from emailint.config.model import Alias, Config, Integration
    from emailint.message.model import InboundMessage
    from emailint.routing.alias import AliasMatch
    from emailint.store.records import Known, NewReply
    from emailint.sweep.clock import Clock
    from emailint.sweep.entry import Made
    from emailint.sweep.mailbox import Read
    from emailint.sweep.plans import Plan
    from emailint.sweep.run import Run

MAPPED: Final = ("subject", "category", "case_type", "priority", "status", "assigned_to", "due_at")
"""Fields of a case that an alias and its rules may set, by their names in the record."""

_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class FieldSaid:
    """A field of the case, and what set it: `rule …`, `alias …`, `the mail` or `built in`."""

    name: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class ReplySaid:
    """Whether, whom and by which template; for one that is withheld why, in words, and what that rests on."""

    decision: str
    to: str | None = None
    template: str | None = None
    reason: str | None = None
    text: str | None = None
    citation: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One mail as a sweep would take it now. `known` is what the ledger holds of it already.

    `outcome` is a disposition, `detail` why it is held or ignored. `record` is the line that would be stored.
    Almost everything in it is mail-derived: clean it before showing.
    """

    integration: str
    message: InboundMessage
    match: AliasMatch | None
    known: Known | None
    outcome: str
    detail: str
    case_id: str | None
    fields: tuple[FieldSaid, ...]
    reply: ReplySaid | None
    record: Mapping[str, Any] | None


def explain(
    config: Config, raw: bytes, *, integration: str | None = None, clock: Clock | None = None
) -> Explanation:
    """What would be made of these octets, if they came now.

    Raises UsageError where it is not clear which integration they would come to, DirectoryError where the
    directory cannot be asked, StoreError where the ledger cannot be read.
    """
    clock = clock or SystemClock()
    owner = _owner(config, raw, integration)
    whole = len(raw) <= config.limits.message_size
    ref = MessageRef("", len(raw), clock.now())
    octets = raw if whole else _BLANK_LINE.split(raw, maxsplit=1)[0] + b"\r\n\r\n"
    return _explained(config, owner, RawMessage(ref, octets, whole), clock)


def explain_live(
    config: Config, locus: str, *, integration: str | None = None, clock: Clock | None = None
) -> Explanation:
    """The same for a message where it lies; it is fetched, and not marked.

    Raises UsageError when no mailbox of the configuration has it, SourceError when one cannot be read.
    """
    for each in chosen(config, (integration,) if integration else ()):
        source = connect.source_for(config, each, read_only=True)
        if not locus.startswith(f"{source.account}/"):
            continue
        with source:
            for ref in source.measure([MessageRef(locus)]):
                headers_only = (ref.size or 0) > config.limits.message_size
                for raw in list(source.fetch([ref], headers_only=headers_only)):
                    return _explained(config, each, replace(raw, ref=ref), clock or SystemClock())
    raise UsageError(
        f"no mailbox of {config.path} has a message at {locus!r}",
        hint="loci stand in cases.jsonl and errors.jsonl; one changes when its mail is moved",
    )


def _owner(config: Config, raw: bytes, name: str | None) -> Integration:
    """The integration that is named, or the only one, or the only one that has an alias the mail names."""
    if name is not None or len(config.integrations) == 1:
        return chosen(config, (name or config.integrations[0].name,))[0]
    recipients = reader.read_headers(raw, ReadSettings()).recipients
    matches = ((each, match_alias(recipients, each.aliases)) for each in config.integrations)
    named = [each for each, match in matches if match and match.matched_by != "default"]
    if len(named) != 1:
        names = ", ".join(each.name for each in named or config.integrations)
        raise UsageError(
            "the mail does not say which mailbox it came to", hint=f"name it with --integration: {names}"
        )
    return named[0]


def _explained(config: Config, integration: Integration, raw: RawMessage, clock: Clock) -> Explanation:
    given = Conditions(config, SweepOptions(dry_run=True), clock, Budget(clock, None), lambda _event: None)
    with opening.dry(config) as store, opening.directory(config, keep=False) as directory:
        run = run_of(given, store, directory)
        return _decided(run, integration, _read(config, integration, raw))


def _read(config: Config, integration: Integration, raw: RawMessage) -> Read:
    """Read it in a child; what cannot be read is taken as a sweep takes it after its last attempt."""
    settings = mailbox.read_settings(config, integration)
    read = mailbox.read_alone(raw, settings)
    return read if read.failure is None else mailbox.quarantined(read, settings)


def _decided(run: Run, integration: Integration, read: Read) -> Explanation:
    plan = plans.plan(run.config, integration, read, run.knowledge)
    kept = plans.keep(run.store, [plan]).get(plan.key, ())
    source = connect.source_for(run.config, integration, read_only=True)
    intake = entry.Intake(run, integration, connect.place_of(source, integration))
    with run.store.ledger.transaction() as batch:
        plan = replace(plan, known=batch.find(plan.key))
        made = intake.make(plan, kept, batch)
    return _told(plan, made)


def _told(plan: Plan, made: Made) -> Explanation:
    record = json.loads(made.entry.line) if made.entry.line else None
    alias = plan.route.match.alias if plan.route.match else None
    is_case = made.entry.disposition in {Disposition.CASE, Disposition.QUARANTINED}
    return Explanation(
        integration=plan.integration,
        message=plan.message,
        match=plan.route.match,
        known=plan.known,
        outcome=made.entry.disposition.value,
        detail=str(plan.read.failure or made.result.detail),
        case_id=made.entry.case_id,
        fields=tuple(_fields(alias, record)) if alias and record and is_case else (),
        reply=_reply(alias, made.entry.reply, record, follow_up=not is_case) if alias else None,
        record=record,
    )


def _fields(alias: Alias, record: Mapping[str, Any]) -> Iterator[FieldSaid]:
    """The mapped fields of a case, each with what set it."""
    by_rule = origins(alias, tuple(record.get("rules", ())))
    for name in MAPPED:
        key = "due_in" if name == "due_at" else name
        yield FieldSaid(name, record[name], _origin(alias, key, by_rule))
    for name, value in record["fields"].items():
        rule = by_rule.get(f"fields.{name}")
        yield FieldSaid(f"fields.{name}", value, f"rule {rule}" if rule else f"alias {alias.address}")


def _origin(alias: Alias, key: str, by_rule: Mapping[str, str]) -> str:
    if key in by_rule:
        return f"rule {by_rule[key]}"
    if getattr(alias.case, key) != getattr(CaseDefaults(), key):
        return f"alias {alias.address}"
    return "the mail" if key == "subject" else "built in"


def _reply(
    alias: Alias, reply: NewReply | None, record: Mapping[str, Any] | None, *, follow_up: bool
) -> ReplySaid | None:
    if reply is None:
        return None
    by_rule = (record or {}).get("reply_template")
    template = by_rule or template_of(alias.reply, follow_up=follow_up)
    template = None if template == NO_REPLY else template
    if reply.state is ReplyState.PENDING:
        return ReplySaid("respond", reply.recipient, template)
    reason = next(each for each in Reason if each.value == reply.reason)
    return ReplySaid("withhold", None, template, reason.value, reason.text, reason.citation)
