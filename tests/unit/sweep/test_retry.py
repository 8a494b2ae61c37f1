"""Held mail, quarantined mail and replies, tried again by a person's order."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from emailint.config.model import Alias, ReplySettings
from emailint.errors import (
    MessageError,
    OutboundRefused,
    OutboundUnavailable,
    OutcomeUnknown,
    StoreError,
    UsageError,
)
from emailint.message import read_message
from emailint.store.raw_mail import RawMail
from emailint.store.sqlite_ledger import SqliteLedger
from tests.support.memory import START, letter
from tests.support.world import World, make_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emailint.outbound.protocol import OutgoingMail

DESK = Alias("payroll@example.org", default=True, workspace=1201)
STRICT = replace(DESK, unknown_sender="hold")
NOBODY = "type,id,name,address,workspace\ncontact,C-1,Yan,yan@elsewhere.example,1300\n"
PEOPLE = f"{NOBODY}contact,C-7,Ann Lee,ann@example.com,1400\n"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world with a directory of nobody who writes, whose one alias holds the mail of strangers."""
    directory = tmp_path / "directory.csv"
    directory.write_text(NOBODY, encoding="utf-8")
    made = make_world(tmp_path, monkeypatch, settings={"directory": directory})
    made.change(aliases=(STRICT,))
    return made


def raising(error: Exception) -> Callable[[OutgoingMail], None]:
    def hook(_mail: OutgoingMail) -> None:
        raise error

    return hook


def kept(world: World, folder: str = "hold") -> list[Path]:
    return sorted((world.folder / "data" / folder).glob("*.eml"))


def one_error(world: World) -> str:
    (error,) = world.open_errors()
    return error.error_id


# Held mail


def test_held_mail_becomes_the_case_it_would_have_made_at_first(world: World) -> None:
    world.source.deliver(letter(1), received_at=START - timedelta(hours=1))
    world.source.deliver(letter(2, sender="zoe@elsewhere.example"))
    assert world.sweep().totals.held == 2
    (world.folder / "directory.csv").write_text(PEOPLE, encoding="utf-8")
    world.clock.forward(timedelta(hours=2))
    first, second = world.retry(held=True).results
    assert (first.done, first.outcome, first.case_id, first.reply) == (True, "case", "CS-000001", "sent")
    assert (second.done, second.outcome) == (False, "")
    assert "zoe@elsewhere.example is not in the directory" in second.detail
    (case,) = world.lines()
    assert (case["workspace"], case["workspace_rule"], case["client_contact"]) == (1400, "contact", "C-7")
    assert (case["created_at"], case["message"]["received_at"]) == (
        "2026-11-24T20:00:05Z",
        "2026-11-24T17:00:05Z",
    )
    assert case["message"]["locus"] == world.source.locus(1)
    assert (case["defects"], case["reply"]) == ([], {"decision": "respond", "reason": None})
    assert [mail.recipient for mail in world.outbound.sent] == ["ann@example.com"]
    assert len(kept(world)) == 1
    assert [error.trouble.locus for error in world.open_errors()] == [world.source.locus(2)]
    events = [(line["event"], line["locus"]) for line in world.lines("errors.jsonl")]
    assert events[2:] == [("closed", world.source.locus(1))]


def test_the_id_of_its_error_names_one_held_mail(world: World) -> None:
    for number in (1, 2):
        world.source.deliver(letter(number))
    world.sweep()
    world.change(aliases=(DESK,))
    _, second = world.open_errors()
    (result,) = world.retry(second.error_id).results
    assert (result.name, result.outcome, result.subject) == (second.error_id, "case", "Question 2")
    assert [case["subject"] for case in world.lines()] == ["Question 2"]
    assert world.retry(held=True).results[0].case_id == "CS-000002"
    assert (world.open_errors(), kept(world)) == ([], [])


