"""Sent Items as configured: the copy of a reply stays there, or goes once the reply is certainly sent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from emailint.errors import OutboundUnavailable, StoreError
from emailint.graph_client.limits import forget_slots
from emailint.store.records import ReplyState
from emailint.store.sqlite_ledger import SqliteLedger
from tests.support.graph import ADDRESS, graph_outbound
from tests.support.graph_double import Fault, GraphDouble
from tests.support.graph_world import CASE, GraphWorld, make_graph_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.graph_routes import Reply
    from tests.support.graph_store import Item

REMOVAL = "(POST .*/permanentDelete|DELETE )"
FORBIDDEN = Fault(403, {"error": {"code": "ErrorAccessDenied", "message": "no"}})


@pytest.fixture
def double() -> Iterator[GraphDouble]:
    forget_slots()
    with GraphDouble() as running:
        yield running
    assert running.graph.complaints == []


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, double: GraphDouble) -> GraphWorld:
    return make_graph_world(tmp_path, monkeypatch, double, save_to_sent_items=False)


def filed(world: GraphWorld) -> list[Item]:
    return world.mailbox.in_folder(world.mailbox.folders["sentitems"])


def test_a_copy_stays_unless_the_configuration_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, double: GraphDouble
) -> None:
    world = make_graph_world(tmp_path, monkeypatch, double)
    world.deliver()
    world.sweep()
    world.pass_time(1, 60)
    assert len(filed(world)) == len(world.mailbox.sent) == 1
    assert double.count(REMOVAL) == 0


@pytest.mark.parametrize("known", [True, False])
def test_copies_are_removed_for_good_in_the_same_sweep(
    world: GraphWorld, double: GraphDouble, known: bool
) -> None:
    """National clouds know DELETE alone, and that leaves it in Deleted Items the first time."""
    double.graph.knows_permanent_delete = known
    theirs = world.mailbox.add(b"Subject: sent by a person\r\n\r\nx\r\n", folder="sentitems", seen=True)
    for number in range(3):
        world.deliver(number)
    assert world.sweep().totals.replies_sent == 3
    assert len(world.mailbox.sent) == 3
    assert filed(world) == [theirs]
    assert sorted(map(id, world.mailbox.purged)) == sorted(map(id, world.mailbox.sent))
    before = len(double.requests)
    world.pass_time(1)
    assert len(double.requests) == before + 1


def test_a_copy_that_is_filed_late_is_removed_by_a_later_sweep(
    world: GraphWorld, double: GraphDouble
) -> None:
    world.mailbox.lag = timedelta(minutes=3)
    world.mailbox.says = "nothing"
    world.deliver()
    assert world.sweep().totals.replies_sent == 1
    world.pass_time(1)
    assert double.count(REMOVAL) == 0
    world.pass_time(3)
    assert len(world.mailbox.sent) == len(world.mailbox.purged) == 1
    assert world.open_errors() == []


def test_no_copy_is_removed_before_its_reply_is_sent_in_the_ledger(
    world: GraphWorld, double: GraphDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise StoreError("no space left on the disk of the store")

    world.deliver()
    with monkeypatch.context() as broken:
        broken.setattr(SqliteLedger, "settle", fail)
        with pytest.raises(StoreError):
            world.sweep()
    assert len(filed(world)) == len(world.mailbox.sent) == 1
    assert double.count(REMOVAL) == 0
    world.pass_time(1)
    assert len(world.mailbox.sent) == len(world.mailbox.purged) == 1
    assert world.reply().state is ReplyState.SENT


@pytest.mark.parametrize("drop", ["before", "after", "middle"])
def test_a_removal_that_is_interrupted_is_made_up_for(
    world: GraphWorld, double: GraphDouble, drop: str
) -> None:
    double.fault(REMOVAL, Fault(drop=drop), 2)
    world.deliver()
    assert world.sweep().totals.replies_failed == 0
    world.pass_time(1)
    assert double.faults_left == 0 or world.mailbox.purged
    assert len(world.mailbox.sent) == len(world.mailbox.purged) == 1
    assert world.reply().state is ReplyState.SENT
    assert world.open_errors() == []


def test_a_sweep_that_dies_before_the_removal_leaves_it_to_the_next(
    world: GraphWorld, double: GraphDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr("emailint.sweep.sent_copies.SentCopies.clear", lambda *_: None)
        world.deliver()
        world.sweep()
    assert len(filed(world)) == 1
    world.pass_time(1)
    assert filed(world) == []
    assert len(world.mailbox.sent) == 1


def test_a_removal_that_fails_is_listed_and_fails_nothing(world: GraphWorld, double: GraphDouble) -> None:
    double.fault(REMOVAL, FORBIDDEN, 1_000)
    world.deliver()
    first = world.sweep()
    assert (first.totals.replies_sent, first.totals.replies_failed) == (1, 0)
    assert world.open_errors() == []
    world.clock.forward(timedelta(minutes=20))
    later = world.sweep()
    assert not later.trouble
    (error,) = world.open_errors()
    assert error.trouble.kind == "copy_left"
    assert error.trouble.hint
    world.pass_time(1, 5)
    assert [each.error_id for each in world.open_errors()] == [error.error_id]
    assert [line["event"] for line in world.lines("errors.jsonl")] == ["opened"]
    double.mend()
    world.pass_time(1)
    assert filed(world) == []
    assert world.open_errors() == []
    assert world.reply().state is ReplyState.SENT


def test_a_removal_is_given_up_after_a_day(world: GraphWorld, double: GraphDouble) -> None:
    double.fault(REMOVAL, FORBIDDEN, 1_000)
    world.deliver()
    world.sweep()
    world.pass_time(20, 60 * 24)
    before = double.count(REMOVAL)
    world.pass_time(5)
    assert double.count(REMOVAL) == before
    assert [error.trouble.kind for error in world.open_errors()] == ["copy_left"]


def test_a_copy_that_somebody_else_removed_is_forgotten(world: GraphWorld, double: GraphDouble) -> None:
    world.mailbox.lag = timedelta(minutes=3)
    world.deliver()
    world.mailbox.says = "nothing"
    world.sweep()
    world.mailbox.items.pop(world.reply().token or "")
    world.pass_time(10, 60)
    before = len(double.requests)
    world.pass_time(1)
    assert len(double.requests) == before + 1
    assert world.reply().token is None


def test_what_is_not_our_reply_is_let_be(world: GraphWorld, double: GraphDouble) -> None:
    """Whatever lies under the id that was noted."""
    with graph_outbound(double) as outbound:
        for raw in (
            b"Message-ID: <other@example.org>\r\n\r\nx",
            b"X-Emailint-Reply: <y@x>\r\n\r\nx",
            b"\r\nx",
        ):
            item = world.mailbox.add(raw, folder="sentitems")
            assert outbound.clear_away(item.identity, "<CS-000001.keyed@bigtmepeo.com>") is True
            assert outbound.clear_away(item.identity, "") is True
    assert len(filed(world)) == 3
    assert double.count(REMOVAL) == 0


@pytest.mark.parametrize("kept", ["keeps_message_ids", "keeps_headers", "keeps_properties"])
def test_our_reply_is_known_by_whatever_exchange_keeps(
    world: GraphWorld, double: GraphDouble, kept: str
) -> None:
    for name in ("keeps_message_ids", "keeps_headers", "keeps_properties"):
        setattr(double.graph, name, name == kept)
    world.deliver()
    world.sweep()
    assert len(world.mailbox.sent) == len(world.mailbox.purged) == 1


@pytest.mark.parametrize("kept", ["keeps_message_ids", "keeps_properties"])
def test_a_copy_under_another_id_is_found_by_its_marks(
    world: GraphWorld, double: GraphDouble, kept: str
) -> None:
    """Ids are said to last within a mailbox; where they do not, nothing else is taken for it."""
    for name in ("keeps_message_ids", "keeps_properties"):
        setattr(double.graph, name, name == kept)

    def elsewhere(reply: Reply) -> Reply:
        (sent,) = world.mailbox.sent
        world.mailbox.items[sent.identity + "x"] = world.mailbox.items.pop(sent.identity)
        sent.identity += "x"
        return reply

    double.fault("POST .*/send$", Fault(change=elsewhere))
    world.deliver()
    world.sweep()
    assert len(world.mailbox.sent) == len(world.mailbox.purged) == 1


def test_a_server_that_cannot_be_asked_is_told(world: GraphWorld, double: GraphDouble) -> None:
    world.deliver()
    world.sweep()
    double.fault("GET .*/messages/", FORBIDDEN)
    with graph_outbound(double) as outbound, pytest.raises(OutboundUnavailable, match="may not do this"):
        outbound.clear_away(world.mailbox.purged[0].identity, "<x@y>")


def test_a_dry_run_and_a_sweep_without_replies_remove_nothing(world: GraphWorld, double: GraphDouble) -> None:
    world.mailbox.lag = timedelta(minutes=1)
    world.mailbox.says = "nothing"
    world.deliver()
    world.sweep()
    world.clock.forward(timedelta(minutes=2))
    world.sweep(dry_run=True)
    world.sweep(replies=False)
    assert double.count(REMOVAL) == 0
    world.sweep()
    assert len(world.mailbox.purged) == 1
    assert world.reply(CASE).state is ReplyState.SENT
    assert ADDRESS in world.mailbox.address
