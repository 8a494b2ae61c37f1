"""Mail that its server lists and does not give: that mail's trouble, told from an outage."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from emailint.errors import ConnectionFailed, ProtocolFailed, Throttled
from emailint.sources.maildir import MaildirSettings, MaildirSource
from emailint.store import open_store
from emailint.sweep import connect
from emailint.sweep.delivery import ALONE, Verdict, verdict
from tests.support.memory import letter
from tests.support.world import World, make_world

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from emailint.sweep.result import SweepResult


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


def deliver(world: World, numbers: Iterable[int]) -> None:
    for number in numbers:
        world.source.deliver(letter(number))


def withhold(world: World, *uids: int) -> None:
    world.source.withheld = {uid: ConnectionFailed(f"503 for {uid}") for uid in uids}


def next_sweep(world: World, **options: object) -> SweepResult:
    """As cron has it, a minute later."""
    world.clock.forward(timedelta(minutes=1))
    return world.sweep(**options)


def counted(world: World, uid: int) -> int:
    """How many attempts the ledger holds against this mail."""
    with open_store(world.folder / "data", read_only=True) as store:
        return store.ledger.suspects([world.source.locus(uid)]).get(world.source.locus(uid), 0)


def books(result: SweepResult) -> tuple[int, int, int, int]:
    totals = result.totals
    return totals.cases, totals.failed, totals.quarantined, totals.left


@pytest.mark.parametrize(
    ("gives", "came_since", "only_one", "said"),
    [
        (True, False, False, Verdict.MESSAGE),
        (True, True, True, Verdict.MESSAGE),
        (False, False, True, Verdict.MAILBOX),
        (False, True, True, Verdict.MAILBOX),  # others came, and then none: the server went away meanwhile
        (None, True, False, Verdict.MESSAGE),
        (None, False, True, Verdict.UNKNOWN),
        (None, False, False, Verdict.MAILBOX),
    ],
)
def test_whose_trouble_it_is(gives: bool | None, came_since: bool, only_one: bool, said: Verdict) -> None:
    assert verdict(gives, came_since=came_since, only_one=only_one) is said


@pytest.mark.parametrize("sick", [1, 3, 6])
def test_one_mail_that_is_not_given_stays_alone_with_its_trouble(world: World, sick: int) -> None:
    deliver(world, range(1, 7))
    withhold(world, sick)
    first = world.sweep()
    assert books(first) == (5, 1, 0, 0)
    assert first.integrations[0].error is None
    assert world.source.unread() == [sick]
    (error,) = world.open_errors()
    assert (error.trouble.kind, error.trouble.attempt, counted(world, sick)) == ("undelivered", 1, 1)
    assert "stays unread" in error.trouble.message
    deliver(world, [7])
    assert books(next_sweep(world)) == (1, 1, 0, 0)
    third = next_sweep(world)
    assert books(third) == (0, 0, 1, 0)
    assert third.integrations[0].error is None
    assert world.source.unread() == []
    assert [error.trouble.kind for error in world.open_errors()] == ["quarantined"]
    assert world.sweep().totals.listed == 0


def test_the_case_of_its_headers_says_so_and_nobody_is_answered(world: World) -> None:
    deliver(world, [1, 2])
    withhold(world, 1)
    world.change(move_to="Processed")
    deliver_others = iter(range(10, 20))
    for _ in range(3):
        deliver(world, [next(deliver_others)])
        next_sweep(world)
    case = next(case for case in world.lines() if case["subject"] == "Question 1")
    assert case["defects"][0].startswith("not_delivered: 503 for 1")
    assert (case["issue"], case["attachments"]) == ("", [])
    assert case["email_address"] == "ann@example.com"
    assert case["reply"] == {"decision": "withhold", "reason": "not_read"}
    assert world.source.mails[1].seen  # marked read, and not moved
    (error,) = world.open_errors()
    assert "emailint retry" in error.trouble.hint
    assert len(world.outbound.sent) == len(world.lines()) - 1


def test_headers_that_cannot_be_had_either_make_a_case_all_the_same(world: World) -> None:
    deliver(world, range(1, 6))

    def before(verb: str) -> None:
        asked.append(verb)

    asked: list[str] = []
    world.source.before = before
    withhold(world, 2, 4)
    plain = world.source.fetch

    def fetch(refs: object, *, headers_only: bool = False) -> object:
        if headers_only:
            raise ConnectionFailed("no headers")
        return plain(refs)  # type: ignore[arg-type]  # passed through

    world.source.fetch = fetch  # type: ignore[assignment, method-assign]  # a server that gives nothing of it
    totals = [next_sweep(world).totals for _ in range(3)]
    assert (totals[0].cases, totals[2].quarantined) == (3, 2)
    assert [case["subject"] for case in world.lines()[3:]] == ["(no subject)"] * 2
    assert len({case["message"]["fingerprint"] for case in world.lines()}) == 5


@pytest.mark.parametrize("already", [0, 4])
def test_a_server_that_gives_nothing_blames_no_mail(world: World, already: int) -> None:
    deliver(world, range(already))
    world.sweep()
    deliver(world, range(10, 16))
    withhold(world, *range(1, 99))
    for _ in range(5):
        result = next_sweep(world, integrations=("payroll",))
        assert books(result) == (0, 0, 0, 6)
        assert [counted(world, uid) for uid in world.source.unread()] == [0] * 6
        assert result.integrations[0].error
    assert [error.trouble.kind for error in world.open_errors()] == ["connection_failed"]
    world.source.withheld = {}
    assert books(next_sweep(world, integrations=("payroll",))) == (6, 0, 0, 0)
    assert world.open_errors() == []


@pytest.mark.parametrize(("at_once", "asked"), [(1, 5), (50, 50)])
def test_an_outage_asks_for_few_mails(world: World, at_once: int, asked: int) -> None:
    deliver(world, range(200))
    withhold(world, *range(1, 201))
    world.settings["limits"] = replace(world.config().limits, batch_messages=at_once)
    world.sweep()
    assert world.source.calls.count("fetch one") <= asked


def test_a_server_that_gives_all_mail_empty_blames_none(world: World) -> None:
    deliver(world, [1])
    world.sweep()
    deliver(world, range(2, 8))
    for mail in world.source.mails.values():
        mail.raw, mail.size = b"", 5_000
    for _ in range(4):
        result = next_sweep(world, integrations=("payroll",))
        assert books(result) == (0, 0, 0, 6)
        assert result.integrations[0].error


def test_an_outage_that_begins_in_a_sweep_blames_no_mail(world: World) -> None:
    deliver(world, range(1, 7))
    given = [0]

    def before(verb: str) -> None:
        given[0] += verb == "fetch one"
        if verb == "fetch one" and given[0] > 3:
            raise ConnectionFailed("the server went away")

    world.source.before = before
    result = world.sweep()
    assert books(result) == (3, 0, 0, 3)
    assert result.integrations[0].error
    world.source.before = lambda _verb: None
    assert books(next_sweep(world)) == (3, 0, 0, 0)


def test_throttling_blames_no_mail_and_the_oldest_goes_last_next_time(world: World) -> None:
    """Whichever mail it was at which the server asked to wait, it does not keep the others back for ever."""
    deliver(world, range(1, 5))
    asked: list[int] = []
    plain = world.source.fetch

    def fetch(refs: list[object], **how: bool) -> object:
        for message in plain(refs, **how):  # type: ignore[arg-type]  # passed through
            if message.ref.locus == world.source.locus(1) and throttles:
                world.source.fetching = False
                raise Throttled("wait", retry_after=600)
            asked.append(int(message.ref.locus[-1]))
            yield message

    throttles = True
    world.source.fetch = fetch  # type: ignore[assignment, method-assign]  # one at which it asks to wait
    assert books(next_sweep(world, integrations=("payroll",))) == (0, 0, 0, 4)
    assert asked == []
    assert books(next_sweep(world, integrations=("payroll",))) == (3, 0, 0, 1)
    assert asked == [2, 3, 4]
    assert [error.trouble.kind for error in world.open_errors()] == ["throttled"]
    throttles = False
    assert books(next_sweep(world, integrations=("payroll",))) == (1, 0, 0, 0)


@pytest.mark.parametrize("breaking", [{1}, {4}, {9}, {3, 7}])
def test_mail_at_which_the_connection_breaks_holds_no_other_up(world: World, breaking: set[int]) -> None:
    deliver(world, range(1, 10))
    world.source.breaking = breaking
    first = world.sweep()
    assert books(first) == (9 - len(breaking), len(breaking), 0, 0)
    assert first.integrations[0].error is None
    assert set(world.source.unread()) == breaking
    next_sweep(world)
    assert next_sweep(world).totals.quarantined == len(breaking)


def test_a_lone_mail_with_nothing_to_compare_is_no_failure_of_the_mailbox(world: World) -> None:
    deliver(world, [1])
    withhold(world, 1)
    for _ in range(4):
        result = next_sweep(world)
        assert books(result) == (0, 1, 0, 0)
        assert result.integrations[0].error is None
        assert counted(world, 1) == 0
    deliver(world, [2])
    assert books(next_sweep(world)) == (1, 1, 0, 0)
    assert counted(world, 1) == 1


def test_what_is_given_at_last_is_an_ordinary_case(world: World) -> None:
    deliver(world, [1, 2])
    withhold(world, 1)
    world.sweep()
    next_sweep(world)
    world.source.withheld = {}
    assert books(next_sweep(world)) == (1, 0, 0, 0)
    assert world.open_errors() == []
    assert [case["defects"] for case in world.lines()] == [[], []]


def test_what_failed_before_is_asked_for_last(world: World) -> None:
    deliver(world, [1, 2])
    withhold(world, 1)
    world.sweep()
    deliver(world, [3])
    asked: list[str] = []
    plain = world.source.fetch

    def fetch(refs: list[object], **how: bool) -> object:
        asked.extend(ref.locus[-1] for ref in refs)  # type: ignore[attr-defined]  # refs of messages
        return plain(refs, **how)  # type: ignore[arg-type]  # passed through

    world.source.fetch = fetch  # type: ignore[assignment, method-assign]  # notes the order
    next_sweep(world, limit=1)
    assert asked == ["3"]


def test_a_limit_is_not_used_up_by_mail_that_is_not_given(world: World) -> None:
    deliver(world, range(1, 4))
    withhold(world, 1, 2)
    world.sweep()
    deliver(world, [9])
    assert books(next_sweep(world, limit=1)) == (1, 0, 0, 2)


def test_many_such_mails_are_asked_for_a_few_at_a_time(world: World) -> None:
    deliver(world, range(1, 40))
    withhold(world, *range(1, 31))
    assert books(world.sweep()) == (9, 30, 0, 0)
    world.source.calls.clear()
    next_sweep(world)
    assert world.source.calls.count("fetch") <= 2 * ALONE


def test_an_empty_answer_for_mail_that_has_a_size_is_no_mail(world: World) -> None:
    deliver(world, [1, 2])
    world.source.mails[1].raw = b""
    world.source.mails[1].size = 5_000
    assert books(world.sweep()) == (1, 1, 0, 0)
    assert "none of its 5,000 octets" in world.open_errors()[0].trouble.message


def test_mail_of_no_octets_is_a_case(world: World) -> None:
    deliver(world, [1])
    world.source.mails[1].raw = b""
    assert books(world.sweep()) == (1, 0, 0, 0)


def test_mail_that_is_left_out_of_the_answer_and_is_still_there_has_not_vanished(world: World) -> None:
    deliver(world, [1, 2])
    plain = world.source.fetch

    def fetch(refs: list[object], *, headers_only: bool = False) -> object:
        for message in plain(refs, headers_only=headers_only):  # type: ignore[arg-type]  # passed through
            if message.ref.locus != world.source.locus(1) or headers_only:
                yield message

    world.source.fetch = fetch  # type: ignore[assignment, method-assign]  # says nothing of one
    totals = [next_sweep(world).totals for _ in range(3)]
    assert [(each.vanished, each.failed, each.quarantined) for each in totals] == [
        (0, 1, 0),
        (0, 1, 0),
        (0, 0, 1),
    ]


@pytest.mark.parametrize("bad", ["1.a", "."])
def test_files_of_a_maildir_that_cannot_be_read(
    world: World, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    """One: it is quarantined. All: the Maildir fails, as where they are another user's."""
    maildir = world.folder / "Maildir"
    for part in ("cur", "new", "tmp"):
        (maildir / part).mkdir(parents=True)
    for number in range(4):
        (maildir / "new" / f"{number}.a").write_bytes(letter(number))
    source = MaildirSource(MaildirSettings(maildir, "payroll@example.org"))
    monkeypatch.setattr(connect, "source_for", lambda _config, _integration, **_options: source)
    open_file = os.open

    def broken(path: str, *args: int, **more: int) -> int:
        if re.fullmatch(r"\d\.a", str(path)) and bad in str(path):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return open_file(path, *args, **more)

    monkeypatch.setattr(os, "open", broken)
    results = [next_sweep(world, integrations=("payroll",)) for _ in range(3)]
    one = [(3, 1, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0)]
    assert [books(each) for each in results] == (one if bad == "1.a" else [(0, 0, 0, 4)] * 3)
    assert [bool(each.integrations[0].error) for each in results] == [bad == "."] * 3


