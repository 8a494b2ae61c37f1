"""Graph as a source when things go wrong, on the double: what is waited for, told, left alone, never sent."""

from __future__ import annotations

import time
import traceback
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from emailint.errors import (
    ConnectionFailed,
    FolderReadOnly,
    LoginRefused,
    ProtocolFailed,
    SourceError,
    Throttled,
    TlsFailed,
)
from emailint.graph_client.limits import AN_APP, AN_APP_IN_NEED, forget_slots, slots_of
from emailint.message.fingerprint import fingerprint
from emailint.oauth.entra import EntraTokens
from emailint.sources.graph_listing import A_SWEEP
from tests.support.entra_double import CLIENT, SECRET
from tests.support.graph import ADDRESS, entra_app, graph_settings, graph_source
from tests.support.graph_double import HTML, Fault, GraphDouble, throttled, unavailable
from tests.support.graph_routes import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.sources.protocol import MailSource

LIST = r"GET .*/messages\?"
VALUE = r"GET .*/\$value"
MARK = r"^PATCH "
TOKEN = "oauth2/v2.0/token"
NOTHING_LOST = b"Subject: %d\r\n\r\nbody %d\r\n"


@pytest.fixture
def double() -> Iterator[GraphDouble]:
    forget_slots()
    with GraphDouble() as running:
        yield running
    assert running.graph.complaints == []


def fill(double: GraphDouble, count: int = 3) -> list[bytes]:
    """So many unread messages, oldest first."""
    mailbox = double.mailbox(ADDRESS)
    start = datetime(2026, 11, 24, 9, tzinfo=UTC)
    raws = [NOTHING_LOST % (number, number) for number in range(count)]
    for number, raw in enumerate(raws):
        mailbox.add(raw, received_at=start + timedelta(seconds=number))
    return raws


def sweep(source: MailSource) -> list[bytes]:
    """List, measure, fetch and mark, as a sweep does."""
    with source:
        refs = source.measure(source.list_unread())
        raws = [each.raw for each in source.fetch(refs)]
        source.mark_read([ref.locus for ref in refs])
    return raws


def unread(double: GraphDouble) -> int:
    return sum(not item.is_read for item in double.mailbox(ADDRESS).items.values())


TRANSIENT = {
    "429": throttled(1),
    "429 of concurrency": throttled(1, "ApplicationThrottled"),
    "503 in HTML": unavailable(1),
    "503 without a time": unavailable(),
    "504": Fault(504, HTML),
    "reset": Fault(drop="before"),
    "reset in the middle": Fault(drop="middle"),
    "answer lost": Fault(drop="after"),
    "slow": Fault(seconds=0.2),
    "empty 500": Fault(500, {}),
}


@pytest.mark.parametrize("where", [LIST, VALUE, MARK, r"POST /v1.0/\$batch", TOKEN])
@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)
def test_what_passes_is_waited_for_and_nothing_is_lost(double: GraphDouble, where: str, fault: Fault) -> None:
    raws = fill(double, 1 if where == MARK else 3)
    double.fault(where, fault)
    with suppress(ConnectionFailed, Throttled):
        # a server that refuses the sign-in itself is asked again by the next sweep alone
        assert sweep(graph_source(double)) == raws
        assert where != TOKEN or fault.seconds
    assert double.faults_left == 0
    if where == TOKEN and not fault.seconds:
        assert unread(double) == len(raws)
        assert sweep(graph_source(double)) == raws
    assert unread(double) == 0


@pytest.mark.parametrize(
    "fault",
    [Fault(504, HTML), Fault(500, {}), Fault(403, {}), Fault(drop="before"), Fault(drop="middle")],
    ids=str,
)
def test_one_mail_that_never_comes_holds_no_other_up(double: GraphDouble, fault: Fault) -> None:
    raws = fill(double, 6)
    bad = double.mailbox(ADDRESS).by_subject("2").identity
    double.fault(rf"GET .*/{bad}/\$value", fault, 1_000)
    came: list[bytes] = []
    with graph_source(double) as source:
        refs = source.measure(source.list_unread())
        with pytest.raises((ConnectionFailed, LoginRefused, ProtocolFailed)):
            came.extend(each.raw for each in source.fetch(refs))
    assert came == [*raws[:2], *raws[3:]]


