"""A whole sweep over mailboxes in memory and a real store, run as often as wanted."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from emailint.config.model import Alias, Config, Integration, OutboundSettings
from emailint.store.folder import open_store
from emailint.sweep import connect
from emailint.sweep.options import SweepOptions
from emailint.sweep.orders import Order
from emailint.sweep.retry import retry
from emailint.sweep.schedule import run_sweep
from tests.support.memory import MemoryOutbound, MemorySource, StillClock

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from emailint.store.records import OpenError
    from emailint.sweep.options import Event
    from emailint.sweep.result import SweepResult
    from emailint.sweep.retry import RetryResult

PAYROLL = Integration(
    name="payroll",
    mailbox="payroll@example.org",
    host="mail.example.org",
    username="payroll",
    outbound=OutboundSettings(type="smtp", host="mail.example.org", port=465, null_sender=True),
    aliases=(
        Alias("payroll@example.org", default=True, workspace=1201),
        Alias("urgent@example.org", workspace=1202),
    ),
)


@dataclass
class World:
    """The mailboxes by integration name, one outbound, one clock, one store folder."""

    folder: Path
    sources: dict[str, MemorySource]
    integrations: tuple[Integration, ...] = (PAYROLL,)
    outbound: MemoryOutbound = field(default_factory=MemoryOutbound)
    clock: StillClock = field(default_factory=StillClock)
    settings: dict[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    @property
    def source(self) -> MemorySource:
        """The mailbox of the first integration."""
        return self.sources[self.integrations[0].name]

    def config(self) -> Config:
        own = {alias.address for each in self.integrations for alias in each.aliases}
        return Config(
            path=self.folder / "integrations.yaml",
            digest="c1",
            store=self.folder / "data",
            integrations=self.integrations,
            own_addresses=frozenset(own),
            **self.settings,
        )

    def sweep(self, **options: Any) -> SweepResult:
        """One sweep; raises what `run_sweep` raises."""
        result = run_sweep(
            self.config(), SweepOptions(**options), clock=self.clock, on_event=self.events.append
        )
        assert all(each.counts.balanced for each in result.integrations), result
        return result

    def retry(self, *ids: str, **order: bool) -> RetryResult:
        """One order to try again; raises what `retry` raises."""
        return retry(self.config(), Order(ids, **order), clock=self.clock)

    def lines(self, name: str = "cases.jsonl") -> list[dict[str, Any]]:
        """The JSON lines of a file; each must be whole."""
        path = self.folder / "data" / name
        if not path.exists():
            return []
        content = path.read_bytes()
        assert content == b"" or content.endswith(b"\n")
        return [json.loads(line) for line in content.splitlines()]

    def open_errors(self) -> list[OpenError]:
        with open_store(self.folder / "data", read_only=True) as store:
            return list(store.ledger.errors())

    def change(self, **changes: Any) -> None:
        """Change the first integration."""
        first, *rest = self.integrations
        self.integrations = (replace(first, **changes), *rest)


def make_world(folder: Path, monkeypatch: pytest.MonkeyPatch, **given: Any) -> World:
    """A world whose sources and outbound take the place of the real ones."""
    integrations = given.pop("integrations", (PAYROLL,))
    sources = {each.name: MemorySource(account=f"memory://{each.name}@example.org") for each in integrations}
    world = World(folder, sources, integrations, **given)
    monkeypatch.setattr(
        connect, "source_for", lambda _config, integration, **_options: world.sources[integration.name]
    )
    monkeypatch.setattr(connect, "outbound_for", lambda _config, _integration, **_options: world.outbound)
    return world
