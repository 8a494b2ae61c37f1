"""Whole sweeps over mailboxes in memory and a real store."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from emailint.config.model import Alias, CaseDefaults, ReplyLimit, ReplySettings
from emailint.errors import (
    ConnectionFailed,
    FolderMissing,
    FolderReadOnly,
    LoginRefused,
    MessageError,
    OutboundDeferred,
    OutboundRefused,
    OutboundUnavailable,
    OutcomeUnknown,
    StoreError,
    Throttled,
    UsageError,
)
from emailint.store import ProjectionReport, open_store
from emailint.store.projection import Projection
from emailint.store.sqlite_ledger import SqliteLedger
from emailint.sweep import connect
from emailint.sweep.clock import Budget
from emailint.sweep.options import SweepOptions
from emailint.sweep.schedule import run_sweep
from emailint.sweep.troubles import Troubles
from tests.support.memory import START, letter
from tests.support.world import PAYROLL, World, make_world

if TYPE_CHECKING:
    from pathlib import Path

    from emailint.outbound.protocol import OutgoingMail
    from emailint.store.ledger import Ledger


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


def failing(verb: str, error: Exception, times: int = 10**9) -> object:
    """A `before` that fails so many times at one verb."""
    left = [times]

    def before(called: str) -> None:
        if called == verb and left[0] > 0:
            left[0] -= 1
            raise error

    return before


def refuse(error: Exception) -> object:
    def hook(_mail: OutgoingMail) -> None:
        raise error

    return hook


def digests(folder: Path) -> dict[str, str]:
    """All files of the store but the lock."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def test_unread_mail_becomes_cases_is_marked_and_answered(world: World) -> None:
    for number in (1, 2, 3):
        world.source.deliver(letter(number))
    totals = world.sweep().totals
    assert (totals.listed, totals.cases, totals.replies_sent) == (3, 3, 3)
    assert [case["case_id"] for case in world.lines()] == ["CS-000001", "CS-000002", "CS-000003"]
    assert [case["subject"] for case in world.lines()] == ["Question 1", "Question 2", "Question 3"]
    assert world.source.unread() == []
    assert [mail.recipient for mail in world.outbound.sent] == ["ann@example.com"] * 3
    assert world.outbound.connections == 1


def test_a_second_sweep_changes_nothing(world: World) -> None:
    world.source.deliver(letter())
    world.sweep()
    before = digests(world.folder / "data")
    world.source.calls.clear()
    world.clock.forward(timedelta(minutes=1))
    assert world.sweep().totals.listed == 0
    assert digests(world.folder / "data") == before
    assert world.source.calls == ["connect", "list", "close"]


def test_a_person_who_marks_a_done_mail_unread_is_left_alone(world: World) -> None:
    uid = world.source.deliver(letter())
    world.sweep()
    world.source.mails[uid].seen = False
    world.source.calls.clear()
    totals = world.sweep().totals
    assert (totals.listed, totals.already_known, totals.cases) == (1, 1, 0)
    assert "mark" not in world.source.calls
    assert len(world.lines()) == 1


def test_a_copy_is_no_second_case_and_is_marked(world: World) -> None:
    world.source.deliver(letter())
    world.sweep()
    world.source.deliver(letter())
    totals = world.sweep().totals
    assert (totals.listed, totals.already_known) == (1, 1)
    assert world.source.unread() == []
    assert len(world.lines()) == 1
    assert len(world.outbound.sent) == 1


def test_twins_in_one_batch_are_one_case(world: World) -> None:
    world.source.deliver(letter())
    world.source.deliver(letter())
    totals = world.sweep().totals
    assert (totals.cases, totals.already_known, totals.replies_sent) == (1, 1, 1)
    assert world.source.unread() == []


def test_a_new_uidvalidity_makes_nothing_anew(world: World) -> None:
    for number in range(5):
        world.source.deliver(letter(number))
    world.sweep()
    world.source.validity = 2
    for mail in world.source.mails.values():
        mail.seen = False
    totals = world.sweep().totals
    assert (totals.listed, totals.already_known) == (5, 5)
    assert world.source.unread() == []
    assert (len(world.lines()), len(world.outbound.sent)) == (5, 5)


