"""One sweep over all mailboxes: the lock, the store, the crew, and what happens when a mailbox fails."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emailint.directory.model import NOBODY
from emailint.errors import ConnectionFailed, EmailintError, StoreError
from emailint.routing.knowledge import knowledge_of
from emailint.store.lock import StoreHeld
from emailint.store.records import Health
from emailint.sweep import backoff, connect, held_store, opening, watched
from emailint.sweep.chosen import chosen
from emailint.sweep.clock import Budget, SystemClock
from emailint.sweep.crew import Crew
from emailint.sweep.heartbeat import Heartbeat
from emailint.sweep.hooks import calling
from emailint.sweep.options import MailboxDone, MailboxStarted
from emailint.sweep.order import MailboxSweep
from emailint.sweep.outbox import Outbox
from emailint.sweep.result import SweepResult
from emailint.sweep.run import Quota, Run, Tally
from emailint.sweep.troubles import ON_ERROR, Troubles
from emailint.sweep.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emailint.config.model import Config, Integration
    from emailint.directory.lookup import IndexedDirectory
    from emailint.sweep.clock import Clock
    from emailint.sweep.hooks import HookLedger
    from emailint.sweep.options import Event, SweepOptions
    from emailint.sweep.run import SweepStore


class Sweep:
    """One sweep over one open store."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.tallies: dict[str, Tally] = {}
        self.broken: StoreError | None = None

    def go(self, integrations: Sequence[Integration]) -> None:
        """Sweep these mailboxes side by side, then wait for the replies.

        Raises StoreError when the store failed on the way; the mailboxes end after their current step.
        """
        for integration in integrations:
            self.tallies[integration.name] = Tally(integration.name, self.run.tell)
        self.run.project()
        self.run.outbox.start(self.tallies)
        crew = Crew(self.mailbox)
        watchdog = Watchdog(self.run.budget, lambda: [*crew.running, *self.run.outbox.running], self.hanging)
        with self.run.readers, watchdog:
            crew.go(integrations, self.run.config.concurrency)
            self.run.outbox.finish()
        if self.broken is not None:
            raise self.broken

    def hanging(self, names: Sequence[str]) -> None:
        """These did not come to an end: noted as failed, so that they are tried less often, and told once."""
        for integration in self.run.config.integrations:
            if integration.name in names and integration.name in self.tallies:
                error = ConnectionFailed(
                    f"integration {integration.name!r} did not end in time; what was not taken stays unread",
                    hint="look what answers so slowly: name resolution, the server, the disk",
                )
                source = connect.source_for(self.run.config, integration)
                place = connect.place_of(source, integration)
                self.failed(integration, self.tallies[integration.name], error)
                self.worse(place, self.run.store.ledger.health(place), error)
        self.run.troubles.tell()

    def mailbox(self, integration: Integration) -> None:
        """Sweep one mailbox; its failure is its own. Never raises."""
        tally = self.tallies[integration.name]
        try:
            if not self.run.budget.over(self.run.outbox.reserve()):
                self.attempt(integration, tally)
        except StoreError as error:
            self.broken = error
            self.run.budget.stop()
        except Exception as error:  # noqa: BLE001 - one mailbox never ends a sweep
            self.failed(integration, tally, connect.unforeseen(error, f"integration {integration.name!r}"))
        self.run.tell(MailboxDone(integration.name, tally.error))

    def attempt(self, integration: Integration, tally: Tally) -> None:
        """Sweep one mailbox unless it backs off; record how it went."""
        source = connect.source_for(
            self.run.config,
            integration,
            read_only=self.run.options.dry_run,
            budget=self.run.budget,
            known=self.run.store.ledger.done,
        )
        place = connect.place_of(source, integration)
        health = self.run.store.ledger.health(place)
        if not self.may_try(health):
            tally.error = backoff.backing_off(health)
            tally.in_passing = self.run.troubles.throttled_in_passing(integration.name)
            return
        self.run.tell(MailboxStarted(integration.name))
        try:
            MailboxSweep(self.run, integration, source, tally).sweep()
        except StoreError:
            raise
        except EmailintError as error:
            self.failed(integration, tally, error)
            self.worse(place, health, error)
            return
        self.well(integration, place, health, tally)

    def waiting_replies(self) -> None:
        """An integration whose replies cannot leave is not well, though none was tried this time."""
        for name, tally in self.tallies.items():
            reason = self.run.troubles.keeps_replies(name)
            if reason is not None and not self.run.outbox.waiting(name):
                self.run.troubles.close_sending(name)
            elif tally.error is None:
                tally.error = reason

    def may_try(self, health: Health) -> bool:
        """Whether a mailbox may be tried now; a person, or its name on the command line, tries at once."""
        options = self.run.options
        return (
            options.terminal
            or bool(options.integrations)
            or backoff.may_try(health, self.run.clock.now(), self.run.config.digest)
        )

    def failed(self, integration: Integration, tally: Tally, error: EmailintError) -> None:
        """A mailbox could not be swept: one error, whatever was taken before is durable."""
        tally.error = str(error)
        self.run.troubles.report(error, integration)
        tally.in_passing = self.run.troubles.throttled_in_passing(integration.name)

    def worse(self, place: str, health: Health, error: EmailintError) -> None:
        """A mailbox that keeps failing is tried less often."""
        now, digest = self.run.clock.now(), self.run.config.digest
        after = backoff.after_failure(health, now, error.kind, digest, error.retry_after)
        self.run.store.ledger.set_health(place, after)

    def well(self, integration: Integration, place: str, health: Health, tally: Tally) -> None:
        """A good sweep: nothing backs off any more, and the mailbox's errors are over."""
        if health.failures:
            self.run.store.ledger.set_health(place, Health())
        self.look_ahead(integration)
        tally.well = True
        if tally.error is None:
            self.run.troubles.close_integration(integration.name)

    def look_ahead(self, integration: Integration) -> None:
        """A secret or certificate that ends soon: one error, told once, over when there is a new one."""
        if integration.sign_in is None:
            return
        from emailint.sweep.sign_in import expiring  # noqa: PLC0415 - only where one is signed in so

        ending = expiring(self.run.config, integration)
        if ending is not None:
            self.run.troubles.remind(ending, integration)


