"""The whole way of a message, and the only file that knows its order.

    list → in flight → fetch, read → attachments → transaction → project → mark → move → send

The commit of the transaction is the moment the case exists. What comes after it are four steps, each "bring
all rows in state X to Y" and harmless to repeat: `project`, `mark`, `move` (here) and `send` (post.py).
The same steps run at the start, for what an earlier run left, and after each batch; there is no other
recovery code.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from emailint import retry
from emailint.errors import (
    AttachmentError,
    DirectoryError,
    EmailintError,
    FolderMissing,
    FolderReadOnly,
    StoreError,
    Throttled,
)
from emailint.sweep import entry, mailbox, plans, telling, withheld
from emailint.sweep.connect import place_of
from emailint.sweep.delivery import Delivery
from emailint.sweep.options import MailboxListed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emailint.config.model import Integration
    from emailint.errors import MessageError
    from emailint.message.model import ReadSettings
    from emailint.sources.protocol import MailSource, MessageRef, RawMessage
    from emailint.store.ledger import Batch
    from emailint.store.records import OpenError
    from emailint.sweep.mailbox import Fetched, Job, Read
    from emailint.sweep.plans import Kept, Plan
    from emailint.sweep.readers import Reader
    from emailint.sweep.result import MessageResult
    from emailint.sweep.run import Run, Tally


class MailboxSweep:
    """One mailbox's part of a sweep. `source` is connected by `sweep` and closed when it returns."""

    def __init__(self, run: Run, integration: Integration, source: MailSource, tally: Tally) -> None:
        self.run = run
        self.integration = integration
        self.source = source
        self.tally = tally
        self.ledger = run.store.ledger
        self.place = place_of(source, integration)
        self.intake = entry.Intake(run, integration, self.place)
        self.delivery = Delivery(source, self.ledger, self.place)
        self.settings: ReadSettings = mailbox.read_settings(run.config, integration)

    def sweep(self) -> None:
        """List what is unread and bring it to its end, batch by batch.

        Raises SourceError where the mailbox fails and StoreError where the store does; what was taken
        until then is durable, and the rest stays unread.
        """
        with retry.connected(self.source, self.may_reconnect):
            self.finish()
            unread = self.source.list_unread()
            self.take_up(unread)
            self.run.troubles.close_absent(self.integration.name, [ref.locus for ref in unread])

    def adopt(self, refs: Sequence[MessageRef]) -> None:
        """Bring these messages to their end, read or not, in the very same way as `sweep` does."""
        with retry.connected(self.source, self.may_reconnect):
            self.finish()
            self.take_up(refs)

    def take_up(self, listed: Sequence[MessageRef]) -> None:
        """Those of the listed that are new, batch by batch."""
        fresh = self.new_ones(listed)
        self.suspects(fresh)
        for window in mailbox.windows(fresh):
            self.batches(window)
        withheld.ask_again(self)

    def new_ones(self, unread: Sequence[MessageRef]) -> list[MessageRef]:
        """Those of the unread that the ledger does not know, as many as the run may still take.

        Those that an earlier sweep did not get are put aside until the others are taken.
        """
        done = self.ledger.done([ref.locus for ref in unread])
        fresh = [ref for ref in unread if ref.locus not in done]
        self.tally.add(listed=len(unread), already_known=len(unread) - len(fresh))
        late = self.late(fresh)
        fresh.sort(key=lambda ref: ref.locus in late)
        granted = fresh[: self.run.quota.take(len(fresh))]
        self.tally.tell(MailboxListed(self.integration.name, len(granted)))
        return self.delivery.set_aside(granted, late)

    def late(self, fresh: Sequence[MessageRef]) -> frozenset[str]:
        """Loci of what the server did not give before, or that may have been why it asked to wait."""
        late = self.run.troubles.undelivered(self.integration.name)
        throttled = fresh and self.ledger.health(self.place).kind == Throttled("").kind
        return late | {fresh[0].locus} if throttled else late

    def suspects(self, fresh: list[MessageRef]) -> None:
        """Take those alone that were in flight when an earlier run died; they leave the list."""
        suspects = self.ledger.suspects([ref.locus for ref in fresh])
        if not suspects:
            return
        alone = [ref for ref in fresh if ref.locus in suspects]
        fresh[:] = [ref for ref in fresh if ref.locus not in suspects]
        measured = self.source.measure(alone)
        present = {ref.locus for ref in measured}
        self.drop([ref.locus for ref in alone if ref.locus not in present])
        for job in (job for ref in measured for job in mailbox.jobs([ref], self.run.config)):
            if self.must_end():
                return
            self.delivery.after(job, self.alone(job))

    def batches(self, window: Sequence[MessageRef]) -> None:
        """Measure one window of the list, and take it in batches; what is not given holds up no other."""
        if self.must_end():
            return
        measured = self.source.measure(window)
        self.tally.add(vanished=len(window) - len(measured))
        waiting = deque(mailbox.jobs(measured, self.run.config))
        with self.run.readers.lent(measured, self.settings) as reader:
            try:
                while waiting and not self.must_end():
                    again = self.batch(waiting.popleft(), reader)
                    waiting.extendleft(reversed(again))
            except StoreError:
                raise
            except EmailintError:
                self.take_read(reader.rest())  # what came is kept, whatever came after it
                raise
            self.take_read(reader.rest())

    def batch(self, job: Job, reader: Reader) -> Sequence[Job]:
        """Bring one batch in flight, and one that is read to its end; what is to be asked for again."""
        fetched = self.fetched(job, reader.read_one)
        self.take_read(reader.next(fetched.reads))
        return self.delivery.after(job, fetched)

    def take_read(self, reads: Sequence[Read]) -> None:
        """Take a batch, and alone what could not be read with it."""
        self.take([read for read in reads if read.failure is None])
        for read in reads:
            if read.failure is not None:
                self.judge(mailbox.again_alone(read, self.settings))

    def alone(self, job: Job) -> Fetched:
        """Take one message alone, reading it in a child process."""
        fetched = self.fetched(job, lambda raw: mailbox.read_alone(raw, self.settings))
        for read in fetched.reads:
            self.judge(read)
        return fetched

    def fetched(self, job: Job, read_one: Callable[[RawMessage], Read]) -> Fetched:
        """What comes of a job, which is in flight until then; all of the answer before the next command."""
        self.ledger.begin([ref.locus for ref in job.refs])
        fetched = mailbox.fetch(self.source, job, read_one)
        self.ledger.release([*fetched.unread, *fetched.withheld])
        self.drop(fetched.vanished)
        return fetched

    def judge(self, read: Read) -> None:
        """Take a message that was read alone; a failure counts an attempt, and the last one quarantines."""
        if read.failure is None:
            self.take([read])
            return
        if self.run.budget.stopped:
            return
        attempt = self.ledger.attempt(read.ref.locus)
        if attempt >= self.run.config.limits.attempts:
            self.take([mailbox.quarantined(read, self.settings)])
            return
        self.report(read, read.failure, attempt)
        self.tally.done(telling.failure(self.integration, read, str(read.failure)))

    def take(self, reads: Sequence[Read]) -> None:
        """Make of each message what is to be made, in one transaction, then do the steps."""
        if not reads:
            return
        made = self.plans(reads)
        try:
            kept = plans.keep(self.run.store, made)
        except AttachmentError as error:
            self.one_by_one(reads, error)
            return
        with self.ledger.transaction() as batch:
            results = [self.enter(batch, plan, kept.get(plan.key, ())) for plan in made]
            opened = [self.listed(plan, result) for plan, result in zip(made, results, strict=True)]
        self.settle(results, [error for error in opened if error is not None])
        self.finish()
        self.run.outbox.wake()

    def plans(self, reads: Sequence[Read]) -> list[Plan]:
        """Decide what needs no ledger; where the directory cannot be asked, the mail stays unread."""
        run = self.run
        try:
            return [plans.plan(run.config, self.integration, read, run.knowledge) for read in reads]
        except DirectoryError:
            self.ledger.release([read.ref.locus for read in reads])
            raise

    def one_by_one(self, reads: Sequence[Read], error: AttachmentError) -> None:
        """The attachments of one message cannot be kept: the others are taken all the same."""
        if len(reads) > 1:
            for read in reads:
                self.take([read])
            return
        self.ledger.release([reads[0].ref.locus])
        self.report(reads[0], error)
        self.tally.done(telling.failure(self.integration, reads[0], str(error)))

    def enter(self, batch: Batch, plan: Plan, kept: Kept) -> MessageResult:
        """Decide one message against the ledger and what this transaction holds already."""
        known = batch.find(plan.key)
        if known is not None:
            batch.add_locus(known, plan.read.ref.locus, self.place, plan.folder)
            return telling.result(plan, "already_known", case_id=known.case_id)
        made = self.intake.make(plan, kept, batch)
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

    # The steps

    def finish(self) -> None:
        """Project, mark and move all that waits for it in this mailbox.

        What cannot be marked or moved waits; new mail is taken all the same, and known when it comes again.
        """
        self.run.project()
        try:
            self.mark()
            self.move()
        except (FolderReadOnly, FolderMissing) as error:
            self.tally.error = str(error)
            self.run.troubles.report(error, self.integration)

    def mark(self) -> None:
        """Mark read what is durable: one command for all."""
        loci = self.ledger.unmarked(self.place)
        if loci:
            self.source.mark_read(loci)
            self.ledger.marked(loci)

    def move(self) -> None:
        """Move what is marked, where the configuration says so."""
        by_folder: dict[str, list[str]] = {}
        for move in self.ledger.unmoved(self.place):
            by_folder.setdefault(move.folder, []).append(move.locus)
        for folder, loci in by_folder.items():
            self.ledger.moved(self.source.move(loci, folder))

    # What goes wrong with one message

    def must_end(self) -> bool:
        """Whether no new batch may begin."""
        return self.run.budget.over(self.run.outbox.reserve())

    def may_reconnect(self) -> bool:
        """Whether there is time to connect once more."""
        return not self.run.budget.over(2 * self.run.budget.reserve)

    def drop(self, vanished: Sequence[str]) -> None:
        """Messages that are no longer there: not an error."""
        if vanished:
            self.ledger.release(vanished)
            self.tally.add(vanished=len(vanished))

    def report(self, read: Read, error: MessageError, attempt: int = 1) -> None:
        """Open an error for this message; it stays unread and is tried again."""
        self.run.troubles.report(error, self.integration, mailbox.about(read.ref, read.message, attempt))
