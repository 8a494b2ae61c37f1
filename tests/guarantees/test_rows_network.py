"""Rows 42 to 46, 92 to 94, 98, 99: servers that break off, lie, flood, lack, refuse, or are somebody else."""

from __future__ import annotations

import json
import os
import time
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from emailint.config.model import Alias
from emailint.errors import ConnectionFailed, LoginRefused
from tests.support.dovecot import EXPIRED, SELF_SIGNED, WRONG_HOST
from tests.support.memory import letter
from tests.support.relay import Relay
from tests.support.scripted_imap import GOOD_GREETING, Conversation, ScriptedImap, fetch_response
from tests.support.world import PAYROLL, make_world

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from emailint.store.records import OpenError
    from emailint.sweep.result import SweepResult
    from tests.support.desk import Desk
    from tests.support.dovecot import Dovecot
    from tests.support.scripted_imap import Reply
    from tests.support.world import World

BESIDE = """
  - name: beside
    mailbox: beside@example.org
    protocol: maildir
    path: beside
    outbound: {type: folder, path: outbox}
"""
DONE = b"TAG OK done\r\n"
SOAK = "EMAILINT_SOAK" in os.environ
pytestmark = pytest.mark.timeout(1_800 if SOAK else 120)


def beside(desk: Desk) -> None:
    """Another mailbox, in which a mail waits."""
    for part in ("cur", "new", "tmp"):
        (desk.installation.folder / "beside" / part).mkdir(parents=True)
    raw = letter(1, to="beside@example.org", sender="before@beside.example")
    (desk.installation.folder / "beside" / "new" / "1.x").write_bytes(raw)
    desk.more = BESIDE


def beside_is_done(desk: Desk) -> None:
    """It was taken and answered whatever the first one did."""
    assert [case["integration"] for case in desk.cases() if case["integration"] == "beside"] == ["beside"]
    assert len(list((desk.installation.folder / "outbox").glob("*.eml"))) == 1


def against(desk: Desk, server: ScriptedImap, **options: Any) -> SweepResult:
    """A sweep of a scripted server and of the mailbox beside it."""
    desk.configure(host="127.0.0.1", port=server.port, tls="none", ca=None)
    return desk.sweep(**options)


def test_row_042_the_connection_breaks_after_so_many_octets(desk: Desk, dovecot: Dovecot) -> None:
    bodies = [f"The whole of mail {number}." * 12 for number in range(4)]
    beside(desk)
    desk.mailbox.deliver_many(
        letter(n, sender=f"p{n}@example.com", body=body) for n, body in enumerate(bodies)
    )
    for cut in range(40, 3_400, 20 if SOAK else 310):
        with Relay(dovecot.port, cut_after=cut) as relay:
            desk.configure(host="localhost", port=relay.port, tls="none", ca=None)
            desk.sweep(integrations=("payroll",))
    desk.configure(port=dovecot.port)
    result = desk.sweep(terminal=True)
    assert not result.trouble, result
    beside_is_done(desk)
    issues = sorted(case["issue"] for case in desk.cases() if case["integration"] == "payroll")
    assert issues == sorted(bodies)
    assert desk.mailbox.unread() == []
    assert set(desk.answered().values()) == {1}


@pytest.mark.parametrize(
    "answer",
    [
        b"* 1 FETCH (UID 1 BODY[] {2000000000}\r\nhello",
        b"* 1 FETCH (UID 1 BODY[] {99999999999999999999}\r\n",
        b"* 1 FETCH (UID 1 BODY[] {60000000}\r\n" + b"x" * 100_000,
    ],
    ids=["2 GB", "20 digits", "60 MB"],
)
def test_row_043_a_lying_literal(desk: Desk, answer: bytes) -> None:
    beside(desk)
    tracemalloc.start()
    try:
        with ScriptedImap({"UID FETCH": [b"* 1 FETCH (UID 1 RFC822.SIZE 99)\r\n" + DONE, answer]}) as server:
            result = against(desk, server)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60_000_000
    assert result.trouble
    assert {error.trouble.integration for error in desk.errors()} == {"payroll"}
    assert result.integrations[0].counts.cases == 0
    assert [case["integration"] for case in desk.cases()] == ["beside"]
    beside_is_done(desk)


