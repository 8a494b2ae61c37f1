"""Answers that no page of Microsoft's knows: pages without end, batches that are none, drafts that go."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from emailint.errors import (
    ConnectionFailed,
    OutboundDeferred,
    OutboundError,
    OutboundUnavailable,
    OutcomePending,
    ProtocolFailed,
)
from emailint.graph_client import client
from emailint.graph_client.limits import forget_slots
from emailint.outgoing import OutgoingMail, Written
from emailint.sources.locus import graph_account, graph_locus
from tests.support.graph import ADDRESS, graph_outbound, graph_settings, graph_source
from tests.support.graph_double import HTML, Fault, GraphDouble
from tests.support.graph_routes import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIST = r"GET .*/messages\?"
ANN = "ann@example.com"
OURS = "<CS-000042.0123456789abcdef@bigtmepeo.com>"
EVER = 100_000


@pytest.fixture
def double() -> Iterator[GraphDouble]:
    """Two mails."""
    forget_slots()
    with GraphDouble() as running:
        for number in range(2):
            running.mailbox(ADDRESS).add(b"From: ann@example.com\r\nSubject: %d\r\n\r\nbody\r\n" % number)
        yield running
    assert running.graph.complaints == []


def endless(double: GraphDouble, *, empty: bool) -> Callable[[Reply], Reply]:
    """A page that leads to another each time."""
    number = 0

    def page(reply: Reply) -> Reply:
        nonlocal number
        number += 1
        link = f"{double.root}/v1.0/users/{ADDRESS}/mailFolders/inbox/messages?$select=id&$skip={-number}"
        return Reply(200, {"value": [] if empty else reply.content["value"], "@odata.nextLink": link})

    return page


@pytest.mark.parametrize("empty", [True, False])
def test_pages_without_end_end_with_the_time_that_there_is(
    double: GraphDouble, monkeypatch: pytest.MonkeyPatch, empty: bool
) -> None:
    for bound in ("EMPTY_PAGES", "PAGES"):
        monkeypatch.setattr(client, bound, 10**9)  # a quick machine comes to these sooner
    double.fault(LIST, Fault(change=endless(double, empty=empty)), EVER)
    end = time.monotonic() + 1.0
    settings = replace(graph_settings(double), time_left=lambda: end - time.monotonic())
    with graph_source(double, mailbox=settings) as source, pytest.raises(ConnectionFailed, match="no time"):
        source.list_unread()
    assert time.monotonic() - end < 2


@pytest.mark.parametrize(("empty", "bound"), [(True, "EMPTY_PAGES"), (False, "PAGES")])
def test_pages_without_end_end_where_there_is_no_deadline(
    double: GraphDouble, monkeypatch: pytest.MonkeyPatch, empty: bool, bound: str
) -> None:
    monkeypatch.setattr(client, bound, 30)
    double.fault(LIST, Fault(change=endless(double, empty=empty)), EVER)
    with graph_source(double) as source, pytest.raises(ProtocolFailed, match="in a circle"):
        source.list_unread()
    assert 30 <= double.count(LIST) <= 33


@pytest.mark.parametrize(
    "content",
    [
        [],
        b"",
        {"responses": [None]},
        {"responses": ["x", 5]},
        {"responses": {}},
        {"responses": [{"id": "9" * 5_000, "status": 200}]},
        {"responses": [{"id": "0", "status": "200"}, {"id": "1", "status": 200, "headers": [1]}]},
    ],
    ids=str,
)
def test_a_batch_that_is_none_marks_nothing(double: GraphDouble, content: Any) -> None:
    double.fault(r"POST /v1.0/\$batch", Fault(200, content))
    with graph_source(double) as source:
        loci = [ref.locus for ref in source.list_unread()]
        with pytest.raises(ProtocolFailed):
            source.mark_read(loci)


GONE = Fault(404, {"error": {"code": "ErrorItemNotFound"}})
SEND = "POST .*/send"


@pytest.mark.parametrize(
    ("where", "fault", "kind"),
    [
        ("PATCH .*/messages/", GONE, OutboundDeferred),
        ("GET .*/messages/[^?/]*[?]", GONE, OutboundDeferred),
        ("createReply", Fault(404, {"error": {"code": "MailboxNotEnabledForRESTAPI"}}), OutboundUnavailable),
        ("createReply", Fault(404, {"error": {"code": "ErrorInvalidUser"}}), OutboundUnavailable),
        ("createReply", Fault(400, {"error": {"code": "ErrorMailboxMoveInProgress"}}), OutboundUnavailable),
        ("createReply", Fault(302, b"", {"Location": "https://portal.example.net/"}), OutboundUnavailable),
        ("createReply", Fault(404, HTML), OutboundUnavailable),
        ("createReply", Fault(200, HTML), OutboundUnavailable),
        (SEND, Fault(302, b"", {"Location": "https://portal.example.net/"}), OutboundUnavailable),
        (SEND, Fault(408, HTML), OutcomePending),
    ],
)
def test_what_is_not_about_the_reply_does_not_fail_it_for_good(
    double: GraphDouble, where: str, fault: Fault, kind: type[OutboundError]
) -> None:
    settings = graph_settings(double)
    item = double.mailbox(ADDRESS).by_subject("0")
    answers = graph_locus(graph_account(settings.host, ADDRESS), item.identity)
    written = Written(
        case_id="CS-000042",
        sender=ADDRESS,
        reply_to="",
        subject="We have your mail",
        text="Thank you.\n",
        html="",
        answers=answers,
    )
    mail = OutgoingMail(OURS, ADDRESS, ANN, b"Subject: x\r\n\r\nThank you.\r\n", written)
    double.fault(where, fault, EVER)
    with graph_outbound(double) as outbound:
        with pytest.raises(OutboundError) as caught:
            outbound.send(mail, lambda *_names: None)
        assert type(caught.value) is kind
        double.mend()
        if kind is not OutcomePending:
            outbound.send(mail, lambda *_names: None)
            assert len(double.mailbox(ADDRESS).sent) == 1
            assert double.mailbox(ADDRESS).drafts() == []
