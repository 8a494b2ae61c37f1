"""Machines that answer machines, and floods of forged senders: replies stop at the limits, cases go on.

A tenth of the rounds and senders unless EMAILINT_SOAK is set, with limits and paces that end the same way.
"""

from __future__ import annotations

import email
import email.policy
import os
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from emailint.addresses import domain_of
from emailint.config.model import Alias, OutboundSettings, ReplyLimit, ReplySettings
from emailint.sweep import connect
from tests.support.memory import MemoryOutbound, letter
from tests.support.world import PAYROLL, World, make_world

if TYPE_CHECKING:
    from pathlib import Path

    from emailint.outbound.protocol import OutgoingMail

SOAK = "EMAILINT_SOAK" in os.environ
ROUNDS = 1_000 if SOAK else 100
SENDERS = 10_000 if SOAK else 1_000
TICKETS = "tickets@other.example"
pytestmark = pytest.mark.timeout(1_800 if SOAK else 120)


def limited(world: World, **limits: Any) -> None:
    reply = ReplySettings(limit=ReplyLimit(**limits))
    world.change(aliases=(Alias("payroll@example.org", default=True, reply=reply),))


def answer_of_a_ticket_system(number: int, subject: str) -> bytes:
    """Fresh ids, no header that says what it is, another text each time, the subject always longer."""
    raw = letter(number, sender=TICKETS, body=f"Ticket {number} was updated. Somebody looks after it soon.")
    return raw.replace(f"Subject: Question {number}".encode(), f"Subject: {subject}".encode())


def rounds(world: World, pace: timedelta, *, keeps_tag: bool) -> int:
    """Each round it writes once more, about our reply where there was one; how many follow-ups there were."""
    subject = "Your request was received"
    for number in range(ROUNDS + 1):
        world.source.deliver(answer_of_a_ticket_system(number, subject), received_at=world.clock.wall)
        before = len(world.outbound.sent)
        totals = world.sweep().totals
        assert (totals.listed, totals.cases + totals.follow_ups) == (1, 1)
        if keeps_tag and len(world.outbound.sent) > before:
            mail = email.message_from_bytes(world.outbound.sent[-1].content, policy=email.policy.default)
            subject = str(mail["Subject"])
        subject = f"Re: {subject}"[-900:]
        world.clock.forward(pace)
    return len(world.lines("followups.jsonl"))


def stopped(world: World) -> list[tuple[str, int]]:
    """The errors that say so: key and count; there is no other error."""
    errors = world.open_errors()
    assert {error.trouble.kind for error in errors} <= {"replies_stopped"}
    return [(error.trouble.subject_key, error.count) for error in errors]


def test_a_loop_within_minutes_ends_at_the_limit_of_the_hour_and_trips_the_breaker(world: World) -> None:
    """More than a round each second: five replies, and one error once there are too many cases."""
    limited(world, breaker_cases=ROUNDS)
    rounds(world, timedelta(milliseconds=500), keeps_tag=False)
    assert len(world.outbound.sent) == 5
    assert Counter(case["reply"]["reason"] for case in world.lines()) == {None: ROUNDS, "breaker": 1}
    assert [case["case_id"] for case in world.lines()] == [f"CS-{n:06d}" for n in range(1, ROUNDS + 2)]
    assert stopped(world) == [("", 1)]
    assert [line["event"] for line in world.lines("errors.jsonl")] == ["opened"]


def test_a_loop_over_hours_ends_at_the_limit_of_the_day_and_one_error_says_so(world: World) -> None:
    """A round a minute, as cron has it: five an hour, twenty a day, and then none."""
    limited(world)
    rounds(world, timedelta(minutes=1_000 / ROUNDS), keeps_tag=False)
    assert [mail.recipient for mail in world.outbound.sent] == [TICKETS] * 20
    assert [case["case_id"] for case in world.lines()] == [f"CS-{n:06d}" for n in range(1, ROUNDS + 2)]
    ((key, count),) = stopped(world)
    assert TICKETS in key
    assert count > ROUNDS / 2
    opened = [line for line in world.lines("errors.jsonl") if line["event"] == "opened"]
    assert len(opened) == 1
    assert "20" in opened[0]["message"]
    told = [each for each in world.open_errors() if each.told_at is not None]
    assert len(told) == 1


def test_a_loop_that_keeps_our_tag_ends_at_once(world: World) -> None:
    """It takes part in its case, so that its answers are follow-ups, and those are not answered."""
    limited(world)
    assert rounds(world, timedelta(minutes=1), keeps_tag=True) == ROUNDS
    assert len(world.outbound.sent) == len(world.lines()) == 1
    assert stopped(world) == []


