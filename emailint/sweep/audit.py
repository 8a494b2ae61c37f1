"""The mailbox against the store: every mail of a time is accounted for, or is named.

    list (read and unread) → places in the ledger → headers of the others → content of those it may know

Nothing is changed by that: folders are opened read-only, the store too, and no lock is taken. What is not
accounted for may be adopted afterwards: that is a sweep over these messages (`order.py`), under the lock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emailint import retry
from emailint.errors import EmailintError, StoreError
from emailint.sources.since import cutoff
from emailint.store.folder import open_store
from emailint.store.records import Disposition
from emailint.sweep import connect, opening, plans
from emailint.sweep.books import AuditResult, Evidence, MailboxAudit, Standing, Terms, judge
from emailint.sweep.chosen import chosen
from emailint.sweep.clock import Budget, SystemClock
from emailint.sweep.contents import heads, known_contents
from emailint.sweep.crew import Crew
from emailint.sweep.options import SweepOptions
from emailint.sweep.order import MailboxSweep
from emailint.sweep.run import Tally
from emailint.sweep.schedule import Conditions, run_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from emailint.config.model import Config, Integration
    from emailint.sources.protocol import MailSource, MessageRef
    from emailint.store.ledger import Ledger
    from emailint.store.records import Known
    from emailint.sweep.books import Audited
    from emailint.sweep.clock import Clock
    from emailint.sweep.contents import Contents
    from emailint.sweep.options import Event
    from emailint.sweep.run import Run

SHOWN = 200
"""Of mail that waits or is too old the oldest so many are looked at, for their sender and subject."""


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """Which integrations (none named: all enabled ones), mail received from when on.

    `adopt` takes up what is not accounted for; `replies` answers such mail, as far as it is not too old.
    """

    names: tuple[str, ...]
    since: datetime
    adopt: bool = False
    replies: bool = False


def audit(
    config: Config,
    options: AuditOptions,
    *,
    clock: Clock | None = None,
    on_event: Callable[[Event], None] | None = None,
    budget: Budget | None = None,
) -> AuditResult:
    """Compare, and adopt where that is asked for (waiting for a sweep that is running).

    Raises UsageError for an unknown integration, StoreError when the store cannot be used. What goes wrong
    with one mailbox stands in its result.
    """
    clock = clock or SystemClock()
    budget = budget or Budget(clock, None)
    integrations = chosen(config, options.names)
    until = clock.now()
    found = _compared(config, options.since, until, integrations, budget)
    if options.adopt:
        tell = on_event or (lambda _event: None)
        sweeping = SweepOptions(
            terminal=True, replies=options.replies, command="audit --adopt", adopting=not options.replies
        )
        given = Conditions(config, sweeping, clock, budget, tell)
        found = _adopted(given, [(each, found[each.name]) for each in integrations])
    return AuditResult(options.since, until, tuple(found[each.name] for each in integrations))


# Comparing


def _compared(
    config: Config, since: datetime, until: datetime, integrations: Sequence[Integration], budget: Budget
) -> dict[str, MailboxAudit]:
    """All mailboxes, side by side."""
    found: dict[str, MailboxAudit] = {}
    with open_store(config.store, read_only=True) as store:

        def work(integration: Integration) -> None:
            comparison = _Comparison(config, integration, store.ledger, budget)
            try:
                found[integration.name] = comparison.go(since, until)
            except Exception as error:  # noqa: BLE001 - one mailbox never keeps the others
                told = connect.unforeseen(error, f"integration {integration.name!r}")
                found[integration.name] = MailboxAudit(integration.name, error=str(told))

        Crew(work).go(integrations, config.concurrency)
    return found


class _Comparison:
    """One mailbox against the ledger. Changes nothing on either side."""

    def __init__(self, config: Config, integration: Integration, ledger: Ledger, budget: Budget) -> None:
        self.config = config
        self.integration = integration
        self.ledger = ledger
        self.budget = budget
        self.scope = plans.scope_of(config, integration)
        self.terms = terms_of(config, integration)

    def go(self, since: datetime, until: datetime) -> MailboxAudit:
        """The mails of all folders, and how many are gone. Raises SourceError, StoreError."""
        mails: list[Audited] = []
        rows: set[int] = set()
        for integration in folders_of(self.integration):
            source = connect.source_for(self.config, integration, read_only=True, budget=self.budget)
            with retry.connected(source, lambda: not self.budget.stopped):
                mails += self.folder(source, integration.folder, since)
            rows |= self.ledger.received_between(connect.place_of(source, integration), since, until)
        present = {mail.evidence.known.row for mail in mails if mail.evidence.known is not None}
        return MailboxAudit(self.integration.name, tuple(mails), gone=len(rows - present))

    def folder(self, source: MailSource, folder: str, since: datetime) -> list[Audited]:
        """The mails of one folder. The ledger is asked after the server: a sweep may run meanwhile."""
        listed = source.list_received(since)
        known = self.ledger.known([each.ref.locus for each in listed])
        failures = self.ledger.suspects([each.ref.locus for each in listed if not each.read])
        rules = self.rules(known)
        plain = [
            Evidence(
                each,
                folder,
                known.get(each.ref.locus),
                rule=rules.get(each.ref.locus, ""),
                failures=failures.get(each.ref.locus, 0),
            )
            for each in listed
        ]
        return list(self.looked_at(source, [judge(each, self.terms) for each in plain]))

    def rules(self, known: Mapping[str, Known]) -> dict[str, str]:
        """By locus, why nothing was made of a mail."""
        rows = {locus: each.row for locus, each in known.items() if each.disposition is Disposition.IGNORED}
        rules = self.ledger.rules(sorted(set(rows.values())))
        return {locus: rules.get(row, "") for locus, row in rows.items()}

    def looked_at(self, source: MailSource, mails: Sequence[Audited]) -> Iterator[Audited]:
        """The same mails once more, with what headers and content say of those whose place is unknown."""
        asked = _refs(mails, Standing.UNACCOUNTED)
        shown = [*_refs(mails, Standing.WAITING)[:SHOWN], *_refs(mails, Standing.EXCLUDED)[:SHOWN]]
        found = heads(source, [*asked, *shown], self.config, self.integration)
        may_be_known = [ref for ref in asked if self.may_be_known(found, ref)]
        with_contents = known_contents(source, may_be_known, self.config, self.scope, self.ledger)
        gone = found.vanished | with_contents.vanished
        rules = self.rules(with_contents.known)
        for mail in mails:
            locus = mail.evidence.received.ref.locus
            if locus not in gone:
                row = with_contents.known.get(locus)
                evidence = replace(
                    mail.evidence,
                    known=mail.evidence.known or row,
                    by_content=row is not None,
                    rule=mail.evidence.rule or rules.get(locus, ""),
                    head=found.heads.get(locus),
                    unreadable=found.unreadable.get(locus, "") or with_contents.unreadable.get(locus, ""),
                )
                yield judge(evidence, self.terms)

    def may_be_known(self, found: Contents, ref: MessageRef) -> bool:
        """Whether its content must be compared: a Message-ID that no row bears is of no mail we know."""
        if ref.locus not in found.heads:
            return False
        message_id = found.message_ids.get(ref.locus)
        if message_id is None:
            return True
        with self.ledger.transaction() as batch:
            return batch.has_message_id(self.scope, message_id)


def _refs(mails: Sequence[Audited], standing: Standing) -> list[MessageRef]:
    return [mail.evidence.received.ref for mail in mails if mail.standing is standing]


def terms_of(config: Config, integration: Integration) -> Terms:
    """What an integration does with mail."""
    return Terms(integration.folder, integration.enabled, cutoff(integration.since), config.limits.attempts)


def folders_of(integration: Integration) -> list[Integration]:
    """The integration on the folder that it sweeps, then on the one that it moves to, if any."""
    if integration.move_to is None:
        return [integration]
    return [integration, replace(integration, folder=integration.move_to, move_to=None)]


# Adopting


def _adopted(
    given: Conditions, compared: Sequence[tuple[Integration, MailboxAudit]]
) -> dict[str, MailboxAudit]:
    """The same mailboxes after what was unaccounted for was taken up. Raises StoreError."""
    config = given.config
    with (
        opening.locked(config, given.options, (), given.budget, given.clock, given.tell) as (_lock, store),
        opening.directory(config, keep=True) as directory,
    ):
        run = run_of(given, store, directory)
        run.project()
        tallies = {each.name: Tally(each.name, given.tell) for each, _ in compared}
        run.outbox.start(tallies)
        with run.readers:
            for integration, before in compared:
                if before.error is None:
                    _adopt(run, integration, before, tallies[integration.name])
        run.outbox.finish()
        run.troubles.tell()
        return {each.name: _after(run, each, before, tallies[each.name]) for each, before in compared}


def _adopt(run: Run, integration: Integration, before: MailboxAudit, tally: Tally) -> None:
    """One mailbox, folder by folder; its failure is its own. Raises StoreError."""
    try:
        for part in folders_of(integration):
            refs = [
                mail.evidence.received.ref
                for mail in before.of(Standing.UNACCOUNTED)
                if mail.evidence.folder == part.folder
            ]
            source = connect.source_for(run.config, part, budget=run.budget, known=run.store.ledger.done)
            sweep = MailboxSweep(run, part, source, tally)
            if (refs or sweep.ledger.unmarked(sweep.place)) and not sweep.must_end():
                sweep.adopt(refs)
    except StoreError:
        raise
    except EmailintError as error:
        tally.error = str(error)
    except Exception as error:  # noqa: BLE001 - one mailbox never keeps the others
        tally.error = str(connect.unforeseen(error, f"integration {integration.name!r}"))


def _after(run: Run, integration: Integration, before: MailboxAudit, tally: Tally) -> MailboxAudit:
    """The books with what the ledger says of the places now."""
    terms, ledger = terms_of(run.config, integration), run.store.ledger
    known = ledger.known([ref.locus for ref in _refs(before.mails, Standing.UNACCOUNTED)])
    rules = ledger.rules([each.row for each in known.values()])
    adopted = tally.close().messages
    failed = {each.locus: each.detail for each in adopted if each.outcome == "failed"}

    def now(mail: Audited) -> Audited:
        locus = mail.evidence.received.ref.locus
        if (row := known.get(locus)) is not None:
            return judge(replace(mail.evidence, known=row, rule=rules.get(row.row, "")), terms)
        return judge(replace(mail.evidence, unreadable=failed[locus]), terms) if locus in failed else mail

    mails = tuple(map(now, before.mails))
    return replace(before, mails=mails, error=before.error or tally.error, adopted=adopted)
