"""How each integration is doing, as the store says without being touched: no lock is taken, nothing written.

When an integration was swept well for the last time stands in the lock file, which each sweep writes anyway;
what waits, and what is wrong, in the ledger.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from emailint.errors import EmailintError
from emailint.store.lock import read_lock
from emailint.store.records import Backlog, Health
from emailint.store.sqlite_ledger import SqliteLedger
from emailint.sweep import connect
from emailint.sweep.crew import Crew
from emailint.sweep.held_store import open_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from emailint.config.model import Config, Integration
    from emailint.store.lock import Holder
    from emailint.sweep.clock import Budget

AHEAD: Final = timedelta(minutes=1)
"""A good sweep that is further ahead than this was stamped by a clock that was wrong: it says nothing."""

NOTHING: Final = Backlog()
WELL: Final = Health()

Standing = Literal["enabled", "disabled", "removed"]


@dataclass(frozen=True, slots=True)
class Unread:
    """What the server says now: how many mails are unread; or why that is not known."""

    count: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found: in the lock file, in the ledger by the name of the integration, at the servers."""

    last_good: Mapping[str, datetime] = field(default_factory=dict)
    backlog: Mapping[str, Backlog] = field(default_factory=dict)
    open_errors: Mapping[str, int] = field(default_factory=dict)
    run_errors: int = 0
    health: Mapping[str, Health] = field(default_factory=dict)
    expires: Mapping[str, date] = field(default_factory=dict)
    unread: Mapping[str, Unread] = field(default_factory=dict)
    holder: Holder | None = None


@dataclass(frozen=True, slots=True)
class IntegrationStatus:
    """One integration. `removed` is one that the configuration has no more, and of which something waits.

    `stale`: enabled, and without a good sweep within the age that was asked for. `expires` is the last day of
    what it signs in with, as far as that is known.
    """

    name: str
    mailbox: str | None
    standing: Standing
    last_good: datetime | None
    age: timedelta | None
    stale: bool
    backlog: Backlog = NOTHING
    open_errors: int = 0
    health: Health = WELL
    expires: date | None = None
    unread: Unread | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The whole. `run_errors` are open errors that belong to no integration."""

    at: datetime
    max_age: timedelta | None
    integrations: tuple[IntegrationStatus, ...]
    run_errors: int = 0
    holder: Holder | None = None

    @property
    def stale(self) -> bool:
        """Whether any integration is."""
        return any(each.stale for each in self.integrations)

    @property
    def unanswered(self) -> bool:
        """Whether a server was asked and did not say."""
        return any(each.unread is not None and each.unread.error is not None for each in self.integrations)


def look(
    config: Config,
    names: Sequence[str],
    now: datetime,
    *,
    max_age: timedelta | None = None,
    live: Budget | None = None,
) -> Status:
    """Look at these integrations (none named: all). With `live` the servers are asked for unread mail.

    A store that does not exist is one that never swept. Raises StoreError when it cannot be read.
    """
    lock = read_lock(config.store)
    with SqliteLedger.open(config.store, read_only=True) as ledger:
        counts = Counter(error.trouble.integration for error in ledger.errors())
        facts = Facts(
            last_good=lock.last_good,
            backlog=ledger.backlog(),
            open_errors={name: count for name, count in counts.items() if name is not None},
            run_errors=counts[None] + len(open_errors(config.store)),
            health=_health(config, ledger) if ledger.ailing() else {},
            expires=expiring(config),
            unread=unread(config, names, live) if live is not None else {},
            holder=lock.holder,
        )
    return judge(config.integrations, names, facts, now, max_age)


def judge(
    integrations: Sequence[Integration],
    names: Sequence[str],
    facts: Facts,
    now: datetime,
    max_age: timedelta | None,
) -> Status:
    """What these facts say of each integration, in the order of the configuration; removed ones last."""
    configured = [integration.name for integration in integrations]
    left = sorted({*facts.backlog, *facts.open_errors}.difference(configured))
    found = [
        *(_status_of(each.name, each, facts, now, max_age) for each in integrations),
        *(_status_of(name, None, facts, now, max_age) for name in left),
    ]
    chosen = tuple(each for each in found if not names or each.name in names)
    return Status(now, max_age, chosen, facts.run_errors, facts.holder)


def unread(config: Config, names: Sequence[str], budget: Budget) -> Mapping[str, Unread]:
    """Ask the servers of the enabled integrations, side by side, how much is unread; change nothing."""
    asked = [each for each in config.integrations if each.enabled and (not names or each.name in names)]
    found: dict[str, Unread] = {}

    def ask(integration: Integration) -> None:
        found[integration.name] = _unread(config, integration, budget)

    Crew(ask).go(asked, config.concurrency)
    return found


def _unread(config: Config, integration: Integration, budget: Budget) -> Unread:
    try:
        with connect.source_for(config, integration, read_only=True, budget=budget) as source:
            return Unread(len(source.list_unread()))
    except EmailintError as error:
        return Unread(error=str(error))
    except Exception as error:  # noqa: BLE001 - one mailbox never keeps the others' figures back
        return Unread(error=str(connect.unforeseen(error, f"integration {integration.name!r}")))


def _status_of(
    name: str, integration: Integration | None, facts: Facts, now: datetime, max_age: timedelta | None
) -> IntegrationStatus:
    standing: Standing = (
        "removed" if integration is None else "enabled" if integration.enabled else "disabled"
    )
    last_good = facts.last_good.get(name)
    if last_good is not None and last_good > now + AHEAD:
        last_good = None
    age = None if last_good is None else max(now - last_good, timedelta(0))
    late = max_age is not None and (age is None or age > max_age)
    return IntegrationStatus(
        name=name,
        mailbox=integration.mailbox if integration else None,
        standing=standing,
        last_good=last_good,
        age=age,
        stale=late and standing == "enabled",
        backlog=facts.backlog.get(name, NOTHING),
        open_errors=facts.open_errors.get(name, 0),
        health=facts.health.get(name, WELL),
        expires=facts.expires.get(name),
        unread=facts.unread.get(name),
    )


def _health(config: Config, ledger: SqliteLedger) -> Mapping[str, Health]:
    """By name, which the ledger does not know: it keeps how a place is doing, whatever that is called."""
    places = {
        each.name: connect.place_of(connect.source_for(config, each), each)
        for each in config.integrations
        if each.enabled
    }
    return {name: ledger.health(place) for name, place in places.items()}


def expiring(config: Config) -> Mapping[str, date]:
    """The last day of what each integration signs in with, as far as that is known."""
    signing = [each for each in config.integrations if each.sign_in is not None]
    if not signing:
        return {}
    from emailint.sweep.sign_in import last_day  # noqa: PLC0415 - only where one is signed in so

    days = {each.name: last_day(each) for each in signing}
    return {name: day for name, day in days.items() if day is not None}
