"""IMAP servers that lie, stall, refuse, or lack extensions: bounded memory, bounded time, our own errors."""

from __future__ import annotations

import os
import random
import re
import time
import traceback
import tracemalloc
from functools import partial
from typing import TYPE_CHECKING

import pytest

from emailint.errors import (
    ConnectionFailed,
    FolderMissing,
    FolderReadOnly,
    LoginRefused,
    ProtocolFailed,
    SourceError,
    Throttled,
    TlsFailed,
)
from emailint.sources.imap import RECONNECTIONS
from emailint.sources.protocol import MessageRef
from tests.support.scripted_imap import MESSAGES, ScriptedImap, fetch_response
from tests.support.sources import Password, imap_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emailint.sources.protocol import RawMessage
    from tests.support.scripted_imap import Conversation, Reply

SOAK = "EMAILINT_SOAK" in os.environ
BOTH = b"".join(fetch_response(uid, raw) for uid, raw in MESSAGES.items())
DONE = b"TAG OK done\r\n"


def capable(*names: str) -> dict[str, Reply]:
    """A login that announces these capabilities."""
    return {"LOGIN": f"TAG OK [CAPABILITY IMAP4rev1 {' '.join(names)}] in\r\n".encode()}


def sweep(server: ScriptedImap, **settings: object) -> list[RawMessage]:
    """List and fetch all."""
    with imap_source(port=server.port, **settings) as source:
        return list(source.fetch(source.list_unread()))


def loci(refs: Sequence[MessageRef]) -> list[str]:
    return [ref.locus for ref in refs]


# What a server may do, and mail is read all the same


@pytest.mark.parametrize(
    ("replies", "uids"),
    [
        pytest.param({}, [1, 2], id="plain"),
        pytest.param(
            {"UID SEARCH": b"* SEARCH 2\r\n* SEARCH\r\n* SEARCH 1\r\n" + DONE}, [1, 2], id="several-lines"
        ),
        pytest.param({"UID SEARCH": b"* SEARCH 2 1 (MODSEQ 917)\r\n" + DONE}, [1, 2], id="modseq"),
        pytest.param({"UID SEARCH": b"* SEARCH\r\n" + DONE}, [], id="none"),
        pytest.param({"UID SEARCH": DONE}, [], id="no-answer-is-none"),
        pytest.param(
            {**capable("ESEARCH"), "UID SEARCH": b'* ESEARCH (TAG "TAG") UID ALL 1:2,9,20:18\r\n' + DONE},
            [1, 2, 9, 18, 19, 20],
            id="esearch",
        ),
        pytest.param(
            {**capable("ESEARCH"), "UID SEARCH": b'* ESEARCH (TAG "TAG") UID\r\n' + DONE},
            [],
            id="esearch-none",
        ),
        pytest.param(
            {
                "UID SEARCH": b"* SEARCH "
                + b" ".join(b"%d" % uid for uid in range(1, 200_001))
                + b"\r\n"
                + DONE
            },
            list(range(1, 200_001)),
            id="200,000 on one line",
        ),
    ],
)
def test_searches(replies: dict[str, Reply | list[Reply]], uids: list[int]) -> None:
    with ScriptedImap(replies) as server, imap_source(port=server.port) as source:
        assert [int(locus.rpartition("=")[2]) for locus in loci(source.list_unread())] == uids


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(b"* 1 FETCH (UID 1 BODY[] {5}\r\nHello)\r\n", id="literal"),
        pytest.param(b"* 1 FETCH (BODY[] {5}\r\nHello UID 1)\r\n", id="uid-last"),
        pytest.param(b'* 1 FETCH (UID 1 BODY[] "Hello")\r\n', id="quoted"),
        pytest.param(
            b"* 1 FETCH (FLAGS (UID 9 \\Seen) body[] {5}\r\nHello uid 1)\r\n", id="odd-flags-and-case"
        ),
        pytest.param(
            b"* 2 FETCH (FLAGS (\\Seen))\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nHello)\r\n* 9 EXISTS\r\n",
            id="news",
        ),
        pytest.param(b"* 1 FETCH (UID 1 BODY[] {5}\r\nHello)\r\n" * 2, id="twice"),
    ],
)
def test_fetch_responses_of_all_shapes(response: bytes) -> None:
    with ScriptedImap({"UID FETCH": response + DONE}) as server:
        assert [message.raw for message in sweep(server)] == [b"Hello"]