def run_sweep(
    config: Config,
    options: SweepOptions,
    *,
    clock: Clock | None = None,
    on_event: Callable[[Event], None] | None = None,
    budget: Budget | None = None,
) -> SweepResult:
    """One sweep over all mailboxes that are asked for.

    Returns when each of them is through, or the deadline is; with `busy` when another sweep holds the store
    and this one gave way or waited in vain. Raises UsageError for an unknown integration, StoreBusy or
    LockTimeout in place of `busy` where a person is watching, StoreError when the store cannot be used
    (nothing remote was touched, or nothing after the failure).
    """
    clock = clock or SystemClock()
    budget = budget or Budget(clock, options.deadline)
    tell = on_event or (lambda _event: None)
    integrations = chosen(config, options.integrations)
    given = Conditions(config, options, clock, budget, tell)
    if options.dry_run:
        with opening.dry(config) as store:
            return _swept(given, store, integrations)
    heartbeat = Heartbeat(config)
    try:
        result = _alone(given, integrations, heartbeat)
    except StoreHeld as held:
        if options.terminal:
            raise
        return held_store.given_way(config, [each.name for each in integrations], held, clock.now())
    except StoreError as error:
        watched.failed(config, error, clock)
        heartbeat.fail(error)
        raise
    heartbeat.end(result)
    return result


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a sweep is given from outside."""

    config: Config
    options: SweepOptions
    clock: Clock
    budget: Budget
    tell: Callable[[Event], None]


def _alone(given: Conditions, integrations: Sequence[Integration], heartbeat: Heartbeat) -> SweepResult:
    """A sweep that has the store to itself."""
    config, clock = given.config, given.clock
    names = [each.name for each in integrations]
    with opening.locked(config, given.options, names, given.budget, clock, given.tell) as (lock, store):
        heartbeat.start()
        result = _swept(given, store, integrations, store.ledger)
        result = watched.watched(config, lock, store, clock, result)
        recovered = held_store.over(config, names, clock.now())
        return replace(result, recovered=(*recovered, *result.recovered)) if recovered else result


def _swept(
    given: Conditions, store: SweepStore, integrations: Sequence[Integration], hooks: HookLedger | None = None
) -> SweepResult:
    """The sweep itself, over an open store; `hooks` knows what commands are to be given."""
    with opening.directory(given.config, keep=not given.options.dry_run) as directory:
        run = run_of(given, store, directory)
        with calling(run, hooks) as call:
            return _swept_with(given, run, directory, integrations, call)


def run_of(given: Conditions, store: SweepStore, directory: IndexedDirectory | None) -> Run:
    """A run over an open store, before its first step."""
    on_error = ON_ERROR in given.config.hooks and not given.options.dry_run
    troubles = Troubles(store.ledger, given.clock, store.write_error, on_error)
    troubles.load()
    return Run(
        config=given.config,
        options=given.options,
        store=store,
        knowledge=knowledge_of(given.config, directory or NOBODY),
        clock=given.clock,
        budget=given.budget,
        troubles=troubles,
        quota=Quota(given.options.limit),
        outbox=Outbox(given.config, given.options, store, given.clock, given.budget, troubles),
        tell=given.tell,
    )


def _judge_directory(directory: IndexedDirectory, troubles: Troubles) -> None:
    """Mail was looked up: a directory that cannot be used is an error, until it can."""
    if directory.trouble is not None:
        troubles.report(directory.trouble)


def _swept_with(
    given: Conditions,
    run: Run,
    directory: IndexedDirectory | None,
    integrations: Sequence[Integration],
    call: Callable[[], None],
) -> SweepResult:
    started_at, began = given.clock.now(), given.clock.monotonic()
    troubles = run.troubles
    sweep = Sweep(run)
    sweep.go(integrations)
    sweep.waiting_replies()
    if directory is not None and any(tally.counts.listed for tally in sweep.tallies.values()):
        _judge_directory(directory, troubles)
    troubles.close_run()
    call()
    troubles.tell()
    return SweepResult(
        sweep_id=secrets.token_hex(8),
        started_at=started_at,
        seconds=given.clock.monotonic() - began,
        dry_run=given.options.dry_run,
        integrations=tuple(sweep.tallies[each.name].close() for each in integrations),
        news=tuple(troubles.news),
        recovered=tuple(troubles.recovered),
    )
