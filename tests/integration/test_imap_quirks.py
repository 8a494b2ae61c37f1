"""Servers as they are met: Exchange Online, Gmail, Yahoo, iCloud and others, with what each is known for.

Each row is a whole sweep over a scripted server, with a mailbox beside it that must go on as if nothing had
been. The answers are as users of mail programs have logged them, in the trackers of getmail6, MailKit,
imapsync, OfflineIMAP, go-imap, node-imap, mailcore2 and jakarta mail.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from emailint.config.load import load
from emailint.store.folder import open_store
from emailint.sweep.options import SweepOptions
from emailint.sweep.schedule import run_sweep
from tests.support.memory import letter
from tests.support.scripted_imap import GOOD_GREETING, ScriptedImap, fetch_response

if TYPE_CHECKING:
    from pathlib import Path

    from emailint.sweep.result import SweepResult
    from tests.support.scripted_imap import Conversation, Reply

DONE = b"TAG OK done\r\n"
ONE, TWO = letter(1, sender="p1@example.com"), letter(2, sender="p2@example.com")
CONFIG = """
store: {folder}/data
integrations:
  - name: odd
    mailbox: payroll@example.org
    host: 127.0.0.1
    port: {port}
    tls: none
    password: correct-horse
    folder: '{imap_folder}'
    outbound: {{type: folder, path: {folder}/outbox}}
  - name: beside
    mailbox: desk@example.org
    protocol: maildir
    path: {folder}/beside
    outbound: {{type: folder, path: {folder}/outbox}}
"""


def sizes(*attributes: str) -> bytes:
    """FETCH responses to the question for sizes, of the messages from 1 on."""
    lines = [f"* {number} FETCH ({each})\r\n" for number, each in enumerate(attributes, 1)]
    return "".join(lines).encode() + DONE


WHEN = 'INTERNALDATE "24-Nov-2026 17:00:05 +0000"'
SIZED = {"UID FETCH 1:2 (UID RFC822.SIZE": sizes(f"UID 1 RFC822.SIZE {len(ONE)} {WHEN}", f"UID 2 {WHEN}")}
BODIES = fetch_response(1, ONE) + fetch_response(2, TWO) + DONE
GOOD: dict[str, Reply | list[Reply]] = {**SIZED, "UID FETCH": BODIES}


@dataclass(frozen=True)
class Quirk:
    """What a server does otherwise, and what is to come of it.

    `cases` of two mails, after one sweep, of which `unanswered` have no reply; `error` is the kind of the
    one open error, "" for none; `marked` whether mail was to be marked; `said` a part of what the error says.
    """

    replies: dict[str, Reply | list[Reply]] = field(default_factory=dict)
    greeting: bytes = GOOD_GREETING
    cases: int = 2
    unanswered: int = 0
    error: str = ""
    marked: bool = True
    said: str = ""
    folder: str = "INBOX"


class Clock:
    """The machine's clocks; its wall clock stands at the mails' time, and moves when it is told to."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class Office:
    """One store with the odd mailbox and the one beside it."""

    folder: Path
    server: ScriptedImap
    quirk: Quirk
    clock: Clock = field(default_factory=Clock)

    def sweep(self) -> SweepResult:
        begun = time.monotonic()
        result = run_sweep(
            load(self.folder / "integrations.yaml"), SweepOptions(deadline=3.0), clock=self.clock
        )
        assert time.monotonic() - begun < 6
        assert all(each.counts.balanced for each in result.integrations), result
        self.clock.wall += timedelta(hours=1)
        return result

    def subjects(self, integration: str) -> list[str]:
        path = self.folder / "data" / "cases.jsonl"
        lines = path.read_bytes().splitlines() if path.exists() else []
        return [case["subject"] for case in map(json.loads, lines) if case["integration"] == integration]

    def errors(self) -> list[tuple[str, str]]:
        with open_store(self.folder / "data", read_only=True) as store:
            return [
                (each.trouble.kind, f"{each.trouble.message} {each.trouble.hint}")
                for each in store.ledger.errors()
                if each.trouble.integration == "odd"
            ]

    def told_to_mark(self) -> bool:
        return any(command.startswith("UID STORE") for command in self.server.commands)


