"""What a clock that was wrong leaves behind is over when it is right again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from emailint.config.model import Alias, ReplyLimit, ReplySettings
from emailint.errors import LoginRefused, Throttled
from tests.support.memory import START, letter
from tests.support.world import World, make_world

if TYPE_CHECKING:
    from pathlib import Path

YEARS = timedelta(days=3650)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


def fail(world: World, error: Exception, verb: str = "connect") -> None:
    def before(called: str) -> None:
        if called == verb:
            raise error

    world.source.before = before


def heal(world: World) -> None:
    world.source.before = lambda _verb: None


def told(world: World, sweeps: int, step: timedelta) -> int:
    """Of how many sweeps standard error spoke."""
    count = 0
    for _ in range(sweeps):
        count += bool(world.sweep().news)
        world.clock.forward(step)
    return count


def test_a_trouble_is_told_each_day_although_the_clock_was_ten_years_ahead(world: World) -> None:
    fail(world, LoginRefused("the server refused the password"))
    world.clock.wall = START + YEARS
    assert told(world, 1, timedelta()) == 1
    world.clock.wall = START
    assert told(world, 3 * 24, timedelta(hours=1)) == 3


def test_a_mailbox_that_failed_in_the_future_is_tried_now(world: World) -> None:
    world.source.deliver(letter())
    fail(world, LoginRefused("the server refused the password"))
    world.clock.wall = START + YEARS
    for _ in range(5):
        world.sweep()
        world.clock.forward(timedelta(hours=1))
    heal(world)
    world.clock.wall = START
    totals = 0
    for _ in range(61):
        totals += world.sweep().totals.cases
        world.clock.forward(timedelta(minutes=1))
    assert totals == 1
    assert world.open_errors() == []


def test_throttling_is_an_alarm_although_it_began_in_the_future(world: World) -> None:
    fail(world, Throttled("the server asks to wait", retry_after=30), "list")
    world.clock.wall = START + YEARS
    world.sweep()
    world.clock.wall = START
    assert told(world, 20, timedelta(minutes=1)) == 1


def test_replies_that_stopped_in_the_future_are_no_trouble_for_ever(world: World) -> None:
    limit = ReplyLimit(address_hour=100, address_day=1)
    world.change(aliases=(Alias("payroll@example.org", default=True, reply=ReplySettings(limit=limit)),))
    world.clock.wall = START + YEARS
    for number in range(3):
        world.source.deliver(letter(number, sender="ann@example.com"), received_at=world.clock.wall)
        world.sweep()
    assert [error.trouble.kind for error in world.open_errors()] == ["replies_stopped"]
    world.clock.wall = START
    world.sweep()
    assert world.open_errors() == []


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=1), YEARS])
def test_cases_of_a_clock_that_goes_back_keep_their_order_and_their_numbers(
    world: World, back: timedelta
) -> None:
    for number in range(4):
        world.source.deliver(letter(number, sender=f"p{number}@example.com"), received_at=world.clock.wall)
        world.sweep()
        world.clock.wall -= back if number == 1 else timedelta(0)
    assert [case["case_id"] for case in world.lines()] == [f"CS-{n:06d}" for n in range(1, 5)]
    assert len(world.outbound.sent) == 4
