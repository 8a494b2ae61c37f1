"""Replies that are due, the oldest first: one worker a server and login, one connection a sweep."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from queue import SimpleQueue
from threading import Condition, Thread
from typing import TYPE_CHECKING

from emailint.store.records import ReplyState
from emailint.sweep import connect
from emailint.sweep.doubts import owner, traceable
from emailint.sweep.post import DIED, Desk, Post
from emailint.sweep.sent_copies import SentCopies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emailint.config.model import Config, Integration
    from emailint.store.records import Reply
    from emailint.sweep.clock import Budget, Clock
    from emailint.sweep.options import SweepOptions
    from emailint.sweep.run import SweepStore, Tally
    from emailint.sweep.troubles import Troubles

MOST_IN_HAND = 2_000
"""Replies with their stored lines that are in memory at once, more or less."""


@dataclass(slots=True)
class Worker:
    """One server and login: its replies wait in a queue, its thread sends them over one connection."""

    desk: Desk
    queue: SimpleQueue[Reply | None] = field(default_factory=SimpleQueue)
    thread: Thread | None = None
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
        self._post = Post(config, store, clock, budget, troubles)
        self._workers: dict[str, Worker] = {}
        self._in_hand: dict[int, Reply] = {}
        self._copies = SentCopies(store.ledger, troubles, clock, budget)
        self._last_taken = 0
        self._room = Condition()
        self.broken: Exception | None = None

    @property
    def running(self) -> list[str]:
        """Servers that still have replies to take."""
        return [key for key, worker in self._workers.items() if worker.thread and worker.thread.is_alive()]

    def start(self, tallies: Mapping[str, Tally]) -> None:
        """Report what an earlier run left in doubt, and send what it left waiting."""
        self._post.tallies = tallies
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
            doubts = [(reply, self._post.doubted(reply, DIED)) for reply in lost]
        for reply, opened in doubts:
            self._post.tell_doubt(reply, opened)
        for reply in begun:
            if reply.state is ReplyState.SENDING:
                self._post.to_trace.add(reply.row)
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
            worker = Worker(Desk(connect.outbound_for(self._config, integration, budget=self._budget)))
            worker.thread = Thread(target=self._work, args=(worker,), name=f"outbox {key}", daemon=True)
            self._workers[key] = worker
            worker.thread.start()
        return worker

    def _work(self, worker: Worker) -> None:
        with worker.desk.outbound:
            while (reply := worker.queue.get()) is not None:
                try:
                    self._post.one(worker.desk, reply)
                except Exception as error:  # noqa: BLE001 - a thread must not die unseen: `finish` raises it
                    self.broken = error
                    self._budget.stop()
                finally:
                    with self._room:
                        self._in_hand.pop(reply.row, None)
                        self._room.notify_all()
            try:
                for integration in worker.to_clear if not worker.desk.given_up else ():
                    self._copies.clear(worker.desk.outbound, integration)
            except Exception as error:  # noqa: BLE001 - likewise
                self.broken = error
