"""What is made of one message: the plan before the transaction, the ledger entry inside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from emailint.case import json_line
from emailint.errors import NoAlias, Quarantined
from emailint.message import own_ids
from emailint.reply.policy import ReplyContext, Respond, Withhold
from emailint.reply.policy import decide as decide_reply
from emailint.reply.reason import Reason
from emailint.routing.record import Arrival, make_case
from emailint.routing.route import FollowUpTo, Hold, Ignore, NewCase, Route, Unrouted, decide
from emailint.routing.workspace import find_workspace
from emailint.store.ledger import Disposition, Entry, Journal, Key, NewReply, ReplyState
from emailint.sweep.result import MessageResult
from emailint.sweep.troubles import About

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emailint.case import StoredAttachment
    from emailint.config.model import Config, Integration
    from emailint.message.model import InboundMessage
    from emailint.routing.alias import AliasMatch
    from emailint.store.ledger import Batch
    from emailint.sweep.mailbox import Read
    from emailint.sweep.run import Run, SweepStore

Kept = tuple["StoredAttachment", ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made of a message unless the ledger knows it. `folder` is where it moves."""

    integration: str
    read: Read
    message: InboundMessage
    key: Key
    route: Route
    folder: str | None

    @property
    def quarantined(self) -> bool:
        """Whether the message could not be read, and only its headers were."""
        return self.read.failure is not None

    @property
    def problem(self) -> NoAlias | None:
        """Why nothing can be made of it."""
        if not isinstance(self.route, Unrouted):
            return None
        named = ", ".join(self.route.addresses) or "nobody"
        return NoAlias(
            f"no alias of integration {self.integration!r} fits a mail to {named}; it stays unread",
            hint="add one of these addresses as an alias, or give one alias default: true",
        )


@dataclass(frozen=True, slots=True)
class Made:
    """A ledger entry, and what the report says of it."""

    entry: Entry
    result: MessageResult


def plan(config: Config, integration: Integration, read: Read) -> Plan:
    """Decide what can be decided without the ledger."""
    message = read.message
    if message is None:  # callers pass only what was read
        raise TypeError("a message that was not read has no plan")
    scope = "" if config.dedupe == "global" else integration.mailbox.lower()
    route = decide(message, integration.aliases)
    if read.failure is not None and isinstance(route, Ignore):
        route = NewCase(route.match)
    moves = read.whole and read.failure is None
    return Plan(
        integration=integration.name,
        read=read,
        message=message,
        key=Key(scope, message.fingerprint),
        route=route,
        folder=integration.move_to if moves else None,
    )


def keep(store: SweepStore, plans: Sequence[Plan]) -> Mapping[Key, Kept]:
    """Store attachments, and the raw octets of quarantined mail, before anything refers to them.

    All of it is durable when this returns; keeping the same again is harmless.
    """
    cases = [each for each in plans if isinstance(each.route, NewCase)]
    for each in cases:
        if each.quarantined and each.read.raw is not None:
            store.quarantine.keep(each.key, each.read.raw)
    return store.attachments.save_many({each.key: each.message.attachments for each in cases})


