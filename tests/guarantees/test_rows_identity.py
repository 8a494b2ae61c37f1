"""Rows 28 to 35 and 40 to 41: what is the same message, and what a wrong clock does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from emailint.config.model import Alias, ReplyLimit, ReplySettings
from tests.support.hostile import mail, others, replies_to_others, take
from tests.support.memory import letter

if TYPE_CHECKING:
    from emailint.outbound.protocol import OutgoingMail
    from tests.support.desk import Desk
    from tests.support.world import World


def header(reply: OutgoingMail, name: str) -> list[str]:
    """The values of a header of a reply, as they left, unfolded."""
    head = reply.content.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").decode("ascii")
    return [
        line.partition(": ")[2] for line in head.split("\r\n") if line.lower().startswith(f"{name.lower()}:")
    ]


def test_row_028_uidvalidity_changes(desk: Desk) -> None:
    desk.mailbox.deliver_many(letter(number, sender=f"p{number}@example.com") for number in range(12))
    desk.sweep()
    before = desk.partial_lines()
    desk.mailbox.change_uid_validity()
    for path in desk.mailbox.messages():
        path.rename(path.with_name(path.name.partition(":")[0] + ":2,"))
    totals = desk.sweep().totals
    assert (totals.listed, totals.already_known, totals.cases) == (12, 12, 0)
    assert desk.partial_lines() == before
    desk.all_is_done(12)


def test_row_029_a_person_marks_done_mail_unread(desk: Desk) -> None:
    desk.mailbox.deliver(letter(1))
    desk.sweep()
    (path,) = desk.mailbox.messages()
    path.rename(path.with_name(path.name.partition(":")[0] + ":2,"))
    for _ in range(2):
        totals = desk.sweep().totals
        assert (totals.listed, totals.already_known, totals.cases) == (1, 1, 0)
        assert len(desk.mailbox.unread()) == 1
    assert (len(desk.cases()), len(desk.smtp.delivered)) == (1, 1)


def test_row_030_moved_to_a_folder_and_back_and_copied(desk: Desk) -> None:
    desk.mailbox.deliver(letter(1))
    desk.sweep()
    (path,) = desk.mailbox.messages()
    raw = path.read_bytes()
    path.unlink()
    desk.mailbox.deliver(raw)
    desk.mailbox.deliver(raw)
    totals = desk.sweep().totals
    assert (totals.already_known, totals.cases) == (2, 0)
    desk.all_is_done(1)


def test_row_031_one_mail_to_two_aliases(world: World) -> None:
    raw = mail("To: payroll@example.org, urgent@example.org\n")
    taken = take(world, mail("Delivered-To: payroll@example.org\n"), raw, raw)
    assert taken.result.totals.already_known == 2
    assert len(taken.cases) == len(taken.replies) == 1


def test_row_032_no_message_id(world: World) -> None:
    raw = b"\r\n".join(line for line in mail().split(b"\r\n") if not line.startswith(b"Message-ID"))
    taken = take(world, raw)
    assert taken.withheld is None
    assert taken.case["message"]["message_id"] is None
    assert (header(taken.replies[0], "In-Reply-To"), header(taken.replies[0], "References")) == ([], [])
    world.source.deliver(raw)
    assert world.sweep().totals.already_known == 1


def test_row_033_one_message_id_on_two_contents(world: World) -> None:
    taken = take(world, mail(body="One."), mail(body="Another."))
    first, second = taken.cases
    assert (first["issue"], second["issue"]) == ("One.", "Another.")
    assert first["defects"] == []
    assert [defect.split(":")[0] for defect in second["defects"]] == ["reused_message_id"]
    assert len(taken.replies) == 2


@pytest.mark.parametrize(
    "written",
    ["<>", "<[a]@b>", f"<{'x' * 3_000}@example.com>", "<a b@example.com>", "no brackets", "<a@b> <c@d>"],
    ids=["empty", "brackets", "3,000 long", "blank", "none", "two"],
)
def test_row_034_odd_message_ids(world: World, written: str) -> None:
    taken = take(world, mail(f"Message-ID: {written}\n"))
    assert taken.withheld is None
    stored = taken.case["message"]["message_id"]
    assert stored is not None
    assert stored in written
    for name in ("In-Reply-To", "References"):
        for value in header(taken.replies[0], name):
            assert value == stored
            assert value.startswith("<")
            assert value.endswith(">")
            assert " " not in value
            assert value.isprintable()
            assert len(value) < 990


def test_row_035_expunged_between_search_and_fetch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from emailint.sources.imap import ImapSource  # noqa: PLC0415 - only here

    desk.mailbox.deliver_many(letter(number, sender=f"p{number}@example.com") for number in range(3))
    measure = ImapSource.measure

    def gone(source: ImapSource, refs: object) -> object:
        measured = measure(source, refs)  # type: ignore[arg-type]  # passed on as it came
        desk.mailbox.messages()[1].unlink()
        return measured

    monkeypatch.setattr(ImapSource, "measure", gone)
    result = desk.sweep()
    assert (result.totals.vanished, result.totals.cases, result.trouble) == (1, 2, False)
    assert desk.errors() == []
    assert not (desk.installation.folder / "data" / "errors.jsonl").exists()
    desk.all_is_done(2)


def limited(world: World) -> None:
    limit = ReplyLimit(address_hour=2)
    world.change(aliases=(Alias("payroll@example.org", default=True, reply=ReplySettings(limit=limit)),))


def test_row_040_the_clock_goes_back_a_day(world: World) -> None:
    limited(world)
    taken = take(world, mail("Message-ID: <1@x>\n"), mail("Message-ID: <2@x>\n"))
    world.clock.wall -= timedelta(days=1)
    world.source.mails[2].seen = False
    world.source.deliver(mail("Message-ID: <3@x>\n"), received_at=world.clock.wall)
    totals = world.sweep().totals
    assert (totals.already_known, totals.cases) == (1, 1)
    assert len(replies_to_others(world)) == len(taken.replies) == 2  # the third is over the limit still
    assert [case["message"]["message_id"] for case in others(world)] == ["<1@x>", "<2@x>", "<3@x>"]


def test_row_041_the_clock_goes_ten_years_ahead_and_back(world: World) -> None:
    limited(world)
    now = world.clock.wall
    world.clock.wall = now + timedelta(days=3650)
    take(world, mail("Message-ID: <1@x>\n"), mail("Message-ID: <2@x>\n"))
    world.clock.wall = now
    sent = len(replies_to_others(world))
    world.clock.forward(timedelta(hours=1, minutes=1))
    for number in (3, 4):
        world.source.deliver(mail(f"Message-ID: <{number}@x>\n"), received_at=world.clock.wall)
        world.sweep()
        world.clock.forward(timedelta(hours=1, minutes=1))
    assert len(replies_to_others(world)) > sent
    assert len(others(world)) == 4
