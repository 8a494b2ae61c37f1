"""What others may know of a sweep once it is over: when it was well, in the lock file; how it went: metrics.

A file of metrics that cannot be written is one open error, and never the end of a sweep.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from emailint.errors import LockTimeout, MetricsFailed
from emailint.sweep.troubles import ON_ERROR, About, Troubles

if TYPE_CHECKING:
    from pathlib import Path

    from emailint.config.model import Config
    from emailint.errors import StoreError
    from emailint.store.folder import Store
    from emailint.store.lock import RunLock
    from emailint.sweep.clock import Clock
    from emailint.sweep.result import SweepResult

MODE = 0o644
"""node_exporter reads it as another user; nothing in it is private."""

LARGEST = 4_000_000
"""Octets of a file of metrics that are read."""

KEY = "metrics"


def watched(config: Config, lock: RunLock, store: Store, clock: Clock, result: SweepResult) -> SweepResult:
    """Note a sweep that is over, while the store is still ours; what is new of it comes with the result."""
    for integration in result.integrations:
        if integration.well and integration.error is None:
            lock.good(integration.name, result.started_at)
    if config.metrics is None:
        return result
    from emailint.sweep import metrics  # noqa: PLC0415 - only where there are to be some
    from emailint.sweep.status import expiring  # noqa: PLC0415 - likewise

    troubles = Troubles(store.ledger, clock, store.write_error, ON_ERROR in config.hooks)
    troubles.load()
    facts = metrics.Facts(
        last_good=lock.last_good,
        backlog=store.ledger.backlog(),
        errors=tuple(store.ledger.errors()),
        calls=store.ledger.calls(),
        expires=expiring(config),
    )
    failure = _put(config.metrics, metrics.of_sweep(_held(config.metrics), result, facts, clock.now()))
    if failure:
        troubles.report(failure, about=About(key=KEY))
    else:
        troubles.close_key(KEY)
    troubles.tell()
    return replace(
        result,
        news=(*result.news, *troubles.news),
        recovered=(*result.recovered, *troubles.recovered),
    )


def failed(config: Config, error: StoreError, clock: Clock) -> None:
    """Note a sweep that could not use its store; never raises. One that waited in vain for it did nothing."""
    if config.metrics is not None and not isinstance(error, LockTimeout):
        from emailint.sweep import metrics  # noqa: PLC0415 - likewise

        _put(config.metrics, metrics.of_failure(_held(config.metrics), clock.now()))


def _held(path: Path) -> str:
    """What the file holds; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST).decode("ascii", "replace")
    except OSError:
        return ""


def _put(path: Path, text: str) -> MetricsFailed | None:
    """Write it whole under another name, which no collector reads, and rename it."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, MODE)
            with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - a descriptor
                os.fchmod(descriptor, MODE)
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            aside.replace(path)
        finally:
            with suppress(FileNotFoundError):
                aside.unlink()
    except OSError as error:
        return MetricsFailed(
            f"the metrics {path} cannot be written: {error.strerror}; mail is taken as ever",
            hint="its folder must be there, and writable by the user who runs emailint",
        )
    return None
