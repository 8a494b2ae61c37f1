"""From messages that are read to rows that are committed: attachments, then the one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emailint.errors import AttachmentError, DirectoryError
from emailint.store.records import Disposition
from emailint.sweep import entry, mailbox, plans, telling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emailint.config.model import Integration
    from emailint.errors import MessageError
    from emailint.store.ledger import Batch
    from emailint.store.records import Key, OpenError
    from emailint.sweep.mailbox import Read
    from emailint.sweep.plans import Kept, Plan
    from emailint.sweep.result import MessageResult
    from emailint.sweep.run import Run, Tally


class Taking:
    """Makes of the messages of one mailbox what is to be made. `place`: its account and folder."""

    def __init__(self, run: Run, integration: Integration, place: str, tally: Tally) -> None:
        self.run = run
        self.integration = integration
        self.place = place
        self.tally = tally
        self.ledger = run.store.ledger
        self.intake = entry.Intake(run, integration, place)

    def take(self, reads: Sequence[Read]) -> None:
        """Make of each message what is to be made, in one transaction; it is durable when this returns."""
        made = self.plans(reads)
        try:
            kept = plans.keep(self.run.store, self.unknown([plan for plan in firsts(made) if plan.keeps]))
        except AttachmentError as error:
            self.one_by_one(reads, error)
            return
        with self.ledger.transaction() as batch:
            results = [self.enter(batch, plan, kept.get(plan.key, ())) for plan in made]
            opened = [self.listed(plan, result) for plan, result in zip(made, results, strict=True)]
        self.settle(results, [error for error in opened if error is not None])

    def plans(self, reads: Sequence[Read]) -> list[Plan]:
        """Decide what needs no ledger; where the directory cannot be asked, the mail stays unread."""
        run = self.run
        try:
            return [plans.plan(run.config, self.integration, read, run.knowledge) for read in reads]
        except DirectoryError:
            self.ledger.release([read.ref.locus for read in reads])
            raise

    def unknown(self, made: Sequence[Plan]) -> list[Plan]:
        """Those that the ledger does not know: of others nothing is kept once more (they may be pruned)."""
        if not made:
            return []
        with self.ledger.transaction() as batch:
            return [plan for plan in made if batch.find(plan.key) is None]

    def one_by_one(self, reads: Sequence[Read], error: AttachmentError) -> None:
        """The attachments of one message cannot be kept: the others are taken all the same."""
        if len(reads) > 1:
            for read in reads:
                self.take([read])
            return
        self.ledger.release([reads[0].ref.locus])
        self.failed(reads[0], error)

    def failed(self, read: Read, error: MessageError, attempt: int = 1) -> None:
        """Open an error for this message; it stays unread and is tried again."""
        self.run.troubles.report(error, self.integration, mailbox.about(read.ref, read.message, attempt))
        self.tally.done(telling.failure(self.integration, read, str(error)))

    def enter(self, batch: Batch, plan: Plan, kept: Kept) -> MessageResult:
        """Decide one message against the ledger and what this transaction holds already."""
        known = batch.find(plan.key)
        if known is not None:
            batch.add_locus(known, plan.read.ref.locus, self.place, plan.folder)
            return telling.result(plan, "already_known", case_id=known.case_id)
        made = self.intake.make(plan, kept, batch)
        if made.entry.disposition is Disposition.HELD:  # known only here, for it might have been a follow-up
            self.run.store.hold.keep(plan.key, plan.read.raw)
        batch.add(made.entry)
        return made.result

    def listed(self, plan: Plan, result: MessageResult) -> OpenError | None:
        """The error of mail that waits for a person, in one transaction with its row: none is forgotten."""
        error = telling.trouble(plan, result)
        if error is None:
            return None
        return self.run.troubles.enter(error, self.integration, telling.about(plan, result))

    def settle(self, results: Sequence[MessageResult], opened: Sequence[OpenError]) -> None:
        """Tell what became of each message; note and close their errors."""
        for error in opened:
            self.run.troubles.note(error)
        for result in results:
            self.tally.done(result)
            telling.fields(result, self.run.troubles, self.integration, self.tally)
        self.tally.add(replies_withheld=sum(result.reply.startswith("withheld") for result in results))
        if any(result.reply == telling.BREAKER for result in results):
            self.run.troubles.report(telling.stopped(self.integration), self.integration)
        self.run.troubles.close_loci(result.locus for result in results)


def firsts(made: Sequence[Plan]) -> list[Plan]:
    """The first of each key, of which the entry is made: its twin may have attachments where it has text."""
    found: dict[Key, Plan] = {}
    for plan in made:
        found.setdefault(plan.key, plan)
    return list(found.values())
