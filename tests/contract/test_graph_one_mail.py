"""One mail that Graph never marks, moves or measures: named, soon, and the others are done."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from emailint.errors import SourceError, Throttled
from emailint.graph_client.limits import forget_slots
from tests.support.graph import ADDRESS, graph_source
from tests.support.graph_double import HTML, Fault, GraphDouble, throttled

if TYPE_CHECKING:
    from collections.abc import Iterator

SICK = 3
EVER = 10_000


@pytest.fixture
def double() -> Iterator[GraphDouble]:
    """45 mails, which are three batches."""
    forget_slots()
    start = datetime(2026, 11, 24, 9, tzinfo=UTC)
    with GraphDouble() as running:
        for number in range(45):
            raw = b"Subject: %d\r\n\r\nbody\r\n" % number
            running.mailbox(ADDRESS).add(raw, received_at=start + timedelta(seconds=number))
        yield running
    assert running.graph.complaints == []


def sick(double: GraphDouble) -> str:
    return double.mailbox(ADDRESS).by_subject(str(SICK)).identity


def unread(double: GraphDouble) -> list[str]:
    return [item.subject() for item in double.mailbox(ADDRESS).items.values() if not item.is_read]


FAULTS = {
    "403": Fault(403, {"error": {"code": "ErrorAccessDenied"}}),
    "400": Fault(400, {"error": {"code": "ErrorSaveFailed"}}),
    "500": Fault(500, {}),
    "503": Fault(503, {}),
    "503 for long": Fault(503, {}, {"Retry-After": "30"}),
    "504": Fault(504, {}),
}
each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


@each_fault
def test_the_others_are_marked(double: GraphDouble, fault: Fault) -> None:
    double.fault(f"PATCH .*{sick(double)}", fault, EVER)
    begun = time.monotonic()
    with graph_source(double) as source:
        refs = source.list_unread()
        for asked in (refs, [refs[SICK]]):  # the second time alone, which makes nobody wait either
            with pytest.raises(SourceError) as caught:
                source.mark_read([ref.locus for ref in asked])
            assert caught.value.loci == (refs[SICK].locus,)
            assert unread(double) == [str(SICK)]
        source.list_unread()
    assert time.monotonic() - begun < 8


@each_fault
def test_the_others_are_moved(double: GraphDouble, fault: Fault) -> None:
    mailbox = double.mailbox(ADDRESS)
    done = mailbox.create_folder("Prüfung/Löhne", mailbox.create_folder("Erledigt").identity)
    double.fault(f"POST .*{sick(double)}/move", fault, EVER)
    with graph_source(double) as source:
        loci = [ref.locus for ref in source.list_unread()]
        with pytest.raises(SourceError) as caught:
            source.move(loci, "Erledigt/Prüfung/Löhne")
        assert caught.value.loci == (loci[SICK],)
        rest = [locus for locus in loci if locus != loci[SICK]]
        assert source.move(rest, "Erledigt/Prüfung/Löhne") == {locus: locus for locus in rest}
    assert len(mailbox.in_folder(done)) == 44


@each_fault
def test_the_others_are_measured(double: GraphDouble, fault: Fault) -> None:
    with graph_source(double) as source:
        refs = source.list_unread()
    double.fault(f"PART GET .*{sick(double)}", fault, EVER)
    with graph_source(double) as source:
        measured = source.measure(refs)
    assert [ref.locus for ref in measured] == [ref.locus for ref in refs]
    assert sum(ref.size is None for ref in measured) in (1, len(refs))  # 400 may mean that none is offered


def test_a_part_that_is_throttled_for_a_while_is_waited_for(double: GraphDouble) -> None:
    """429 is about the mailbox, however few parts it is said to."""
    double.fault(f"PATCH .*{sick(double)}", throttled(1), 3)
    with graph_source(double) as source:
        source.mark_read([ref.locus for ref in source.list_unread()])
    assert unread(double) == []


def test_a_mailbox_that_is_in_trouble_is_waited_for(double: GraphDouble) -> None:
    double.fault("PART PATCH", Fault(503, {}, {"Retry-After": "1"}), 40)
    with graph_source(double) as source:
        source.mark_read([ref.locus for ref in source.list_unread()])
    assert unread(double) == []


def test_a_mailbox_that_stays_in_trouble_is_no_trouble_of_its_mails(double: GraphDouble) -> None:
    double.fault("PART PATCH", Fault(503, {}, {"Retry-After": "60"}), EVER)
    with graph_source(double) as source, pytest.raises(Throttled) as caught:
        source.mark_read([ref.locus for ref in source.list_unread()])
    assert (caught.value.loci, caught.value.retry_after) == ((), 60.0)


def test_a_filter_that_says_404_does_not_make_mail_count_as_marked(double: GraphDouble) -> None:
    """It is not Graph's word, and the mail is still there and unread."""
    double.fault("PATCH ", Fault(404, HTML), EVER)
    with graph_source(double) as source:
        refs = source.list_unread()
        with pytest.raises(SourceError, match="not Graph"):
            source.mark_read([refs[0].locus])
