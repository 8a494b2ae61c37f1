"""Deadlines, reserves and the watchdog."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from emailint.sweep.clock import Budget
from emailint.sweep.watchdog import Watchdog


class Hands:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> datetime:
        return datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds


def test_a_budget_is_over_at_its_deadline_and_earlier_with_something_to_keep() -> None:
    clock = Hands()
    budget = Budget(clock, 50)
    assert not budget.over(20)
    clock.seconds += 31
    assert budget.over(20)
    assert not budget.over()
    clock.seconds += 19
    assert budget.over()


def test_without_a_deadline_only_a_stop_ends_it() -> None:
    budget = Budget(Hands(), None)
    assert budget.remaining() is None
    assert not budget.over(1e9)
    budget.stop()
    assert budget.over()


def test_the_reserve_is_ten_seconds_or_a_fifth() -> None:
    assert [Budget(Hands(), seconds).reserve for seconds in (300, 50, 5, None)] == [10, 10, 1, 0]


def test_the_watchdog_names_who_hangs() -> None:
    said: list[str] = []
    bitten = threading.Event()

    def end(text: str) -> None:
        said.append(text)
        bitten.set()

    budget = Budget(Hands(), 0.01)
    with Watchdog(budget, lambda: ["payroll"], end=end, grace=0.01):
        assert bitten.wait(5)
    assert "payroll" in said[0]


def test_the_watchdog_lets_a_sweep_go_that_ends_in_time() -> None:
    said: list[str] = []
    budget = Budget(Hands(), 0.01)
    with Watchdog(budget, lambda: ["payroll"], end=said.append, grace=0.3):
        pass
    assert not threading.Event().wait(0.4)
    assert said == []
