"""Rows 11 to 14: Microsoft Graph that is slow, busy, or leads elsewhere."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from emailint.graph_client.limits import forget_slots
from tests.support.entra_double import CLIENT, SECRET, TENANT
from tests.support.graph import ADDRESS
from tests.support.graph_double import HTML, Fault, GraphDouble, throttled
from tests.support.graph_routes import Reply
from tests.support.memory import letter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Installation

SEND = "POST .*/send"
CONFIG = f"""store: data
integrations:
  - name: payroll
    mailbox: {ADDRESS}
    provider: office365
    oauth:
      tenant: {TENANT}
      client_id: {CLIENT}
      client_secret: "${{{{GRAPH_SECRET}}}}"
      authority: "{{root}}"
    graph: {{{{base_url: "{{root}}"}}}}
    ca_file: {{ca}}
    workspace: 1201
"""


@pytest.fixture
def double() -> Iterator[GraphDouble]:
    forget_slots()
    with GraphDouble() as running:
        running.mailbox(ADDRESS)
        yield running
    assert running.graph.complaints == []


@pytest.fixture
def app(installation: Installation, double: GraphDouble) -> Installation:
    """Two mails wait."""
    installation.configure(CONFIG.format(root=double.root, ca=double.ca_file))
    installation.environ["GRAPH_SECRET"] = SECRET
    start = datetime.now(UTC) - timedelta(minutes=5)
    for number in range(2):
        raw = letter(number, to=ADDRESS, sender=f"p{number}@example.com")
        double.mailbox(ADDRESS).add(raw, received_at=start + timedelta(seconds=number))
    return installation


def unread(double: GraphDouble) -> int:
    mailbox = double.mailbox(ADDRESS)
    return sum(not item.is_read for item in mailbox.in_folder(mailbox.folders["inbox"]))


def answered(double: GraphDouble) -> list[str]:
    sent = [item.recipients("toRecipients") for item in double.mailbox(ADDRESS).sent]
    return sorted(each["emailAddress"]["address"] for recipients in sent for each in recipients)


EACH_ONCE = ["p0@example.com", "p1@example.com"]


def test_row_011_a_send_times_out_at_the_gateway(app: Installation, double: GraphDouble) -> None:
    """It was sent, and the gateway did not wait for the answer."""
    double.fault(SEND, Fault(change=lambda _reply: Reply(504, HTML)), 2)
    assert app.process()["totals"]["replies_sent"] == 2
    app.process()
    assert double.count(SEND) == 2
    assert answered(double) == EACH_ONCE
    assert double.mailbox(ADDRESS).drafts() == []
    assert len(app.lines()) == 2


def test_row_012_accepted_with_a_time_to_wait(app: Installation, double: GraphDouble) -> None:
    def patient(reply: Reply) -> Reply:
        return Reply(reply.status, reply.content, {"Retry-After": "1"})

    double.fault(SEND, Fault(change=patient), 2)
    totals = app.process()["totals"]
    assert totals["replies_sent"] == 2
    app.process()
    assert answered(double) == EACH_ONCE
    assert double.count(SEND) == 2


def test_row_013_a_storm_of_429(app: Installation, double: GraphDouble) -> None:
    double.fault(" /v1.0/", throttled(30), 10_000)
    begun = time.monotonic()
    done = app.run("process", "--deadline", "4s")
    assert time.monotonic() - begun < 8
    assert (done.stdout, done.stderr) == ("", "")
    assert (unread(double), app.lines()) == (2, [])
    double.mend()
    assert app.process("--integration", "payroll")["totals"]["cases"] == 2
    assert answered(double) == EACH_ONCE


def test_row_014_the_next_page_is_elsewhere(app: Installation, double: GraphDouble) -> None:
    with socket.create_server(("127.0.0.1", 0)) as thief:
        thief.settimeout(0.01)
        there = f"https://localhost:{thief.getsockname()[1]}/v1.0/users/x/messages"

        def elsewhere(reply: Reply) -> Reply:
            return Reply(200, {**reply.content, "@odata.nextLink": there})

        double.fault(r"GET .*/messages\?", Fault(change=elsewhere), 10)
        done = app.run("process", status=1)
        with pytest.raises(TimeoutError):
            thief.accept()
    assert "no token was sent" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (unread(double), app.lines()) == (2, [])


@pytest.mark.parametrize(
    "fault",
    [
        Fault(403, {"error": {"code": "ErrorAccessDenied"}}),
        Fault(503, {"error": {"code": "ServiceUnavailable"}}),
        Fault(503, {}, {"Retry-After": "30"}),
    ],
    ids=["403", "503", "503 for long"],
)
def test_one_mail_that_is_never_marked_holds_up_no_other(
    app: Installation, double: GraphDouble, fault: Fault
) -> None:
    """I6, over three sweeps: alone with an older one, with new mail beside it, and cured."""
    mailbox = double.mailbox(ADDRESS)
    sick = mailbox.by_subject("Question 0")
    double.fault(rf"PATCH .*{sick.identity}", fault, 10_000)
    begun = time.monotonic()
    assert app.process("--deadline", "20s", status=None)["totals"]["cases"] == 2
    for number in (2, 3):
        mailbox.add(letter(number, to=ADDRESS, sender=f"p{number}@example.com"))
    totals = app.process("--deadline", "20s", status=None)["totals"]
    assert (totals["cases"], totals["already_known"]) == (2, 1)
    assert time.monotonic() - begun < 20
    assert not sick.is_read
    assert unread(double) == 1
    assert answered(double) == [f"p{number}@example.com" for number in range(4)]
    (error,) = json.loads(app.run("list-errors", "--json").stdout)["errors"]
    assert (error["kind"], error["case_id"]) == ("unmarked", "CS-000001")
    assert sick.identity in error["locus"]
    double.mend()
    app.process()
    assert unread(double) == 0
    assert json.loads(app.run("list-errors", "--json").stdout)["errors"] == []