NEVER_GIVEN = {
    "503": unavailable(),
    "503 that names a time": unavailable(1),
    "504": Fault(504, HTML),
    "500": Fault(500, {}),
    "403": Fault(403, {}),
    "reset": Fault(drop="before"),
    "truncated": Fault(drop="middle"),
}


@pytest.mark.parametrize("fault", NEVER_GIVEN.values(), ids=NEVER_GIVEN)
def test_the_mail_that_is_not_given_is_named_and_soon_given_up(double: GraphDouble, fault: Fault) -> None:
    raws = fill(double, 8)
    bad = double.mailbox(ADDRESS).by_subject("3").identity
    double.fault(rf"GET .*/{bad}/\$value", fault, 1_000)
    came: list[bytes] = []
    begun = time.monotonic()
    with graph_source(double) as source:
        refs = source.measure(source.list_unread())
        with pytest.raises(SourceError) as caught:
            came.extend(each.raw for each in source.fetch(refs))
        (named,) = caught.value.loci
        assert named == refs[3].locus
        headers = next(iter(list(source.fetch([refs[3]], headers_only=True))))
    assert came == [*raws[:3], *raws[4:]]
    assert double.count(rf"{bad}/\$value") <= 2
    assert time.monotonic() - begun < 6
    assert headers.raw.startswith(b"Subject: 3\r\n")