def test_what_was_retried_is_over_and_makes_no_second_case(world: World) -> None:
    uid = world.source.deliver(letter(1))
    world.sweep()
    name = one_error(world)
    world.change(aliases=(DESK,))
    world.retry(held=True)
    assert world.retry(held=True).results == ()
    (result,) = world.retry(name).results
    assert (result.done, result.detail) == (True, "it waits no more")
    world.source.mails[uid].seen = False
    world.source.deliver(letter(1))
    assert world.sweep().totals.already_known == 2
    assert (len(world.lines()), len(world.outbound.sent)) == (1, 1)


def test_mail_that_no_alias_took_is_taken_by_an_alias_of_now(world: World) -> None:
    world.change(aliases=(Alias("urgent@example.org"),))
    world.source.deliver(letter(1, to="sales@example.org"))
    world.sweep()
    assert not world.retry(held=True).results[0].done
    world.change(aliases=(Alias("urgent@example.org"), Alias("sales@example.org", workspace=7)))
    assert world.retry(held=True).results[0].done
    (case,) = world.lines()
    assert (case["alias"], case["alias_matched_by"], case["workspace"]) == ("sales@example.org", "To", 7)
    assert world.open_errors() == []


def test_nobody_is_answered_about_mail_that_was_held_too_long(world: World) -> None:
    world.source.deliver(letter(1))
    world.sweep()
    world.change(aliases=(DESK,))
    world.clock.forward(timedelta(days=3))
    (result,) = world.retry(held=True).results
    assert (result.outcome, result.reply) == ("case", "withheld: old")
    assert world.outbound.sent == []
    assert world.lines()[0]["reply"] == {"decision": "withhold", "reason": "old"}


def test_held_mail_may_turn_out_to_be_a_follow_up(world: World) -> None:
    world.change(aliases=(DESK,))
    world.source.deliver(letter(1))
    world.sweep()
    world.change(aliases=(Alias("urgent@example.org"),))
    world.source.deliver(letter(2, headers="In-Reply-To: <1@example.com>\n"))
    assert world.sweep().totals.held == 1
    world.change(aliases=(DESK,))
    (result,) = world.retry(held=True).results
    assert (result.outcome, result.case_id) == ("follow_up", "CS-000001")
    assert [line["followup_id"] for line in world.lines("followups.jsonl")] == ["CS-000001-1"]


def test_held_mail_may_be_ignored_by_now(world: World) -> None:
    world.source.deliver(letter(1))
    world.sweep()
    world.change(aliases=(replace(DESK, unknown_sender="ignore"),))
    (result,) = world.retry(held=True).results
    assert (result.done, result.outcome) == (True, "ignored")
    assert (world.lines(), kept(world), world.open_errors()) == ([], [], [])


def test_its_attachments_are_stored_and_it_moves(world: World) -> None:
    world.change(aliases=(STRICT,), move_to="Processed")
    parts = (
        "--b\nContent-Type: text/plain\n\nSee it.\n--b\nContent-Type: application/pdf\n"
        'Content-Disposition: attachment; filename="slip.pdf"\n\n%PDF\n--b--'
    )
    headers = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n'
    world.source.deliver(letter(1, headers=headers, body=parts))
    world.sweep()
    assert "Processed" not in world.source.folders
    world.change(aliases=(DESK,))
    world.retry(held=True)
    (stored,) = world.lines()[0]["attachments"]
    assert (world.folder / "data" / stored["path"]).read_bytes() == b"%PDF"
    world.sweep()
    assert len(world.source.folders["Processed"]) == 1


def test_of_a_mail_over_the_limit_the_case_says_what_it_would_have_said(world: World) -> None:
    world.source.deliver(letter(1), size=99_000_000)
    world.sweep()
    world.change(aliases=(DESK,))
    world.retry(held=True)
    (case,) = world.lines()
    assert (case["message"]["size"], case["issue"]) == (99_000_000, "")
    assert case["defects"]