@pytest.mark.parametrize(
    "replies",
    [
        pytest.param(b"* 1 FETCH (UID 1 BODY[] NIL)\r\n" + DONE, id="nil"),
        pytest.param(b"* 1 FETCH (UID 1)\r\n" + DONE, id="no-body"),
        pytest.param(DONE, id="nothing"),
        pytest.param(b"TAG NO [EXPUNGEISSUED] some are gone\r\n", id="expungeissued"),
        pytest.param(b"* 9 FETCH (UID 99 BODY[] {5}\r\nHello)\r\n" + DONE, id="another"),
    ],
)
def test_what_is_not_delivered_has_vanished(replies: bytes) -> None:
    with ScriptedImap({"UID FETCH": replies}) as server:
        assert sweep(server) == []


def test_a_message_that_the_server_refuses_does_not_keep_the_others_back() -> None:
    replies: dict[str, Reply | list[Reply]] = {
        "UID SEARCH": b"* SEARCH 1 2 3\r\n" + DONE,
        "UID FETCH 1:3": b"TAG NO internal error\r\n",
        "UID FETCH 2 ": b"TAG NO internal error\r\n",
        "UID FETCH 1 ": fetch_response(1, b"one") + DONE,
        "UID FETCH 3 ": fetch_response(3, b"three") + DONE,
    }
    with ScriptedImap(replies) as server, imap_source(port=server.port) as source:
        fetching = source.fetch(source.list_unread())
        assert [next(fetching).raw, next(fetching).raw] == [b"one", b"three"]
        with pytest.raises(ProtocolFailed, match="internal error"):
            next(fetching)
    assert [command for command in server.commands if command.startswith("UID FETCH")] == [
        f"UID FETCH {uids} (UID BODY.PEEK[])" for uids in ("1:3", "1", "2", "3")
    ]