@dataclass(frozen=True, slots=True)
class Intake:
    """Makes ledger entries of one mailbox's messages."""

    run: Run
    integration: Integration
    account: str

    def make(self, plan: Plan, kept: Kept, batch: Batch) -> Made:
        """The entry of a message that the ledger does not know. Numbers are taken from the batch."""
        match plan.route:
            case NewCase(match=match):
                return self._case(_with_defects(plan, batch), match, kept, batch)
            case Ignore(reason=reason):
                return Made(self._entry(plan, Disposition.IGNORED), result(plan, "ignored", detail=reason))
            case Unrouted() | Hold() | FollowUpTo():
                raise TypeError(f"{type(plan.route).__name__} makes no entry here")
            case _:
                assert_never(plan.route)

    def _case(self, plan: Plan, match: AliasMatch, kept: Kept, batch: Batch) -> Made:
        case_id = f"{self.run.config.case_prefix}-{batch.next_case_number():06d}"
        decision = self._decide_reply(plan, match, batch)
        arrival = Arrival(
            plan.message,
            self.integration.name,
            plan.read.ref.locus,
            plan.read.ref.received_at,
            self.run.clock.now(),
        )
        case = make_case(case_id, arrival, match, find_workspace(match.alias), kept, _recorded(decision))
        entry = replace(
            self._entry(plan, Disposition.QUARANTINED if plan.quarantined else Disposition.CASE),
            case_id=case_id,
            journal=Journal.CASES,
            line=json_line(case.record()),
            participants=participants(plan.message),
            reply=self._reply(case_id, match, decision, plan),
        )
        outcome = "quarantined" if plan.quarantined else "cases"
        said = "pending" if isinstance(decision, Respond) else f"withheld: {decision.reason}"
        return Made(entry, replace(result(plan, outcome, case_id=case_id), reply=said))

    def _entry(self, plan: Plan, disposition: Disposition) -> Entry:
        return Entry(
            key=plan.key,
            disposition=disposition,
            integration=self.integration.name,
            account=self.account,
            locus=plan.read.ref.locus,
            created_at=self.run.clock.now(),
            message_id=plan.message.message_id,
            folder=plan.folder,
        )

    def _decide_reply(self, plan: Plan, match: AliasMatch, batch: Batch) -> Respond | Withhold:
        """Whether and whom to answer."""
        if not self.run.options.replies:
            return Withhold(Reason.REPLIES_OFF)
        if plan.quarantined:
            return Withhold(Reason.NOT_READ)
        settings = match.alias.reply
        now = self.run.clock.now()
        context = ReplyContext(
            settings=settings,
            own_addresses=self.run.config.own_addresses,
            received_at=plan.read.ref.received_at or now,
            now=now,
            trust_reply_to=match.alias.trust_reply_to,
            recent_cases=batch.cases_since(self.account, now - settings.limit.breaker_window),
            outbound=self.integration.outbound.type != "none",
        )
        decision = decide_reply(plan.message, context)
        if isinstance(decision, Respond) and batch.answered(plan.key.fingerprint):
            return Withhold(Reason.ANSWERED_ELSEWHERE)
        return decision

    def _reply(self, case_id: str, match: AliasMatch, decision: Respond | Withhold, plan: Plan) -> NewReply:
        domain = self.integration.mailbox.rpartition("@")[2]
        return NewReply(
            message_id=own_ids.make(case_id, self.run.store.own_key, domain),
            recipient=decision.to if isinstance(decision, Respond) else "",
            state=ReplyState.PENDING if isinstance(decision, Respond) else ReplyState.WITHHELD,
            reason=None if isinstance(decision, Respond) else decision.reason.value,
            alias=match.alias.address,
            received_at=plan.read.ref.received_at or self.run.clock.now(),
        )


def result(plan: Plan, outcome: str, *, case_id: str | None = None, detail: str = "") -> MessageResult:
    """What the report says of a message."""
    sender = plan.message.senders[0] if plan.message.senders else None
    match = None if isinstance(plan.route, Unrouted) else plan.route.match
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


def quarantine(plan: Plan) -> Quarantined:
    """What is told of a mail that failed too often."""
    return Quarantined(
        f"a mail could not be read and is quarantined: {plan.read.failure}; its case holds its headers and,"
        " as an attachment, the whole mail",
        hint="read the attachment by hand, and please report the mail as a bug",
    )


def about(plan: Plan, result: MessageResult) -> About:
    """The message and the case that an error is about."""
    return About(
        key=result.case_id or "",
        locus=plan.read.ref.locus,
        message_id=plan.message.message_id,
        subject=plan.message.subject,
        case_id=result.case_id,
    )


def failure(integration: Integration, read: Read, detail: str) -> MessageResult:
    """What the report says of a message that could not be read this time."""
    return MessageResult(integration.name, read.ref.locus, "failed", detail=detail)


def _with_defects(plan: Plan, batch: Batch) -> Plan:
    """A Message-ID that an earlier mail of other content bears is a defect, never an identity."""
    message_id = plan.message.message_id
    if message_id is None or not batch.has_message_id(plan.key.scope, message_id):
        return plan
    defects = (
        *plan.message.defects,
        "reused_message_id: an earlier mail of other content bears the same one",
    )
    return replace(plan, message=replace(plan.message, defects=defects))


def _recorded(decision: Respond | Withhold) -> tuple[str, str | None]:
    match decision:
        case Respond():
            return "respond", None
        case Withhold(reason=reason):
            return "withhold", reason.value
        case _:
            assert_never(decision)


def participants(message: InboundMessage) -> tuple[str, ...]:
    """Who takes part in a case: all addresses of From, To and Cc, lower case."""
    everybody = [*message.senders, *message.recipients.get("To", ()), *message.recipients.get("Cc", ())]
    return tuple(dict.fromkeys(each.address.lower() for each in everybody if each.address))
