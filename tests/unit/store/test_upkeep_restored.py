"""What a line says of the row that it was written from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from emailint.message import own_ids
from emailint.store.records import Disposition, Journal, Key, ReplyState
from emailint.store.upkeep.parsed import Names, names, number, record
from emailint.store.upkeep.restored import REBUILT, Mailbox, Mailboxes, restored

KEY = b"k" * 32
MAILBOX = Mailbox(
    "desk@example.org", "imap://desk@host", "imap://desk@host/INBOX", "example.org", ("d@x.org",)
)
MESSAGE = {
    "message_id": "<1@x>", "received_at": "2026-11-24T17:00:00Z", "size": 9,
    "locus": "imap://desk@host/INBOX;U=1",
    "from": {"name": "Ann", "address": "Ann@X.com"}, "to": [{"name": "", "address": "d@x.org"}],
    "cc": [{"name": "", "address": "ann@x.com"}], "fingerprint": "1:ab",
}  # fmt: skip
CASE: dict[str, Any] = {
    "schema": 1, "case_id": "CS-000042", "created_at": "2026-11-24T18:00:05Z", "integration": "desk",
    "alias": "help@x.org", "email_address": "ann@x.com", "message": MESSAGE, "defects": [],
    "reply": {"decision": "respond", "reason": None},
}  # fmt: skip
FOLLOW_UP: dict[str, Any] = {
    "schema": 1, "case_id": "CS-000042", "followup_id": "CS-000042-2", "created_at": "2026-11-24T18:00:05Z",
    "integration": "desk", "message": MESSAGE, "defects": [], "matched_by": "In-Reply-To",
}  # fmt: skip


def line(said: dict[str, Any]) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def test_a_case_whose_reply_was_due() -> None:
    made = restored(CASE, line(CASE), MAILBOX, KEY)
    entry = made.entry
    assert not made.reread
    assert entry.key == Key("desk@example.org", "1:ab")
    assert (entry.disposition, entry.journal, entry.case_id) == (Disposition.CASE, Journal.CASES, "CS-000042")
    assert (entry.account, entry.locus) == (MAILBOX.place, MESSAGE["locus"])
    assert entry.participants == ("ann@x.com", "d@x.org")
    assert entry.created_at.isoformat() == "2026-11-24T18:00:05+00:00"
    assert entry.line == line(CASE)
    reply = entry.reply
    assert reply is not None
    assert (reply.state, reply.reason, reply.recipient, reply.alias) == (
        ReplyState.UNKNOWN,
        REBUILT,
        "ann@x.com",
        "help@x.org",
    )
    assert reply.received_at.isoformat() == "2026-11-24T17:00:00+00:00"
    assert own_ids.case_of(reply.message_id, KEY) == "CS-000042"
    assert reply.message_id.endswith("@example.org>")


def test_a_reply_that_was_withheld_stays_so() -> None:
    said = {**CASE, "reply": {"decision": "withhold", "reason": "list"}}
    reply = restored(said, line(said), MAILBOX, KEY).entry.reply
    assert reply is not None
    assert (reply.state, reply.reason, reply.recipient) == (ReplyState.WITHHELD, "list", "")


@pytest.mark.parametrize("kept", [False, True])
def test_what_could_not_be_read_waits_while_its_octets_are_there(kept: bool) -> None:
    said = {**CASE, "defects": ["parse_failed: signal 9"]}
    entry = restored(said, line(said), MAILBOX, KEY, lambda key: kept and key.fingerprint == "1:ab").entry
    assert entry.disposition is Disposition.QUARANTINED
    assert (entry.kept is not None) == kept
    assert entry.kept is None or (not entry.kept.read and entry.kept.size == 9)


@pytest.mark.parametrize("answers", [False, True])
def test_a_follow_up_is_in_doubt_only_where_follow_ups_are_answered(answers: bool) -> None:
    entry = restored(FOLLOW_UP, line(FOLLOW_UP), replace(MAILBOX, answers_follow_ups=answers), KEY).entry
    assert (entry.disposition, entry.journal) == (Disposition.FOLLOW_UP, Journal.FOLLOW_UPS)
    assert entry.reply is not None
    expected = (ReplyState.UNKNOWN, "Ann@X.com") if answers else (ReplyState.WITHHELD, "")
    assert (entry.reply.state, entry.reply.recipient) == expected
    assert entry.reply.alias == "d@x.org"
    assert own_ids.case_of(entry.reply.message_id, KEY) == "CS-000042"


def test_a_mail_that_was_read_again_belongs_to_its_case() -> None:
    said = {**FOLLOW_UP, "matched_by": "reread"}
    made = restored(said, line(said), replace(MAILBOX, answers_follow_ups=True), KEY)
    assert made.reread
    assert made.entry.reply is None


def test_a_line_without_the_moment_of_receipt() -> None:
    said = {**CASE, "message": {**MESSAGE, "received_at": None, "from": None}}
    entry = restored(said, line(said), MAILBOX, KEY).entry
    assert entry.reply is not None
    assert entry.reply.received_at == entry.created_at
    assert entry.participants == ("d@x.org", "ann@x.com")


def test_mailboxes_are_found_by_name_or_by_their_account() -> None:
    known = Mailboxes({"desk": MAILBOX, "old": Mailbox("o@x.org", "", "", "x.org")})
    assert known.find("desk", "anything") is MAILBOX
    assert known.find("renamed", "imap://desk@host/INBOX;U=1") is MAILBOX
    assert known.find("renamed", "imap://desk@hostess/INBOX;U=1") is None
    assert known.scopes == ["desk@example.org", "o@x.org", "", "d@x.org"]


@pytest.mark.parametrize(
    ("case_id", "expected"), [("CS-000042", 42), ("A1-7", 7), ("CS-", None), ("-1", None), ("CS-1x", None)]
)
def test_case_numbers(case_id: str, expected: int | None) -> None:
    assert number(case_id) == expected


def test_names_of_a_line_that_may_be_torn() -> None:
    assert names(b'{"schema":1,"case_id":"CS-1","form') == Names(
        "CS-1", None, b'{"schema":1,"case_id":"CS-1"'
    )
    found = names(line(FOLLOW_UP))
    assert found is not None
    assert (found.case_id, found.followup_id) == ("CS-000042", "CS-000042-2")
    assert names(b'{"case_id":"CS-1"}\n') is None


@pytest.mark.parametrize(
    "octets",
    [
        line(CASE)[:-1],
        line({**CASE, "schema": 2}),
        line({**CASE, "case_id": "none"}),
        line({**CASE, "message": None}),
        line({**CASE, "message": {**MESSAGE, "fingerprint": None}}),
        line({**CASE, "integration": 7}),
        line(FOLLOW_UP),
        "{\"schema\":1,\"ä\":1}\n".encode(),
        b"[1]\n",
        b"[" * 100_000 + b"\n",
        b"not JSON\n",
    ],
    ids=range(11),
)  # fmt: skip
def test_lines_that_are_none_of_ours(octets: bytes) -> None:
    assert record(octets, Journal.CASES) is None


def test_lines_that_are_ours() -> None:
    assert record(line(CASE), Journal.CASES) == CASE
    assert record(line(FOLLOW_UP), Journal.FOLLOW_UPS) == FOLLOW_UP
    assert record(line(CASE), Journal.FOLLOW_UPS) is None
