"""Whole sweeps over a mailbox of the Graph double, under a clock that stands still until it is moved."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from emailint.config.model import Alias
from emailint.outbound.graph import GraphOutbound
from emailint.sources.locus import graph_account, graph_id
from emailint.store.folder import open_store
from emailint.sweep import connect
from tests.support.graph import ADDRESS, graph_settings, graph_source
from tests.support.memory import StillClock, letter
from tests.support.world import PAYROLL, World

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from emailint.store.records import Reply
    from tests.support.graph_double import GraphDouble
    from tests.support.graph_store import DoubleMailbox, Item

CASE = "CS-000001"


@dataclass
class GraphWorld(World):
    """A world whose one mailbox and outbound are the double's; `mailbox` shares its clock."""

    double: GraphDouble = field(kw_only=True)

    @property
    def mailbox(self) -> DoubleMailbox:
        return self.double.mailbox(ADDRESS)

    def deliver(self, number: int = 1) -> Item:
        """One mail that is to be answered."""
        raw = letter(number, to=ADDRESS, sender=f"p{number}@example.com")
        return self.mailbox.add(raw, received_at=self.clock.now())

    def pass_time(self, *minutes: float) -> None:
        """Sweep again after so many minutes each, as cron would."""
        for each in minutes:
            self.clock.forward(timedelta(minutes=each))
            self.sweep()

    def reply(self, case_id: str = CASE) -> Reply:
        """The reply to a case as the ledger has it."""
        with open_store(self.folder / "data", read_only=True) as store:
            (found,) = store.ledger.replies_of(case_id)
            return found


def make_graph_world(
    folder: Path, monkeypatch: pytest.MonkeyPatch, double: GraphDouble, **outbound: Any
) -> GraphWorld:
    """A world on the double; `outbound` are keys of the outbound's settings."""
    integration = replace(
        PAYROLL,
        mailbox=ADDRESS,
        protocol="graph",
        username=ADDRESS,
        outbound=replace(PAYROLL.outbound, type="graph", null_sender=False, **outbound),
        aliases=(Alias(ADDRESS, default=True, workspace=1201),),
    )
    clock = StillClock()
    world = GraphWorld(folder, {}, (integration,), clock=clock, double=double)
    world.mailbox.clock = clock.now
    settings = graph_settings(double)

    def outbound_for(*_args: object, **_options: object) -> GraphOutbound:
        account = graph_account(settings.host, settings.mailbox)
        return GraphOutbound(
            settings,
            sender=ADDRESS,
            answered=lambda locus: graph_id(account, locus),
            sleep=lambda seconds: clock.forward(timedelta(seconds=seconds)),
        )

    monkeypatch.setattr(
        connect,
        "source_for",
        lambda *_args, known=lambda _loci: (), **_options: graph_source(
            double, mailbox=settings, known=known
        ),
    )
    monkeypatch.setattr(connect, "outbound_for", outbound_for)
    return world
