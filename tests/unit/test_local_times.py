"""Times that people read are of their zone, with its offset; stores and documents keep UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from emailint.report.upkeep import prune_line
from emailint.store.lock import Holder
from emailint.store.records import Health
from emailint.store.upkeep.prune import PrunePlan
from emailint.sweep.backoff import backing_off

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _local_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "EST+5EDT,M3.2.0,M11.1.0")
        time.tzset()
        yield
    time.tzset()


def test_who_holds_the_store_since_when() -> None:
    holder = Holder(4711, "h", NOW, command="process", integrations=frozenset({"payroll"}))
    assert str(holder) == "process 4711 (emailint process: payroll) since 2026-11-24 13:00:05 -0500"
    assert str(Holder(4711)) == "process 4711 since an unknown time"


def test_when_a_mailbox_is_tried_again() -> None:
    health = Health(3, NOW, "login_refused", "c1")
    assert backing_off(health) == (
        "failed 3 times in a row (login_refused); not tried before 2026-11-24 13:00:05 -0500,"
        " mail stays unread until then"
    )


def test_from_when_on_is_pruned() -> None:
    assert prune_line(PrunePlan(NOW, 1, 0, 0, 0)).startswith("older than 2026-11-24 13:00:05 -0500: ")