def swept(tmp_path: Path, server: ScriptedImap, quirk: Quirk) -> Office:
    """One sweep of both mailboxes."""
    office = Office(tmp_path, server, quirk)
    for part in ("cur", "new", "tmp"):
        (tmp_path / "beside" / part).mkdir(parents=True)
    (tmp_path / "beside" / "new" / "1.example").write_bytes(letter(9, to="desk@example.org"))
    path = tmp_path / "integrations.yaml"
    path.write_text(
        CONFIG.format(folder=tmp_path, port=server.port, imap_folder=quirk.folder), encoding="utf-8"
    )
    path.chmod(0o600)
    office.sweep()
    return office


def selected(*before: str, code: str = "READ-WRITE", flags: str = "\\Seen \\Deleted") -> bytes:
    """An answer to SELECT, with lines before it."""
    lines = [*before, "* 2 EXISTS", "* OK [UIDVALIDITY 7] ok", f"* OK [PERMANENTFLAGS ({flags})] ok"]
    return "\r\n".join([*lines, f"TAG OK [{code}] done\r\n"]).encode()


def gone_after(octets: bytes) -> Any:
    """Say this, then hang up."""

    def answer(talk: Conversation, tag: bytes) -> None:
        talk.send(octets.replace(b"TAG", tag))
        talk.close()

    return answer


EXCHANGE = b"* OK The Microsoft Exchange IMAP4 service is ready. [RgBSADAAUAAyADgAMQBDAEEA]\r\n"
EXCHANGE_CAN = (
    b"* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE"
    b" NAMESPACE LITERAL+\r\nTAG OK CAPABILITY completed.\r\n"
)
EXCHANGE_LOGS_IN: dict[str, Reply | list[Reply]] = {
    "CAPABILITY": EXCHANGE_CAN,
    "LOGIN": b"TAG OK LOGIN completed.\r\n",
}
GMAIL = b"* OK Gimap ready for requests from 192.0.2.1 x2mb241876667wmk\r\n"
GMAIL_LOGS_IN: dict[str, Reply | list[Reply]] = {
    "CAPABILITY": b"* CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY"
    b" SASL-IR AUTH=XOAUTH2 AUTH=PLAIN\r\nTAG OK Thats all she wrote! x2mb241876667wmk\r\n",
    "LOGIN": b"* CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS"
    b" COMPRESS=DEFLATE ENABLE MOVE CONDSTORE ESEARCH UTF8=ACCEPT LIST-EXTENDED LITERAL- APPENDLIMIT=35651584"
    b"\r\nTAG OK desk@gmail.com authenticated (Success)\r\n",
    "UID SEARCH": b'* ESEARCH (TAG "TAG") UID ALL 1:2\r\nTAG OK SEARCH completed (Success)\r\n',
}
NEWS = b"* 3 EXISTS\r\n* 1 RECENT\r\n* 2 FETCH (FLAGS (\\Answered))\r\n"
NOT_CONNECTED = b"TAG BAD User is authenticated but not connected.\r\n"