def test_one_message_id_on_two_contents_is_two_cases_and_a_defect(world: World) -> None:
    world.source.deliver(letter(1))
    world.source.deliver(letter(1, body="Something else."))
    world.sweep()
    first, second = world.lines()
    assert first["defects"] == []
    assert second["defects"][0].startswith("reused_message_id")


def test_one_mail_in_two_mailboxes_is_two_cases_and_one_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    benefits = replace(
        PAYROLL,
        name="benefits",
        mailbox="benefits@example.org",
        aliases=(Alias("benefits@example.org", default=True),),
    )
    world = make_world(tmp_path, monkeypatch, integrations=(PAYROLL, benefits))
    raw = letter(to="payroll@example.org, benefits@example.org")
    for source in world.sources.values():
        source.deliver(raw)
    assert world.sweep().totals.cases == 2
    assert len(world.outbound.sent) == 1
    reasons = {case["reply"]["reason"] for case in world.lines()}
    assert reasons == {None, "answered_elsewhere"}


def test_with_global_dedupe_it_is_one_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    benefits = replace(PAYROLL, name="benefits", mailbox="benefits@example.org")
    world = make_world(tmp_path, monkeypatch, integrations=(PAYROLL, benefits), settings={"dedupe": "global"})
    for source in world.sources.values():
        source.deliver(letter())
    totals = world.sweep().totals
    assert (totals.cases, totals.already_known) == (1, 1)
    assert all(not source.unread() for source in world.sources.values())


def test_renaming_an_integration_makes_nothing_anew(world: World) -> None:
    uid = world.source.deliver(letter())
    world.sweep()
    world.source.mails[uid].seen = False
    world.sources["wages"] = world.source
    world.change(name="wages")
    world.source.validity = 9
    assert world.sweep().totals.already_known == 1
    assert len(world.outbound.sent) == 1


def test_mail_that_no_alias_takes_is_held_with_one_error_that_names_the_addresses(world: World) -> None:
    world.change(aliases=(Alias("urgent@example.org"),))
    mail = letter(to="sales@example.org, Press <press@example.org>")
    world.source.deliver(mail)
    result = world.sweep()
    assert (result.totals.held, result.trouble) == (1, True)
    assert (world.source.unread(), world.lines(), world.outbound.sent) == ([], [], [])
    (kept,) = (world.folder / "data" / "hold").glob("*.eml")
    assert kept.read_bytes() == mail
    (error,) = world.open_errors()
    assert error.trouble.kind == "held"
    assert "sales@example.org, press@example.org" in error.trouble.message
    assert "emailint retry" in error.trouble.hint
    assert [line["event"] for line in world.lines("errors.jsonl")] == ["opened"]


def test_held_mail_stays_held_and_listed_whatever_is_swept_later(world: World) -> None:
    world.change(aliases=(Alias("urgent@example.org"),))
    uid = world.source.deliver(letter(to="sales@example.org"))
    world.sweep()
    world.change(aliases=(Alias("sales@example.org", default=True),))
    world.source.mails[uid].seen = False
    world.source.deliver(letter(to="sales@example.org"))
    result = world.sweep()
    assert (result.totals.already_known, result.totals.cases, result.trouble) == (2, 0, False)
    assert [(error.trouble.kind, error.count) for error in world.open_errors()] == [("held", 1)]


def test_each_mail_that_is_held_has_an_error_of_its_own(world: World) -> None:
    world.change(aliases=(Alias("urgent@example.org"),))
    for number in range(3):
        world.source.deliver(letter(number, to="sales@example.org"))
    assert world.sweep().totals.held == 3
    assert len({error.error_id for error in world.open_errors()}) == 3


def test_mail_that_cannot_be_read_and_that_no_alias_takes_is_held(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object) -> None:
        raise MessageError("its reader was ended by signal 11")

    monkeypatch.setattr("emailint.message.child.read_in_child", die)
    world.change(aliases=(Alias("urgent@example.org"),))
    world.source.deliver(letter(to="sales@example.org"))
    with open_store(world.folder / "data") as store:
        store.ledger.begin([world.source.locus(1)])
    outcomes = [world.sweep().totals for _ in range(3)]
    assert [(each.failed, each.held) for each in outcomes] == [(1, 0), (1, 0), (0, 1)]
    assert (world.source.unread(), world.lines()) == ([], [])
    (kept,) = (world.folder / "data" / "hold").glob("*.eml")
    assert kept.read_bytes() == letter(to="sales@example.org")