LIES = {
    "larger than asked for": b"* 2 FETCH (UID 2 BODY[] {2000000000}\r\n",
    "no response": b"what? {5\r\n",
    "hangs up": b"* BYE gone\r\n",
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_after_an_answer_that_cannot_be_read_it_goes_on_over_another_connection(lie: bytes) -> None:
    """Whatever was left of that answer is never taken for the answer to something else."""
    replies: dict[str, Reply | list[Reply]] = {
        "UID SEARCH": b"* SEARCH 1 2 3\r\n" + DONE,
        "UID FETCH 1:3 ": fetch_response(1, b"one") + lie,
        "UID FETCH 3 ": fetch_response(3, b"three") + DONE,
    }
    with ScriptedImap(replies) as server, imap_source(port=server.port) as source:
        refs = source.list_unread()
        came: list[bytes] = []
        with pytest.raises(SourceError) as caught:
            came.extend(message.raw for message in source.fetch(refs))
        assert caught.value.loci == ()
        assert came == [b"one"]
        source.mark_read([refs[0].locus])
        assert [message.raw for message in source.fetch(refs[2:])] == [b"three"]
    assert sum(command.startswith("LOGIN") for command in server.commands) == 2


def test_a_folder_that_is_another_by_then_is_not_gone_on_with() -> None:
    replies: dict[str, Reply | list[Reply]] = {
        "SELECT": [b"* OK [UIDVALIDITY 7] ok\r\nTAG OK in\r\n", b"* OK [UIDVALIDITY 8] ok\r\nTAG OK in\r\n"],
        "UID FETCH": b"* BYE gone\r\n",
    }
    with ScriptedImap(replies) as server, imap_source(port=server.port) as source:
        refs = source.list_unread()
        with pytest.raises(ConnectionFailed):
            list(source.fetch(refs))
        with pytest.raises(ProtocolFailed, match="new UIDVALIDITY"):
            source.mark_read(loci(refs))
    assert not [command for command in server.commands if "STORE" in command]


def test_it_does_not_connect_for_ever() -> None:
    with ScriptedImap({"UID FETCH": b"* BYE gone\r\n"}) as server, imap_source(port=server.port) as source:
        refs = source.list_unread()
        for _ in range(RECONNECTIONS + 1):
            with pytest.raises(ConnectionFailed):
                list(source.fetch(refs))
        with pytest.raises(ConnectionFailed, match="10 times"):
            list(source.fetch(refs))
    assert sum(command.startswith("LOGIN") for command in server.commands) == 1 + RECONNECTIONS


@pytest.mark.parametrize("answer", [b"TAG NO cannot open it\r\n", b"TAG BAD internal error\r\n"])
def test_messages_that_are_refused_are_named_and_three_in_a_row_are_enough(answer: bytes) -> None:
    numbers = range(1, 31)
    replies: dict[str, Reply | list[Reply]] = {
        "UID SEARCH": b"* SEARCH " + b" ".join(b"%d" % uid for uid in numbers) + b"\r\n" + DONE,
        "UID FETCH": answer,
    }
    with ScriptedImap(replies) as server, imap_source(port=server.port) as source:
        refs = source.list_unread()
        with pytest.raises(ProtocolFailed) as caught:
            list(source.fetch(refs))
    assert caught.value.loci == tuple(ref.locus for ref in refs[:3])
    assert sum(command.startswith("UID FETCH") for command in server.commands) == 4


def test_one_message_whose_size_is_refused_leaves_the_others_to_be_read() -> None:
    size = b"* 1 FETCH (UID 1 RFC822.SIZE 5)\r\n"
    replies: dict[str, Reply | list[Reply]] = {
        "UID FETCH 1:2 (UID RFC822.SIZE INTERNALDATE)": size + b"TAG NO cannot open it\r\n"
    }
    with ScriptedImap(replies) as server, imap_source(port=server.port) as source:
        refs = source.measure(source.list_unread())
        assert [ref.size for ref in refs] == [5, None]


@pytest.mark.parametrize(
    ("extensions", "replies", "commands", "new"),
    [
        pytest.param(
            ["MOVE", "UIDPLUS"],
            {"UID MOVE": b"* OK [COPYUID 9 1:2 41:42] moved\r\n* 1 EXPUNGE\r\n" + DONE},
            ['UID MOVE 1:2 "Done"'],
            [41, 42],
            id="move",
        ),
        pytest.param(
            ["UIDPLUS"],
            {"UID COPY": b"TAG OK [COPYUID 9 2,1 42,41] copied\r\n", "UID EXPUNGE": DONE},
            ['UID COPY 1:2 "Done"', "UID STORE 1:2 +FLAGS.SILENT (\\Deleted)", "UID EXPUNGE 1:2"],
            [41, 42],
            id="uidplus",
        ),
        pytest.param(
            [],
            {},
            ['UID COPY 1:2 "Done"', "UID STORE 1:2 +FLAGS.SILENT (\\Deleted)"],
            [None, None],
            id="neither",
        ),
        pytest.param(["MOVE"], {"UID MOVE": DONE}, ['UID MOVE 1:2 "Done"'], [None, None], id="no-copyuid"),
        pytest.param(
            ["MOVE", "UIDPLUS"], {"UID MOVE": DONE}, ['UID MOVE 1:2 "Done"'], [], id="none-was-there"
        ),
        pytest.param(
            ["MOVE"],
            {"UID MOVE": b"TAG OK [COPYUID 9 1:2 7] strange\r\n"},
            ['UID MOVE 1:2 "Done"'],
            [None, None],
            id="copyuid-that-does-not-fit",
        ),
    ],
)
def test_moving_by_what_is_advertised(
    extensions: list[str],
    replies: dict[str, Reply | list[Reply]],
    commands: list[str],
    new: list[int | None],
) -> None:
    with ScriptedImap(capable(*extensions) | replies) as server, imap_source(port=server.port) as source:
        refs = loci(source.list_unread())
        moved = source.move(refs, "Done")
    assert server.commands[3:] == [*commands, "LOGOUT"]
    prefix = f"imap://desk@127.0.0.1:{server.port}/Done;UIDVALIDITY=9/;UID="
    assert list(moved.values()) == [uid and f"{prefix}{uid}" for uid in new]


def test_capabilities_are_asked_for_only_when_nobody_told_them() -> None:
    quiet: dict[str, Reply | list[Reply]] = {"LOGIN": DONE}
    with ScriptedImap(quiet, greeting=b"* OK hello\r\n") as server:
        sweep(server)
    assert [name.split()[0] for name in server.commands] == [
        "CAPABILITY",
        "LOGIN",
        "SELECT",
        "UID",
        "UID",
        "LOGOUT",
    ]


def test_a_login_where_login_is_disabled_goes_by_authenticate() -> None:
    def authenticate(talk: Conversation, tag: bytes) -> None:
        talk.send(b"+ \r\n")
        talk.line()
        talk.send(tag + b" OK in\r\n")

    greeting = b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN] hello\r\n"
    with ScriptedImap({"AUTHENTICATE": authenticate}, greeting=greeting) as server:
        assert len(sweep(server)) == 2
    assert server.commands[0] == "AUTHENTICATE PLAIN"
    assert not [command for command in server.commands if command.startswith("LOGIN")]


