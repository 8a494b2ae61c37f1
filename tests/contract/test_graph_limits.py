"""What Graph allows at once, how long it asks to wait, folders with odd names, and the ids in errors."""

from __future__ import annotations

import re
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from emailint.errors import FolderMissing, SourceError, Throttled
from emailint.graph_client.limits import AN_APP_IN_NEED, forget_slots, slots_of
from emailint.oauth.entra import EntraTokens
from tests.support.entra_double import CLIENT
from tests.support.graph import ADDRESS, entra_app, graph_settings, graph_source
from tests.support.graph_double import HTML, Fault, GraphDouble, throttled
from tests.support.graph_routes import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

LIST = r"GET .*/messages\?"
VALUE = r"GET .*/\$value"
MARK = "^PATCH "
BATCH = r"POST .*\$batch"


@pytest.fixture
def double() -> Iterator[GraphDouble]:
    forget_slots()
    with GraphDouble() as running:
        yield running
    assert running.graph.complaints == []


def fill(double: GraphDouble, count: int, address: str = ADDRESS) -> None:
    start = datetime(2026, 11, 24, 9, tzinfo=UTC)
    for number in range(count):
        raw = b"Subject: %d\r\n\r\nbody\r\n" % number
        double.mailbox(address).add(raw, received_at=start + timedelta(seconds=number))


def sweep(double: GraphDouble, address: str = ADDRESS, tokens: EntraTokens | None = None) -> None:
    """List, fetch and mark one mailbox."""
    settings = graph_settings(double, tokens, mailbox=address)
    with graph_source(double, mailbox=settings) as source:
        refs = source.list_unread()
        assert [each.ref for each in source.fetch(refs)] == list(refs)
        source.mark_read([ref.locus for ref in refs])


def sweep_many(double: GraphDouble, count: int) -> list[str]:
    """So many mailboxes of one app, all at once; their addresses."""
    addresses = [f"m{number}@bigtmepeo.com" for number in range(count)]
    for address in addresses:
        fill(double, 3, address)
    tokens = EntraTokens(entra_app(double))
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda address: sweep(double, address, tokens), addresses))
    return addresses


def test_sixteen_at_once_for_all_mailboxes_of_an_app(double: GraphDouble) -> None:
    """A batch counts as two, since Graph works on several of its parts at once."""
    double.fault(" /v1.0/", Fault(seconds=0.05), 10_000)
    addresses = sweep_many(double, 20)
    assert 4 < double.most_at_once <= 16
    assert all(item.is_read for address in addresses for item in double.mailbox(address).items.values())


def test_four_at_once_after_one_mailbox_had_too_many(double: GraphDouble) -> None:
    double.fault(LIST, throttled(0, "ApplicationThrottled"))
    fill(double, 1)
    sweep(double)
    double.most_at_once = 0
    double.fault(" /v1.0/", Fault(seconds=0.05), 10_000)
    sweep_many(double, 8)
    assert 2 <= double.most_at_once <= AN_APP_IN_NEED


def test_a_part_of_a_batch_that_says_so_lowers_the_limit_too(double: GraphDouble) -> None:
    double.fault("PART PATCH", throttled(0, "ApplicationThrottled"))
    fill(double, 3)
    sweep(double)
    assert slots_of((f"localhost:{double.port}", CLIENT), 16).limit == AN_APP_IN_NEED


def in_two_seconds() -> str:
    return format_datetime(datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2), usegmt=True)


@pytest.mark.parametrize("where", [LIST, VALUE, MARK, BATCH])
@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_time_to_wait_is_obeyed_wherever_it_is_said(double: GraphDouble, where: str, status: int) -> None:
    fill(double, 3 if where == BATCH else 1)
    double.fault(where, Fault(status, HTML, {"Retry-After": "1"}))
    sweep(double)
    (first, second, *_) = [
        at for at, line in zip(double.times, double.requests, strict=True) if re.search(where, line)
    ]
    assert 1.0 <= second - first < 2.0


def test_a_time_to_wait_may_be_a_date(double: GraphDouble) -> None:
    fill(double, 1)
    double.fault(LIST, Fault(429, {}, {"Retry-After": in_two_seconds()}))
    begun = time.monotonic()
    sweep(double)
    assert 0.9 <= time.monotonic() - begun < 4.0


def test_parts_wait_as_long_as_the_most_patient_asks(double: GraphDouble) -> None:
    fill(double, 5)
    double.fault("PART PATCH", throttled(2, "ApplicationThrottled"))
    double.fault("PART PATCH", throttled(1, "ApplicationThrottled"))
    sweep(double)
    first, second = [at for at, line in zip(double.times, double.requests, strict=True) if "batch" in line]
    assert 2.0 <= second - first < 3.0
    assert all(item.is_read for item in double.mailbox(ADDRESS).items.values())


@pytest.mark.parametrize("seconds", ["-5", "soon", "", "1e3", "nan"])
def test_a_time_to_wait_that_is_none_is_waited_for_as_without_one(double: GraphDouble, seconds: str) -> None:
    fill(double, 1)
    double.fault(LIST, Fault(429, {}, {"Retry-After": seconds}))
    begun = time.monotonic()
    sweep(double)
    assert time.monotonic() - begun < 5.0


def test_a_part_asks_for_more_time_than_there_is(double: GraphDouble) -> None:
    fill(double, 3)
    double.fault("PART PATCH", throttled(500))
    with pytest.raises(Throttled) as caught:
        sweep(double)
    assert caught.value.retry_after == 500
    assert double.count(BATCH) == 1


