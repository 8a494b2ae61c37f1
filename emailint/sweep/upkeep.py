"""`emailint store`: what is to be known of the configuration, and the run lock around it.

What is done, and in which order, stands in `store/upkeep`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from emailint.errors import StoreError, UsageError
from emailint.store.folder import open_store
from emailint.store.lock import RunLock
from emailint.store.upkeep import prune as pruning
from emailint.store.upkeep import rebuild as rebuilding
from emailint.store.upkeep import rotate as rotating
from emailint.store.upkeep.ledger import UpkeepLedger
from emailint.store.upkeep.restored import Mailbox, Mailboxes
from emailint.sweep import connect
from emailint.sweep.clock import Budget, SystemClock
from emailint.sweep.options import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from emailint.config.model import Config, Integration
    from emailint.store.lock import Holder
    from emailint.store.upkeep.prune import PrunePlan
    from emailint.store.upkeep.rebuild import Rebuilt
    from emailint.store.upkeep.rebuild_plan import Plan
    from emailint.store.upkeep.rotate import Rotation
    from emailint.sweep.clock import Clock
    from emailint.sweep.options import Event


def rebuild(
    config: Config,
    *,
    confirm: Callable[[Plan], bool],
    former: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    on_event: Callable[[Event], None] = lambda _event: None,
) -> Rebuilt:
    """Put ledger and JSON lines right from each other, once `confirm` has agreed to the plan.

    `former`: integrations that lines name and the configuration does not have, with the addresses of their
    mailboxes. Raises UsageError where such a name is missing; nothing was changed then. Raises StoreError.
    """
    clock = clock or SystemClock()
    with _locked(config, "store rebuild", clock, on_event):
        found = mailboxes(config, former or {})
        result = rebuilding.rebuild(config.store, found, clock.now(), confirm=confirm)
    if result.plan.nameless:
        name = min(result.plan.nameless)
        raise UsageError(
            f"lines name the integration {name!r}, which is not configured; nothing was changed",
            hint=f"say whose it was: --mailbox {name}=ADDRESS (it had {result.plan.nameless[name]})",
        )
    return result


def rotate(
    config: Config,
    *,
    larger_than: int = 0,
    clock: Clock | None = None,
    on_event: Callable[[Event], None] = lambda _event: None,
) -> Sequence[Rotation]:
    """Give the JSON-lines files dated names. Raises StoreError."""
    clock = clock or SystemClock()
    with _locked(config, "store rotate", clock, on_event):
        with open_store(config.store) as store:
            store.project()
        return rotating.rotate(config.store, clock.now(), larger_than=larger_than)


def prune(
    config: Config,
    older_than: timedelta,
    *,
    confirm: Callable[[PrunePlan], bool],
    clock: Clock | None = None,
    on_event: Callable[[Event], None] = lambda _event: None,
) -> tuple[PrunePlan, bool]:
    """Remove what old cases say, once `confirm` has agreed; whether it was done.

    Raises UsageError for an age at which a case may still be followed up, StoreError.
    """
    if older_than < config.follow_up_max_age:
        raise UsageError(
            f"a case is followed up for {config.follow_up_max_age.days} days (follow_up.max_age), so nothing"
            " younger is pruned",
            hint="give a longer time, or set follow_up.max_age",
        )
    clock = clock or SystemClock()
    with _locked(config, "store prune", clock, on_event):
        with open_store(config.store) as store:
            store.project()
        with UpkeepLedger.open(config.store) as ledger:
            now = clock.now()
            return pruning.prune(config.store, ledger, now - older_than, now, confirm=confirm)


def mailboxes(config: Config, former: Mapping[str, str]) -> Mailboxes:
    """What lines do not say of their mailboxes."""
    found = {each.name: _mailbox(config, each) for each in config.integrations}
    for name, given in former.items():
        address = given.lower()
        scope = "" if config.dedupe == "global" else address
        found.setdefault(name, Mailbox(scope, "", "", address.rpartition("@")[2], (address,)))
    return Mailboxes(found)


def _mailbox(config: Config, integration: Integration) -> Mailbox:
    addresses = [alias.address for alias in integration.aliases]
    default = integration.default_alias
    first = [default.address] if default else []
    source = connect.source_for(config, integration, read_only=True)
    return Mailbox(
        scope="" if config.dedupe == "global" else integration.mailbox.lower(),
        account=source.account,
        place=connect.place_of(source, integration),
        domain=integration.mailbox.rpartition("@")[2],
        addresses=tuple(dict.fromkeys([*first, integration.mailbox.lower(), *addresses])),
        answers_follow_ups=any(alias.reply.follow_up_template for alias in integration.aliases),
    )


@contextmanager
def _locked(config: Config, command: str, clock: Clock, tell: Callable[[Event], None]) -> Iterator[None]:
    """The run lock, for all integrations: sweeps under cron give way meanwhile."""

    def waiting(holder: Holder) -> None:
        tell(Waiting(str(holder)))

    if not config.store.is_dir():
        raise StoreError(f"there is no store {config.store} yet", hint="emailint process makes it")
    names = [each.name for each in config.integrations]
    lock = RunLock(config.store, now=clock.now, pause=Budget(clock, None).wait_stopped)
    with lock.acquire(names, str(config.path), None, waiting, command=command):
        yield