def test_a_dry_run_counts_no_attempt(world: World) -> None:
    deliver(world, [1, 2])
    withhold(world, 1)
    for _ in range(4):
        assert books(next_sweep(world, dry_run=True)) == (1, 1, 0, 0)
    assert books(next_sweep(world)) == (1, 1, 0, 0)


def test_a_sweep_without_time_left_counts_nothing(world: World) -> None:
    deliver(world, range(1, 5))
    world.source.withheld = {1: ProtocolFailed("slow")}

    def before(verb: str) -> None:
        if verb == "fetch":
            world.clock.forward(timedelta(seconds=60))

    world.source.before = before
    assert books(world.sweep(deadline=50.0)) == (3, 1, 0, 0)
    assert counted(world, 1) == 0


def test_a_sweep_that_spent_its_time_on_a_silent_server_failed(world: World) -> None:
    deliver(world, range(1, 5))
    withhold(world, 1, 2, 3, 4)
    world.settings["limits"] = replace(world.config().limits, batch_messages=1)

    def before(verb: str) -> None:
        if verb == "fetch":
            world.clock.forward(timedelta(seconds=60))

    world.source.before = before
    result = world.sweep(deadline=50.0)
    assert books(result) == (0, 0, 0, 4)
    assert result.integrations[0].error
    assert [error.trouble.kind for error in world.open_errors()] == ["connection_failed"]


