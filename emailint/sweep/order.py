"""The whole way of a message, and the only file that knows its order.

    list → in flight → fetch, read → attachments → transaction → project → mark → move → send
                                     └─── taking.py ────────┘

The commit of the transaction is the moment the case exists. What comes after it are four steps, each "bring
all rows in state X to Y" and harmless to repeat: `project`, `mark`, `move` (here) and `send` (post.py).
The same steps run at the start, for what an earlier run left, and after each batch; there is no other
recovery code.
"""

from __future__ import annotations

from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING

from emailint import retry
from emailint.errors import EmailintError, FolderMissing, FolderReadOnly, SourceError, StoreError, Throttled
from emailint.sweep import loading, mailbox, partly, readers
from emailint.sweep.connect import place_of
from emailint.sweep.delivery import Delivery
from emailint.sweep.options import MailboxListed
from emailint.sweep.partly import Partly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emailint.config.model import Integration
    from emailint.message.model import ReadSettings
    from emailint.sources.protocol import MailSource, MessageRef, RawMessage
    from emailint.sweep.mailbox import Fetched, Job, Read
    from emailint.sweep.readers import Reader
    from emailint.sweep.run import Run, Tally
    from emailint.sweep.taking import Taking


class MailboxSweep:
    """One mailbox's part of a sweep. `source` is connected by `sweep` and closed when it returns."""

    def __init__(self, run: Run, integration: Integration, source: MailSource, tally: Tally) -> None:
        self.run = run
        self.integration = integration
        self.source = source
        self.tally = tally
        self.ledger = run.store.ledger
        self.place = place_of(source, integration)
        self.delivery = Delivery(source, self.ledger, self.place)
        late = run.troubles.loci_of
        self.marks = Partly(self.mark_these, late(integration.name, "unmarked"), self.must_end)
        self.moves = Partly(self.move_these, late(integration.name, "unmoved"), self.must_end)

    @cached_property
    def settings(self) -> ReadSettings:
        """What reading has to know of this mailbox."""
        return mailbox.read_settings(self.run.config, self.integration)

    @cached_property
    def taking(self) -> Taking:
        """What makes cases of messages; an idle sweep, which cron starts each minute, does not load it."""
        from emailint.sweep.taking import Taking  # noqa: PLC0415 - see above

        return Taking(self.run, self.integration, self.place, self.tally)

    def sweep(self) -> None:
        """List what is unread and bring it to its end, batch by batch.

        Raises SourceError where the mailbox fails and StoreError where the store does; what was taken
        until then is durable, and the rest stays unread.
        """
        with retry.connected(self.source, self.may_reconnect):
            self.finish()
            unread = self.source.list_unread()
            self.take_up(unread)
            self.finish_refused()
            self.run.troubles.close_absent(self.integration.name, [ref.locus for ref in unread])

    def adopt(self, refs: Sequence[MessageRef]) -> None:
        """Bring these messages to their end, read or not, in the very same way as `sweep` does."""
        with retry.connected(self.source, self.may_reconnect):
            self.finish()
            self.take_up(refs)
            self.finish_refused()

    def take_up(self, listed: Sequence[MessageRef]) -> None:
        """Those of the listed that are new, batch by batch."""
        fresh = self.new_ones(listed)
        if fresh:
            few = len(fresh) < readers.MANY  # which are read in this process
            loading.ahead(loading.MAKES_CASES, *([loading.READS_MAIL] if few else []))
        self.suspects(fresh)
        for window in mailbox.windows(fresh):
            self.batches(window)
        if self.delivery.asides:
            from emailint.sweep import withheld  # noqa: PLC0415 - as for `taking`

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
                    with self.run.room.of(waiting[0].octets):
                        if self.must_end():  # there may have been no room for long
                            break
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
        if job.octets > readers.LARGEST_AHEAD:
            self.take_read(reader.rest())
            reader = readers.Here(self.settings)
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
        self.taking.failed(read, read.failure, attempt)

    def take(self, reads: Sequence[Read]) -> None:
        """Make of each message what is to be made, durably, then do the steps."""
        if reads:
            self.taking.take(reads)
            self.finish()
            self.run.outbox.wake()

    # The steps

    def finish(self) -> None:
        """Project, mark and move all that waits for it in this mailbox.

        What cannot be marked or moved waits; new mail is taken all the same, and known when it comes again.
        """
        self.run.project()
        try:
            self.marks.do(self.ledger.unmarked(self.place))
            self.moves.do([move.locus for move in self.ledger.unmoved(self.place)])
        except (FolderReadOnly, FolderMissing) as error:
            self.in_common(error)

    def finish_refused(self) -> None:
        """At the end: mark and move once more what was refused, and tell whose trouble it is."""
        try:
            self.marks.once_more(self.ledger.unmarked(self.place))
            self.moves.once_more([move.locus for move in self.ledger.unmoved(self.place)])
        except (FolderReadOnly, FolderMissing) as error:
            self.in_common(error)
        for step, told in ((self.marks, partly.unmarked), (self.moves, partly.unmoved)):
            self.tell_refused(step, told)

    def tell_refused(self, step: Partly, told: Callable[[SourceError], EmailintError]) -> None:
        """Each message that was refused alone has an error of its own, the mailbox one where all were."""
        own = step.own()
        for locus, about in partly.about(self.ledger, list(own)).items():
            self.run.troubles.report(told(own[locus]), self.integration, about)
        self.run.troubles.close_loci(step.mended)
        common = step.common()
        if common is not None:
            self.in_common(common)

    def in_common(self, error: SourceError) -> None:
        """What cannot be marked or moved is the trouble of the mailbox, which is swept all the same."""
        self.tally.error = str(error)
        self.run.troubles.report(error, self.integration)

    def mark_these(self, loci: Sequence[str]) -> None:
        """Mark read what is durable: one command for all."""
        self.source.mark_read(loci)
        self.ledger.marked(loci)

    def move_these(self, loci: Sequence[str]) -> None:
        """Move what is marked, where the configuration says so."""
        wanted = set(loci)
        by_folder: dict[str, list[str]] = {}
        for move in self.ledger.unmoved(self.place):
            if move.locus in wanted:
                by_folder.setdefault(move.folder, []).append(move.locus)
        missing = None
        for folder, those in by_folder.items():
            try:
                self.ledger.moved(self.source.move(those, folder))
            except FolderMissing as error:
                missing = error  # the other folders are there, perhaps
        if missing is not None:
            raise missing

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