def test_held_mail_of_an_integration_that_has_another_name_now(world: World) -> None:
    world.source.deliver(letter(1))
    world.sweep()
    world.sources["wages"] = world.source
    world.change(name="wages", aliases=(DESK,))
    (result,) = world.retry(one_error(world)).results
    assert result.outcome == "case"
    assert (world.lines()[0]["integration"], world.open_errors()) == ("wages", [])


def test_held_mail_of_an_integration_that_is_no_more_stays_held(world: World) -> None:
    world.source.deliver(letter(1))
    world.sweep()
    other = replace(world.integrations[0], name="other", mailbox="o@example.org", aliases=(DESK,))
    world.sources["other"] = replace(world.source, account="memory://another@example.org", mails={})
    world.integrations = (other,)
    (result,) = world.retry(held=True).results
    assert not result.done
    assert "no integration is named 'payroll' any more" in result.detail
    assert len(kept(world)) == 1


def test_octets_that_are_gone_keep_the_mail_held(world: World) -> None:
    for number in (1, 2):
        world.source.deliver(letter(number))
    world.sweep()
    world.change(aliases=(DESK,))
    kept(world)[0].unlink()
    results = world.retry(held=True).results
    assert sorted(each.done for each in results) == [False, True]
    assert any("cannot be read" in each.detail for each in results)
    assert len(world.open_errors()) == 1


def test_only_an_earlier_mail_makes_a_message_id_a_used_one(world: World) -> None:
    """Neither its own row nor a later one: the defects are those of the first time."""
    world.source.deliver(letter(1))
    world.source.deliver(letter(1, body="Something else."))
    world.sweep()
    world.change(aliases=(DESK,))
    world.retry(held=True)
    first, second = world.lines()
    assert first["defects"] == []
    assert second["defects"][0].startswith("reused_message_id")


def test_what_dies_before_the_commit_is_held_and_after_it_is_a_case(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object) -> None:
        raise StoreError("as if killed")

    world.source.deliver(letter(1))
    world.sweep()
    world.change(aliases=(DESK,))
    with monkeypatch.context() as dying:
        dying.setattr(SqliteLedger, "close_errors", die)
        with pytest.raises(StoreError, match="killed"):
            world.retry(held=True)
    assert (world.lines(), len(kept(world)), len(world.open_errors())) == ([], 1, 1)
    with monkeypatch.context() as dying:
        dying.setattr(RawMail, "remove", die)
        with pytest.raises(StoreError, match="killed"):
            world.retry(held=True)
    assert world.open_errors() == []
    world.sweep()
    assert (len(world.lines()), len(world.outbound.sent)) == (1, 1)
    assert len(kept(world)) == 1
    assert world.retry(held=True).results == ()
    assert kept(world) == []


# Quarantined mail