def test_ignored_mail_is_marked_and_makes_no_case(world: World) -> None:
    ignoring = Alias("payroll@example.org", default=True, automatic={"auto_reply": "ignore"})
    world.change(aliases=(ignoring,))
    world.source.deliver(letter(headers="Auto-Submitted: auto-replied\n"))
    totals = world.sweep().totals
    assert (totals.ignored, totals.cases) == (1, 0)
    assert world.source.unread() == []
    assert world.lines() == []


def test_automatic_mail_makes_a_case_and_gets_no_reply(world: World) -> None:
    world.source.deliver(letter(headers="Auto-Submitted: auto-replied\n"))
    totals = world.sweep().totals
    assert (totals.cases, totals.replies_sent, totals.replies_withheld) == (1, 0, 1)
    assert world.lines()[0]["reply"] == {"decision": "withhold", "reason": "auto_submitted"}
    assert world.lines()[0]["kind"] == "auto_reply"


def test_no_replies_is_for_good(world: World) -> None:
    world.source.deliver(letter())
    world.sweep(replies=False)
    world.sweep()
    assert world.outbound.sent == []
    assert world.lines()[0]["reply"] == {"decision": "withhold", "reason": "replies_off"}


def test_nobody_is_answered_about_old_mail(world: World) -> None:
    world.source.deliver(letter(), received_at=START - timedelta(days=3))
    world.sweep()
    assert world.outbound.sent == []
    assert world.lines()[0]["reply"]["reason"] == "old"


def test_limit_leaves_the_rest(world: World) -> None:
    for number in range(5):
        world.source.deliver(letter(number))
    totals = world.sweep(limit=2).totals
    assert (totals.listed, totals.cases, totals.left) == (5, 2, 3)
    assert len(world.source.unread()) == 3


def test_moving(world: World) -> None:
    world.change(move_to="Processed")
    world.source.deliver(letter())
    world.sweep()
    assert world.source.mails == {}
    assert len(world.source.folders["Processed"]) == 1


def test_a_mail_over_the_limit_is_a_case_of_its_headers_and_stays(world: World) -> None:
    world.change(move_to="Processed")
    world.source.deliver(letter(), size=99_000_000)
    world.sweep()
    (case,) = world.lines()
    assert (case["subject"], case["issue"]) == ("Question 1", "")
    assert case["message"]["size"] == 99_000_000
    assert case["defects"]
    assert world.source.unread() == []
    assert len(world.source.mails) == 1


def test_a_dry_run_shows_and_changes_nothing(world: World) -> None:
    world.source.deliver(letter())
    result = world.sweep(dry_run=True)
    assert (result.totals.cases, len(world.source.unread()), world.outbound.sent) == (1, 1, [])
    assert result.integrations[0].messages[0].case_id == "CS-000001"
    assert not (world.folder / "data").exists()


def test_a_dry_run_over_a_store_knows_what_is_done(world: World) -> None:
    world.source.deliver(letter(1))
    world.sweep()
    before = digests(world.folder / "data")
    world.source.deliver(letter(2))
    world.source.deliver(letter(2))
    totals = world.sweep(dry_run=True).totals
    assert (totals.listed, totals.cases, totals.already_known) == (2, 1, 1)
    assert digests(world.folder / "data") == before
    assert sorted(path.name for path in (world.folder / "data").iterdir() if path.is_file()) == [
        "cases.jsonl",
        "ledger.db",
        "lock",
        "secret.key",
    ]


def test_an_unknown_integration_is_a_usage_error(world: World) -> None:
    with pytest.raises(UsageError, match="nobody"):
        world.sweep(integrations=("nobody",))


# A failing mailbox


