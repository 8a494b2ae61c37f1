"""Follow-ups, strangers and the directory in whole sweeps."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from emailint.config.model import Alias, Disposal, ReplySettings
from emailint.errors import StoreError
from emailint.sweep.troubles import Troubles
from tests.support.memory import letter
from tests.support.world import World, make_world

if TYPE_CHECKING:
    from pathlib import Path

DIRECTORY = """type,id,name,address,work_address,domains,workspace,changed_at
employee,E-1,Ann Lee,,ann@example.com,,1300,2026-01-01
contact,C-7,Bo Chen,bo@client.example.net,,,1400,2026-01-01
organisation,O-1,Client,,,client.example.net,1500,2026-01-01
"""

WITH_ATTACHMENT = (
    b"From: ann@example.com\nTo: payroll@example.org\nMessage-ID: <70@example.com>\nMIME-Version: 1.0\n"
    b"Content-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\nPDF\n"
)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


def answer(world: World, sender: str = "ann@example.com", number: int = 50) -> bytes:
    """A mail that answers our last reply."""
    own = world.outbound.sent[-1].message_id
    return letter(number, sender=sender, headers=f"In-Reply-To: {own}\nReferences: <1@example.com> {own}\n")


def test_an_answer_to_our_reply_is_a_follow_up_and_gets_no_reply(world: World) -> None:
    world.source.deliver(letter(1))
    world.sweep()
    world.source.deliver(answer(world, sender="boss@elsewhere.example"))
    totals = world.sweep().totals
    assert (totals.follow_ups, totals.cases, totals.replies_sent) == (1, 0, 0)
    (line,) = world.lines("followups.jsonl")
    assert (line["case_id"], line["followup_id"], line["matched_by"]) == (
        "CS-000001",
        "CS-000001-1",
        "In-Reply-To",
    )
    assert line["issue"].strip() == "Please help."
    assert world.source.unread() == []
    assert len(world.lines()) == 1


def test_a_follow_up_in_the_same_batch_finds_the_case_made_a_moment_before(world: World) -> None:
    world.source.deliver(letter(1))
    world.source.deliver(letter(2, headers="In-Reply-To: <1@example.com>\n"))
    totals = world.sweep().totals
    assert (totals.cases, totals.follow_ups) == (1, 1)


def test_a_stranger_who_copies_a_message_id_makes_a_case_of_his_own(world: World) -> None:
    world.source.deliver(letter(1))
    world.source.deliver(letter(2, sender="eve@evil.example", headers="In-Reply-To: <1@example.com>\n"))
    totals = world.sweep().totals
    assert (totals.cases, totals.follow_ups) == (2, 0)
    assert world.lines()[1]["related_case"] == "CS-000001"


def test_a_late_answer_is_a_new_case(world: World) -> None:
    world.source.deliver(letter(1))
    world.sweep()
    world.clock.forward(timedelta(days=91))
    world.source.deliver(answer(world), received_at=world.clock.now())
    assert world.sweep().totals.cases == 1
    assert world.lines()[1]["related_case"] == "CS-000001"


def test_a_follow_up_is_answered_where_a_template_is_named(world: World) -> None:
    settings = ReplySettings(follow_up_template="case-confirm")
    world.change(aliases=(Alias("payroll@example.org", default=True, reply=settings),))
    world.source.deliver(letter(1))
    world.sweep()
    world.source.deliver(answer(world))
    assert world.sweep().totals.replies_sent == 1
    first, second = world.outbound.sent
    assert first.message_id != second.message_id
    world.source.deliver(answer(world, number=51))
    assert world.sweep().totals.follow_ups == 1
    assert [line["followup_id"] for line in world.lines("followups.jsonl")] == ["CS-000001-1", "CS-000001-2"]


def holding(world: World) -> None:
    world.change(aliases=(Alias("payroll@example.org", default=True, unknown_sender="hold"),))


def test_a_strangers_mail_is_held_and_listed(world: World) -> None:
    holding(world)
    world.source.deliver(letter(1))
    result = world.sweep()
    assert (result.totals.held, result.trouble) == (1, True)
    assert (world.lines(), world.source.unread(), world.outbound.sent) == ([], [], [])
    (kept,) = (world.folder / "data" / "hold").glob("*.eml")
    assert kept.read_bytes() == letter(1)
    assert [error.trouble.kind for error in world.open_errors()] == ["held"]
    again = world.sweep()
    assert (again.totals.listed, again.trouble) == (0, False)
    assert [error.trouble.kind for error in world.open_errors()] == ["held"]


def test_a_strangers_answer_leaves_no_copy_as_if_it_were_held(world: World) -> None:
    """It is known only from the ledger that it is no stranger's mail."""
    world.source.deliver(letter(1))
    world.sweep()
    holding(world)
    world.source.deliver(answer(world, sender="boss@elsewhere.example"))
    assert world.sweep().totals.follow_ups == 1
    assert list((world.folder / "data" / "hold").glob("*.eml")) == []


