"""Replies through Graph, on the double: exactly one, to exactly one, with nothing of theirs in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from emailint.errors import OutboundError, OutboundRefused, OutboundUnavailable, OutcomePending
from emailint.graph_client.limits import forget_slots
from emailint.outgoing import OutgoingMail, Written
from emailint.probe import Outcome
from emailint.sources.locus import graph_account, graph_locus
from tests.support.entra_double import CLIENT
from tests.support.graph import ADDRESS, graph_outbound, graph_settings
from tests.support.graph_double import HTML, Fault, GraphDouble, throttled, unavailable
from tests.support.graph_routes import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.graph_store import DoubleMailbox, Item

ANN = "ann@example.com"
OURS = "<CS-000042.0123456789abcdef@bigtmepeo.com>"
THEIRS = (
    b"From: Ann <ann@example.com>\r\nReply-To: evil@example.net, more@example.net\r\nCc: boss@example.com\r\n"
    b"To: payroll@bigtmepeo.com\r\nSubject: Wrong hours\r\nMessage-ID: <1@example.com>\r\n\r\n"
    b"secret words <img src=cid:x>\r\n"
)
SEND = "POST .*/send"


class Noted:
    """What was committed when handing over began, and how many had been sent by then."""

    def __init__(self, mailbox: DoubleMailbox) -> None:
        self._mailbox = mailbox
        self.tokens: list[tuple[str | None, str | None]] = []

    def __call__(self, token: str | None = None, message_id: str | None = None) -> None:
        assert self._mailbox.sent == []
        self.tokens.append((token, message_id))


@pytest.fixture
def double() -> Iterator[GraphDouble]:
    forget_slots()
    with GraphDouble() as running:
        running.mailbox(ADDRESS)
        yield running
    assert running.graph.complaints == []


@pytest.fixture
def mailbox(double: GraphDouble) -> DoubleMailbox:
    return double.mailbox(ADDRESS)


@pytest.fixture
def noted(mailbox: DoubleMailbox) -> Noted:
    return Noted(mailbox)


def reply_to(double: GraphDouble, item: Item, **changes: Any) -> OutgoingMail:
    """The reply to a message of the mailbox."""
    said: dict[str, Any] = {
        "subject": "[CS-000042] We have your mail",
        "text": "Thank you.\n",
        "html": "<p>Thank you.</p>\n",
        "sender": ADDRESS,
        "reply_to": "",
        "case_id": "CS-000042",
        "answers": graph_locus(graph_account(f"localhost:{double.port}", ADDRESS), item.identity),
    }
    content = (
        f"From: {ADDRESS}\r\nTo: {ANN}\r\nSubject: We have your mail\r\nMessage-ID: {OURS}\r\n"
        "In-Reply-To: <1@example.com>\r\n\r\nThank you.\r\n"
    )
    return OutgoingMail(OURS, ADDRESS, ANN, content.encode(), Written(**said | changes))


def addresses(item: Item, key: str) -> list[str]:
    return [each["emailAddress"]["address"] for each in item.recipients(key)]


def test_a_reply_goes_to_the_one_recipient_with_nothing_of_theirs(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted
) -> None:
    item = mailbox.add(THEIRS)
    with graph_outbound(double) as outbound:
        outbound.send(reply_to(double, item, reply_to="payroll+urgent@bigtmepeo.com"), noted)
    (sent,) = mailbox.sent
    assert addresses(sent, "toRecipients") == [ANN]
    assert addresses(sent, "ccRecipients") == addresses(sent, "bccRecipients") == []
    assert addresses(sent, "replyTo") == ["payroll+urgent@bigtmepeo.com"]
    assert sent.subject() == "[CS-000042] We have your mail"
    assert sent.properties["body"] == {"contentType": "html", "content": "<p>Thank you.</p>\n"}
    assert sent.attachments == {}
    assert sent.properties["conversation"] == item.identity
    named = {each["name"]: each["value"] for each in sent.headers()}
    assert named == {
        "X-Auto-Response-Suppress": "All",
        "X-Emailint-Id": "CS-000042",
        "X-Emailint-Reply": OURS,
    }
    assert list(sent.extended.values()) == [OURS]
    assert noted.tokens == [(sent.identity, OURS)]
    assert mailbox.drafts() == []


def test_exchange_may_give_another_message_id_and_it_is_noted(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted
) -> None:
    double.graph.keeps_message_ids = False
    with graph_outbound(double) as outbound:
        outbound.send(reply_to(double, mailbox.add(THEIRS), html=""), noted)
    ((_, message_id),) = noted.tokens
    assert message_id is not None
    assert message_id.endswith(".outlook.com>")
    assert mailbox.sent[0].properties["body"] == {"contentType": "text", "content": "Thank you.\n"}


def test_where_the_mail_has_gone_the_octets_are_sent(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted
) -> None:
    item = mailbox.add(THEIRS)
    del mailbox.items[item.identity]
    mail = reply_to(double, item)
    with graph_outbound(double) as outbound:
        outbound.send(mail, noted)
    assert mailbox.sent[0].raw == mail.content


@pytest.mark.parametrize("fault", [unavailable(), Fault(504, HTML), Fault(drop="before"), Fault(500, {})])
def test_a_send_that_did_nothing_is_in_doubt_until_its_draft_is_taken_back(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted, fault: Fault
) -> None:
    """I3: a draft that is still one may be sent a moment later, so nothing is begun beside it."""
    mail = reply_to(double, mailbox.add(THEIRS))
    double.fault(SEND, fault)
    with graph_outbound(double) as outbound:
        with pytest.raises(OutcomePending, match="not known yet"):
            outbound.send(mail, noted)
        ((token, _),) = noted.tokens
        assert token is not None
        assert outbound.was_sent(token, OURS) is None
        assert [each.identity for each in mailbox.drafts()] == [token]
        assert outbound.was_sent(token, OURS, take_back=True) is False
        assert mailbox.sent == mailbox.drafts() == []
        outbound.send(mail, noted)
    assert len(mailbox.sent) == 1
    assert double.count(SEND) == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault(drop="after"),
        Fault(drop="middle", change=lambda _reply: Reply(202, b"xx")),
        Fault(change=lambda _reply: Reply(504, HTML)),
        Fault(change=lambda _reply: Reply(503, HTML, {"Retry-After": "1"})),
        Fault(change=lambda reply: Reply(202, reply.content, {"Retry-After": "1"})),
        Fault(seconds=0.3),
    ],
)
def test_a_send_whose_answer_is_lost_is_one_reply(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted, fault: Fault
) -> None:
    double.fault(SEND, fault)
    with graph_outbound(double) as outbound:
        outbound.send(reply_to(double, mailbox.add(THEIRS)), noted)
    assert len(mailbox.sent) == 1
    assert double.count(SEND) == 1


def test_a_throttled_send_waits_and_is_sent_once(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted
) -> None:
    double.fault(SEND, throttled(1))
    with graph_outbound(double) as outbound:
        outbound.send(reply_to(double, mailbox.add(THEIRS)), noted)
    assert len(mailbox.sent) == 1
    assert len(noted.tokens) == 1


def test_a_send_that_is_throttled_beyond_the_deadline_was_not_sent(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted
) -> None:
    double.fault(SEND, throttled(600))
    with graph_outbound(double) as outbound, pytest.raises(OutboundUnavailable) as caught:
        outbound.send(reply_to(double, mailbox.add(THEIRS)), noted)
    assert caught.value.retry_after == 600
    assert mailbox.sent == []


def test_where_nobody_can_tell_it_is_looked_for_later(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted
) -> None:
    double.fault(SEND, Fault(drop="after"))
    double.fault("GET .*isDraft,parentFolderId", Fault(drop="before"), 99)
    with graph_outbound(double) as outbound, pytest.raises(OutcomePending) as caught:
        outbound.send(reply_to(double, mailbox.add(THEIRS)), noted)
    assert "next runs look" in caught.value.hint
    assert double.count(SEND) == 1


def test_a_draft_that_was_moved_out_of_sight_is_found_in_sent_items(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted
) -> None:
    def elsewhere(_reply: Reply) -> Reply:
        (sent,) = mailbox.sent
        mailbox.items[sent.identity + "x"] = mailbox.items.pop(sent.identity)
        return Reply(504, HTML)

    double.fault(SEND, Fault(change=elsewhere))
    with graph_outbound(double) as outbound:
        outbound.send(reply_to(double, mailbox.add(THEIRS)), noted)
    assert len(mailbox.sent) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "ErrorInvalidRecipients", OutboundRefused),
        (413, "ErrorMessageSizeExceeded", OutboundRefused),
        (403, "ErrorSendAsDenied", OutboundUnavailable),
        (403, "ErrorAccessDenied", OutboundUnavailable),
        (400, "ErrorExceededMessageLimit", OutboundUnavailable),
    ],
)
def test_a_refusal_is_told_and_no_draft_stays(
    double: GraphDouble,
    mailbox: DoubleMailbox,
    noted: Noted,
    status: int,
    code: str,
    kind: type[OutboundError],
) -> None:
    double.fault(SEND, Fault(status, {"error": {"code": code, "message": "no"}}))
    with graph_outbound(double) as outbound, pytest.raises(kind, match=code) as caught:
        outbound.send(reply_to(double, mailbox.add(THEIRS)), noted)
    assert caught.value.hint
    assert "client-request-id" in str(caught.value)
    assert mailbox.sent == mailbox.drafts() == []


def test_a_draft_that_goes_to_others_is_not_sent(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted
) -> None:
    def tampered(reply: Reply) -> Reply:
        more = [*reply.content["ccRecipients"], {"emailAddress": {"address": "evil@example.net"}}]
        return Reply(200, {**reply.content, "ccRecipients": more})

    double.fault("GET .*internetMessageId,isDraft,toRecipients", Fault(change=tampered))
    with graph_outbound(double) as outbound, pytest.raises(OutboundRefused, match="in place"):
        outbound.send(reply_to(double, mailbox.add(THEIRS)), noted)
    assert noted.tokens == []
    assert mailbox.sent == mailbox.drafts() == []


BEFORE = ["GET .*drafts", "createReply", "PATCH", "GET .*attachments", "GET .*isDraft,toRec"]


@pytest.mark.parametrize("where", BEFORE)
@pytest.mark.parametrize("drop", ["before", "after", "middle"])
def test_whatever_breaks_before_sending_ends_in_one_reply_and_no_draft(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted, where: str, drop: str
) -> None:
    mail = reply_to(double, mailbox.add(THEIRS))
    double.fault(where, Fault(drop=drop))
    with graph_outbound(double) as outbound:
        try:
            outbound.send(mail, noted)
        except OutboundUnavailable:
            assert noted.tokens == []
            outbound.send(mail, noted)
    assert double.faults_left == 0
    assert len(mailbox.sent) == 1
    assert mailbox.drafts() == []


def test_a_begin_that_fails_leaves_no_draft(double: GraphDouble, mailbox: DoubleMailbox) -> None:
    def begin(token: str | None = None, message_id: str | None = None) -> None:
        raise OSError("disk full")

    with graph_outbound(double) as outbound, pytest.raises(OSError, match="disk full"):
        outbound.send(reply_to(double, mailbox.add(THEIRS)), begin)
    assert mailbox.sent == mailbox.drafts() == []


@pytest.mark.parametrize("status", [400, 501])
@pytest.mark.parametrize("where", ["GET .*drafts", "GET .*attachments"])
def test_tidying_that_is_not_known_holds_up_no_reply(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted, where: str, status: int
) -> None:
    double.fault(where, Fault(status, {"error": {"code": "ErrorInvalidUrlQueryFilter"}}), 99)
    with graph_outbound(double) as outbound:
        outbound.send(reply_to(double, mailbox.add(THEIRS)), noted)
    assert len(mailbox.sent) == 1


@pytest.mark.parametrize("where", ["GET .*attachments", "DELETE .*attachments"])
def test_nothing_of_theirs_goes_along_where_it_cannot_be_taken_out(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted, where: str
) -> None:
    double.fault(where, Fault(501, {"error": {"code": "NotImplemented"}}), 99)
    mail = reply_to(double, mailbox.add(THEIRS))
    with graph_outbound(double) as outbound:
        outbound.send(mail, noted)
    (sent,) = mailbox.sent
    assert sent.raw == mail.content
    assert sent.attachments == {}
    assert mailbox.drafts() == []


@pytest.mark.parametrize("answers", ["evil@example.net", "payroll@bigtmepeo.com.example.net"])
def test_a_draft_whose_answers_would_go_elsewhere_is_not_sent(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted, answers: str
) -> None:
    def tampered(reply: Reply) -> Reply:
        people = [{"emailAddress": {"address": each}} for each in (ADDRESS.upper(), answers)]
        return Reply(200, {**reply.content, "replyTo": people})

    double.fault("GET .*internetMessageId,isDraft,toRecipients", Fault(change=tampered))
    with graph_outbound(double) as outbound, pytest.raises(OutboundRefused, match="elsewhere"):
        outbound.send(reply_to(double, mailbox.add(THEIRS)), noted)
    assert noted.tokens == []
    assert mailbox.sent == mailbox.drafts() == []


def test_where_our_message_id_cannot_be_set_the_reply_goes_out_all_the_same(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted
) -> None:
    refusal = Fault(400, {"error": {"code": "ErrorInvalidPropertySet"}})
    double.fault("createReply", refusal)
    double.fault("PATCH", refusal)
    with graph_outbound(double) as outbound:
        outbound.send(reply_to(double, mailbox.add(THEIRS)), noted)
    (sent,) = mailbox.sent
    assert sent.properties["body"]["content"] == "<p>Thank you.</p>\n"
    assert noted.tokens == [(sent.identity, sent.internet_message_id())]


def test_a_draft_whose_making_got_no_answer_is_found_by_its_header(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted
) -> None:
    """Where Exchange keeps no Message-ID of ours, that is all there is to know it by; theirs are let be."""
    double.graph.keeps_message_ids = False
    item = mailbox.add(THEIRS)
    mailbox.reply_to(item)
    double.fault("createReply", Fault(drop="after"))
    with graph_outbound(double) as outbound, pytest.raises(OutboundUnavailable):
        outbound.send(reply_to(double, item), noted)
    assert len(mailbox.drafts()) == 1
    assert mailbox.sent == []


@pytest.mark.parametrize(("sender", "said"), [(ADDRESS.upper(), None), ("desk@bigtmepeo.com",) * 2])
def test_a_sender_of_ones_own_is_named_and_the_mailbox_is_not(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted, sender: str, said: str | None
) -> None:
    mail = reply_to(double, mailbox.add(THEIRS), sender=sender)
    with graph_outbound(double) as outbound:
        outbound.send(mail, noted)
    (sent,) = mailbox.sent
    found = sent.properties.get("from") or {"emailAddress": {"address": None}}
    assert found["emailAddress"]["address"] == said


class Died(BaseException):
    """What a kill looks like from inside."""


MARKS = ("keeps_message_ids", "keeps_headers", "keeps_properties")


@pytest.mark.parametrize("where", ["createReply", "PATCH", "GET .*attachments", "GET .*isDraft,toRec"])
@pytest.mark.parametrize("kept", [MARKS, *((each,) for each in MARKS)], ids=str)
def test_a_draft_of_a_sweep_that_died_is_removed_by_the_next(
    double: GraphDouble,
    mailbox: DoubleMailbox,
    noted: Noted,
    kept: tuple[str, ...],
    where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """C20: between the draft, its id, and send; whichever of our marks Exchange keeps."""
    for name in MARKS:
        setattr(double.graph, name, name in kept)
    item = mailbox.add(THEIRS)
    mail = reply_to(double, item)
    theirs = mailbox.reply_to(item)

    def die() -> None:
        monkeypatch.setattr("emailint.outbound.graph_draft.remove", lambda *_: False)
        raise Died

    with graph_outbound(double) as outbound:
        client = outbound._connected()
        whole = client.request

        def request(method: str, path: str, *rest: Any, **more: Any) -> Any:
            answer = whole(method, path, *rest, **more)
            if where.removeprefix("GET .*") in f"{method} {path}":
                die()
            return answer

        monkeypatch.setattr(client, "request", request)
        with pytest.raises(Died):
            outbound.send(mail, noted)
    monkeypatch.undo()
    assert len(mailbox.drafts()) == 2
    with graph_outbound(double) as outbound:
        outbound.send(mail, noted)
    assert len(mailbox.sent) == 1
    assert mailbox.drafts() == [theirs]


def test_the_draft_of_another_reply_to_the_same_case_is_let_be(
    double: GraphDouble, mailbox: DoubleMailbox, noted: Noted
) -> None:
    """It may be one that is in doubt, and is sent a moment later."""
    double.fault(SEND, Fault(drop="before"))
    with graph_outbound(double) as outbound:
        with pytest.raises(OutcomePending):
            outbound.send(reply_to(double, mailbox.add(THEIRS)), noted)
        (doubtful,) = mailbox.drafts()
        other = replace(reply_to(double, mailbox.add(THEIRS)), message_id="<CS-000042.fedc@bigtmepeo.com>")
        outbound.send(other, noted)
    assert mailbox.drafts() == [doubtful]
    with graph_outbound(double) as outbound:
        outbound.send(replace(other, message_id="<CS-000042.ba98@bigtmepeo.com>"), lambda *_: None)
    assert mailbox.drafts() == [doubtful]


def test_drafts_are_looked_through_once_a_connection_and_not_for_ever(
    double: GraphDouble, mailbox: DoubleMailbox
) -> None:
    item = mailbox.add(THEIRS)
    for _ in range(1_150):
        mailbox.reply_to(item)
    with graph_outbound(double) as outbound:
        for number in range(3):
            mail = replace(reply_to(double, item), message_id=f"<CS-000042.{number}@bigtmepeo.com>")
            outbound.send(mail, lambda *_: None)
    assert double.count("GET .*drafts") == 10
    assert len(mailbox.sent) == 3
    assert len(mailbox.drafts()) == 1_150


def test_what_became_of_a_reply_can_be_asked_later(double: GraphDouble, mailbox: DoubleMailbox) -> None:
    noted = Noted(mailbox)
    double.fault(SEND, Fault(drop="after"))
    double.fault("GET .*isDraft,parentFolderId", Fault(drop="before"), 2)
    with graph_outbound(double) as outbound:
        with pytest.raises(OutcomePending):
            outbound.send(reply_to(double, mailbox.add(THEIRS)), noted)
        ((token, _),) = noted.tokens
        assert token is not None
        assert outbound.was_sent(token, OURS) is True
        left = mailbox.reply_to(mailbox.add(THEIRS))
        assert outbound.was_sent(left.identity, "<other@example.org>", take_back=True) is False
        assert mailbox.drafts() == []
        assert outbound.was_sent(left.identity, "<other@example.org>", take_back=True) is None


@pytest.mark.parametrize(
    ("roles", "failing", "words"),
    [
        (("Mail.ReadWrite",), "outbound permission", "Mail.Send"),
        (("Mail.Send",), "outbound mail", "Mail.ReadWrite"),
    ],
)
def test_the_connection_test_says_which_permission_is_missing(
    double: GraphDouble, roles: tuple[str, ...], failing: str, words: str
) -> None:
    double.entra.apps[CLIENT].roles = roles
    steps = list(graph_outbound(double, graph_settings(double)).test(ANN))
    (failed,) = [step for step in steps if step.outcome is Outcome.FAILED]
    assert failed.name == failing
    assert words in failed.cure
