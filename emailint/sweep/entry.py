"""The ledger entry that is made of one message, inside the transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from emailint.case import json_line
from emailint.message import own_ids
from emailint.reply.policy import ReplyContext, Respond, Withhold
from emailint.reply.policy import decide as decide_reply
from emailint.reply.reason import Reason
from emailint.routing.follow_up import Belongs, Terms, with_follow_up
from emailint.routing.record import FIELD_DEFECT, Arrival, make_case, make_follow_up, with_related
from emailint.routing.route import FollowUpTo, Hold, Ignore, NewCase, Route
from emailint.routing.rules import Subject, with_rules
from emailint.routing.workspace import find_workspace
from emailint.store.records import Disposition, Entry, Ignored, Journal, KeptMail, NewReply, ReplyState
from emailint.sweep.telling import result

if TYPE_CHECKING:
    from datetime import datetime

    from emailint.config.model import Integration
    from emailint.message.model import InboundMessage
    from emailint.routing.alias import AliasMatch
    from emailint.sources.protocol import MessageRef
    from emailint.store.ledger import Batch
    from emailint.sweep.plans import Kept, Plan
    from emailint.sweep.result import MessageResult
    from emailint.sweep.run import Run

REREAD = "reread"
"""What ties a quarantined mail that was read after all to its own case."""


@dataclass(frozen=True, slots=True)
class Made:
    """A ledger entry, and what the report says of it."""

    entry: Entry
    result: MessageResult


@dataclass(frozen=True, slots=True)
class Intake:
    """Makes ledger entries of one mailbox's messages."""

    run: Run
    integration: Integration
    account: str

    def make(self, plan: Plan, kept: Kept, batch: Batch) -> Made:
        """The entry of a message that the ledger does not know. Numbers are taken from the batch."""
        route = plan.route if plan.quarantined else self._with_follow_up(plan, batch)
        match route:
            case NewCase():
                return self._case(_with_defects(plan, batch), route, kept, batch)
            case FollowUpTo():
                return self._follow_up(_with_defects(plan, batch), route, kept, batch)
            case Hold(reason=reason):
                entry = replace(self._entry(plan, Disposition.HELD), kept=self._kept(plan))
                return Made(entry, result(plan, "held", detail=reason))
            case Ignore(reason=reason):
                ignored = Ignored(reason, self._received(plan))
                entry = replace(self._entry(plan, Disposition.IGNORED), ignored=ignored)
                return Made(entry, result(plan, "ignored", detail=reason))
            case _:
                assert_never(route)

    def _with_follow_up(self, plan: Plan, batch: Batch) -> Route:
        config = self.run.config
        terms = Terms(
            self.run.store.own_key, self.run.clock.now(), config.follow_up_max_age, config.case_prefix
        )
        return with_follow_up(plan.route, plan.message, batch, terms)

    def _case(self, plan: Plan, route: NewCase, kept: Kept, batch: Batch) -> Made:
        workspace = find_workspace(route.match.alias, plan.message, self.run.knowledge)
        about_mail = Subject(plan.message, workspace.value, self._received(plan))
        match = with_rules(route.match, about_mail)
        decision = self._decide_reply(plan, match, batch)
        case_id = f"{self.run.config.case_prefix}-{batch.next_case_number():06d}"
        case = make_case(
            case_id, self._arrival(plan.message, plan.read.ref), match, workspace, kept, _recorded(decision)
        )
        entry = replace(
            self._entry(plan, Disposition.QUARANTINED if plan.quarantined else Disposition.CASE),
            case_id=case_id,
            journal=Journal.CASES,
            line=json_line(with_related(case, route.related_case).record()),
            participants=participants(plan.message),
            reply=self._reply(case_id, match, decision, plan),
            kept=self._kept(plan) if plan.quarantined else None,
        )
        outcome = "quarantined" if plan.quarantined else "cases"
        failed = next((defect for defect in case.defects if defect.startswith(FIELD_DEFECT)), "")
        made = result(plan, outcome, case_id=case_id, detail=failed)
        return Made(entry, replace(made, workspace=case.workspace, reply=_said(decision)))

    def _follow_up(self, plan: Plan, route: FollowUpTo, kept: Kept, batch: Batch) -> Made:
        follow_up_id = f"{route.case_id}-{batch.next_follow_up_number(route.case_id)}"
        decision = self._decide_reply(plan, route.match, batch, follow_up=True)
        record = make_follow_up(
            follow_up_id, self._arrival(plan.message, plan.read.ref), route, kept
        ).record()
        entry = replace(
            self._entry(plan, Disposition.FOLLOW_UP),
            case_id=route.case_id,
            journal=Journal.FOLLOW_UPS,
            line=json_line(record),
            participants=participants(plan.message),
            reply=self._reply(follow_up_id, route.match, decision, plan),
        )
        made = result(plan, "follow_ups", case_id=route.case_id, detail=f"matched by {route.matched_by}")
        return Made(entry, replace(made, reply=_said(decision)))

    def reread(
        self, message: InboundMessage, ref: MessageRef, case_id: str, kept: Kept, batch: Batch
    ) -> bytes:
        """The line of a quarantined mail that was read after all: it follows up its own case."""
        follow_up_id = f"{case_id}-{batch.next_follow_up_number(case_id)}"
        belongs = Belongs(case_id, REREAD)
        arrival = self._arrival(message, ref)
        return json_line(make_follow_up(follow_up_id, arrival, belongs, kept).record())

    def _arrival(self, message: InboundMessage, ref: MessageRef) -> Arrival:
        return Arrival(message, self.integration.name, ref.locus, ref.received_at, self.run.clock.now())

    def _received(self, plan: Plan) -> datetime:
        return plan.read.ref.received_at or self.run.clock.now()

    def _kept(self, plan: Plan) -> KeptMail:
        read = plan.read
        return KeptMail(self._received(plan), read.ref.size, read.whole, read=read.failure is None)

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

    def _decide_reply(
        self, plan: Plan, match: AliasMatch, batch: Batch, *, follow_up: bool = False
    ) -> Respond | Withhold:
        """Whether and whom to answer."""
        if not self.run.options.replies:
            return Withhold(Reason.ADOPTED if self.run.options.adopting else Reason.REPLIES_OFF)
        if plan.quarantined:
            return Withhold(Reason.NOT_READ)
        settings = match.alias.reply
        now = self.run.clock.now()
        context = ReplyContext(
            settings=settings,
            own_addresses=self.run.config.own_addresses,
            received_at=self._received(plan),
            now=now,
            follow_up=follow_up,
            trust_reply_to=match.alias.trust_reply_to,
            recent_cases=batch.cases_since(self.account, now - settings.limit.breaker_window),
            outbound=self.integration.outbound.type != "none",
        )
        decision = decide_reply(plan.message, context)
        if isinstance(decision, Respond) and batch.answered(plan.key.fingerprint, besides=plan.row):
            return Withhold(Reason.ANSWERED_ELSEWHERE)
        return decision

    def _reply(self, own_id: str, match: AliasMatch, decision: Respond | Withhold, plan: Plan) -> NewReply:
        domain = self.integration.mailbox.rpartition("@")[2]
        return NewReply(
            message_id=own_ids.make(own_id, self.run.store.own_key, domain),
            recipient=decision.to if isinstance(decision, Respond) else "",
            state=ReplyState.PENDING if isinstance(decision, Respond) else ReplyState.WITHHELD,
            reason=None if isinstance(decision, Respond) else decision.reason.value,
            alias=match.alias.address,
            received_at=self._received(plan),
        )


def _with_defects(plan: Plan, batch: Batch) -> Plan:
    """A Message-ID that an earlier mail of other content bears is a defect, never an identity."""
    message_id = plan.message.message_id
    if message_id is None or not batch.has_message_id(plan.key.scope, message_id, before=plan.row):
        return plan
    defects = (
        *plan.message.defects,
        "reused_message_id: an earlier mail of other content bears the same one",
    )
    return replace(plan, message=replace(plan.message, defects=defects))


def _said(decision: Respond | Withhold) -> str:
    return "pending" if isinstance(decision, Respond) else f"withheld: {decision.reason}"


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
