"""One mail that its server does not give, and a server that gives none: the command, as cron has it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from emailint.sources.imap_response import expand
from tests.e2e.test_graph import configure, double, fill, unread
from tests.support.graph import ADDRESS
from tests.support.graph_double import Fault, GraphDouble, unavailable
from tests.support.memory import letter
from tests.support.scripted_imap import ScriptedImap, fetch_response

if TYPE_CHECKING:
    from typing import Any

    from tests.e2e.conftest import Installation
    from tests.support.scripted_imap import Conversation, Reply

__all__ = ["double"]

VALUE = r"GET .*/\$value"
COUNTS = ("cases", "failed", "quarantined", "left")
IMAP = """
integrations:
  - name: desk
    mailbox: desk@example.org
    host: 127.0.0.1
    port: {port}
    tls: none
    username: desk
    password: "correct horse"
    outbound: {{type: none}}
    workspace: 1
"""


def books(document: dict[str, Any]) -> tuple[int, ...]:
    return tuple(document["totals"][name] for name in COUNTS)


@pytest.mark.parametrize("fault", [unavailable(), Fault(drop="middle")], ids=["503", "cut"])
def test_one_mail_that_graph_does_not_give(
    installation: Installation, double: GraphDouble, fault: Fault
) -> None:
    configure(installation, double)
    fill(double, 8)
    sick = double.mailbox(ADDRESS).by_subject("Question 2").identity
    double.fault(rf"GET .*/{sick}/\$value", fault, 10_000)
    begun = time.monotonic()
    first = installation.process(status=1)
    assert time.monotonic() - begun < 12
    assert books(first) == (7, 1, 0, 0)
    assert first["integrations"][0]["error"] is None
    assert unread(double) == 1
    assert books(installation.process(status=1)) == (0, 1, 0, 0)
    assert books(installation.process(status=1)) == (0, 0, 1, 0)
    assert books(installation.process()) == (0, 0, 0, 0)
    assert unread(double) == 0
    case = installation.lines()[-1]
    assert (case["subject"], case["reply"]["decision"]) == ("Question 2", "withhold")
    assert case["defects"][0].startswith("not_delivered: ")
    assert "asks the server for it again" in installation.run("list-errors").stdout.replace("\n", " ")
    double.mend()
    installation.run("retry", "--quarantined")
    (line,) = installation.lines("followups.jsonl")
    assert line["case_id"] == case["case_id"]
    assert "Please help" in line["issue"]


def test_a_graph_that_gives_no_mail_blames_none(installation: Installation, double: GraphDouble) -> None:
    configure(installation, double)
    fill(double, 2)
    assert books(installation.process()) == (2, 0, 0, 0)
    fill(double, 8)  # two of them are known by what they are
    double.fault(VALUE, unavailable(), 10_000)
    for _ in range(2):
        outage = installation.process("--integration", "payroll", "--deadline", "30s", status=None)
        assert books(outage) == (0, 0, 0, 8)
        assert outage["integrations"][0]["error"]
    assert {line["kind"] for line in installation.lines("errors.jsonl")} == {"throttled"}
    double.mend()
    assert books(installation.process("--integration", "payroll")) == (6, 0, 0, 0)
    assert all(line["defects"] == [] for line in installation.lines())


SICK = {
    "NO": b"TAG NO cannot open it\r\n",
    "BAD": b"TAG BAD internal error\r\n",
    "a literal of no octets": b"* 2 FETCH (UID 2 BODY[] {0}\r\n)\r\n",
    "a literal without end": b"* 2 FETCH (UID 2 BODY[] {2000000000}\r\n",
    "NIL": b"* 2 FETCH (UID 2 BODY[] NIL)\r\n",
    "nothing": b"",
    "hangs up": b"* BYE gone\r\n",
}
ENDS = (b"TAG", b"* BYE", b"* 2 FETCH (UID 2 BODY[] {2")
"""How those begin after which nothing more comes of that answer."""


def fetching(sick: bytes) -> Reply:
    """Answers UID FETCH for four messages, and so wherever it comes to the body of the second one."""

    def answer(talk: Conversation, tag: bytes) -> None:
        _, _, _, uids, items = talk._transcript[-1].split(b" ", 4)
        for uid in expand(uids):
            raw = letter(uid, to="desk@example.org")
            if b"RFC822.SIZE" in items:
                talk.send(b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % (uid, uid, len(raw)))
            elif b"HEADER" in items:
                header = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
                talk.send(fetch_response(uid, header).replace(b"BODY[]", b"BODY[HEADER]<0>"))
            elif uid != 2:
                talk.send(fetch_response(uid, raw))
            else:
                talk.send(sick.replace(b"TAG", tag))
                if sick.startswith(ENDS):
                    return
        talk.send(tag + b" OK done\r\n")

    return answer


@pytest.mark.parametrize("sick", SICK.values(), ids=SICK)
def test_one_mail_that_an_imap_server_does_not_give(installation: Installation, sick: bytes) -> None:
    with ScriptedImap(
        {"UID SEARCH": b"* SEARCH 1 2 3 4\r\nTAG OK done\r\n", "UID FETCH": fetching(sick)}
    ) as server:
        installation.configure(IMAP.format(port=server.port))
        first = installation.process(status=1)
        assert books(first) == (3, 1, 0, 0)
        assert first["integrations"][0]["error"] is None
        if sick == SICK["NO"]:
            assert books(installation.process(status=1)) == (0, 1, 0, 0)
            assert books(installation.process(status=1)) == (0, 0, 1, 0)
            assert installation.lines()[-1]["subject"] == "Question 2"
    assert len({line["message"]["message_id"] for line in installation.lines()}) == len(installation.lines())


def test_an_imap_server_that_gives_no_mail_blames_none(installation: Installation) -> None:
    with ScriptedImap({"UID FETCH": SICK["NO"]}) as server:
        installation.configure(IMAP.format(port=server.port))
        for _ in range(3):
            outage = installation.process("--integration", "desk", status=1)
            assert books(outage) == (0, 0, 0, 2)
            assert outage["integrations"][0]["error"]
    assert installation.lines() == []
