"""What comes first in a sweep: the lock, then the store. Nothing remote is touched before."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from emailint.errors import LockTimeout
from emailint.store.disk import make_tree
from emailint.store.folder import open_store
from emailint.store.lock import RunLock, StoreHeld
from emailint.store.records import Hook
from emailint.sweep.held_store import advice
from emailint.sweep.options import Waiting
from emailint.sweep.watchdog import GRACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from emailint.config.model import Config
    from emailint.directory.lookup import IndexedDirectory
    from emailint.store.folder import Store
    from emailint.store.lock import Holder
    from emailint.sweep.clock import Budget, Clock
    from emailint.sweep.dry_run import DryStore
    from emailint.sweep.options import Event, SweepOptions


@contextmanager
def dry(config: Config) -> Iterator[DryStore]:
    """The store as it is, read only; no lock, no file."""
    from emailint.sweep.dry_run import DryLedger, DryStore  # noqa: PLC0415 - cron never pays for it

    with open_store(config.store, read_only=True) as store:
        yield DryStore(DryLedger(store.ledger), own_key=store.own_key)


@contextmanager
def locked(
    config: Config,
    options: SweepOptions,
    names: Sequence[str],
    budget: Budget,
    clock: Clock,
    tell: Callable[[Event], None],
) -> Iterator[tuple[RunLock, Store]]:
    """The lock and the open store.

    Without a person watching, a running sweep that covers this one is given way to at once (StoreHeld), and
    one that does not is waited for until the deadline (StoreHeld as well). Where a person is watching, either
    is waited for; at a deadline the latter is a LockTimeout.
    """

    def waiting(holder: Holder) -> None:
        if not options.terminal and holder.covers(names, str(config.path)):
            raise StoreHeld(f"{holder} is sweeping; this sweep gives way", holder)
        tell(Waiting(str(holder)))

    make_tree(config.store)
    remaining = budget.remaining()
    until = None if remaining is None else clock.monotonic() + remaining
    ends_at = None if remaining is None else clock.now() + timedelta(seconds=remaining + GRACE)
    lock = RunLock(config.store, now=clock.now, pause=budget.wait_stopped)
    try:
        lock.acquire(names, str(config.path), until, waiting, command=options.command, ends_at=ends_at)
    except StoreHeld as held:
        if not options.terminal or held.holder.covers(names, str(config.path)):
            raise
        raise LockTimeout(str(held), hint=advice(held.holder, config.store)) from held
    with lock, open_store(config.store) as store:
        store.ledger.on_begun = lock.begun
        lock.begun(store.ledger.replies_begun())
        store.ledger.serve(frozenset(map(Hook, config.hooks)))
        yield lock, store


@contextmanager
def directory(config: Config, *, keep: bool) -> Iterator[IndexedDirectory | None]:
    """The directory of people and organisations, if there is one; not read before it is asked."""
    if config.directory is None:
        yield None
        return
    from emailint.directory.lookup import open_directory  # noqa: PLC0415 - only where one is configured

    with open_directory(config.directory, config.store / "directory.index", keep=keep) as found:
        yield found