QUIRKS = {
    # Exchange Online
    "exchange": Quirk(EXCHANGE_LOGS_IN, EXCHANGE),
    "exchange-not-connected": Quirk(
        {**EXCHANGE_LOGS_IN, "SELECT": NOT_CONNECTED},
        EXCHANGE,
        cases=0,
        error="connection_failed",
        marked=False,
        said="Microsoft",
    ),
    "exchange-not-connected-once": Quirk(
        {**EXCHANGE_LOGS_IN, "SELECT": [NOT_CONNECTED, selected()]}, EXCHANGE
    ),
    "exchange-hangs-up-after-login": Quirk(
        {**EXCHANGE_LOGS_IN, "SELECT": gone_after(b"* BYE Connection closed. 14\r\n")},
        EXCHANGE,
        cases=0,
        error="connection_failed",
        marked=False,
    ),
    "exchange-throttles-the-fetch": Quirk(
        {
            **EXCHANGE_LOGS_IN,
            "UID FETCH": b"TAG BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds\r\n",
        },
        EXCHANGE,
        cases=0,
        error="throttled",
        marked=False,
    ),
    "exchange-sizes-too-small": Quirk(
        {"UID FETCH 1:2 (UID RFC822.SIZE": sizes("UID 1 RFC822.SIZE 10", "UID 2 RFC822.SIZE 1")}
    ),
    "exchange-sizes-too-large": Quirk(
        {
            "UID FETCH 1:2 (UID RFC822.SIZE": sizes(
                f"UID 1 RFC822.SIZE {len(ONE) * 3}", "UID 2 RFC822.SIZE 900000"
            )
        }
    ),
    # Gmail
    "gmail": Quirk(GMAIL_LOGS_IN, GMAIL),
    "gmail-too-many-connections": Quirk(
        {"LOGIN": b"TAG NO [ALERT] Too many simultaneous connections. (Failure)\r\n"},
        GMAIL,
        cases=0,
        error="throttled",
        marked=False,
    ),
    "gmail-throttles-and-answers": Quirk(
        {"UID SEARCH": b"* SEARCH 1 2\r\nTAG OK Success [THROTTLED]\r\n"}, GMAIL
    ),
    "gmail-noselect": Quirk(
        {"SELECT": b"TAG NO [NONEXISTENT] Unknown Mailbox: [Gmail] (Failure)\r\n"},
        folder="[Gmail]",
        cases=0,
        error="folder_missing",
        marked=False,
    ),
    "gmail-unasked-labels": Quirk(
        {
            "UID FETCH": fetch_response(1, ONE).removesuffix(b")\r\n")
            + b' X-GM-LABELS ("\\\\Important" "a (b") X-GM-MSGID 1278455344230334865)\r\n'
            + fetch_response(2, TWO)
            + DONE
        }
    ),
    # iCloud, Yahoo, IceWarp, QQ and others
    "icloud-says-nothing-of-an-empty-search": Quirk(
        {"UID SEARCH": b"TAG OK SEARCH completed (took 2 ms)\r\n"}, cases=0, marked=False
    ),
    "yahoo-ends-its-search-with-a-blank": Quirk({"UID SEARCH": b"* SEARCH 1 2 \r\n" + DONE}),
    "search-over-several-lines": Quirk({"UID SEARCH": b"* SEARCH 2\r\n* SEARCH 1\r\n* SEARCH\r\n" + DONE}),
    "search-out-of-order-and-twice": Quirk({"UID SEARCH": b"* SEARCH 2 1 2\r\n" + DONE}),
    "search-with-news-in-between": Quirk({"UID SEARCH": b"* SEARCH 1\r\n" + NEWS + b"* SEARCH 2\r\n" + DONE}),
    "icewarp-dates-of-1899-and-no-sizes": Quirk(
        {
            "UID FETCH 1:2 (UID RFC822.SIZE": sizes(
                'UID 1 RFC822.SIZE 0 INTERNALDATE "30-Dec-1899 00:00:00 +0530"',
                'UID 2 RFC822.SIZE 0 INTERNALDATE "30-Dec-1899 00:00:00 +0530"',
            )
        },
        unanswered=2,
    ),
    "dates-padded-unzoned-or-none": Quirk(
        {
            "UID FETCH 1:2 (UID RFC822.SIZE": sizes(
                'UID 1 RFC822.SIZE 9 INTERNALDATE " 4-Nov-2026 05:06:07"',
                "UID 2 RFC822.SIZE -1 INTERNALDATE NIL",
            )
        },
        unanswered=1,
    ),
    "qq-blank-before-the-end": Quirk(
        {"UID FETCH": BODIES.replace(b")\r\n* 2", b" )\r\n* 2"), "UID FETCH 1:2 (UID RFC822.SIZE": DONE},
        cases=0,
        marked=False,
    ),
    "fetch-in-another-order": Quirk({"UID FETCH": fetch_response(2, TWO) + fetch_response(1, ONE) + DONE}),
    "fetch-with-unasked-items": Quirk(
        {"UID FETCH": BODIES.replace(b"(UID 1", b"(FLAGS (\\Recent) MODSEQ (7) UID 1")}
    ),
    "fetch-of-others-too": Quirk({"UID FETCH": b'* 3 FETCH (UID 3 BODY[] "not asked for")\r\n' + BODIES}),
    "fetch-with-news-in-between": Quirk(
        {"UID FETCH": fetch_response(1, ONE) + NEWS + fetch_response(2, TWO) + b"* OK still here\r\n" + DONE}
    ),
    "fetch-without-uid": Quirk(
        {"UID FETCH": BODIES.replace(b"UID 1 ", b"").replace(b"UID 2 ", b"")},
        cases=0,
        error="protocol_failed",
        marked=False,
    ),
    "small-letters": Quirk(
        {
            "SELECT": b"* 2 exists\r\n* ok [uidvalidity 7] ok\r\n* ok [permanentflags (\\seen)] ok\r\n"
            b"TAG ok [read-write] done\r\n",
            "UID SEARCH": b"* search 1 2\r\nTAG ok\r\n",
            "UID FETCH": BODIES.replace(b"FETCH (UID", b"fetch (uid").replace(b" BODY[]", b" body[]"),
        },
        b"* ok [capability imap4rev1 auth=plain] hello\r\n",
    ),
    "capability-only-after-login": Quirk(
        {
            "LOGIN": b"* CAPABILITY IMAP4rev1 ESEARCH\r\nTAG OK in\r\n",
            "UID SEARCH": b"* ESEARCH UID ALL 1:2\r\n" + DONE,
        },
        b"* OK hello\r\n",
    ),
    "capability-never-told": Quirk({"LOGIN": DONE}, b"* OK hello\r\n"),
    "literal-plus": Quirk({}, b"* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR LOGIN-REFERRALS] hello\r\n"),
    "literal-minus": Quirk({}, b"* OK [CAPABILITY IMAP4rev1 LITERAL- ENABLE ID] hello\r\n"),
    "greeting-with-an-alert": Quirk({}, b"* OK [ALERT] Maintenance on Sunday\r\n"),
    "near-its-quota": Quirk({"SELECT": selected("* NO [ALERT] Mailbox is at 98% of quota")}),
    "folder-in-modified-utf-7": Quirk(
        {'SELECT "ERLEDIGT/K&AOQ-SE"': selected(), "SELECT": b"TAG NO what?\r\n"}, folder="Erledigt/Käse"
    ),
    "flags-without-keywords": Quirk(
        {"SELECT": selected(flags="\\Answered \\Flagged \\Deleted \\Seen \\Draft")}
    ),
    # Refusals
    "throttled-search": Quirk(
        {"UID SEARCH": b"TAG NO [THROTTLED] slow down\r\n"}, cases=0, error="throttled", marked=False
    ),
    "unavailable-login": Quirk(
        {"LOGIN": b"TAG NO [UNAVAILABLE] backend down\r\n"}, cases=0, error="throttled", marked=False
    ),
    "in-use": Quirk({"SELECT": b"TAG NO [INUSE] locked\r\n"}, cases=0, error="throttled", marked=False),
    "limit": Quirk({"UID FETCH": b"TAG NO [LIMIT] enough\r\n"}, cases=0, error="throttled", marked=False),
    "small-limit": Quirk(
        {"UID FETCH": b"TAG no [limit] enough\r\n"}, cases=0, error="throttled", marked=False
    ),
    "over-quota-when-marking": Quirk({"UID STORE": b"TAG NO [OVERQUOTA] full\r\n"}, error="throttled"),
    "bad-search": Quirk(
        {"UID SEARCH": b"TAG BAD Command Argument Error. 11\r\n"},
        cases=0,
        error="protocol_failed",
        marked=False,
    ),
    "marking-refused-for-one": Quirk(
        {"UID STORE": b"* 1 FETCH (FLAGS (\\Seen))\r\nTAG NO some could not be changed\r\n"},
        error="folder_read_only",
    ),
    "marking-refused-for-one-alone": Quirk(
        {"UID STORE 1": b"TAG NO [CANNOT] not this one\r\n"}, error="unmarked", said="not this one"
    ),
    "selected-read-only": Quirk(
        {"SELECT": selected(code="READ-ONLY")}, error="folder_read_only", marked=False
    ),
    "seen-is-not-kept": Quirk({"SELECT": selected(flags="")}, error="folder_read_only", marked=False),
}