def test_a_failing_mailbox_holds_up_no_other_and_backs_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [replace(PAYROLL, name=f"m{number}", mailbox=f"m{number}@example.org") for number in range(5)]
    world = make_world(tmp_path, monkeypatch, integrations=(PAYROLL, *others))
    for name, source in world.sources.items():
        source.deliver(letter(body=name))
    world.sources["payroll"].before = failing("connect", LoginRefused("the server refused the password"))  # type: ignore[assignment]
    result = world.sweep()
    assert result.totals.cases == 5
    assert result.trouble
    assert [error.trouble.kind for error in result.news] == ["login_refused"]
    tries = world.sources["payroll"].calls.count("connect")
    assert tries == 1  # a refused login is never tried twice in a row
    world.clock.forward(timedelta(seconds=20))
    waiting = world.sweep()
    assert world.sources["payroll"].calls.count("connect") == tries
    assert waiting.trouble
    assert "not tried before" in (waiting.integrations[0].error or "")
    assert waiting.news == ()


def test_a_wrong_password_for_a_day_is_one_error_and_few_logins(world: World) -> None:
    world.source.deliver(letter())
    world.source.before = failing("connect", LoginRefused("the server refused the password"))  # type: ignore[assignment]
    told = 0
    for _ in range(24 * 60):
        told += len(world.sweep().news)
        world.clock.forward(timedelta(minutes=1))
    (error,) = world.open_errors()
    assert error.trouble.kind == "login_refused"
    assert error.count == world.source.calls.count("connect") < 35
    assert told == 1
    assert [line["event"] for line in world.lines("errors.jsonl")] == ["opened", "repeated"]
    world.source.before = lambda _verb: None
    world.clock.forward(timedelta(hours=1))
    result = world.sweep()
    assert (result.totals.cases, world.open_errors()) == (1, [])
    assert len(result.recovered) == 1


def test_throttling_is_an_alarm_only_when_it_lasts(world: World) -> None:
    world.source.deliver(letter())
    world.source.before = failing("list", Throttled("the server asks to wait", retry_after=30))  # type: ignore[assignment]
    alarms = []
    for _ in range(30):
        result = world.sweep()
        alarms.append((result.trouble, len(result.news)))
        world.clock.forward(timedelta(minutes=1))
    assert alarms[:15] == [(False, 0)] * 15
    assert all(trouble for trouble, _ in alarms[16:])
    assert sum(news for _, news in alarms) == 1
    assert [error.trouble.kind for error in world.open_errors()] == ["throttled"]


def test_a_follow_up_is_not_said_to_be_answered_because_its_case_was(world: World) -> None:
    world.source.deliver(letter(1))
    world.source.deliver(letter(2, headers="In-Reply-To: <1@example.com>\n"))
    first, second = world.sweep().integrations[0].messages
    assert (first.reply, second.reply) == ("sent", "withheld: no_template")


def test_a_connection_that_fails_in_passing_is_tried_once_more(world: World) -> None:
    world.source.deliver(letter())
    world.source.before = failing("connect", ConnectionFailed("connection refused"), times=1)  # type: ignore[assignment]
    result = world.sweep()
    assert (result.totals.cases, result.trouble) == (1, False)
    assert world.source.calls.count("connect") == 2


@pytest.mark.parametrize("times", [1, 10**9])
def test_a_connection_that_breaks_in_a_fetch_keeps_what_came(world: World, times: int) -> None:
    """Once: it goes on over another one. Each time: the mailbox fails."""
    for number in range(4):
        world.source.deliver(letter(number))
    seen = [0]

    def before(verb: str) -> None:
        seen[0] += verb == "fetch one"
        if verb == "fetch one" and 3 <= seen[0] < 3 + times:
            raise ConnectionFailed("the connection was lost")

    world.source.before = before
    result = world.sweep()
    taken = 4 if times == 1 else 2
    assert (result.totals.cases, result.totals.left, result.trouble) == (taken, 4 - taken, times > 1)
    world.source.before = lambda _verb: None
    world.clock.forward(timedelta(minutes=2))
    assert world.sweep().totals.cases == 4 - taken
    assert len(world.lines()) == 4
    assert world.source.unread() == []


def test_vanished_mail_is_no_error(world: World) -> None:
    uid = world.source.deliver(letter(1))
    world.source.deliver(letter(2))

    def before(verb: str) -> None:
        if verb == "fetch":
            world.source.mails.pop(uid, None)

    world.source.before = before
    totals = world.sweep().totals
    assert (totals.cases, totals.vanished) == (1, 1)
    assert world.open_errors() == []