@pytest.mark.parametrize(
    "flood",
    [b"x" * 100_000, b"* 1 EXISTS\r\n" * 5_000],
    ids=["a line without end", "untagged data without end"],
)
def test_row_044_answers_without_end(desk: Desk, flood: bytes) -> None:
    def pour(talk: Conversation, tag: bytes) -> None:
        while True:
            talk.send(flood)

    beside(desk)
    begun = time.monotonic()
    with ScriptedImap({"UID SEARCH": pour}) as server:
        result = against(desk, server, deadline=3.0)
    assert time.monotonic() - begun < 10
    assert result.integrations[0].error is not None
    beside_is_done(desk)


def test_row_045_a_server_that_has_nothing_but_imap4rev1(desk: Desk) -> None:
    raws = {uid: letter(uid, sender=f"p{uid}@example.com") for uid in (1, 2, 3)}
    replies: Mapping[str, Reply | list[Reply]] = {
        "UID SEARCH": b"* SEARCH 3\r\n* SEARCH\r\n* SEARCH 1 2\r\n" + DONE,
        "UID FETCH 1:3 (UID RFC822.SIZE": b"".join(
            b'* %d FETCH (UID %d RFC822.SIZE %d INTERNALDATE "%s")\r\n' % (n, n, len(raw), _today())
            for n, raw in raws.items()
        )
        + DONE,
        "UID FETCH": b"".join(fetch_response(uid, raw) for uid, raw in raws.items()) + DONE,
    }
    with ScriptedImap(replies) as server:
        desk.settings["user"] = f"{desk.mailbox.user}\n    move_to: Done"
        result = against(desk, server)
        commands = [command for command in server.commands if command.startswith("UID")]
    assert (result.totals.cases, result.totals.replies_sent) == (3, 3)
    verbs = [" ".join(command.split()[:2]) for command in commands]
    assert verbs == ["UID SEARCH", "UID FETCH", "UID FETCH", "UID STORE", "UID COPY", "UID STORE"]
    assert not any("EXPUNGE" in command or "RETURN" in command or "{" in command for command in commands)


def _today() -> bytes:
    return time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime()).encode()


def test_row_046_a_folder_that_may_only_be_read(desk: Desk) -> None:
    desk.mailbox.deliver_many(letter(n, sender=f"p{n}@example.com") for n in range(2))
    desk.mailbox.make_read_only()
    beside(desk)
    desk.configure()
    for _ in range(3):
        desk.sweep(terminal=True)
    (error,) = desk.errors()
    assert (error.trouble.kind, error.count) == ("folder_read_only", 3)
    mine = [case for case in desk.cases() if case["integration"] == "payroll"]
    assert len(mine) == 2
    assert len(desk.mailbox.unread()) == 2
    assert desk.answered() == {"p0@example.com": 1, "p1@example.com": 1}
    beside_is_done(desk)


@pytest.mark.parametrize(
    ("host", "reason"), [(EXPIRED, "expired"), (SELF_SIGNED, "self-signed"), (WRONG_HOST, "127.0.0.4")]
)
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_row_092_certificates_that_are_not_right(
    desk: Desk, dovecot: Dovecot, host: str, reason: str, tls: str
) -> None:
    beside(desk)
    desk.configure(host=host, tls=tls, port=dovecot.tls_port if tls == "implicit" else dovecot.port)
    desk.mailbox.deliver(letter(1))
    before = len(dovecot.log())
    result = desk.sweep()
    assert reason in str(result.integrations[0].error)
    assert "no password was sent" in str(result.integrations[0].error)
    said = dovecot.log()[before:]
    assert desk.mailbox.user not in said
    assert len(desk.mailbox.unread()) == 1
    beside_is_done(desk)