QUIRKS |= {
    f"bye-at-{command.lower().replace(' ', '-')}": Quirk(
        {command: gone_after(b"* BYE see you later\r\n")},
        cases=2 if command == "UID STORE" else 0,
        error="connection_failed",
        marked=command == "UID STORE",
    )
    for command in ("LOGIN", "SELECT", "UID SEARCH", "UID FETCH", "UID STORE")
}


@pytest.mark.parametrize("name", QUIRKS)
def test_what_comes_of_a_quirk(name: str, tmp_path: Path) -> None:
    quirk = QUIRKS[name]
    with ScriptedImap(GOOD | quirk.replies, greeting=quirk.greeting) as server:
        office = swept(tmp_path, server, quirk)
        if quirk.error:
            office.sweep()  # the same once more: no case twice, and still one error
    assert office.subjects("beside") == ["Question 9"]
    assert office.subjects("odd") == ["Question 1", "Question 2"][: quirk.cases]
    errors = office.errors()
    assert [kind for kind, _ in errors] == ([quirk.error] if quirk.error else [])
    assert all(quirk.said in said for _, said in errors)
    assert office.told_to_mark() is quirk.marked
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 1 + quirk.cases - quirk.unanswered
    assert not [command for command in server.commands if "KEYWORD" in command.upper()]