def test_a_read_only_folder_keeps_its_cases_and_is_one_error(world: World) -> None:
    for number in range(3):
        world.source.deliver(letter(number))
    world.source.before = failing("mark", FolderReadOnly("the folder is read-only"))  # type: ignore[assignment]
    for _ in range(3):
        world.sweep(integrations=("payroll",))
    assert len(world.lines()) == 3
    assert len(world.outbound.sent) == 3
    assert [error.trouble.kind for error in world.open_errors()] == ["folder_read_only"]
    world.source.deliver(letter(9))
    world.sweep(integrations=("payroll",))
    assert len(world.lines()) == 4
    world.source.before = lambda _verb: None
    world.sweep(integrations=("payroll",))
    assert world.source.unread() == []
    assert world.open_errors() == []


def test_a_folder_to_move_to_that_is_missing_holds_up_no_mail(world: World) -> None:
    world.change(move_to="Processed")
    world.source.before = failing("move", FolderMissing("there is no folder Processed"))  # type: ignore[assignment]
    for number in (1, 2):
        world.source.deliver(letter(number))
        assert world.sweep(integrations=("payroll",)).trouble
    assert (len(world.lines()), world.source.unread()) == (2, [])
    world.source.before = lambda _verb: None
    assert not world.sweep(integrations=("payroll",)).trouble
    assert len(world.source.folders["Processed"]) == 2


# Suspects


def test_what_was_in_flight_at_a_death_is_read_alone_and_taken(world: World) -> None:
    for number in range(4):
        world.source.deliver(letter(number))
    with open_store(world.folder / "data") as store:
        store.ledger.begin([world.source.locus(uid) for uid in (1, 2, 3)])
    totals = world.sweep().totals
    assert (totals.cases, world.source.unread()) == (4, [])
    assert world.source.calls.count("fetch") == 4
    world.source.calls.clear()
    world.source.deliver(letter(9))
    world.sweep()
    assert world.source.calls.count("fetch") == 1


def test_a_mail_that_kills_its_reader_three_times_is_quarantined(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object) -> None:
        raise MessageError("its reader was ended by signal 11")

    monkeypatch.setattr("emailint.message.child.read_in_child", die)
    world.source.deliver(letter(1))
    world.source.deliver(letter(2))
    with open_store(world.folder / "data") as store:
        store.ledger.begin([world.source.locus(1)])
    first, second, third = (world.sweep().totals for _ in range(3))
    assert (first.cases, first.failed) == (1, 1)
    assert (second.failed, third.quarantined) == (1, 1)
    quarantined = next(case for case in world.lines() if case["case_id"] == "CS-000002")
    assert quarantined["subject"] == "Question 1"
    assert quarantined["defects"][0].startswith("parse_failed")
    assert quarantined["reply"] == {"decision": "withhold", "reason": "not_read"}
    (kept,) = quarantined["attachments"]
    assert (world.folder / "data" / kept["path"]).read_bytes() == letter(1)
    assert len(list((world.folder / "data" / "quarantine").glob("*.eml"))) == 1
    assert (world.source.unread(), len(world.outbound.sent)) == ([], 1)
    assert [error.trouble.kind for error in world.open_errors()] == ["quarantined"]


# Replies


def test_a_reply_that_cannot_leave_waits_and_goes_out_once(world: World) -> None:
    world.source.deliver(letter())
    world.outbound.before = refuse(OutboundUnavailable("the server is away"))  # type: ignore[assignment]
    result = world.sweep()
    assert (result.totals.cases, result.totals.replies_sent, result.trouble) == (1, 0, True)
    world.outbound.before = lambda _mail: None
    assert world.sweep().totals.replies_sent == 0  # too early
    world.clock.forward(timedelta(minutes=2))
    result = world.sweep()
    assert (result.totals.replies_sent, world.open_errors()) == (1, [])
    assert len(world.outbound.sent) == 1