@pytest.mark.parametrize(
    ("greeting", "password"),
    [
        pytest.param(b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hello\r\n", "simple", id="disabled"),
        pytest.param(b"* OK [CAPABILITY IMAP4rev1] hello\r\n", "pässwörd", id="not-ascii"),
        pytest.param(
            b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n", "two\r\nA1 LOGOUT", id="line-break"
        ),
    ],
)
def test_a_login_that_cannot_be_made_is_not_tried(greeting: bytes, password: str) -> None:
    with ScriptedImap(greeting=greeting) as server, pytest.raises(LoginRefused):
        sweep(server, password=Password(password))
    assert server.commands in ([], ["LOGOUT"])


# TLS that is not to be had


@pytest.mark.parametrize(
    ("greeting", "reply"),
    [
        pytest.param(b"* OK ready\r\n", b"TAG BAD what?\r\n", id="unknown"),
        pytest.param(b"* OK ready\r\n", b"TAG NO not now\r\n", id="refused"),
        pytest.param(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n", b"TAG BAD no\r\n", id="stripped"),
        pytest.param(b"* OK ready\r\n", b"TAG OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", id="injected"),
        pytest.param(b"* OK ready\r\n", b"TAG OK go\r\n ", id="injected-one-octet"),
        pytest.param(b"* OK ready\r\n", b"TAG OK go\r\nTAG2 OK done\r\n", id="injected-answer"),
        pytest.param(b"* PREAUTH welcome back\r\n", b"TAG OK go\r\n", id="preauth"),
        pytest.param(
            b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", b"TAG OK go\r\n", id="preauth-offers"
        ),
    ],
)
def test_starttls_that_does_not_come_about_ends_it(greeting: bytes, reply: bytes) -> None:
    password = Password()
    with (
        ScriptedImap({"STARTTLS": reply}, greeting=greeting) as server,
        pytest.raises(TlsFailed, match="no password was sent"),
    ):
        sweep(server, tls="starttls", password=password)
    assert password.revealed == 0
    assert server.commands in ([], ["STARTTLS"])


def test_an_answer_before_its_question_is_no_answer() -> None:
    """A tagged OK in the greeting's packet, as whoever strips STARTTLS would send it."""
    greeting = b"* OK ready\r\n" + b"".join(
        b"%s1 OK done\r\n" % bytes([letter]) for letter in b"ABCDEFGHIJKLMNOP"
    )
    with ScriptedImap(greeting=greeting) as server, pytest.raises((ProtocolFailed, TlsFailed)):
        sweep(server, tls="starttls")
    assert not [command for command in server.commands if "LOGIN" in command]


def test_preauth_is_refused_in_clear_text_too() -> None:
    with (
        ScriptedImap(greeting=b"* PREAUTH welcome back\r\n") as server,
        pytest.raises(ProtocolFailed, match="PREAUTH"),
    ):
        sweep(server)
    assert server.commands == []


def test_silence_after_the_greeting_is_not_blamed_on_the_port() -> None:
    def silent(_conversation: Conversation, _tag: bytes) -> None:
        """Say nothing."""

    with ScriptedImap({"STARTTLS": silent}) as server, pytest.raises(ConnectionFailed) as caught:
        sweep(server, tls="starttls", timeout=0.3)
    assert "993" not in caught.value.hint


# Refusals, and what they mean


@pytest.mark.parametrize(
    ("command", "reply", "error"),
    [
        ("LOGIN", b"TAG NO [AUTHENTICATIONFAILED] no\r\n", LoginRefused),
        ("LOGIN", b"TAG NO no\r\n", LoginRefused),
        ("LOGIN", b"TAG NO [UNAVAILABLE] backend down\r\n", Throttled),
        ("LOGIN", b"TAG NO [ALERT] Too many simultaneous connections. (Failure)\r\n", Throttled),
        ("LOGIN", b"TAG NO [PRIVACYREQUIRED] TLS first\r\n", TlsFailed),
        ("LOGIN", b"TAG BAD syntax\r\n", ProtocolFailed),
        ("LOGIN", b"* BYE shutting down\r\n", ConnectionFailed),
        ("LOGIN", b"* BYE [THROTTLED] slow down\r\n", Throttled),
        ("SELECT", b"TAG NO no such mailbox\r\n", FolderMissing),
        ("SELECT", b"TAG NO [NONEXISTENT] no\r\n", FolderMissing),
        ("SELECT", b"TAG NO [INUSE] locked\r\n", Throttled),
        ("SELECT", b"TAG NO [NOPERM] not yours\r\n", FolderReadOnly),
        ("SELECT", b"* OK [UIDVALIDITY x] odd\r\nTAG OK done\r\n", ProtocolFailed),
        ("SELECT", b"TAG OK done\r\n", ProtocolFailed),
        ("UID SEARCH", b"TAG NO [LIMIT] enough\r\n", Throttled),
        ("UID SEARCH", b"TAG BAD what?\r\n", ProtocolFailed),
        ("UID FETCH", b"TAG NO [THROTTLED] enough\r\n", Throttled),
        (
            "UID FETCH",
            b"TAG BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds\r\n",
            Throttled,
        ),
        ("UID FETCH", b"* BYE [UNAVAILABLE] going down\r\n", Throttled),
    ],
)
def test_refusals_are_told_as_what_they_mean(command: str, reply: bytes, error: type[SourceError]) -> None:
    with ScriptedImap({command: reply}) as server, pytest.raises(SourceError) as caught:
        sweep(server)
    assert type(caught.value) is error
    assert caught.value.retry_after == (92.415 if b"Backoff" in reply else None)


@pytest.mark.parametrize(
    ("greeting", "error"),
    [
        (b"* BYE overloaded\r\n", ConnectionFailed),
        (b"* BYE [UNAVAILABLE] maintenance\r\n", Throttled),
        (b"* BYE Too many connections from your address\r\n", Throttled),
        (b"* NO sorry\r\n", ProtocolFailed),
        (b"220 smtp.example.org ESMTP\r\n", ProtocolFailed),
        (b"* OK [CAPABILITY POP3] hello\r\n", ProtocolFailed),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ProtocolFailed),
        (b"", ConnectionFailed),
    ],
)
def test_greetings_that_are_none(greeting: bytes, error: type[SourceError]) -> None:
    with ScriptedImap(greeting=greeting) as server, pytest.raises(SourceError) as caught:
        sweep(server, timeout=0.3)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        ([b"TAG NO no such right\r\n"], FolderReadOnly),
        ([b"TAG NO [READ-ONLY] no\r\n"], FolderReadOnly),
        ([b"TAG NO [OVERQUOTA] full\r\n"], Throttled),
        ([b"TAG NO [EXPUNGEISSUED] gone\r\n", DONE], None),
        ([b"TAG NO some messages have gone\r\n", DONE], None),
        ([b"TAG BAD what?\r\n"], ProtocolFailed),
    ],
)
def test_marking_that_is_refused(replies: list[Reply], error: type[SourceError] | None) -> None:
    with ScriptedImap({"UID STORE": replies}) as server, imap_source(port=server.port) as source:
        refs = loci(source.list_unread())
        if error is None:
            source.mark_read(refs)
        else:
            with pytest.raises(SourceError) as caught:
                source.mark_read(refs)
            assert type(caught.value) is error


