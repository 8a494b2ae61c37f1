"""One mail that its server does not mark or move: its own trouble, and no other waits for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from emailint.errors import FolderMissing, FolderReadOnly, ProtocolFailed, SourceError, Throttled
from emailint.sweep.partly import ALONE, Partly
from tests.support.memory import letter
from tests.support.world import World, make_world

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


def all_or_nothing(_asked: Sequence[str], bad: Sequence[str]) -> None:
    """IMAP: one NO for the whole command, and nothing is done."""
    raise FolderReadOnly(f"NO for {len(bad)}")


def named(_asked: Sequence[str], bad: Sequence[str]) -> None:
    """Graph: each part has its own answer."""
    error = FolderReadOnly("403")
    error.loci = tuple(bad)
    raise error


def named_in_passing(_asked: Sequence[str], bad: Sequence[str]) -> None:
    """Graph again, of a part that it wants to be asked later."""
    error = Throttled("503")
    error.loci = tuple(bad)
    raise error


def stubborn(world: World, verb: str, *uids: int, how: Callable[..., None]) -> None:
    """These UIDs are never marked (moved)."""
    source = world.source
    do = type(source).mark_read if verb == "mark_read" else type(source).move
    marks = verb == "mark_read"

    def refusing(loci: Sequence[str], *folder: str) -> Mapping[str, str | None] | None:
        bad = [locus for locus in loci if int(locus.rpartition("/")[2]) in uids]
        if bad and how is not all_or_nothing:
            do(source, [locus for locus in loci if locus not in bad], *folder)
        if bad:
            how(loci, bad)
        return do(source, loci, *folder)

    assert marks or verb == "move"
    setattr(source, verb, refusing)


def next_sweep(world: World) -> None:
    world.clock.forward(timedelta(minutes=1))
    world.sweep()


def kinds(world: World) -> list[tuple[str, str | None]]:
    return sorted((error.trouble.kind, error.trouble.locus) for error in world.open_errors())


HOW = pytest.mark.parametrize("how", [all_or_nothing, named, named_in_passing])


@HOW
def test_others_are_marked_and_answered_in_the_same_sweep(world: World, how: Callable[..., None]) -> None:
    for number in range(40):
        world.source.deliver(letter(number, sender=f"p{number}@example.com"))
    stubborn(world, "mark_read", 17, how=how)
    result = world.sweep()
    assert world.source.unread() == [17]
    assert len(world.outbound.sent) == 40
    assert result.totals.cases == 40
    assert result.integrations[0].error is None
    assert kinds(world) == [("unmarked", world.source.locus(17))]
    (error,) = world.open_errors()
    assert error.trouble.case_id == "CS-000017"


@HOW
def test_it_holds_up_no_later_sweep_and_its_error_ends_with_it(
    world: World, how: Callable[..., None]
) -> None:
    world.source.deliver(letter(1))
    world.source.deliver(letter(2))
    stubborn(world, "mark_read", 1, how=how)
    world.sweep()
    for number in (3, 4):
        world.source.deliver(letter(number, sender=f"p{number}@example.com"))
        next_sweep(world)
        assert world.source.unread() == [1]
        assert len(world.outbound.sent) == number
        assert kinds(world) == [("unmarked", world.source.locus(1))]
    del world.source.mark_read
    next_sweep(world)
    assert world.source.unread() == []
    assert kinds(world) == []
    assert len(world.lines()) == 4


@HOW
def test_alone_in_its_mailbox_it_is_the_mailboxs_until_another_is_marked(
    world: World, how: Callable[..., None]
) -> None:
    world.source.deliver(letter(1))
    stubborn(world, "mark_read", 1, how=how)
    world.sweep()
    assert [kind for kind, _ in kinds(world)] in (["folder_read_only"], ["throttled"])
    world.source.deliver(letter(2))
    next_sweep(world)
    assert world.source.unread() == [1]
    assert kinds(world) == [("unmarked", world.source.locus(1))]


@HOW
def test_others_are_moved_where_one_is_not(world: World, how: Callable[..., None]) -> None:
    world.change(move_to="Done")
    for number in range(9):
        world.source.deliver(letter(number))
    stubborn(world, "move", 4, how=how)
    world.sweep()
    assert list(world.source.mails) == [4]
    assert kinds(world) == [("unmoved", world.source.locus(4))]
    next_sweep(world)
    assert kinds(world) == [("unmoved", world.source.locus(4))]
    del world.source.move
    next_sweep(world)
    assert (list(world.source.mails), kinds(world)) == ([], [])


@HOW
def test_what_cannot_be_marked_keeps_no_other_from_being_moved(
    world: World, how: Callable[..., None]
) -> None:
    world.change(move_to="Done")
    for number in range(3):
        world.source.deliver(letter(number))
    stubborn(world, "mark_read", 2, how=how)
    world.sweep()
    assert list(world.source.mails) == [2]


def test_a_mailbox_that_marks_nothing_is_asked_a_few_times_only(world: World) -> None:
    for number in range(500):
        world.source.deliver(letter(number))
    stubborn(world, "mark_read", *range(1, 501), how=all_or_nothing)
    world.settings["limits"] = replace(world.config().limits, batch_messages=500)
    asked = 0
    refusing = world.source.mark_read

    def counted(loci: Sequence[str]) -> None:
        nonlocal asked
        asked += 1
        refusing(loci)

    world.source.mark_read = counted  # type: ignore[method-assign]
    world.sweep()
    assert asked < 20
    assert [kind for kind, _ in kinds(world)] == ["folder_read_only"]


def test_one_folder_that_is_missing_does_not_keep_mail_out_of_another(world: World) -> None:
    move = world.source.move

    def no_such_folder(loci: Sequence[str], folder: str) -> Mapping[str, str | None]:
        if folder == "Gone":
            raise FolderMissing("there is no Gone")
        return move(loci, folder)

    world.source.move = no_such_folder  # type: ignore[method-assign]
    world.change(move_to="Gone")
    world.source.deliver(letter(1))
    world.sweep()
    world.change(move_to="Done")
    world.source.deliver(letter(2))
    next_sweep(world)
    assert list(world.source.mails) == [1]
    assert kinds(world) == [("folder_missing", None)]


@pytest.mark.parametrize("error", [Throttled("wait"), ProtocolFailed("?")])
def test_what_is_not_about_some_of_the_mail_is_the_mailboxs_at_once(error: SourceError) -> None:
    def verb(_loci: Sequence[str]) -> None:
        raise error

    with pytest.raises(type(error)):
        Partly(verb, (), lambda: True).do(["a", "b"])


def test_the_rest_is_refused_with_the_first_few() -> None:
    calls: list[int] = []

    def verb(loci: Sequence[str]) -> None:
        calls.append(len(loci))
        raise FolderReadOnly("no")

    step = Partly(verb, (), lambda: False)
    step.do([str(number) for number in range(1024)])
    assert len(step.refused) == 1024
    assert calls.count(1) == ALONE
    assert isinstance(step.common(), FolderReadOnly)