def test_a_sweep_that_is_stopped_blames_no_server(world: World) -> None:
    """The time that a reply may take is over at once then, before or after it has connected."""
    budget = Budget(world.clock, None)

    def stopped(_mail: OutgoingMail) -> None:
        budget.stop()
        raise OutboundUnavailable("no time is left to begin a mail")

    world.source.deliver(letter())
    world.outbound.before = stopped
    result = run_sweep(world.config(), SweepOptions(), clock=world.clock, budget=budget)
    assert (result.totals.cases, result.totals.replies_sent, result.news) == (1, 0, ())
    assert world.lines("errors.jsonl") == []
    world.outbound.before = lambda _mail: None
    assert world.sweep().totals.replies_sent == 1


def test_a_refused_recipient_is_listed_and_no_alarm(world: World) -> None:
    world.source.deliver(letter())
    world.outbound.before = refuse(OutboundRefused("550 no such user"))  # type: ignore[assignment]
    result = world.sweep()
    assert (result.totals.replies_failed, result.trouble) == (1, False)
    (error,) = world.open_errors()
    assert (error.trouble.kind, error.trouble.case_id) == ("outbound_refused", "CS-000001")
    world.clock.forward(timedelta(days=1))
    world.outbound.before = lambda _mail: None
    assert world.sweep().totals.replies_sent == 0


def test_no_answer_after_data_is_unknown_and_never_sent_again(world: World) -> None:
    world.source.deliver(letter())
    world.outbound.after = refuse(OutcomeUnknown("the connection was lost after DATA"))  # type: ignore[assignment]
    result = world.sweep()
    assert result.totals.replies_failed == 1
    world.outbound.after = lambda _mail: None
    for _ in range(3):
        world.clock.forward(timedelta(hours=1))
        world.sweep()
    assert world.outbound.sent == []
    assert [error.trouble.kind for error in world.open_errors()] == ["outcome_unknown"]


def test_the_rate_for_one_address_holds(world: World) -> None:
    for number in range(12):
        world.source.deliver(letter(number))
    totals = world.sweep().totals
    assert (totals.cases, totals.replies_sent, totals.replies_withheld) == (12, 5, 7)


def test_the_limit_a_minute_holds_over_sweeps_and_the_rest_waits(world: World) -> None:
    settings = ReplySettings(limit=ReplyLimit(per_minute=3))
    world.change(aliases=(Alias("payroll@example.org", default=True, reply=settings),))
    for number in range(8):
        world.source.deliver(letter(number, sender=f"p{number}@example.com"))
    sent = []
    for seconds in (20, 20, 61, 61):
        sent.append(world.sweep().totals.replies_sent)
        world.clock.forward(timedelta(seconds=seconds))
    assert sent == [3, 0, 0, 3]
    assert world.sweep().totals.replies_sent == 2


def test_a_server_that_takes_nothing_is_left_alone(world: World) -> None:
    tried: list[str] = []

    def before(mail: OutgoingMail) -> None:
        tried.append(mail.recipient)
        raise OutboundUnavailable("451 later")

    world.outbound.before = before
    for number in range(20):
        world.source.deliver(letter(number, sender=f"p{number}@example.com"))
    assert world.sweep().totals.cases == 20
    assert len(tried) == 3


def test_greylisting_is_no_alarm_and_holds_up_no_other(world: World) -> None:
    def before(mail: OutgoingMail) -> None:
        if mail.recipient.startswith("grey"):
            raise OutboundDeferred("451 come back later")

    world.outbound.before = before
    for number in range(8):
        world.source.deliver(letter(number, sender=f"{'grey' if number < 5 else 'p'}{number}@example.com"))
    result = world.sweep()
    assert (result.totals.replies_sent, result.trouble, world.open_errors()) == (3, False, [])
    for _ in range(4):
        world.clock.forward(timedelta(hours=1))
        world.sweep()
    assert {error.trouble.kind for error in world.open_errors()} == {"outbound_deferred"}
    world.outbound.before = lambda _mail: None
    world.clock.forward(timedelta(hours=1))
    assert world.sweep().totals.replies_sent == 5
    assert world.open_errors() == []