@pytest.mark.parametrize(
    "select",
    [
        pytest.param(b"* OK [UIDVALIDITY 7] ok\r\nTAG OK [READ-ONLY] look only\r\n", id="read-only"),
        pytest.param(
            b"* OK [UIDVALIDITY 7] ok\r\n* OK [PERMANENTFLAGS (\\Answered \\*)] ok\r\nTAG OK ok\r\n",
            id="not-that-flag",
        ),
    ],
)
def test_a_folder_that_says_so_is_not_marked(select: bytes) -> None:
    with (
        ScriptedImap({"SELECT": select}) as server,
        imap_source(port=server.port) as source,
        pytest.raises(FolderReadOnly),
    ):
        source.mark_read(loci(source.list_unread()))
    assert not [command for command in server.commands if "STORE" in command]


@pytest.mark.parametrize("code", [b"[TRYCREATE] ", b"[NONEXISTENT] ", b""])
def test_a_target_that_is_not_there_is_not_created(code: bytes) -> None:
    with (
        ScriptedImap({"UID COPY": b"TAG NO " + code + b"no such folder\r\n"}) as server,
        imap_source(port=server.port) as source,
        pytest.raises(FolderMissing) as caught,
    ):
        source.move(loci(source.list_unread()), "Done")
    assert "create the folder Done" in caught.value.hint
    assert not [command for command in server.commands if "STORE" in command or "CREATE" in command]