def test_the_error_is_over_when_the_loop_is(world: World) -> None:
    limited(world, address_hour=100, address_day=3)
    for number in range(5):
        world.source.deliver(letter(number, sender=TICKETS), received_at=world.clock.wall)
        world.sweep()
    assert len(stopped(world)) == 1
    world.clock.forward(timedelta(hours=23))
    world.sweep()
    assert len(stopped(world)) == 1
    world.clock.forward(timedelta(hours=2))
    result = world.sweep()
    assert stopped(world) == []
    assert [error.trouble.kind for error in result.recovered] == ["replies_stopped"]


def forged(world: World, address: str) -> None:
    for number in range(SENDERS):
        world.source.deliver(letter(number, sender=address.format(number)))
    totals = world.sweep().totals
    assert (totals.listed, totals.cases) == (SENDERS, SENDERS)
    assert len(world.lines()) == SENDERS
    assert world.source.unread() == []
    assert set(Counter(mail.recipient for mail in world.outbound.sent).values()) <= {1}


def test_forged_senders_of_one_domain_end_at_its_limit(world: World) -> None:
    limited(world, breaker_cases=100_000)
    forged(world, "p{0}@victim.example")
    assert len(world.outbound.sent) == 100
    ((key, count),) = stopped(world)
    assert "victim.example" in key
    assert count == SENDERS - 100


def test_forged_senders_of_a_public_domain_end_at_its_limit(world: World) -> None:
    limited(world, breaker_cases=100_000, public_domain_hour=SENDERS // 10)
    forged(world, "p{0}@gmail.com")
    assert len(world.outbound.sent) == SENDERS // 10
    assert [("gmail.com" in key, count) for key, count in stopped(world)] == [(True, SENDERS - SENDERS // 10)]


def test_forged_senders_of_everywhere_trip_the_breaker(world: World) -> None:
    limited(world, breaker_cases=SENDERS // 10)
    forged(world, "p{0}@victim{0}.example")
    assert len(world.outbound.sent) == SENDERS // 10
    ((key, _),) = stopped(world)
    assert key == ""
    assert [line["event"] for line in world.lines("errors.jsonl")][:1] == ["opened"]


OTHER = replace(
    PAYROLL,
    name="other",
    mailbox="desk@other.example",
    outbound=OutboundSettings(type="smtp", host="mail.other.example", port=465, null_sender=False),
    aliases=(Alias("desk@other.example", default=True),),
)


def delivered(mail: OutgoingMail, *, strips: bool) -> bytes:
    """As it arrives: with Return-Path; through a gateway that strips what says that no person wrote it."""
    head, _, body = mail.content.partition(b"\r\n\r\n")
    lines = [b"Return-Path: <%s>" % mail.envelope_from.encode(), *head.split(b"\r\n")]
    telling = (b"auto-submitted:", b"x-auto-response-suppress:", b"x-emailint")
    kept = [line for line in lines if not (strips and line.lower().startswith(telling))]
    return b"\r\n".join(kept) + b"\r\n\r\n" + body


@pytest.mark.parametrize("strips", [False, True], ids=["as it is", "through a gateway that strips headers"])
def test_two_installations_that_answer_each_other(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    strips: bool,
) -> None:
    """Each with a store and a key of its own; a person's address is forged once, to start it."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = make_world(tmp_path / "one", monkeypatch)
    two = make_world(tmp_path / "two", monkeypatch, integrations=(OTHER,))
    one.change(outbound=replace(PAYROLL.outbound, null_sender=False))

    def source_for(_config: object, integration: object, **_options: object) -> object:
        return {**one.sources, **two.sources}[integration.name]  # type: ignore[attr-defined]  # an Integration

    monkeypatch.setattr(connect, "source_for", source_for)
    outbounds: dict[str, MemoryOutbound] = {"payroll": one.outbound, "other": two.outbound}
    monkeypatch.setattr(
        connect, "outbound_for", lambda _config, integration, **_options: outbounds[integration.name]
    )
    one.source.deliver(letter(1, sender="desk@other.example"))
    passed = {"payroll": 0, "other": 0}
    for _ in range(50):
        for here, there in ((one, two), (two, one)):
            here.sweep()
            name = here.integrations[0].name
            for mail in here.outbound.sent[passed[name] :]:
                there.source.deliver(delivered(mail, strips=strips), received_at=there.clock.wall)
            passed[name] = len(here.outbound.sent)
        one.clock.forward(timedelta(minutes=1))
        two.clock.forward(timedelta(minutes=1))
    assert len(one.outbound.sent) == 1
    assert len(two.outbound.sent) <= int(strips)
    assert len(two.lines()) == 1
    assert len(one.lines()) + len(one.lines("followups.jsonl")) == 1 + len(two.outbound.sent)
    assert domain_of(one.outbound.sent[0].recipient) == "other.example"