def test_a_broken_template_fails_the_reply_and_keeps_the_case(world: World) -> None:
    broken = Alias("payroll@example.org", default=True, reply=ReplySettings(template="no-such-template"))
    world.change(aliases=(broken,))
    world.source.deliver(letter())
    totals = world.sweep().totals
    assert (totals.cases, totals.replies_failed) == (1, 1)
    assert [error.trouble.kind for error in world.open_errors()] == ["template_error"]


# The store


def test_a_store_that_fails_stops_the_sweep_before_marking(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.source.deliver(letter())

    def fail(_projection: object, ledger: Ledger) -> ProjectionReport:
        if ledger.unprojected():
            raise StoreError("no space left on the disk of the store")
        return ProjectionReport()

    with monkeypatch.context() as broken:
        broken.setattr(Projection, "project", fail)
        with pytest.raises(StoreError, match="no space"):
            world.sweep()
    assert world.source.unread() == [1]
    totals = world.sweep().totals
    assert (totals.cases, totals.already_known) == (0, 0)
    assert (len(world.lines()), world.source.unread(), len(world.outbound.sent)) == (1, [], 1)


def test_a_file_of_the_store_that_was_changed_is_told_and_is_no_failure_of_the_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Projection.project

    def warn(projection: Projection, ledger: Ledger) -> ProjectionReport:
        return replace(whole(projection, ledger), warnings=("cases.jsonl was changed",))

    monkeypatch.setattr(Projection, "project", warn)
    world.source.deliver(letter(1))
    assert not world.sweep().trouble
    assert [each.trouble.kind for each in world.open_errors()] == ["store_warning"]


def test_a_field_that_cannot_be_made_is_an_error_until_it_can(world: World) -> None:
    broken = Alias("payroll@example.org", default=True, case=CaseDefaults(category="{{ message.nope }}"))
    world.change(aliases=(broken,))
    for number in (1, 2):
        world.source.deliver(letter(number))
    result = world.sweep()
    assert (result.totals.cases, result.trouble, world.lines()[0]["category"]) == (2, True, None)
    (error,) = world.open_errors()
    assert (error.trouble.kind, "category" in error.trouble.message) == ("template_error", True)
    world.change(aliases=(Alias("payroll@example.org", default=True, case=CaseDefaults(category="Pay")),))
    world.source.deliver(letter(3))
    assert not world.sweep().trouble
    assert world.open_errors() == []


def test_replies_that_cannot_leave_keep_the_exit_status_until_they_can(world: World) -> None:
    world.source.deliver(letter())
    world.outbound.before = refuse(OutboundUnavailable("the server is away"))  # type: ignore[assignment]
    for _ in range(6):
        assert world.sweep().trouble
        world.clock.forward(timedelta(seconds=60))
    world.clock.forward(timedelta(days=3))
    result = world.sweep()
    assert (result.totals.replies_withheld, result.trouble, world.open_errors()) == (1, False, [])


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_dry_run_opens_its_mailbox_read_only(
    world: World, monkeypatch: pytest.MonkeyPatch, *, dry_run: bool
) -> None:
    asked: list[object] = []

    def source_for(*_given: object, read_only: bool = False, **_options: object) -> object:
        asked.append(read_only)
        return world.source

    monkeypatch.setattr(connect, "source_for", source_for)
    world.sweep()
    world.sweep(dry_run=dry_run)
    assert asked == [False, dry_run]


def test_a_bug_in_the_sending_of_replies_is_no_silence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_args: object, **_options: object) -> None:
        raise TypeError("takes fewer arguments")

    monkeypatch.setattr(Troubles, "close_sending", bug)
    monkeypatch.setattr(SqliteLedger, "settle", bug)
    world.source.deliver(letter())
    with pytest.raises(TypeError):
        world.sweep()


def test_a_sweep_that_ends_between_sending_and_sent_never_sends_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise StoreError("no space left on the disk of the store")

    world.source.deliver(letter())
    with monkeypatch.context() as broken:
        broken.setattr(SqliteLedger, "settle", fail)
        with pytest.raises(StoreError, match="no space"):
            world.sweep()
    assert len(world.outbound.sent) == 1
    for _ in range(3):
        world.clock.forward(timedelta(hours=2))
        world.sweep()
    assert len(world.outbound.sent) == 1
    assert [error.trouble.kind for error in world.open_errors()] == ["outcome_unknown"]
