"""Replies: one worker a server and login, one connection a sweep, each reply begun at most once.

pending → (policy once more) → compose → connect … RCPT → `sending` is durable → DATA → sent
                                                                           └ no answer → unknown
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from queue import SimpleQueue
from threading import Condition, Lock, Thread
from typing import TYPE_CHECKING, assert_never

from emailint.errors import (
    OutboundDeferred,
    OutboundError,
    OutboundUnavailable,
    OutcomePending,
    OutcomeUnknown,
    StoreError,
    TemplateError,
)
from emailint.reply.policy import Due, Wait, Withhold
from emailint.store.records import ReplyState
from emailint.sweep import backoff, connect, reached
from emailint.sweep.doubts import about, in_doubt, owner, settle_doubt, traceable
from emailint.sweep.pace import Pace
from emailint.sweep.sent_copies import SentCopies
from emailint.sweep.troubles import SENDING, About

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emailint.config.model import Config, Integration
    from emailint.errors import EmailintError
    from emailint.outbound.protocol import Outbound
    from emailint.store.records import OpenError, Reply
    from emailint.sweep.clock import Budget, Clock
    from emailint.sweep.letter import Letter
    from emailint.sweep.options import SweepOptions
    from emailint.sweep.run import SweepStore, Tally
    from emailint.sweep.troubles import Troubles
    from emailint.templating import Templates

MOST_IN_HAND = 2_000
"""Replies with their stored lines that are in memory at once, more or less."""

PATIENCE = 3
"""So many times a server may ask to come back with one reply before that is an error."""

DIED = "an earlier sweep got no answer while it was being handed over"

LOOKED_FOR = "in doubt: the next sweep looks what became of it"

GIVE_UP = 3
"""After so many replies in a row that could not be handed over, a server is left alone for this sweep."""


@dataclass(slots=True)
class Worker:
    """One server and login: its replies wait in a queue, its thread sends them over one connection."""

    outbound: Outbound
    queue: SimpleQueue[Reply | None] = field(default_factory=SimpleQueue)
    thread: Thread | None = None
    failures: int = 0
    to_clear: list[Integration] = field(default_factory=list)


class Outbox:
    """The step `send`, for all mailboxes of a sweep."""

    def __init__(
        self,
        config: Config,
        options: SweepOptions,
        store: SweepStore,
        clock: Clock,
        budget: Budget,
        troubles: Troubles,
    ) -> None:
        self._config = config
        self._on = options.replies and not options.dry_run
        self._store = store
        self._clock = clock
        self._budget = budget
        self._troubles = troubles
        self._tallies: Mapping[str, Tally] = {}
        self._workers: dict[str, Worker] = {}
        self._in_hand: dict[int, Reply] = {}
        self._pace = Pace(store.ledger, clock)
        self._copies = SentCopies(store.ledger, troubles, clock, budget)
        self._compiled: Templates | None = None
        self._to_trace: set[int] = set()
        self._last_taken = 0
        self._lock = Lock()
        self._room = Condition()
        self.broken: Exception | None = None

    @property
    def running(self) -> list[str]:
        """Servers that still have replies to take."""
        return [key for key, worker in self._workers.items() if worker.thread and worker.thread.is_alive()]

    def start(self, tallies: Mapping[str, Tally]) -> None:
        """Report what an earlier run left in doubt, and send what it left waiting."""
        self._tallies = tallies
        self.recover()
        self.wake()

    def recover(self) -> None:
        """Report what an earlier run left in doubt."""
        if not self._on:
            return
        ledger = self._store.ledger
        with ledger.transaction():
            begun = ledger.recover_replies(partial(traceable, self._config))
            lost = [reply for reply in begun if reply.state is ReplyState.UNKNOWN]
            doubts = [(reply, self._doubted(reply, DIED)) for reply in lost]
        for reply, opened in doubts:
            self._tell_doubt(reply, opened)
        for reply in begun:
            if reply.state is ReplyState.SENDING:
                self._to_trace.add(reply.row)
                self._hand_over(reply)

    def reserve(self) -> float:
        """Seconds that mailboxes leave for replies: none while no reply waits."""
        return 2 * self._budget.reserve if self._in_hand else 0.0

    def wake(self) -> None:
        """Take up the replies that are due, the oldest first, as many as may be in hand at once."""
        if not self._on or self._budget.stopped:
            return
        with self._room:
            while len(self._in_hand) < MOST_IN_HAND:
                due = self._store.ledger.due_replies(self._clock.now(), after=self._last_taken)
                if not due:
                    return
                for reply in due:
                    self._last_taken = reply.row
                    self._hand_over(reply)

    def finish(self) -> None:
        """Wait until every reply that is due was sent or left for later. Raises what ended a worker."""
        self.wake()
        while self._in_hand:
            with self._room:
                self._room.wait_for(lambda: len(self._in_hand) < MOST_IN_HAND // 2)
            if not self._more():
                break
        self._clear_copies()
        for worker in self._workers.values():
            worker.queue.put(None)
        for worker in self._workers.values():
            if worker.thread is not None:
                worker.thread.join()
        if self.broken is not None:
            raise self.broken

    def _clear_copies(self) -> None:
        """Let each worker end with the copies that are to be removed, this sweep's and those left before."""
        if not self._on or self._budget.stopped:
            return
        for integration in self._config.integrations:
            kept = integration.outbound.save_to_sent_items
            begun = connect.outbound_key(integration) in self._workers
            if not kept and (begun or self._copies.left(integration)):
                self._worker(integration).to_clear.append(integration)

    def waiting(self, name: str) -> bool:
        """Whether replies of this integration wait, now or until their next try."""
        soon = self._clock.now() + timedelta(hours=12)  # more than any pause
        return any(reply.integration == name for reply in self._store.ledger.due_replies(soon))

    def _more(self) -> bool:
        """Take up further replies; whether there were any."""
        before = self._last_taken
        self.wake()
        return self._last_taken != before

    def _hand_over(self, reply: Reply) -> None:
        integration = owner(self._config, reply)
        if integration is None:
            return
        self._in_hand[reply.row] = reply
        self._worker(integration).queue.put(reply)

    def _worker(self, integration: Integration) -> Worker:
        """The worker of its server and login, begun where it is the first to need it."""
        key = connect.outbound_key(integration)
        worker = self._workers.get(key)
        if worker is None:
            worker = Worker(connect.outbound_for(self._config, integration, budget=self._budget))
            worker.thread = Thread(target=self._work, args=(worker,), name=f"outbox {key}", daemon=True)
            self._workers[key] = worker
            worker.thread.start()
        return worker

    def _work(self, worker: Worker) -> None:
        with worker.outbound:
            while (reply := worker.queue.get()) is not None:
                try:
                    self._one(worker, reply)
                except Exception as error:  # noqa: BLE001 - a thread must not die unseen: `finish` raises it
                    self.broken = error
                    self._budget.stop()
                finally:
                    with self._room:
                        self._in_hand.pop(reply.row, None)
                        self._room.notify_all()
            try:
                for integration in worker.to_clear if worker.failures < GIVE_UP else ():
                    self._copies.clear(worker.outbound, integration)
            except Exception as error:  # noqa: BLE001 - likewise
                self.broken = error

    def _one(self, worker: Worker, reply: Reply) -> None:
        """One reply; what goes wrong with it does not end the others, unless it is the store's."""
        try:
            self._reply(worker, reply)
        except StoreError:
            raise
        except TemplateError as error:
            self._failed(reply, error)
        except Exception as error:  # noqa: BLE001 - one reply never ends the others
            self._failed(reply, connect.unsent(error))

    def _reply(self, worker: Worker, reply: Reply) -> None:
        """Send one reply, unless it is due no more, or no time is left to begin it."""
        if reply.row in self._to_trace:
            self._trace(worker, reply)
            return
        integration = owner(self._config, reply)
        if integration is None or worker.failures >= GIVE_UP or self._budget.over(self._budget.reserve):
            return
        from emailint.sweep.letter import letter_for  # noqa: PLC0415 - an idle sweep composes nothing

        letter = letter_for(self._config, integration, reply)
        begun = self._pace.lately(integration.name) if letter.paced else 0
        standing = letter.standing(self._store.ledger, self._clock.now(), begun)
        match standing:
            case Due():
                self._send(worker, reply, letter)
            case Withhold(reason=reason):
                self._store.ledger.settle(reply, ReplyState.WITHHELD, reason.value)
                self._count(reply, "replies_withheld", f"withheld: {reason.value}")
                self._troubles.close_key(reply.message_id)
                reached.tell(self._troubles, letter, reason)
            case Wait():
                self._count(reply, None, "waiting: the server's limit a minute")
            case _:
                assert_never(standing)

    def _trace(self, worker: Worker, reply: Reply) -> None:
        """An earlier sweep got no answer, or died, while handing this over to a server that can be asked."""
        self._to_trace.discard(reply.row)
        match settle_doubt(self._store.ledger, worker.outbound, reply, self._clock.now()):
            case ReplyState.UNKNOWN:
                self._unknown(reply, DIED)
            case ReplyState.SENDING:
                self._count(reply, None, LOOKED_FOR)
            case state:
                self._count(reply, "replies_sent" if state is ReplyState.SENT else None, state.value)

    def _send(self, worker: Worker, reply: Reply, letter: Letter) -> None:
        ledger = self._store.ledger
        try:
            mail = letter.compose(self._templates(), self._clock.now())
            self._pace.begin(letter.integration.name)
            worker.outbound.send(mail, partial(self._begin, reply))
        except OutcomePending:
            worker.failures += 1
            self._count(reply, None, LOOKED_FOR)
        except OutcomeUnknown as error:
            self._unknown(reply, str(error))
        except OutboundDeferred as error:
            worker.failures = 0
            self._deferred(reply, error)
        except OutboundUnavailable as error:
            worker.failures += 1
            self._later(reply, error)
        except (OutboundError, TemplateError) as error:
            worker.failures = 0
            self._failed(reply, error)
        else:
            worker.failures = 0
            ledger.settle(reply, ReplyState.SENT)
            self._count(reply, "replies_sent", "sent")
            self._troubles.close_sending(letter.integration.name)
            self._troubles.close_key(reply.message_id)

    def _begin(self, reply: Reply, token: str | None = None, message_id: str | None = None) -> None:
        """Handing over begins: durable, with the names by which the server knows the mail."""
        self._store.ledger.sending(reply, self._clock.now(), token, message_id)

    def _templates(self) -> Templates:
        """The templates, compiled once a sweep, and only where a reply goes out."""
        with self._lock:
            if self._compiled is None:
                self._compiled = connect.templates_for(self._config)
            return self._compiled

    def _later(self, reply: Reply, error: OutboundUnavailable) -> None:
        """Nothing was delivered: the same reply is tried again after a pause."""
        if self._budget.stopped:
            return  # it was for want of time most likely, which is no news and nobody's fault
        self._postpone(reply, error, "waiting: the server did not take it")
        integration = owner(self._config, reply)
        self._troubles.report(error, integration, About(key=SENDING))
        if tally := self._tallies.get(integration.name if integration else ""):
            tally.error = tally.error or str(error)

    def _deferred(self, reply: Reply, error: OutboundDeferred) -> None:
        """The server does not take this one now: an error only where that goes on."""
        self._postpone(reply, error, "waiting: the server asks to come back")
        if reply.attempts >= PATIENCE:
            self._troubles.report(error, owner(self._config, reply), about(reply))

    def _postpone(self, reply: Reply, error: OutboundUnavailable, said: str) -> None:
        until = self._clock.now() + backoff.reply_pause(reply.attempts)
        self._store.ledger.postpone(reply, until, str(error))
        self._count(reply, None, said)

    def _failed(self, reply: Reply, error: EmailintError) -> None:
        """The reply was refused, or cannot be made: for good, until somebody retries it by name."""
        ledger = self._store.ledger
        with ledger.transaction():
            ledger.settle(reply, ReplyState.FAILED, str(error))
            opened = self._troubles.enter(error, owner(self._config, reply), about(reply))
        self._troubles.note(opened)
        self._count(reply, "replies_failed", "failed")

    def _unknown(self, reply: Reply, why: str) -> None:
        """Nobody can tell whether it went out, and nobody is asked any more."""
        ledger = self._store.ledger
        with ledger.transaction():
            ledger.settle(reply, ReplyState.UNKNOWN, why)
            opened = self._doubted(reply, why)
        self._tell_doubt(reply, opened)

    def _doubted(self, reply: Reply, why: str) -> OpenError:
        error = in_doubt(reply, why)
        return self._troubles.enter(error, owner(self._config, reply), about(reply))

    def _tell_doubt(self, reply: Reply, opened: OpenError) -> None:
        self._count(reply, "replies_failed", "unknown")
        self._troubles.note(opened)

    def _count(self, reply: Reply, name: str | None, said: str) -> None:
        integration = owner(self._config, reply)
        tally = self._tallies.get(integration.name if integration else reply.integration)
        if tally is None:
            return
        if name is not None:
            tally.add(**{name: 1})
        tally.replies[reply.case_id] = said
