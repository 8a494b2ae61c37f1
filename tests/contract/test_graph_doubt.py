"""A reply whose sending got no answer: at most one, however long Exchange takes and whatever it shows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from emailint.graph_client.limits import forget_slots
from emailint.store.records import ReplyState
from tests.support.graph_double import HTML, Fault, GraphDouble, unavailable
from tests.support.graph_routes import Reply
from tests.support.graph_world import CASE, GraphWorld, make_graph_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEND = "POST .*/send$"
LOST = Fault(change=lambda _reply: Reply(504, HTML))
MINUTES = (1, 4, 9, 2, 5, 40, 60)
"""Sweeps at 1, 5, 14, 16, 21, 61 and 121 minutes."""
LAGS = {"at once": 0, "3 s": 3, "30 s": 30, "20 min": 1_200}


@pytest.fixture
def double() -> Iterator[GraphDouble]:
    forget_slots()
    with GraphDouble() as running:
        yield running
    assert running.graph.complaints == []


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, double: GraphDouble) -> GraphWorld:
    return make_graph_world(tmp_path, monkeypatch, double)


READINGS = [
    ("sent", True, False),
    ("sent", None, False),
    ("submitted", True, False),
    ("submitted", False, False),
    ("submitted", None, False),
    ("nothing", True, True),
    ("nothing", False, False),
    ("nothing", None, False),
]
"""What Exchange says of a mail that is on its way, whether it shows flags (None: they are left out), and
whether deleting it stops it. What leaves although it is deleted was submitted; then its flags say so where
they are shown (MS-OXCMSG section 2.2.1.6).
"""


@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize(("says", "shows_flags", "stops"), READINGS)
def test_a_slow_exchange_sends_one_reply(
    world: GraphWorld, double: GraphDouble, lag: str, says: str, shows_flags: bool | None, stops: bool
) -> None:
    """The answer to `send` is lost, and the mail leaves so much later."""
    world.mailbox.lag = timedelta(seconds=LAGS[lag])
    world.mailbox.says, world.mailbox.stops_when_deleted = says, stops
    double.graph.shows_flags = shows_flags
    double.fault(SEND, LOST)
    world.deliver()
    assert world.sweep().totals.cases == 1
    for minutes in MINUTES:
        world.pass_time(minutes)
        assert len(world.mailbox.sent) <= 1
        assert world.open_errors() == []
    assert len(world.mailbox.sent) == 1
    assert world.reply().state is ReplyState.SENT
    assert world.mailbox.drafts() == []


@pytest.mark.parametrize("fault", [Fault(drop="before"), unavailable(), Fault(504, HTML), Fault(500, {})])
def test_a_send_that_did_nothing_is_begun_again_once_that_is_certain(
    world: GraphWorld, double: GraphDouble, fault: Fault
) -> None:
    double.fault(SEND, fault)
    world.deliver()
    first = world.sweep()
    assert (first.totals.replies_sent, first.totals.replies_failed) == (0, 0)
    assert world.reply().state is ReplyState.SENDING
    world.pass_time(1, 5, 8)
    assert double.count(SEND) == 1
    assert len(world.mailbox.drafts()) == 1
    world.pass_time(2, 1)
    assert double.count(SEND) == 2
    assert len(world.mailbox.sent) == 1
    assert world.mailbox.drafts() == []
    assert len(world.mailbox.purged) == 1
    assert world.reply().state is ReplyState.SENT
    assert world.open_errors() == []


def test_where_exchange_does_not_say_whether_it_sends_a_person_has_to(
    world: GraphWorld, double: GraphDouble
) -> None:
    double.graph.shows_flags = False
    double.fault(SEND, Fault(drop="before"))
    world.deliver()
    world.sweep()
    world.pass_time(1, 20, 30)
    assert world.reply().state is ReplyState.SENDING
    assert world.open_errors() == []
    world.pass_time(15)
    assert world.reply().state is ReplyState.UNKNOWN
    (error,) = world.open_errors()
    assert error.trouble.kind == "outcome_unknown"
    assert "emailint retry" in error.trouble.hint
    world.pass_time(60, 600)
    assert world.mailbox.sent == []
    assert double.count(SEND) == 1
    assert world.retry(CASE).left == 0
    assert len(world.mailbox.sent) == 1
    assert world.mailbox.drafts() == []


def test_an_order_to_send_what_is_looked_for_waits(world: GraphWorld, double: GraphDouble) -> None:
    double.fault(SEND, Fault(drop="before"))
    world.deliver()
    world.sweep()
    (result,) = world.retry(CASE).results
    assert not result.done
    assert "looks" in result.detail
    assert double.count(SEND) == 1


def test_while_exchange_cannot_be_asked_nothing_is_decided(world: GraphWorld, double: GraphDouble) -> None:
    double.fault(SEND, Fault(drop="after"))
    double.fault("GET .*isDraft,parentFolderId", Fault(drop="before"), 1_000)
    world.deliver()
    world.sweep()
    world.pass_time(*MINUTES)
    assert world.reply().state is ReplyState.SENDING
    double.mend()
    world.pass_time(1)
    assert world.reply().state is ReplyState.SENT
    assert len(world.mailbox.sent) == 1


@pytest.mark.parametrize("hours", [25, -25])
def test_what_nobody_can_ask_for_is_unknown_after_a_day(
    world: GraphWorld, double: GraphDouble, hours: int
) -> None:
    """Likewise where the clock was wrong by more than that when it was sent."""
    double.fault(SEND, Fault(drop="after"))
    double.fault("GET .*isDraft,parentFolderId", Fault(drop="before"), 1_000)
    world.deliver()
    world.sweep()
    world.pass_time(hours * 60)
    assert world.reply().state is ReplyState.UNKNOWN
    assert [error.trouble.kind for error in world.open_errors()] == ["outcome_unknown"]


def test_a_draft_that_cannot_be_deleted_is_not_sent_again(world: GraphWorld, double: GraphDouble) -> None:
    double.fault(SEND, Fault(drop="before"))
    refused = {"error": {"code": "ErrorAccessDenied"}}
    double.fault("POST .*/permanentDelete", Fault(403, refused), 1_000)
    world.deliver()
    world.sweep()
    world.pass_time(16, 10, 20)
    assert double.count(SEND) == 1
    assert len(world.mailbox.drafts()) == 1
    double.mend()
    world.pass_time(1, 1)
    assert len(world.mailbox.sent) == 1


@pytest.mark.parametrize("known", [True, False])
def test_where_a_draft_is_taken_back_for_good(world: GraphWorld, double: GraphDouble, known: bool) -> None:
    """National clouds know DELETE alone, which leaves it in Deleted Items the first time."""
    double.graph.knows_permanent_delete = known
    double.fault(SEND, Fault(drop="before"))
    world.deliver()
    world.sweep()
    world.pass_time(16)
    assert len(world.mailbox.purged) == 1
    assert world.mailbox.in_folder(world.mailbox.folders["deleteditems"]) == []
    world.pass_time(1)
    assert len(world.mailbox.sent) == 1


def test_a_draft_that_leaves_while_it_is_taken_back_was_sent(world: GraphWorld, double: GraphDouble) -> None:
    """Deleting it comes too late: it lies in Sent Items, under another id."""

    def too_late(reply: Reply) -> Reply:
        (item,) = world.mailbox.purged
        item.is_draft, item.folder = False, world.mailbox.folders["sentitems"].identity
        world.mailbox.items[item.identity + "x"] = item
        item.identity += "x"
        world.mailbox.sent.append(item)
        return reply

    double.fault(SEND, Fault(drop="before"))
    double.fault("permanentDelete", Fault(change=too_late))
    world.deliver()
    world.sweep()
    world.pass_time(16, 1, 60)
    assert len(world.mailbox.sent) == 1
    assert world.reply().state is ReplyState.SENT


def test_a_storm_of_doubts_leaves_the_server_alone_for_this_sweep(
    world: GraphWorld, double: GraphDouble
) -> None:
    double.fault(SEND, unavailable(), 3)
    for number in range(6):
        world.deliver(number)
    world.sweep()
    assert double.count(SEND) == 3
    world.pass_time(16, 1)
    assert len(world.mailbox.sent) == 6
    assert {each.recipients("toRecipients")[0]["emailAddress"]["address"] for each in world.mailbox.sent} == {
        f"p{number}@example.com" for number in range(6)
    }
