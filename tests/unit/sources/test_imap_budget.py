"""What one command may cost, by a clock of the test's own."""

from __future__ import annotations

import pytest

from emailint.errors import ConnectionFailed, ProtocolFailed
from emailint.sources.imap_budget import AFTERWARDS, LINE, Budget


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(clock: Clock) -> Budget:
    made = Budget("h:993", timeout=20, command_timeout=120, clock=clock)
    made.restart()
    return made


def test_an_octet_may_take_the_timeout_or_what_is_left(budget: Budget, clock: Clock) -> None:
    assert budget.wait() == 20
    clock.now = 110
    assert budget.wait() == 10
    clock.now = 120
    with pytest.raises(ConnectionFailed, match=r"h:993 .* within 120 s"):
        budget.wait()
    budget.restart()
    assert budget.wait() == 20


def test_time_nobody_waited_for_the_server_does_not_count(budget: Budget, clock: Clock) -> None:
    clock.now = 300
    budget.extend(300)
    assert budget.wait() == 20
    clock.now = 415
    assert budget.wait() == 5
    budget.renew()
    assert budget.wait() == 20


def test_a_large_message_may_take_longer(budget: Budget, clock: Clock) -> None:
    budget.restart(literals=1, literal=10_000_000)
    budget.spend_literal(10_000_000)
    clock.now = 310
    assert budget.wait() == 10


def test_lines_are_bounded_in_octets_and_number(budget: Budget) -> None:
    budget.spend_line(LINE)
    budget.restart()
    with pytest.raises(ProtocolFailed):
        budget.spend_line(LINE + 1)
    budget.restart()
    budget.spend_line(LINE)
    budget.spend_line(LINE)
    with pytest.raises(ProtocolFailed):
        budget.spend_line(1)
    budget.restart()
    for _ in range(500_000):
        budget.spend_line(1)
    with pytest.raises(ProtocolFailed):
        budget.spend_line(1)


def test_literals_are_bounded_by_what_was_asked_for(budget: Budget) -> None:
    budget.spend_literal(65_536)
    with pytest.raises(ProtocolFailed, match="65,537 octets"):
        budget.spend_literal(65_537)
    budget.restart(literals=2, literal=100)
    budget.spend_literal(100)
    budget.spend_literal(100)
    with pytest.raises(ProtocolFailed):
        budget.spend_literal(0)


def test_nothing_waits_long_beyond_the_end_of_the_sweep(clock: Clock) -> None:
    budget = Budget("h:993", timeout=20, command_timeout=120, clock=clock, time_left=lambda: 10 - clock.now)
    budget.restart(literals=1, literal=40_000_000)
    budget.spend_literal(40_000_000)
    assert budget.wait() == 10 + AFTERWARDS
    clock.now = 10 + AFTERWARDS
    with pytest.raises(ConnectionFailed, match="before the sweep had to end"):
        budget.wait()
    budget.restart()
    with pytest.raises(ConnectionFailed):
        budget.wait()