def test_of_a_known_mail_nothing_is_kept_once_more(world: World) -> None:
    """It was decided already, and its octets and attachments may have been removed since."""
    world.source.deliver(WITH_ATTACHMENT)
    assert world.sweep().totals.cases == 1
    holding(world)
    attachments = world.folder / "data" / "attachments"
    (folder,) = (path for path in attachments.iterdir() if not path.name.startswith("."))
    shutil.rmtree(folder)
    world.source.deliver(WITH_ATTACHMENT)
    assert world.sweep().totals.already_known == 1
    assert not folder.exists()
    assert list((world.folder / "data" / "hold").glob("*.eml")) == []


def test_held_mail_is_listed_though_the_sweep_died_before_it_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is durable with the row; a sweep that can tell of it does."""

    def die(_troubles: Troubles, _opened: object) -> None:
        raise StoreError("as if killed")

    holding(world)
    world.source.deliver(letter(1))
    with monkeypatch.context() as dying:
        dying.setattr(Troubles, "note", die)
        with pytest.raises(StoreError, match="killed"):
            world.sweep()
    assert world.lines("errors.jsonl") == []
    result = world.sweep()
    assert (world.source.unread(), result.totals.listed) == ([], 0)
    assert [error.trouble.kind for error in result.news] == ["held"]
    assert [line["event"] for line in world.lines("errors.jsonl")] == ["opened"]
    assert world.sweep().news == ()
    assert len(world.lines("errors.jsonl")) == 1


def test_the_directory_says_where_a_mail_belongs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "directory.csv"
    path.write_text(DIRECTORY, encoding="utf-8")
    world = make_world(tmp_path, monkeypatch, settings={"directory": path})
    for number, sender in enumerate(
        ("ann@example.com", "bo@client.example.net", "new@client.example.net", "x@y.example")
    ):
        world.source.deliver(letter(number, sender=sender))
    world.sweep()
    found = [(case["workspace"], case["workspace_rule"], case["client_contact"]) for case in world.lines()]
    assert found == [
        (1300, "employee", None),
        (1400, "contact", "C-7"),
        (1500, "organisation", None),
        (1201, "alias", None),
    ]
    world.source.deliver(letter(9, sender="ann@example.com"))
    world.sweep(dry_run=True)
    assert world.source.unread() == [5]


def test_a_directory_that_cannot_be_read_leaves_the_mail_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "directory.csv"
    path.write_text("type,id\nemployee\n", encoding="utf-8")
    world = make_world(tmp_path, monkeypatch, settings={"directory": path})
    world.source.deliver(letter(1, sender="ann@example.com"))
    result = world.sweep()
    assert (result.totals.cases, result.totals.left, result.trouble) == (0, 1, True)
    assert "directory_error" in {error.trouble.kind for error in world.open_errors()}
    path.write_text(DIRECTORY, encoding="utf-8")
    world.clock.forward(timedelta(minutes=2))
    world.sweep()
    assert [case["workspace"] for case in world.lines()] == [1300]
    assert world.open_errors() == []


@pytest.mark.parametrize("automatic", ["case", "ignore"])
def test_a_bounce_of_our_reply_is_tied_to_its_case_and_listed(world: World, automatic: Disposal) -> None:
    world.change(aliases=(Alias("payroll@example.org", default=True, automatic={"bounce": automatic}),))
    world.source.deliver(letter(1))
    world.sweep()
    (reply,) = world.outbound.sent
    report = (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nTo: payroll@example.org\nSubject: Undelivered\n"
        "Message-ID: <dsn@mx.example.net>\nMIME-Version: 1.0\nAuto-Submitted: auto-replied\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nIt could not be delivered.\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
        "Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 550 no such user\n"
        f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {reply.message_id}\n--b--\n"
    )
    world.source.deliver(report.replace("\n", "\r\n").encode())
    result = world.sweep()
    assert (result.totals.follow_ups, result.totals.cases, result.trouble) == (1, 0, False)
    (line,) = world.lines("followups.jsonl")
    assert (line["case_id"], line["kind"], line["matched_by"]) == ("CS-000001", "bounce", "bounce")
    assert [(each["recipient"], each["status"]) for each in line["bounces"]] == [("ann@example.com", "5.1.1")]
    (error,) = world.open_errors()
    assert (error.trouble.kind, error.trouble.case_id) == ("reply_bounced", "CS-000001")
    assert "ann@example.com (5.1.1)" in error.trouble.message
    world.sweep()
    assert len(world.open_errors()) == 1