def test_a_target_whose_name_cannot_be_written_is_an_error_of_the_mailbox() -> None:
    """Octets of an environment that are no UTF-8 come as lone surrogates, which no name of a folder holds."""
    with (
        ScriptedImap() as server,
        imap_source(port=server.port) as source,
        pytest.raises(ProtocolFailed, match="moving mail"),
    ):
        source.move(loci(source.list_unread()), "Entw\udcfcrfe")
    assert not [command for command in server.commands if "COPY" in command or "STORE" in command]


CANNOT = b"TAG NO [CANNOT] Invalid mailbox name: contains '/'\r\n"


@pytest.mark.parametrize("answer", [CANNOT, b"TAG NO [TRYCREATE] no such folder\r\n"])
def test_a_separator_that_is_not_the_servers_is_told(answer: bytes) -> None:
    replies: dict[str, Reply] = {"UID COPY": answer, "LIST": b'* LIST (\\Noselect) "." ""\r\n' + DONE}
    with (
        ScriptedImap(replies) as server,
        imap_source(port=server.port) as source,
        pytest.raises(FolderMissing) as caught,
    ):
        source.move(loci(source.list_unread()), "Erledigt/Käse")
    assert "by '.': write Erledigt.Käse" in caught.value.hint
    assert 'LIST "" ""' in server.commands


@pytest.mark.parametrize(
    ("folder", "listed"),
    [
        pytest.param("Done", b"", id="no-separator-in-it"),
        pytest.param("Done/2026", b'* LIST () "/" ""\r\n' + DONE, id="the-right-one"),
        pytest.param("Done/2026", b'* LIST () NIL ""\r\n' + DONE, id="none"),
        pytest.param("Done/2026", b'* LIST () "ab" ""\r\n' + DONE, id="no-character"),
        pytest.param("Done/2026", b"* LIST (\r\n" + DONE, id="unreadable"),
        pytest.param("Done/2026", DONE, id="nothing"),
        pytest.param("Done/2026", b"TAG NO sorry\r\n", id="refused"),
        pytest.param("Done/2026", b"* BYE sorry\r\n", id="gone"),
    ],
)
def test_the_separator_is_blamed_only_where_it_is_wrong(folder: str, listed: bytes) -> None:
    with (
        ScriptedImap({"UID COPY": CANNOT, "LIST": listed}) as server,
        imap_source(port=server.port) as source,
        pytest.raises(FolderMissing) as caught,
    ):
        source.move(loci(source.list_unread()), folder)
    assert f"create the folder {folder}" in caught.value.hint
    assert bool(listed) == any("LIST" in command for command in server.commands)


def test_a_folder_to_sweep_may_have_the_wrong_separator_too() -> None:
    with (
        ScriptedImap({"SELECT": CANNOT, "LIST": b'* LIST () "." ""\r\n' + DONE}) as server,
        pytest.raises(FolderMissing) as caught,
    ):
        sweep(server, folder="INBOX/Pay")
    assert "write INBOX.Pay" in caught.value.hint


# Words that are not to be repeated


def test_server_words_are_cleaned() -> None:
    alert = "[ALERT] \x1b]52;c;ZXZpbA==\x07 look \x9b31m here \u202e \x00 é".encode()
    with (
        ScriptedImap({"LOGIN": b"TAG NO " + alert + b"\r\n"}) as server,
        pytest.raises(LoginRefused) as caught,
    ):
        sweep(server)
    assert str(caught.value).isprintable()
    assert "look" in str(caught.value)