NAMES = {
    "Clients/ACME": "Inbox/Clients/ACME",
    "50% paid & more?": "Inbox/50% paid & more?",
    "O'Neill": "inbox/O'Neill",
    "Geschäft": unicodedata.normalize("NFD", "Inbox/Geschäft"),
    "#1 {x} [y] + z": "Inbox/#1 {x} [y] + z",
    "..": "Inbox/..",
    "archive": "Inbox/archive",
    " padded ": "Inbox/ padded ",
    "A/B/C": "Inbox/A/B/C",
    "日本語": "Inbox/日本語",
}


@pytest.mark.parametrize("shown", NAMES)
def test_a_folder_is_found_whatever_its_name_holds(double: GraphDouble, shown: str) -> None:
    mailbox = double.mailbox(ADDRESS)
    folder = mailbox.create_folder(shown, mailbox.folders["inbox"].identity)
    below = mailbox.create_folder("Done", folder.identity)
    for written, found in ((NAMES[shown], folder), (f"{NAMES[shown]}/Done", below)):
        item = mailbox.add(b"Subject: x\r\n\r\n", folder=found.identity)
        with graph_source(double, folder=written) as source:
            assert [ref.locus.endswith(item.identity) for ref in source.list_unread()] == [True]


def test_two_folders_of_one_name_are_not_guessed_between(double: GraphDouble) -> None:
    mailbox = double.mailbox(ADDRESS)
    for _ in range(2):
        mailbox.create_folder("Payroll", mailbox.folders["inbox"].identity)
    with pytest.raises(FolderMissing):
        graph_source(double, folder="Inbox/Payroll").__enter__()


def test_more_folders_than_a_page_holds(double: GraphDouble) -> None:
    mailbox = double.mailbox(ADDRESS)
    for number in range(250):
        mailbox.create_folder(f"F{number}", mailbox.folders["inbox"].identity)
    with graph_source(double, folder="Inbox/F249") as source:
        assert source.list_unread() == []


IDS = re.compile(r"client-request-id [0-9a-f-]{36}")
ODD = {
    "refused": Fault(400, {"error": {"code": "ErrorInternal", "message": "no"}}),
    "forbidden": Fault(403, {"error": {"code": "ErrorAccessDenied", "message": "no"}}),
    "throttled": throttled(600),
    "html": Fault(503, HTML, {"Retry-After": "600"}),
    "no json": Fault(200, b"<html>"),
    "no list": Fault(200, {"value": 7}),
    "elsewhere": Fault(200, {"value": [], "@odata.nextLink": "https://evil.example/v1.0/x"}),
    "reset": Fault(drop="before"),
    "cut": Fault(drop="middle"),
    "redirect": Fault(302, b"", {"Location": "https://evil.example/"}),
}


@pytest.mark.parametrize("name", ODD)
def test_every_error_names_the_request_to_microsoft(double: GraphDouble, name: str) -> None:
    fill(double, 1)
    double.fault(LIST, ODD[name], 99)
    with pytest.raises(SourceError) as caught:
        sweep(double)
    assert IDS.search(str(caught.value)), str(caught.value)
    if not ODD[name].drop:
        assert re.search(r"[( ]request-id [0-9a-f-]{36}", str(caught.value)), str(caught.value)


def test_pages_in_a_circle_name_the_request(double: GraphDouble) -> None:
    fill(double, 1)
    link = f"{double.root}/v1.0/users/{ADDRESS}/mailFolders/inbox/messages?$skip=0"
    double.fault(LIST, Fault(change=lambda reply: Reply(200, {**reply.content, "@odata.nextLink": link})), 9)
    with pytest.raises(SourceError, match="circle") as caught:
        sweep(double)
    assert IDS.search(str(caught.value))


def test_a_next_link_differs_in_the_case_of_its_escapes_at_most(double: GraphDouble) -> None:
    """urllib3 writes %3a as %3A, which is the same (RFC 3986 section 6.2.2.1); all else is byte for byte."""
    fill(double, 1)
    odd = "%24skiptoken=a%3ab%2fc%20d%7e~'()*!$,;:@/?&x=%c3%a9+%25&&=&y"

    def two_pages(reply: Reply) -> Reply:
        link = f"{double.root}/v1.0/users/{ADDRESS}/mailFolders/inbox/messages?{odd}"
        return Reply(200, {"value": reply.content["value"], "@odata.nextLink": link})

    double.fault(LIST, Fault(change=two_pages))
    double.fault("skiptoken", Fault(200, {"value": []}))
    with graph_source(double) as source:
        assert len(source.list_unread()) == 1
    asked = double.requests[-1].partition("?")[2]
    assert asked == re.sub("%[0-9a-f]{2}", lambda escape: escape[0].upper(), odd)


def test_a_message_that_vanishes_from_a_batch_of_sizes_is_left_out(double: GraphDouble) -> None:
    fill(double, 4)
    with graph_source(double) as first:
        refs = first.list_unread()
    with graph_source(double) as source:
        double.mailbox(ADDRESS).remove("2")
        assert len(source.measure([replace(ref, size=None) for ref in refs])) == 3
        source.mark_read([ref.locus for ref in refs])
        moved = source.move([ref.locus for ref in refs], "archive")
    assert len(moved) == 3


def test_a_batch_that_answers_a_part_twice_or_not_at_all(double: GraphDouble) -> None:
    fill(double, 3)
    first_twice = Fault(change=lambda reply: Reply(200, {"responses": [reply.content["responses"][0]] * 3}))
    double.fault(BATCH, first_twice)
    with pytest.raises(SourceError, match="unanswered") as caught:
        sweep(double)
    assert IDS.search(str(caught.value))
    with suppress(SourceError):
        sweep(double)
    assert all(item.is_read for item in double.mailbox(ADDRESS).items.values())