def quarantine(world: World) -> None:
    deliver(world, [1, 2])
    withhold(world, 1)
    for _ in range(3):
        next_sweep(world)
    assert [error.trouble.kind for error in world.open_errors()] == ["quarantined"]


@pytest.mark.parametrize("by", ["id", "all"])
def test_retry_asks_the_server_for_it_again(world: World, by: str) -> None:
    quarantine(world)
    world.source.withheld = {}
    (error,) = world.open_errors()
    result = world.retry(error.error_id) if by == "id" else world.retry(quarantined=True)
    assert [(each.done, each.outcome) for each in result.results] == [(True, "reread")]
    (line,) = world.lines("followups.jsonl")
    assert (line["case_id"], line["issue"].strip()) == ("CS-000002", "Please help.")
    assert world.open_errors() == []
    assert len(world.lines()) == 2


def test_what_is_still_not_given_or_gone_stays_quarantined(world: World) -> None:
    quarantine(world)
    (result,) = world.retry(quarantined=True).results
    assert (result.done, result.detail) == (False, "503 for 1")
    del world.source.mails[1]
    (result,) = world.retry(quarantined=True).results
    assert not result.done
    assert "no longer in the mailbox" in result.detail
    assert len(world.open_errors()) == 1


def test_such_mail_that_no_alias_takes_is_held_and_taken_whole_once_it_is_given(world: World) -> None:
    aliases = world.integrations[0].aliases
    world.change(aliases=aliases[1:])
    deliver(world, [1])
    world.source.deliver(letter(2, to="urgent@example.org"))
    withhold(world, 1)
    totals = [next_sweep(world).totals for _ in range(3)]
    assert totals[2].held == 1
    world.change(aliases=aliases)
    world.source.withheld = {}
    (result,) = world.retry(held=True).results
    assert (result.done, result.outcome) == (True, "case")
    assert world.lines()[-1]["issue"].strip() == "Please help."
