"""Whatever is changed in the configuration: no mail makes a second case, and nobody is answered again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from emailint.config.model import Alias
from emailint.errors import MessageError
from emailint.sweep.mailbox import Read, read
from tests.support.memory import MemorySource, letter
from tests.support.world import World, make_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emailint.message.model import ReadSettings
    from emailint.sources.protocol import RawMessage

ALIASES = (
    Alias("payroll@example.org", default=True, workspace=1201, automatic={"list": "ignore"}),
    Alias("vip@example.org", workspace=1202, unknown_sender="hold"),
)
PEOPLE = "type,id,name,address,workspace\ncontact,C-7,Yan,yan@elsewhere.example,1400\n"
MAILS = (
    letter(1),
    letter(2, sender="bo@example.net"),
    letter(3, headers="In-Reply-To: <1@example.com>\n"),
    letter(4, to="vip@example.org"),
    letter(5, headers="List-Id: <news.example.org>\n"),
)
UNREADABLE = letter(6, body="This one kills its reader.")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A mailbox of which a case, a follow-up, held, ignored and quarantined mail were made."""
    directory = tmp_path / "directory.csv"
    directory.write_text(PEOPLE, encoding="utf-8")
    made = make_world(tmp_path, monkeypatch, settings={"directory": directory})
    made.change(aliases=ALIASES)
    with monkeypatch.context() as unreadable:
        unreadable.setattr("emailint.sweep.mailbox.read_alone", refuse)
        unreadable.setattr("emailint.sweep.mailbox.read", refuse_one)
        for mail in (*MAILS, UNREADABLE):
            made.source.deliver(mail)
        totals = [made.sweep().totals for _ in range(3)]
    assert [(each.cases, each.follow_ups, each.held, each.ignored) for each in totals] == [
        (2, 1, 1, 1),
        (0, 0, 0, 0),
        (0, 0, 0, 0),
    ]
    assert totals[2].quarantined == 1
    assert made.source.unread() == []
    return made


def refuse(raw: RawMessage, _settings: ReadSettings) -> Read:
    return Read(raw.ref, None, raw.raw, failure=MessageError("it kills its reader"))


def refuse_one(raw: RawMessage, settings: ReadSettings) -> Read:
    return refuse(raw, settings) if raw.raw == UNREADABLE else read(raw, settings)


def rename(world: World) -> None:
    world.sources["wages"] = world.source
    world.change(name="wages")


def add_aliases(world: World) -> None:
    world.change(
        aliases=(
            Alias("new@example.org", workspace=1),
            Alias("other@example.org", default=True),
            *(replace(alias, default=False) for alias in ALIASES),
        )
    )


def change_rules(world: World) -> None:
    """Mail that was held or ignored would be a case by now."""
    world.change(aliases=(Alias("payroll@example.org", default=True), Alias("vip@example.org")))


def move_to_a_maildir(world: World) -> None:
    """All loci are new, and so is the order of the mails."""
    elsewhere = MemorySource(account="maildir:/var/mail/payroll", validity=7)
    for mail in reversed(list(world.source.mails.values())):
        elsewhere.deliver(mail.raw)
    world.sources["payroll"] = elsewhere
    world.change(protocol="maildir", host="", username="")


def move_to_another_server_and_rename(world: World) -> None:
    move_to_a_maildir(world)
    rename(world)


def renumber(world: World) -> None:
    world.source.validity = 99


CHANGES = (rename, add_aliases, change_rules, move_to_a_maildir, move_to_another_server_and_rename, renumber)


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_configuration_makes_nothing_anew(world: World, change: Callable[[World], None]) -> None:
    before = (world.lines(), world.lines("followups.jsonl"), len(world.outbound.sent))
    errors = {error.error_id for error in world.open_errors()}
    change(world)
    for mail in world.source.mails.values():
        mail.seen = False
    totals = world.sweep().totals
    assert (totals.listed, totals.already_known) == (6, 6)
    assert (world.lines(), world.lines("followups.jsonl"), len(world.outbound.sent)) == before
    assert {error.error_id for error in world.open_errors()} == errors
    again = world.sweep().totals
    assert again.listed == again.already_known


@pytest.mark.parametrize("change", CHANGES)
def test_held_mail_is_still_taken_once(world: World, change: Callable[[World], None]) -> None:
    change(world)
    world.change(aliases=(Alias("payroll@example.org", default=True),))
    results = world.retry(held=True, quarantined=True).results
    assert [each.outcome for each in results] == ["case", "reread"]
    for mail in world.source.mails.values():
        mail.seen = False
    totals = world.sweep().totals
    assert (totals.listed, totals.already_known) == (6, 6)
    assert len(world.lines()) == 4
    assert world.open_errors() == []
