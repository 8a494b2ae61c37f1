"""Audits of mailboxes in memory against a real store: what a server or a parser may do meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from emailint import message as reader
from emailint.errors import ConnectionFailed, MessageError, ProtocolFailed
from emailint.sweep.audit import SHOWN, AuditOptions, audit
from emailint.sweep.books import AuditResult, Books, Standing
from emailint.sweep.clock import Budget
from tests.support.memory import START, letter
from tests.support.world import PAYROLL, World, make_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WEEK = START - timedelta(days=7)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


def audited(world: World, *names: str, adopt: bool = False) -> AuditResult:
    result = audit(world.config(), AuditOptions(names, WEEK, adopt), clock=world.clock)
    assert all(each.books.balanced for each in result.mailboxes), result
    return result


def stands(result: AuditResult) -> Books:
    return replace(result.totals, listed=0)


def fails_at(verb: str, number: int, error: Exception) -> Callable[[str], None]:
    """A `before` that fails at the n-th call of one verb."""
    calls = [0]

    def before(called: str) -> None:
        calls[0] += called == verb
        if called == verb and calls[0] == number:
            raise error

    return before


def test_quarantined_mail_is_accounted_for_and_not_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.source.deliver(letter(1))

    def killed(*_args: object) -> None:
        raise MessageError("the child was killed")

    monkeypatch.setattr(reader, "read_message", killed)
    monkeypatch.setattr(reader, "read_in_child", killed)
    for _ in range(3):
        world.sweep()
        world.clock.forward(timedelta(minutes=1))
    assert stands(audited(world)) == Books(quarantined=1)
    world.source.validity = 2  # nothing is known by its place, and a parser that dies is not asked
    assert stands(audited(world)) == Books(quarantined=1)
    assert stands(audited(world, adopt=True)) == Books(quarantined=1)
    assert len(world.lines()) == 1


def test_mail_that_cannot_be_read_says_how_often_it_was_tried(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.source.deliver(letter(1))

    def killed(*_args: object) -> None:
        raise MessageError("the child was killed")

    with monkeypatch.context() as broken:
        broken.setattr(reader, "read_message", killed)
        broken.setattr(reader, "read_in_child", killed)
        world.sweep()
    (mail,) = audited(world).mailboxes[0].mails
    assert mail.standing is Standing.WAITING
    assert "could not be read once" in mail.why


def test_known_places_cost_no_download(world: World) -> None:
    for number in range(20):
        world.source.deliver(letter(number))
    world.sweep()
    world.source.calls.clear()
    assert stands(audited(world)) == Books(cases=20)
    assert world.source.calls == ["connect", "list received", "close"]


def test_of_unknown_mail_only_what_may_be_known_is_read_whole(world: World) -> None:
    world.source.deliver(letter(1))
    world.sweep()
    world.source.deliver(letter(1), seen=True)
    world.source.deliver(letter(2), seen=True)
    world.source.deliver(letter(3).replace(b"Message-ID: <3@example.com>\r\n", b""), seen=True)
    copied = letter(1).replace(b"Please help.", b"Other words.")
    world.source.deliver(copied, seen=True)  # the same Message-ID, and another mail
    world.source.calls.clear()
    assert stands(audited(world)) == Books(cases=2, unaccounted=3)
    fetches = "".join("H" if call == "fetch" else "." for call in world.source.calls if "fetch" in call)
    assert fetches == "H....H..."  # the headers of four, the whole of the copy and of two that may be known


def test_waiting_mail_is_not_downloaded_beyond_what_is_shown(world: World) -> None:
    for number in range(SHOWN + 5):
        world.source.deliver(letter(number))
    mails = audited(world).mailboxes[0].mails
    assert sum(mail.evidence.head is not None for mail in mails) == SHOWN
    assert world.source.calls.count("fetch one") == SHOWN
    assert not (world.folder / "data").exists()


def test_mail_that_goes_away_meanwhile_is_not_listed(world: World) -> None:
    world.source.deliver(letter(1), seen=True)
    uid = world.source.deliver(letter(2), seen=True)

    def before(verb: str) -> None:
        if verb == "fetch":
            world.source.mails.pop(uid, None)

    world.source.before = before
    result = audited(world)
    assert (result.totals.listed, result.totals.unaccounted) == (1, 1)


def test_a_sweep_meanwhile_makes_no_mail_unaccounted(world: World) -> None:
    """It is listed unread, and in the ledger when that is asked: the server comes first."""
    world.sweep()
    world.source.deliver(letter(1))
    listed = world.source.list_received

    def listed_then_swept(since: object) -> object:
        found = listed(since)  # type: ignore[arg-type]  # handed on as it came
        world.sweep()
        return found

    world.source.list_received = listed_then_swept  # type: ignore[method-assign, assignment]  # for this once
    assert stands(audited(world)) == Books(cases=1)


def test_one_mail_that_the_server_does_not_give_is_named(world: World) -> None:
    for number in (1, 2, 3):
        world.source.deliver(letter(number), seen=True)
    error = ProtocolFailed("the server refuses this mail")
    error.loci = (world.source.locus(2),)

    def before(verb: str) -> None:
        if verb == "fetch one" and world.source.calls.count(verb) == 2:
            del world.source.mails[3]  # which is not to be mistaken for one that is refused
            raise error

    world.source.before = before
    first, second = audited(world).mailboxes[0].mails
    assert (first.standing, second.standing) == (Standing.UNACCOUNTED, Standing.UNACCOUNTED)
    assert "marked read" in first.why
    assert "the server refuses this mail" in second.why


def test_mail_that_is_listed_and_never_given_stays_in_the_books(world: World) -> None:
    world.source.deliver(b"", seen=True, size=4_711)
    world.source.deliver(letter(2), seen=True)
    first, _ = audited(world).mailboxes[0].mails
    assert first.standing is Standing.UNACCOUNTED
    assert "gives nothing of it" in first.why


@pytest.mark.parametrize(("times", "lost"), [(1, False), (2, True)])
def test_an_answer_that_breaks_off_is_asked_for_once_more(world: World, times: int, lost: bool) -> None:
    for number in range(5):
        world.source.deliver(letter(number), seen=True)
    breaks = iter((3, 5)[:times])
    at = [next(breaks)]

    def before(verb: str) -> None:
        if verb == "fetch one" and world.source.calls.count(verb) == at[0]:
            at[0] = next(breaks, 0)
            raise ConnectionFailed("broke off")

    world.source.before = before
    (mailbox,) = audited(world).mailboxes
    assert (mailbox.error == "broke off") is lost
    assert mailbox.books.unaccounted == (0 if lost else 5)


def test_a_mailbox_that_fails_says_so_and_keeps_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = replace(PAYROLL, name="desk", mailbox="desk@example.org", host="other.example.org")
    world = make_world(tmp_path, monkeypatch, integrations=(PAYROLL, desk))
    world.source.before = fails_at("list received", 1, ConnectionFailed("mail.example.org broke off"))
    world.sources["desk"].deliver(letter(1), seen=True)
    result = audited(world)
    assert [each.error for each in result.mailboxes] == ["mail.example.org broke off", None]
    assert not result.accounted
    assert [each.name for each in audited(world, "desk").mailboxes] == ["desk"]


def test_mail_of_another_time_is_neither_listed_nor_gone(world: World) -> None:
    old = WEEK - timedelta(seconds=1)
    world.source.deliver(letter(1), received_at=old)
    world.source.deliver(letter(2, headers="Auto-Submitted: auto-replied\n"), received_at=old)
    world.source.deliver(letter(3), received_at=WEEK)
    world.sweep()
    assert stands(audited(world)) == Books(cases=1)
    world.source.mails.clear()
    assert stands(audited(world)) == Books(gone=1)


def test_adopting_is_taken_up_where_a_mailbox_failed_on_the_way(world: World) -> None:
    world.source.deliver(letter(1), seen=True)
    world.source.deliver(letter(2), seen=True)
    world.source.before = fails_at("mark", 1, ConnectionFailed("mail.example.org broke off"))
    result = audited(world, adopt=True)
    assert stands(result) == Books(cases=2)
    assert result.mailboxes[0].error == "mail.example.org broke off"
    assert not result.accounted
    assert stands(audited(world, adopt=True)) == Books(cases=2)
    world.sweep()
    assert [case["case_id"] for case in world.lines()] == ["CS-000001", "CS-000002"]
    assert world.outbound.sent == []


def test_a_stopped_audit_takes_nothing_up(world: World) -> None:
    world.source.deliver(letter(1), seen=True)
    budget = Budget(world.clock, None)
    world.source.before = lambda verb: budget.stop() if verb == "list received" else None
    result = audit(world.config(), AuditOptions((), WEEK, adopt=True), clock=world.clock, budget=budget)
    assert result.totals.unaccounted == 1
    assert world.lines() == []
