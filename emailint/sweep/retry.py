"""What waits for a person, tried again by a person's order: held mail, quarantined mail, replies.

Held mail is decided anew under the configuration and the directory as they are now, and becomes what it would
have become at first; quarantined mail is read again; replies are begun again. The commit of each transaction
is the moment a mail waits no more, and its error is closed in it. What comes after it are steps, as in
order.py: project, remove the octets that were kept, send.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emailint.errors import ConfigError, EmailintError, MessageError, StoreError
from emailint.retry import connected
from emailint.sources.protocol import MessageRef, RawMessage
from emailint.store.records import Disposition, ReplyState
from emailint.sweep import connect, entry, mailbox, opening, plans
from emailint.sweep.clock import Budget, SystemClock
from emailint.sweep.options import SweepOptions
from emailint.sweep.orders import Retried, choose, error_id
from emailint.sweep.schedule import Conditions, run_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from emailint.config.model import Config, Integration
    from emailint.message.model import InboundMessage
    from emailint.store.folder import Store
    from emailint.store.raw_mail import RawMail
    from emailint.store.records import OpenError, Reply, Waiting
    from emailint.sweep.clock import Clock
    from emailint.sweep.mailbox import Read
    from emailint.sweep.options import Event
    from emailint.sweep.orders import Chosen, Order
    from emailint.sweep.plans import Plan
    from emailint.sweep.run import Run


@dataclass(frozen=True, slots=True)
class RetryResult:
    """What came of each thing; `news` are errors that nobody was told of yet.

    `calls`: so many lines are given to the commands that failed on them, by the next sweep.
    """

    results: tuple[Retried, ...]
    news: tuple[OpenError, ...] = ()
    calls: int = 0

    @property
    def left(self) -> int:
        """How many still wait."""
        return sum(not each.done for each in self.results)


def retry(
    config: Config,
    order: Order,
    *,
    clock: Clock | None = None,
    on_event: Callable[[Event], None] | None = None,
    budget: Budget | None = None,
) -> RetryResult:
    """Try again what is ordered; waits for a sweep that is running.

    Raises UsageError for an id that is not known, or names nothing that can be tried again; then nothing was
    tried. Raises StoreError when the store cannot be used.
    """
    clock = clock or SystemClock()
    given = Conditions(
        config=config,
        options=SweepOptions(terminal=True, command="retry"),
        clock=clock,
        budget=budget or Budget(clock, None),
        tell=on_event or (lambda _event: None),
    )
    with (
        opening.locked(config, given.options, (), given.budget, clock, given.tell) as (_lock, store),
        opening.directory(config, keep=True) as directory,
    ):
        run = run_of(given, store, directory)
        run.project()
        run.outbox.recover()
        chosen = choose(store.ledger, order)
        again = store.ledger.call_again() if order.hooks else 0
        results = _Retry(run, store).go(chosen)
        run.troubles.tell()
        return RetryResult(tuple(results), tuple(run.troubles.news), again)


class _Retry:
    """One order over an open store."""

    def __init__(self, run: Run, store: Store) -> None:
        self.run = run
        self.store = store
        self.ledger = store.ledger

    def go(self, chosen: Chosen) -> list[Retried]:
        """Mail first, so that replies to what is made of it go out with the others."""
        mails = [self.mail(waiting) for waiting in chosen.mails]
        self.run.project()
        self.remove()
        for reply in chosen.replies:
            self.ledger.send_again(reply)
        self.run.outbox.finish()
        replies = [self.ended(reply) for reply in chosen.replies]
        return [*chosen.over, *map(self.with_reply, mails), *replies]

    def remove(self) -> None:
        """The step that removes the octets of what waits no more, whichever run settled it."""
        settled = self.ledger.settled()
        for each in settled:
            self.store.hold.remove(each.key)
            self.store.quarantine.remove(each.key)
        self.ledger.forget(settled)

    def mail(self, waiting: Waiting) -> Retried:
        """One mail; whatever keeps it is told of it alone. Raises StoreError."""
        plain = Retried(waiting.known.disposition.value, error_id(waiting), case_id=waiting.known.case_id)
        if self.run.budget.stopped:
            return replace(plain, detail="it was not come to before the end")
        try:
            if waiting.known.disposition is Disposition.HELD:
                return self.held(waiting, plain)
            return self.quarantined(waiting, plain)
        except StoreError:
            raise
        except EmailintError as error:
            return replace(plain, detail=str(error))
        except Exception as error:  # noqa: BLE001 - the message boundary: one mail never keeps the others
            told = f"unforeseen {type(error).__name__}; this is a bug of emailint, please report it"
            return replace(plain, detail=told)

    def held(self, waiting: Waiting, plain: Retried) -> Retried:
        """Decide anew; what would be held again stays held."""
        integration = self.integration_of(waiting)
        plan = self.plan(integration, waiting)
        kept = plans.keep(self.store, [plan]).get(plan.key, ())
        intake = self.intake(integration)
        with self.ledger.transaction() as batch:
            made = intake.make(plan, kept, batch)
            if made.entry.disposition is Disposition.HELD:
                return replace(plain, subject=plan.message.subject, detail=made.result.detail)
            batch.replace(waiting.known, made.entry)
            closed = self.run.troubles.closed([plain.name])
        self.run.troubles.note_closed(closed)
        return replace(
            plain,
            done=True,
            outcome=made.entry.disposition.value,
            subject=plan.message.subject,
            case_id=made.entry.case_id,
            reply=made.result.reply,
            detail=made.result.detail,
        )

    def quarantined(self, waiting: Waiting, plain: Retried) -> Retried:
        """Read again, in a child; what can be read follows up the case that was made of its headers."""
        integration = self.integration_of(waiting)
        read, message = self.read(integration, waiting, self.store.quarantine)
        kept = self.store.attachments.save(waiting.key, message.attachments)
        intake = self.intake(integration)
        with self.ledger.transaction() as batch:
            line = intake.reread(message, read.ref, waiting.known.case_id or "", kept, batch)
            batch.reread(waiting.known, line)
            closed = self.run.troubles.closed([plain.name])
        self.run.troubles.note_closed(closed)
        return replace(plain, done=True, outcome=entry.REREAD, subject=message.subject)

    def plan(self, integration: Integration, waiting: Waiting) -> Plan:
        """What is to be made of held mail now, in place of its row."""
        read, _ = self.read(integration, waiting, self.store.hold)
        made = plans.plan(self.run.config, integration, read, self.run.knowledge)
        return replace(made, key=waiting.key, known=waiting.known)

    def read(
        self, integration: Integration, waiting: Waiting, octets: RawMail
    ) -> tuple[Read, InboundMessage]:
        """The mail as it can be read now: in a child where it failed before. Raises MessageError.

        What its server did not give is asked for again, and raises SourceError as well.
        """
        ref = MessageRef(waiting.locus, waiting.kept.size, waiting.kept.received_at)
        kept = waiting.kept
        if kept.whole or kept.read:
            raw = RawMessage(ref, octets.read(waiting.key), kept.whole)
        else:
            raw = self.asked_again(integration, ref)
        read_it = mailbox.read if waiting.kept.read else mailbox.read_alone
        read = read_it(raw, mailbox.read_settings(self.run.config, integration))
        if read.message is None:
            raise MessageError(f"it still cannot be read: {read.failure}")
        return read, read.message

    def asked_again(self, integration: Integration, ref: MessageRef) -> RawMessage:
        """A mail of which only headers were had, from its server; nothing is changed there."""
        source = connect.source_for(self.run.config, integration, read_only=True, budget=self.run.budget)
        with connected(source, lambda: True):
            measured = source.measure([ref])
            for job in mailbox.jobs(measured, self.run.config):
                for raw in list(source.fetch(job.refs, headers_only=job.headers_only)):
                    if raw.raw:
                        return raw
        gone = "its server does not give it" if measured else "it is no longer in the mailbox"
        raise MessageError(f"{gone}; its case keeps what was had of it")

    def integration_of(self, waiting: Waiting) -> Integration:
        """The integration that took the mail, or the one that has its mailbox by another name now."""
        integrations = self.run.config.integrations
        named = (each for each in integrations if each.name == waiting.integration)
        same_mailbox = (
            each
            for each in integrations
            if each.mailbox.lower() == waiting.key.scope or self.place(each) == waiting.account
        )
        found = next(named, None) or next(same_mailbox, None)
        if found is None:
            raise ConfigError(
                f"no integration is named {waiting.integration!r} any more, and none has its mailbox"
            )
        return found

    def intake(self, integration: Integration) -> entry.Intake:
        """What makes ledger entries of this integration's mail."""
        return entry.Intake(self.run, integration, self.place(integration))

    def place(self, integration: Integration) -> str:
        """Whose messages it can mark and move; nothing is connected for it."""
        source = connect.source_for(self.run.config, integration, read_only=True)
        return connect.place_of(source, integration)

    def with_reply(self, mail: Retried) -> Retried:
        """What was made of a mail, with what became of its reply meanwhile."""
        if mail.outcome != Disposition.CASE.value or mail.case_id is None:
            return mail
        replies = self.ledger.replies_of(mail.case_id)
        return replace(mail, reply=said(replies[0])) if replies else mail

    def ended(self, reply: Reply) -> Retried:
        """How far a reply has got."""
        now = next(each for each in self.ledger.replies_of(reply.case_id) if each.row == reply.row)
        done = now.state is ReplyState.SENT
        return Retried("reply", reply.case_id, done, now.state.value, now.reason or "", reply.case_id)


def said(reply: Reply) -> str:
    """The state of a reply, and why."""
    return f"{reply.state}: {reply.reason}" if reply.reason else reply.state.value