def quarantine(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweep one mail that cannot be read until it is quarantined."""
    world.change(aliases=(DESK,))
    world.source.deliver(letter(1))
    with monkeypatch.context() as unreadable:
        unreadable.setattr("emailint.message.read.read_message", fail)
        unreadable.setattr("emailint.message.child.read_in_child", fail)
        for _ in range(3):
            world.sweep()
    assert [error.trouble.kind for error in world.open_errors()] == ["quarantined"]


def fail(*_args: object) -> None:
    raise MessageError("its reader was ended by signal 11")


def test_quarantined_mail_that_can_be_read_follows_up_its_case(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    quarantine(world, monkeypatch)
    assert world.lines()[0]["issue"] == ""
    (result,) = world.retry(quarantined=True).results
    assert (result.done, result.outcome, result.case_id) == (True, "reread", "CS-000001")
    (line,) = world.lines("followups.jsonl")
    assert (line["case_id"], line["followup_id"], line["matched_by"]) == (
        "CS-000001",
        "CS-000001-1",
        "reread",
    )
    assert line["issue"].strip() == "Please help."
    assert line["defects"] == []
    assert (len(world.lines()), world.outbound.sent) == (1, [])
    assert (world.open_errors(), kept(world, "quarantine")) == ([], [])
    assert world.retry(quarantined=True).results == ()
    assert world.sweep().totals.listed == 0


def test_what_still_cannot_be_read_stays_quarantined(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    quarantine(world, monkeypatch)
    name = one_error(world)
    with monkeypatch.context() as unreadable:
        unreadable.setattr("emailint.message.child.read_in_child", fail)
        (result,) = world.retry(name).results
    assert (result.done, result.name) == (False, name)
    assert "signal 11" in result.detail
    assert (len(kept(world, "quarantine")), world.lines("followups.jsonl")) == (1, [])
    assert world.retry(name).results[0].done


def test_what_could_not_be_read_is_read_in_a_child(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    quarantine(world, monkeypatch)
    alone: list[bytes] = []

    def child(raw: bytes, *settings: object) -> object:
        alone.append(raw)
        return read_message(raw)

    monkeypatch.setattr("emailint.message.child.read_in_child", child)
    monkeypatch.setattr("emailint.sweep.mailbox.read", fail)
    assert world.retry(quarantined=True).results[0].done
    assert alone == [letter(1)]


# Replies


def test_a_reply_that_failed_goes_out_by_order(world: World) -> None:
    world.change(aliases=(DESK,))
    world.source.deliver(letter(1))
    world.outbound.before = raising(OutboundRefused("550 no such user"))
    world.sweep()
    world.outbound.before = lambda _mail: None
    (result,) = world.retry(replies=True).results
    assert (result.name, result.done, result.outcome) == ("CS-000001", True, "sent")
    assert (len(world.outbound.sent), world.open_errors()) == (1, [])
    assert world.retry(replies=True).results == ()


@pytest.mark.parametrize("by", ["case", "error"])
def test_a_reply_whose_end_is_unknown_goes_out_by_name_only(world: World, by: str) -> None:
    world.change(aliases=(DESK,))
    world.source.deliver(letter(1))
    world.outbound.after = raising(OutcomeUnknown("the connection was lost after DATA"))
    world.sweep()
    world.outbound.after = lambda _mail: None
    assert world.retry(replies=True).results == ()
    assert world.outbound.sent == []
    name = "CS-000001" if by == "case" else one_error(world)
    (result,) = world.retry(name).results
    assert (result.done, result.outcome) == (True, "sent")
    assert (len(world.outbound.sent), world.open_errors()) == (1, [])
    (again,) = world.retry("CS-000001").results
    assert (again.done, again.outcome, again.detail) == (True, "sent", "before")
    assert len(world.outbound.sent) == 1


def test_a_reply_that_fails_again_is_left_with_its_reason(world: World) -> None:
    world.change(aliases=(DESK,))
    world.source.deliver(letter(1))
    world.outbound.before = raising(OutboundRefused("550 no such user"))
    world.sweep()
    (result,) = world.retry("CS-000001").results
    assert (result.done, result.outcome, result.detail) == (False, "failed", "550 no such user")
    (error,) = world.open_errors()
    assert error.count == 2


def test_a_reply_that_finds_the_server_away_waits_and_closes_its_error_when_it_leaves(world: World) -> None:
    world.change(aliases=(DESK,))
    world.source.deliver(letter(1))
    world.outbound.before = raising(OutboundRefused("550 no such user"))
    world.sweep()
    world.outbound.before = raising(OutboundUnavailable("the server is away"))
    result = world.retry(replies=True)
    assert (result.results[0].outcome, result.left) == ("pending", 1)
    assert len(world.open_errors()) == 2
    world.outbound.before = lambda _mail: None
    world.clock.forward(timedelta(hours=1))
    world.sweep()
    assert (len(world.outbound.sent), world.open_errors()) == (1, [])


def test_a_reply_that_waits_is_tried_at_once_by_name(world: World) -> None:
    world.change(aliases=(DESK,))
    world.source.deliver(letter(1))
    world.outbound.before = raising(OutboundUnavailable("the server is away"))
    world.sweep()
    world.outbound.before = lambda _mail: None
    assert world.retry("CS-000001").results[0].outcome == "sent"
    assert world.open_errors() == []


def test_a_reply_that_is_too_old_by_now_is_withheld_and_listed_no_more(world: World) -> None:
    world.change(aliases=(DESK,))
    world.source.deliver(letter(1))
    world.outbound.before = raising(OutboundRefused("550 no such user"))
    world.sweep()
    world.outbound.before = lambda _mail: None
    world.clock.forward(timedelta(days=3))
    (result,) = world.retry(replies=True).results
    assert (result.done, result.outcome, result.detail) == (False, "withheld", "old")
    assert (world.outbound.sent, world.open_errors()) == ([], [])


def test_a_reply_that_was_withheld_stays_so(world: World) -> None:
    world.change(aliases=(DESK,))
    world.source.deliver(letter(1, headers="Auto-Submitted: auto-replied\n"))
    world.sweep()
    (result,) = world.retry("CS-000001").results
    assert (result.done, result.outcome, result.detail) == (False, "withheld", "auto_submitted, for good")
    assert world.outbound.sent == []


def test_one_case_may_have_several_replies_of_which_one_failed(world: World) -> None:
    answering = replace(DESK, reply=ReplySettings(follow_up_template="case-confirm"))
    world.change(aliases=(answering,))
    world.source.deliver(letter(1))
    world.sweep()
    world.source.deliver(letter(2, headers="In-Reply-To: <1@example.com>\n"))
    world.outbound.before = raising(OutboundRefused("550 no such user"))
    world.sweep()
    world.outbound.before = lambda _mail: None
    assert [each.outcome for each in world.retry("CS-000001").results] == ["sent"]
    assert len({mail.message_id for mail in world.outbound.sent}) == 2


# Names


@pytest.mark.parametrize("name", ["E-00000000", "CS-000042", "payroll", "--", ""])
def test_an_unknown_id_is_a_usage_error_and_nothing_is_tried(world: World, name: str) -> None:
    world.source.deliver(letter(1))
    world.sweep()
    known = one_error(world)
    world.change(aliases=(DESK,))
    with pytest.raises(UsageError, match="nothing was tried"):
        world.retry(known, name, held=True)
    assert (world.lines(), len(kept(world))) == ([], 1)


def test_an_error_of_a_mailbox_is_no_work_for_it(world: World) -> None:
    world.source.before = raising_at("list")
    world.sweep()
    with pytest.raises(UsageError, match="nothing was tried"):
        world.retry(one_error(world))


def raising_at(verb: str) -> Callable[[str], None]:
    def before(called: str) -> None:
        if called == verb:
            raise MessageError("it broke")

    return before


def test_one_thing_that_is_named_twice_is_tried_once(world: World) -> None:
    world.source.deliver(letter(1))
    world.sweep()
    name = one_error(world)
    world.change(aliases=(DESK,))
    assert len(world.retry(name, name, held=True).results) == 1


def test_the_document_names_everything(world: World) -> None:
    from emailint.report.retry import retry_document, retry_line  # noqa: PLC0415 - beside its one use

    world.source.deliver(letter(1))
    world.source.deliver(letter(2, sender="zoe@elsewhere.example"))
    world.sweep()
    (world.folder / "directory.csv").write_text(PEOPLE, encoding="utf-8")
    result = world.retry(held=True)
    document = json.loads(json.dumps(retry_document(result)))
    assert (document["schema"], document["done"], document["left"]) == (1, 1, 1)
    first, second = (retry_line(each) for each in result.results)
    assert first.endswith(": case CS-000001, reply sent (Question 1)")
    assert ": stays held: unknown_sender: zoe@elsewhere.example" in second