LOGINS = {"correct horse": "LOGIN", 'quo"te\\d': "LOGIN", "pässwörd": "AUTHENTICATE"}
REPEATS = [
    (password, command)
    for password, login in LOGINS.items()
    for command in (login, "SELECT", "UID SEARCH", "UID FETCH")
]


@pytest.mark.parametrize(("password", "command"), REPEATS)
@pytest.mark.parametrize("kind", ["NO", "BAD", "BYE", "nonsense"])
def test_a_password_that_the_server_repeats_is_not_repeated(password: str, command: str, kind: str) -> None:
    def repeat(talk: Conversation, tag: bytes) -> None:
        if command == "AUTHENTICATE":
            talk.send(b"+ \r\n")
            talk.line()
        said = b" ".join(server.received) + password.encode()
        start = {"BYE": b"* BYE ", "nonsense": b"what? "}.get(kind, tag + b" " + kind.encode() + b" ")
        talk.send(start + said + b"\r\n")

    def accept(talk: Conversation, tag: bytes) -> None:
        talk.send(b"+ \r\n")
        talk.line()
        talk.send(tag + b" OK in\r\n")

    scripted = ScriptedImap({"AUTHENTICATE": accept, command: repeat})
    with scripted as server, pytest.raises(SourceError) as caught:
        sweep(server, password=Password(password))
    said = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    escaped = re.sub(r"\\(.)", r"\1", said)
    for secret in (password, password.encode("unicode_escape").decode(), repr(password.encode())[2:-1]):
        assert secret not in said
        assert secret not in escaped


# Too much, too long, too slow


@pytest.mark.parametrize(
    ("replies", "greeting"),
    [
        pytest.param({}, b"* OK {2000000000}\r\n", id="greeting"),
        pytest.param({"LOGIN": b"* OK {2000000000}\r\n"}, None, id="login"),
        pytest.param({"UID SEARCH": b"* SEARCH {2000000000}\r\n"}, None, id="search"),
        pytest.param({"UID FETCH": b"* 1 FETCH (UID 1 BODY[] {2000000000}\r\n"}, None, id="fetch"),
        pytest.param({"UID FETCH": b"* 1 FETCH (UID 1 BODY[] {140000}\r\n"}, None, id="a-little-too-large"),
        pytest.param(
            {"UID FETCH": b"* 1 FETCH (UID 1 BODY[] {" + b"9" * 5_000 + b"}\r\n"}, None, id="5,000 digits"
        ),
        pytest.param({"UID FETCH": fetch_response(1, b"x") * 3}, None, id="more-than-asked"),
        pytest.param({"UID SEARCH": b"* SEARCH " + b"1" * 9_000_000 + b"\r\n"}, None, id="line"),
        pytest.param(
            {**capable("ESEARCH"), "UID SEARCH": b'* ESEARCH (TAG "TAG") UID ALL 1:4294967295\r\n' + DONE},
            None,
            id="range",
        ),
        pytest.param(
            {"UID FETCH": b"* 1 FETCH (UID 1 RFC822.SIZE " + b"9" * 99 + b")\r\n" + DONE}, None, id="size"
        ),
    ],
)
def test_what_is_too_large_is_refused_before_it_takes_memory(
    replies: dict[str, Reply | list[Reply]], greeting: bytes | None
) -> None:
    more = {} if greeting is None else {"greeting": greeting}
    tracemalloc.start()
    try:
        with ScriptedImap(replies, **more) as server, pytest.raises(ProtocolFailed):
            sweep(server, max_message=100_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60_000_000


@pytest.mark.parametrize("command", ["LOGIN", "UID FETCH"])
@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(b"x" * 100_000, id="line"),
        pytest.param(b"* 1 EXISTS\r\n" * 5_000, id="untagged"),
        pytest.param(b"* 1 FETCH (FLAGS (\\Seen))\r\n" * 5_000, id="fetch"),
        pytest.param(b"* OK [ALERT] hello\r\n" * 5_000, id="ok"),
    ],
)
def test_answers_without_end_are_ended(command: str, flood: bytes) -> None:
    def pour(talk: Conversation, tag: bytes) -> None:
        while True:
            talk.send(flood)

    with ScriptedImap({command: pour}) as server, pytest.raises((ProtocolFailed, ConnectionFailed)):
        sweep(server, command_timeout=0.2)