@pytest.mark.parametrize(
    ("greeting", "reply"),
    [
        (b"* OK ready\r\n", b"TAG BAD what?\r\n"),
        (GOOD_GREETING, b"TAG BAD what?\r\n"),
        (GOOD_GREETING, b"TAG NO not now\r\n"),
        (GOOD_GREETING, b"TAG OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"),
        (b"* PREAUTH welcome\r\n", b"TAG OK go\r\n"),
    ],
    ids=["missing", "stripped", "NO", "injected", "preauth"],
)
def test_row_093_starttls_that_is_none(desk: Desk, greeting: bytes, reply: bytes) -> None:
    beside(desk)
    with ScriptedImap({"STARTTLS": reply}, greeting=greeting) as server:
        desk.configure(host="127.0.0.1", port=server.port, tls="starttls", ca=None)
        result = desk.sweep()
        assert set(server.commands) <= {"STARTTLS", "CAPABILITY", "LOGOUT"}
        assert desk.mailbox.password.encode() not in b"".join(server.received)
    assert "no password was sent" in str(result.integrations[0].error)
    beside_is_done(desk)


def test_row_094_an_alert_that_steers_and_repeats_the_password(desk: Desk) -> None:
    def alert(talk: Conversation, tag: bytes) -> None:
        said = b"\x1b]52;c;x\x07\x1b[2J\xc2\x9b31m " + b" ".join(server.received)
        talk.send(tag + b" NO [ALERT] " + said + b"\r\n")

    beside(desk)
    desk.configure(password="sesame-Open-94")
    with ScriptedImap({"LOGIN": alert}) as server:
        desk.configure(host="127.0.0.1", port=server.port, tls="none", ca=None)
        commands = (["-vv", "process"], ["list-errors"], ["list-errors", "--json"], ["test-connection"])
        done = [desk.installation.run(*each, status=None) for each in commands]
    said = "".join(each.stdout + each.stderr for each in done)
    assert "refused" in said
    assert all(each == "\n" or each.isprintable() for each in said)
    left = b"".join(
        path.read_bytes() for path in (desk.installation.folder / "data").rglob("*") if path.is_file()
    )
    assert "sesame" not in said
    assert b"sesame" not in left
    beside_is_done(desk)


def test_row_098_a_wrong_password_for_a_day(world: World) -> None:
    def refuse(verb: str) -> None:
        if verb == "connect":
            raise LoginRefused("the server refused the password of payroll")

    world.source.deliver(letter(1))
    world.source.before = refuse
    news: list[OpenError] = []
    step = 1 if SOAK else 4  # minutes
    for _ in range(24 * 60 // step):
        news += world.sweep().news
        world.clock.forward(timedelta(minutes=step))
    (error,) = world.open_errors()
    assert error.count == world.source.calls.count("connect") < 35
    assert [each.error_id for each in news] == [error.error_id]
    assert [line["count"] for line in world.lines("errors.jsonl")] == [1, 10]


def test_row_099_one_mailbox_of_twenty_cannot_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twenty = [
        replace(
            PAYROLL,
            name=f"m{n}",
            mailbox=f"m{n}@example.org",
            host=f"h{n}.example.org",
            aliases=(Alias(f"m{n}@example.org", default=True),),
        )
        for n in range(20)
    ]
    world = make_world(tmp_path, monkeypatch, integrations=tuple(twenty))
    for n, source in enumerate(world.sources.values()):
        source.deliver(letter(n, to=f"m{n}@example.org", sender=f"p{n}@example.com"))

    def unreachable(verb: str) -> None:
        if verb == "connect":
            time.sleep(0.5)  # an address that nobody answers at
            raise ConnectionFailed("no connection to h7.example.org:993: timed out")

    world.sources["m7"].before = unreachable
    begun = time.monotonic()
    result = world.sweep(deadline=20.0)
    assert time.monotonic() - begun < 8
    assert (result.totals.cases, result.totals.replies_sent) == (19, 19)
    assert [each.name for each in result.integrations if each.error] == ["m7"]
    assert [error.trouble.integration for error in world.open_errors()] == ["m7"]
    assert json.dumps(world.lines("errors.jsonl")).count('"opened"') == 1