def test_where_one_mail_would_keep_the_others_waiting_they_come_first(
    double: GraphDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is asked until the time is over that Graph named; then it is another mail."""
    monkeypatch.setattr("emailint.graph_client.attempts.SHORT", 0.5)
    raws = fill(double, 4)
    bad = double.mailbox(ADDRESS).by_subject("0").identity
    double.fault(rf"GET .*/{bad}/\$value", unavailable(2), 1_000)
    came: list[bytes] = []
    with graph_source(double) as source, pytest.raises(Throttled) as caught:
        came.extend(each.raw for each in source.fetch(source.list_unread()))
    assert came == raws[1:]
    assert len(caught.value.loci) == 1
    assert double.count(rf"{bad}/\$value") == 1


@pytest.mark.parametrize("fault", NEVER_GIVEN.values(), ids=NEVER_GIVEN)
def test_a_server_that_gives_no_mail_is_not_asked_for_all_of_it(double: GraphDouble, fault: Fault) -> None:
    fill(double, 40)
    double.fault(VALUE, fault, 1_000)
    with graph_source(double) as source:
        refs = source.measure(source.list_unread())
        with pytest.raises(SourceError):
            list(source.fetch(refs))
    assert double.count(VALUE) < 12


def test_throttling_names_no_mail(double: GraphDouble) -> None:
    fill(double, 6)
    double.fault(VALUE, throttled(0), 1_000)
    with graph_source(double) as source, pytest.raises(Throttled) as caught:
        list(source.fetch(source.list_unread()))
    assert caught.value.loci == ()


def test_a_second_mail_that_never_comes_is_taken_to_be_the_mailboxs_trouble(double: GraphDouble) -> None:
    fill(double, 40)
    double.fault(VALUE, Fault(drop="before"), 1_000)
    with graph_source(double) as source:
        refs = source.measure(source.list_unread())
        with pytest.raises(ConnectionFailed):
            list(source.fetch(refs))
    assert double.count(VALUE) < 12


def test_a_next_link_is_asked_for_as_it_was_written(double: GraphDouble) -> None:
    """Graph says to take nothing out of it, and its skip tokens are nobody's business."""
    fill(double, 3)
    odd = "%24skip=0&%24skiptoken=A%2DB%7E~'c'(d)"

    def two_pages(reply: Reply) -> Reply:
        link = f"{double.root}/v1.0/users/{ADDRESS}/mailFolders/inbox/messages?{odd}"
        return Reply(200, {"value": reply.content["value"], "@odata.nextLink": link})

    double.fault(LIST, Fault(change=two_pages))
    double.fault("skiptoken", Fault(200, {"value": []}))
    with graph_source(double) as source:
        assert len(source.list_unread()) == 3
    assert double.requests[-1].endswith(f"/messages?{odd}")


def test_a_retry_after_is_obeyed_to_the_second(double: GraphDouble) -> None:
    fill(double, 1)
    double.fault(LIST, throttled(2))
    sweep(graph_source(double))
    refused, again = double.times[:2]
    assert 2.0 <= again - refused < 2.8


def test_a_wait_beyond_the_deadline_is_not_begun(double: GraphDouble) -> None:
    fill(double)
    double.fault(LIST, throttled(30))
    begun = time.monotonic()
    with pytest.raises(Throttled) as caught, graph_source(double) as source:
        source.list_unread()
    assert time.monotonic() - begun < 5
    assert caught.value.retry_after == 30
    assert "request-id" in str(caught.value)
    assert "client-request-id" in str(caught.value)
    assert unread(double) == 3


def test_a_storm_ends_as_throttled_with_everything_unread(double: GraphDouble) -> None:
    fill(double)
    double.fault("GET ", throttled(0), 10_000)
    with pytest.raises(SourceError) as caught:
        sweep(graph_source(double))
    assert caught.value.transient
    assert unread(double) == 3
    assert len(double.requests) < 20


def test_concurrency_trouble_lets_fewer_ask_at_once(double: GraphDouble) -> None:
    fill(double)
    assert slots_of((f"localhost:{double.port}", CLIENT), AN_APP).limit == AN_APP
    double.fault(VALUE, throttled(0, "ApplicationThrottled"))
    sweep(graph_source(double))
    assert slots_of((f"localhost:{double.port}", CLIENT), AN_APP).limit == AN_APP_IN_NEED


def test_never_more_than_two_at_once_for_a_mailbox(double: GraphDouble) -> None:
    fill(double, 12)
    double.fault(VALUE, Fault(seconds=0.05), 99)
    sweep(graph_source(double))
    assert double.most_at_once == 2


@pytest.mark.parametrize("where", [LIST, VALUE, MARK, r"\$batch"])
def test_a_dead_token_is_renewed_once(double: GraphDouble, where: str) -> None:
    raws = fill(double, 1 if where == MARK else 3)
    tokens = EntraTokens(entra_app(double))
    tokens.token()
    error = {"error": {"code": "InvalidAuthenticationToken", "message": "expired"}}
    double.fault(where, Fault(401, error))
    assert sweep(graph_source(double, mailbox=graph_settings(double, tokens))) == raws
    assert len(double.entra.asked) == 2
    assert unread(double) == 0


def test_a_revoked_token_that_msal_still_keeps_is_replaced(double: GraphDouble) -> None:
    raws = fill(double)
    tokens = EntraTokens(entra_app(double))
    tokens.token()
    double.entra.revoke_all()
    assert sweep(graph_source(double, mailbox=graph_settings(double, tokens))) == raws
    assert len(double.entra.asked) == 2


def test_a_token_that_is_refused_again_ends_the_mailbox(double: GraphDouble) -> None:
    fill(double)
    error = {"error": {"code": "InvalidAuthenticationToken", "message": "Invalid audience."}}
    double.fault(LIST, Fault(401, error), 99)
    with pytest.raises(LoginRefused, match="The access token is invalid") as caught:
        sweep(graph_source(double))
    assert caught.value.hint
    assert double.count(LIST) == 2


def test_parts_of_a_batch_that_were_throttled_are_sent_again_and_they_alone(double: GraphDouble) -> None:
    fill(double, 30)
    double.fault("PART PATCH", throttled(1, "ApplicationThrottled"), 7)
    sweep(graph_source(double))
    assert unread(double) == 0
    assert double.count(r"POST /\$batch") == 3


def test_a_part_that_is_refused_for_good_is_told(double: GraphDouble) -> None:
    fill(double)
    double.fault("PART PATCH", Fault(403, {"error": {"code": "ErrorAccessDenied"}}))
    with pytest.raises(FolderReadOnly, match="marking mail read") as caught:
        sweep(graph_source(double))
    assert "Mail.ReadWrite" in caught.value.hint


def test_mail_that_vanishes_is_no_error(double: GraphDouble) -> None:
    raws = fill(double, 5)
    source = graph_source(double)
    with source:
        refs = source.list_unread()
        double.mailbox(ADDRESS).remove("2")
        assert [each.raw for each in source.fetch(refs)] == [*raws[:2], *raws[3:]]
        source.mark_read([ref.locus for ref in refs])
    assert unread(double) == 0


def test_mail_that_somebody_moves_meanwhile_is_still_read_and_marked(double: GraphDouble) -> None:
    raws = fill(double, 2)
    mailbox = double.mailbox(ADDRESS)
    with graph_source(double) as source:
        refs = source.list_unread()
        mailbox.by_subject("1").folder = mailbox.folders["archive"].identity
        assert [each.raw for each in source.fetch(refs)] == raws
        source.mark_read([ref.locus for ref in refs])
    assert unread(double) == 0


def test_one_mail_that_exchange_cannot_convert_holds_up_no_other(double: GraphDouble) -> None:
    raws = fill(double, 5)
    identity = double.mailbox(ADDRESS).by_subject("1").identity
    double.fault(rf"{identity}/\$value", Fault(500, {"error": {"code": "ErrorContentConversionFailed"}}), 99)
    came: list[bytes] = []
    with graph_source(double) as source, pytest.raises(ProtocolFailed, match="ErrorContentConversionFailed"):
        came.extend(each.raw for each in source.fetch(source.list_unread()))
    assert came == [raws[0], *raws[2:]]


def test_pages_are_followed_also_where_one_is_empty(double: GraphDouble) -> None:
    raws = fill(double, 7)

    def empty_first(reply: Reply) -> Reply:
        link = f"{double.root}/v1.0{double.requests[-1].removeprefix('GET ')}&%24skip=0"
        return Reply(200, {"value": [], "@odata.nextLink": link})

    double.fault(LIST, Fault(change=empty_first))
    assert sweep(graph_source(double)) == raws


def test_many_pages_are_listed_before_anything_is_marked(
    double: GraphDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emailint.sources.graph_listing.A_PAGE", 5)
    raws = fill(double, 23)
    assert sweep(graph_source(double)) == raws
    assert unread(double) == 0
    lists = [index for index, each in enumerate(double.requests) if "/messages?" in each and "GET" in each]
    marks = [index for index, each in enumerate(double.requests) if "$batch" in each]
    assert len(lists) == 5
    assert max(lists) < min(marks)


def test_no_more_than_the_oldest_ids_are_listed(double: GraphDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(double, A_SWEEP + 300)
    with graph_source(double) as source:
        refs = source.list_unread()
    assert len(refs) == A_SWEEP
    assert refs[0].received_at == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert double.count(LIST) == A_SWEEP // 500


def test_what_is_done_and_unread_again_does_not_keep_new_mail_back(double: GraphDouble) -> None:
    """Somebody marked old mail unread: the pages are read on until new mail comes."""
    fill(double, A_SWEEP + 700)
    with graph_source(double) as source:
        done = {ref.locus for ref in source.list_unread()}

    with graph_source(double, known=done.intersection) as source:
        refs = source.list_unread()
    assert len(refs) == A_SWEEP + 700
    assert [ref.received_at for ref in refs] == sorted(ref.received_at for ref in refs if ref.received_at)


def test_the_bound_on_unknown_ids_counts_no_known_ones(double: GraphDouble) -> None:
    fill(double, A_SWEEP + 300)
    with graph_source(double) as source:
        done = {ref.locus for ref in source.list_unread()[:100]}
    with graph_source(double, known=done.intersection) as source:
        assert len(source.list_unread()) == A_SWEEP + 100


def test_not_even_known_ids_are_listed_for_ever(double: GraphDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emailint.sources.graph_listing.AT_MOST", 1_000)
    fill(double, 1_600)
    with graph_source(double, known=set) as source:
        assert len(source.list_unread()) == 1_000


@pytest.mark.parametrize(
    "link",
    [
        "https://graph.evil.example/v1.0/users/x/messages?$skip=1",
        "http://localhost:{port}/v1.0/users/x/messages?$skip=1",
        "https://localhost:{port}@evil.example/v1.0/messages",
        "https://localhost.evil.example:{port}/v1.0/messages",
        "//evil.example/x",
        "/v1.0/users/x",
        "",
        7,
    ],
)
def test_a_next_page_elsewhere_is_refused_and_no_token_is_sent(double: GraphDouble, link: object) -> None:
    fill(double)
    there = link.format(port=double.port) if isinstance(link, str) else link

    def elsewhere(reply: Reply) -> Reply:
        return Reply(200, {**reply.content, "@odata.nextLink": there})

    double.fault(LIST, Fault(change=elsewhere))
    with pytest.raises(ProtocolFailed, match="no token was sent"), graph_source(double) as source:
        source.list_unread()
    assert len(double.requests) == 1


def test_pages_that_lead_in_a_circle_end(double: GraphDouble) -> None:
    fill(double)

    def round_again(reply: Reply) -> Reply:
        link = f"{double.root}/v1.0{double.requests[0].removeprefix('GET ')}"
        return Reply(200, {**reply.content, "@odata.nextLink": link})

    double.fault(LIST, Fault(change=round_again), 99)
    with pytest.raises(ProtocolFailed, match="circle"), graph_source(double) as source:
        source.list_unread()
    assert len(double.requests) == 2


@pytest.mark.parametrize("content", [b"{", b"[]", b"", b"null", b'{"value": 3}', b"[" * 100_000, HTML])
def test_an_answer_that_is_no_json_is_an_error_and_loses_nothing(double: GraphDouble, content: bytes) -> None:
    raws = fill(double)
    double.fault(LIST, Fault(200, content))
    with pytest.raises(ProtocolFailed), graph_source(double) as source:
        source.list_unread()
    assert sweep(graph_source(double)) == raws


def test_a_redirect_is_not_followed(double: GraphDouble) -> None:
    fill(double)
    double.fault(LIST, Fault(302, b"", {"Location": "https://evil.example/"}))
    with pytest.raises(SourceError), graph_source(double) as source:
        source.list_unread()


def test_where_sizes_are_not_offered_the_download_is_bounded(double: GraphDouble) -> None:
    double.graph.offers_sizes = False
    mailbox = double.mailbox(ADDRESS)
    mailbox.add(b"Subject: large\r\nFrom: a@b.example\r\n\r\n" + b"x" * 50_000)
    mailbox.add(b"Subject: small\r\n\r\nbody\r\n", received_at=datetime.now(UTC) + timedelta(seconds=2))
    with graph_source(double, max_message=10_000) as source:
        refs = source.measure(source.list_unread())
        large, small = source.fetch(refs)
    assert [ref.size for ref in refs] == [None, None]
    assert large.raw == b"Subject: large\r\nFrom: a@b.example\r\n\r\n"
    assert not large.whole
    assert small.whole
    assert double.count(LIST) == 2


def test_a_fresh_boundary_at_each_download_is_the_same_message(double: GraphDouble) -> None:
    raw = (
        b"Subject: two parts\r\nFrom: ann@example.com\r\nMessage-ID: <1@example.com>\r\n"
        b'Content-Type: multipart/mixed; boundary="abc"\r\n\r\n'
        b"--abc\r\nContent-Type: text/plain\r\n\r\nhello\r\n--abc--\r\n"
    )
    double.mailbox(ADDRESS).add(raw)
    with graph_source(double) as source:
        refs = source.list_unread()
        first, second = (next(iter(list(source.fetch(refs)))).raw for _ in range(2))
    assert first != second
    assert fingerprint(first) == fingerprint(second) == fingerprint(raw)


MAILBOXES: dict[str, tuple[Any, type[SourceError], str]] = {
    "unknown": (lambda d: d.graph.mailboxes.clear(), LoginRefused, "no such mailbox"),
    "unlicensed": (
        lambda d: setattr(d.mailbox(ADDRESS), "licensed", False),
        LoginRefused,
        "no such mailbox",
    ),
    "outside the policy": (lambda d: setattr(d.graph, "allowed", set()), LoginRefused, "may not do this"),
    "no role": (
        lambda d: setattr(d.entra.apps[CLIENT], "roles", ("User.Read.All",)),
        LoginRefused,
        "may not do this",
    ),
}


@pytest.mark.parametrize("name", MAILBOXES)
def test_what_is_permanent_is_explained(double: GraphDouble, name: str) -> None:
    change, kind, words = MAILBOXES[name]
    double.mailbox(ADDRESS)
    change(double)
    with pytest.raises(kind, match=words) as caught, graph_source(double) as source:
        source.list_unread()
    assert caught.value.hint
    assert not caught.value.transient
    assert "client-request-id" in str(caught.value)


def test_a_mailbox_on_the_move_is_tried_again_later(double: GraphDouble) -> None:
    fill(double)
    double.fault(LIST, Fault(409, {"error": {"code": "ErrorMailboxMoveInProgress", "message": "moving"}}))
    with pytest.raises(Throttled), graph_source(double) as source:
        source.list_unread()


def test_no_secret_and_no_token_is_ever_told(double: GraphDouble) -> None:
    fill(double)
    tokens = EntraTokens(entra_app(double))
    token = tokens.token()
    echo = {"error": {"code": "ErrorAccessDenied", "message": f"no: {token} \x1b[31m\r\n{token}"}}
    double.fault(LIST, Fault(403, echo))
    with pytest.raises(SourceError) as caught:
        sweep(graph_source(double, mailbox=graph_settings(double, tokens)))
    trace = "".join(traceback.format_exception(caught.value))
    told = f"{caught.value} {caught.value.hint} {caught.value!r} {tokens!r} {tokens.app!r} {trace}"
    assert token not in told
    assert SECRET not in told
    assert "\x1b" not in told


def test_the_certificate_is_checked(double: GraphDouble) -> None:
    fill(double)
    mailbox = graph_settings(double)
    with (
        pytest.raises(TlsFailed, match="certificate"),
        graph_source(double, mailbox=replace(mailbox, ca_file=None)) as source,
    ):
        source.list_unread()
    assert double.requests == []


def test_nobody_listens(double: GraphDouble) -> None:
    mailbox = graph_settings(double, base_url="https://localhost:1")
    with pytest.raises(ConnectionFailed), graph_source(double, mailbox=mailbox) as source:
        source.list_unread()


def test_folders_are_found_by_path_id_and_well_known_name(double: GraphDouble) -> None:
    mailbox = double.mailbox(ADDRESS)
    payroll = mailbox.create_folder("Payroll", mailbox.folders["inbox"].identity)
    deep = mailbox.create_folder("2026", payroll.identity)
    slashed = mailbox.create_folder("In/Out")
    for name, folder in {
        "Payroll/2026": deep,
        "Inbox/Payroll": payroll,
        "inbox/payroll/2026": deep,
        "Payroll": payroll,
        "In/Out": slashed,
        "archive": mailbox.folders["archive"],
        deep.identity: deep,
    }.items():
        item = mailbox.add(b"Subject: x\r\n\r\n", folder=folder.identity)
        with graph_source(double, folder=name) as source:
            (ref,) = source.list_unread()
        assert ref.locus.endswith(item.identity)
        del mailbox.items[item.identity]


def test_focused_and_other_shared_and_me(double: GraphDouble) -> None:
    """A person's own token asks for /me, a shared mailbox by its address."""
    raws = fill(double)
    double.entra.apps[CLIENT].roles = ("Mail.ReadWrite",)
    tokens = EntraTokens(entra_app(double))
    token = tokens.token()
    double.entra.tokens[token]["scp"] = "Mail.ReadWrite"
    assert sweep(graph_source(double, mailbox=graph_settings(double, tokens, person=True))) == raws
    assert all(each.split()[1].startswith(("/me/", "/$batch")) for each in double.requests)


def test_moving_what_lies_there_already_asks_for_no_move(double: GraphDouble) -> None:
    fill(double, 2)
    double.mailbox(ADDRESS).create_folder("Done")
    with graph_source(double) as source:
        loci = [ref.locus for ref in source.list_unread()]
        assert source.move(loci, "Done") == {locus: locus for locus in loci}
        before = double.count(".")
        assert source.move(loci, "Done") == {locus: locus for locus in loci}
        assert double.count(".") == before + 1


def test_a_silent_graph_is_not_waited_for_longer_than_the_sweep_lasts(double: GraphDouble) -> None:
    """Else the watchdog ends the run, which can name the mailbox and not the cause."""
    fill(double)
    double.fault(LIST, Fault(seconds=4), 99)
    until = time.monotonic() + 1.5
    settings = replace(graph_settings(double), time_left=lambda: until - time.monotonic())
    with graph_source(double, mailbox=settings) as source, pytest.raises(ConnectionFailed, match="in time"):
        source.list_unread()
    assert time.monotonic() < until + 1.5