def test_continuations_without_end_do_not_send_the_password_again() -> None:
    def pour(talk: Conversation, tag: bytes) -> None:
        for _ in range(5):
            talk.send(b"+ \r\n")
        while line := talk.line():
            if line == b"*":
                talk.send(tag + b" BAD cancelled\r\n")
                return

    with ScriptedImap({"AUTHENTICATE": pour}) as server, pytest.raises(SourceError):
        sweep(server, password=Password("pässwörd"))
    assert len([line for line in server.received if len(line) > 20 and b" " not in line]) == 1


@pytest.mark.parametrize("command", ["LOGIN", "UID SEARCH", "UID FETCH"])
def test_silence_is_a_failed_connection(command: str) -> None:
    def wait(talk: Conversation, tag: bytes) -> None:
        talk.line()

    with (
        ScriptedImap({command: wait}) as server,
        pytest.raises(ConnectionFailed, match=r"did not answer for 0\.2 s"),
    ):
        sweep(server, timeout=0.2)


@pytest.mark.parametrize(
    ("command", "start"),
    [("UID SEARCH", b"* SEARCH "), ("UID FETCH", b"* 1 FETCH (UID 1 BODY[] {1000}\r\n")],
)
def test_dribbling_is_ended_by_the_time_for_the_whole_answer(command: str, start: bytes) -> None:
    def dribble(talk: Conversation, tag: bytes) -> None:
        talk.send(start)
        while True:
            talk.send(b"1")
            time.sleep(0.05)

    with ScriptedImap({command: dribble}) as server, pytest.raises(ConnectionFailed, match="within"):
        sweep(server, timeout=0.4, command_timeout=0.4)


def test_a_connection_cut_anywhere_in_a_fetch_never_gives_half_a_message() -> None:
    answer = BOTH + b"A0 OK done\r\n"

    def cut(octets: int, talk: Conversation, tag: bytes) -> None:
        talk.send(answer[:octets].replace(b"A0", tag))
        talk.close()

    lengths = range(len(answer) - 2)
    whole = set(MESSAGES.values())
    with ScriptedImap({"UID FETCH": [partial(cut, octets) for octets in lengths]}) as server:
        for _ in lengths:
            got: list[bytes] = []
            with imap_source(port=server.port) as source, pytest.raises(ConnectionFailed):
                got.extend(message.raw for message in source.fetch(source.list_unread()))
            assert set(got) <= whole


def test_nonsense_of_any_kind_is_a_source_error_or_nothing() -> None:
    words = [
        b"* ",
        b"OK ",
        b"NO ",
        b"BAD ",
        b"BYE ",
        b"FETCH ",
        b"SEARCH ",
        b"(",
        b")",
        b"[",
        b"]",
        b'"',
        b"\\",
    ]
    words += [
        b"UID ",
        b"1 ",
        b"BODY[] ",
        b"{3}\r\n",
        b"{9}",
        b"NIL ",
        b"\r\n",
        b"\n",
        b"+ ",
        b"TAG ",
        b"TAG OK x\r\n",
    ]
    words += [
        b"\x00",
        b"\xff\xfe",
        b"CAPABILITY ",
        b"[UIDVALIDITY ",
        b"INTERNALDATE ",
        b"EXPUNGE ",
        b"ESEARCH ",
    ]
    chance = random.Random(3501)
    commands = ["LOGIN", "SELECT", "UID SEARCH", "UID FETCH", "UID STORE", "CAPABILITY", "UID COPY"]
    for _ in range(5_000 if SOAK else 60):
        reply = b"".join(chance.choices(words, k=chance.randint(1, 12))) + chance.choice([b"", b"\r\n", DONE])
        with ScriptedImap({chance.choice(commands): reply}) as server:
            try:
                with imap_source(port=server.port, timeout=0.02, command_timeout=0.2) as source:
                    refs = source.measure(source.list_unread()) or [
                        MessageRef(f"{source.account}/INBOX;UIDVALIDITY=7/;UID=1")
                    ]
                    list(source.fetch(refs))
                    source.mark_read(loci(refs))
                    source.move(loci(refs), "Done")
            except SourceError:
                continue
