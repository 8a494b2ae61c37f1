"""How many at once, and for how long nobody."""

from __future__ import annotations

import threading
import time

import pytest

from emailint.graph_client.attempts import pause_before
from emailint.graph_client.client import GraphSettings, query_of
from emailint.graph_client.limits import Slots
from tests.unit.graph_client.tokens import OneToken


def test_no_more_than_the_limit_are_at_work() -> None:
    slots, most, at_work = Slots(3), 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal most, at_work
        with slots.taken():
            with lock:
                at_work += 1
                most = max(most, at_work)
            time.sleep(0.005)
            with lock:
                at_work -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3


def test_who_needs_all_slots_gets_them_alone() -> None:
    slots = Slots(2)
    with slots.taken(2):
        assert not _free(slots)
    assert _free(slots)
    slots.lower(1)
    with slots.taken(2):  # more than there are: alone, rather than never
        assert not _free(slots)


def _free(slots: Slots) -> bool:
    done = threading.Event()

    def take() -> None:
        with slots.taken():
            done.set()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    return done.wait(0.05)


def test_a_limit_only_goes_down() -> None:
    slots = Slots(16)
    slots.lower(4)
    slots.lower(8)
    assert slots.limit == 4


def test_the_longest_pause_counts() -> None:
    now = [100.0]
    slots = Slots(2, clock=lambda: now[0])
    assert slots.pause_left == 0
    slots.pause(5)
    slots.pause(2)
    assert slots.pause_left == 5
    now[0] += 6
    assert slots.pause_left == 0


def test_pauses_are_what_the_server_says_or_double() -> None:
    assert pause_before(1, 7.0) == 7.0
    assert pause_before(4, 0.0) == 0.0
    for tries in range(1, 6):
        assert 2 ** (tries - 1) <= pause_before(tries, None) <= 1.25 * 2 ** (tries - 1)


QUERIES = {
    "?$select=id,receivedDateTime": {"$select": "id,receivedDateTime"},
    "?$filter=isRead%20eq%20false&$top=10": {"$filter": "isRead eq false", "$top": "10"},
    "?$filter=internetMessageId%20eq%20'%3Ca%2Bb%26c@d.e%3E'": {
        "$filter": "internetMessageId eq '<a+b&c@d.e>'"
    },
    "": {},
}


@pytest.mark.parametrize("expected", QUERIES)
def test_queries_are_escaped_as_odata_wants_them(expected: str) -> None:
    assert query_of(QUERIES[expected]).replace("%40", "@") == expected


ROOTS = {
    "https://graph.microsoft.com": "https://graph.microsoft.com",
    "https://graph.microsoft.com/": "https://graph.microsoft.com",
    "https://graph.microsoft.com/v1.0": "https://graph.microsoft.com",
    "https://graph.microsoft.com/v1.0/": "https://graph.microsoft.com",
    "https://localhost:8443/v1.0": "https://localhost:8443",
}


@pytest.mark.parametrize("written", ROOTS)
def test_the_root_may_be_written_with_its_version(written: str) -> None:
    assert GraphSettings("a@b.c", OneToken(), base_url=written).root == ROOTS[written]


def test_a_mailbox_in_a_path_is_escaped() -> None:
    settings = GraphSettings("a/../b?c#d+e@f.g", OneToken())
    assert settings.home == "/users/a%2F..%2Fb%3Fc%23d%2Be@f.g"
    assert GraphSettings("a@b.c", OneToken(), person=True).home == "/me"
