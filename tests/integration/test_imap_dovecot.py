"""What only a real IMAP server shows: logins, rights, UIDVALIDITY, and how often one talks to it."""

from __future__ import annotations

import re
import socket
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from emailint.errors import ConnectionFailed, FolderMissing, FolderReadOnly, LoginRefused, SecretUnavailable
from emailint.probe import Outcome
from tests.support.dovecot import GOOD
from tests.support.relay import Relay
from tests.support.sources import Password, dovecot_source

if TYPE_CHECKING:
    from tests.support.dovecot import Dovecot

OURS = re.compile(
    r"LOGIN .*|SELECT \"\w+\"|EXAMINE \"\w+\"|LOGOUT|CAPABILITY"
    r"|UID SEARCH RETURN \(ALL\) UNSEEN( SINCE \d\d-[A-Z][a-z]{2}-\d{4}( BEFORE \d\d-[A-Z][a-z]{2}-\d{4})?)?"
    r"|UID FETCH [\d:,]+ \(UID (RFC822\.SIZE INTERNALDATE|BODY\.PEEK\[\]|BODY\.PEEK\[HEADER\]<0\.\d+>)\)"
    r"|UID STORE [\d:,]+ \+FLAGS\.SILENT \(\\Seen\)|UID MOVE [\d:,]+ \"\w+\""
)


def commands(relay: Relay) -> list[str]:
    """What the clients of a relay have said, without tags."""
    return [line.partition(" ")[2] for line in relay.from_client.decode().splitlines()]


@pytest.mark.parametrize(
    ("user", "password"),
    [
        pytest.param("plain", "simple", id="simple"),
        pytest.param("spaces in it", 'quote " and \\ backslash', id="quoting"),
        pytest.param("at@example.org", "{5}", id="like-a-literal"),
        pytest.param("jörg@example.org", "pässwörd ✓", id="non-ascii"),
    ],
)
def test_logins_of_all_kinds(dovecot: Dovecot, user: str, password: str) -> None:
    mailbox = dovecot.create_user(user, password)
    mailbox.deliver(b"Subject: one\r\n\r\n")
    with dovecot_source(dovecot, mailbox) as source:
        assert len(source.list_unread()) == 1


def test_a_wrong_password_is_refused_and_not_repeated(dovecot: Dovecot) -> None:
    mailbox = dovecot.create_user()
    source = dovecot_source(dovecot, mailbox, password=Password("wrong horse"))
    with pytest.raises(LoginRefused) as caught, source:
        pass
    assert mailbox.user in str(caught.value)
    assert "wrong horse" not in str(caught.value)
    steps = {step.name: step for step in source.test()}
    assert steps["login"].outcome is Outcome.FAILED
    assert steps["login"].cure
    assert [steps[name].outcome for name in ("folder", "mark read", "unread")] == [Outcome.SKIPPED] * 3


def test_a_secret_that_is_not_there_is_told_as_such(dovecot: Dovecot) -> None:
    def unavailable() -> str:
        raise SecretUnavailable("the variable DESK_PASSWORD is not set", hint="set it")

    with (
        pytest.raises(SecretUnavailable),
        dovecot_source(dovecot, dovecot.create_user(), password=unavailable),
    ):
        pass


def test_a_port_where_nobody_listens(dovecot: Dovecot) -> None:
    with socket.create_server((GOOD, 0)) as taken:
        port = taken.getsockname()[1]
    source = dovecot_source(dovecot, dovecot.create_user(), host=GOOD, port=port)
    with pytest.raises(ConnectionFailed, match="refused") as caught, source:
        pass
    assert "993" in caught.value.hint
    tcp = next(step for step in source.test() if step.name == "tcp")
    assert tcp.outcome is Outcome.FAILED


def test_a_folder_that_may_only_be_read(dovecot: Dovecot) -> None:
    mailbox = dovecot.create_user()
    mailbox.create_folder("Shared")
    mailbox.deliver(b"Subject: one\r\n\r\n", folder="Shared")
    mailbox.make_read_only("Shared")
    source = dovecot_source(dovecot, mailbox, folder="Shared")
    with source:
        refs = source.list_unread()
        assert len(list(source.fetch(refs))) == 1
        with pytest.raises(FolderReadOnly) as caught:
            source.mark_read([ref.locus for ref in refs])
        assert caught.value.hint
    steps = {step.name: step for step in source.test()}
    assert steps["mark read"].outcome is Outcome.FAILED
    assert steps["unread"].detail == "1 unread"


def test_loci_of_an_earlier_uidvalidity_are_passed_over(dovecot: Dovecot) -> None:
    mailbox = dovecot.create_user()
    mailbox.create_folder("Done")
    mailbox.deliver_many([b"Subject: one\r\n\r\n", b"Subject: two\r\n\r\n"])
    with dovecot_source(dovecot, mailbox) as source:
        before = [ref.locus for ref in source.list_unread()]
    mailbox.change_uid_validity()
    with dovecot_source(dovecot, mailbox) as source:
        after = [ref.locus for ref in source.list_unread()]
        assert len(after) == 2
        assert not set(after) & set(before)
        source.mark_read(before)
        assert source.move(before, "Done") == {}
        assert [ref.locus for ref in source.list_unread()] == after


def test_an_idle_mailbox_needs_six_round_trips(dovecot: Dovecot) -> None:
    """TCP, TLS twice (the greeting comes with the second), LOGIN, SELECT with SEARCH, LOGOUT."""
    mailbox = dovecot.create_user()
    counted = []
    for _ in range(3):  # a busy machine cuts one answer into two, which counts as a trip more
        with Relay(dovecot.tls_port) as relay:
            with dovecot_source(dovecot, mailbox, port=relay.port) as source:
                assert list(source.list_unread()) == []
            assert relay.connections == 1
        counted.append(relay.round_trips)
    assert min(counted) <= 6


def test_an_idle_mailbox_by_starttls(dovecot: Dovecot) -> None:
    mailbox = dovecot.create_user()
    with (
        Relay(dovecot.port) as relay,
        dovecot_source(dovecot, mailbox, port=relay.port, tls="starttls") as source,
    ):
        assert list(source.list_unread()) == []
    assert relay.round_trips <= 9


def test_commands_grow_with_batches_not_with_messages(dovecot: Dovecot) -> None:
    mailbox = dovecot.create_user()
    hostile = b"Message-ID: <x\r\n y>\r\nSubject: A1 LOGOUT\r\n\r\nA2 DELETE INBOX\r\n"
    mailbox.deliver_many([hostile] * 120)
    with (
        Relay(dovecot.port) as relay,
        dovecot_source(dovecot, mailbox, port=relay.port, host=GOOD, tls="none") as source,
    ):
        refs = source.measure(source.list_unread())
        for start in range(0, 120, 50):
            batch = refs[start : start + 50]
            assert len(list(source.fetch(batch))) == len(batch)
            source.mark_read([ref.locus for ref in batch])
    said = commands(relay)
    assert len(said) <= 1 + 5 + 2 * 3  # one is LOGIN
    assert [line for line in said if not OURS.fullmatch(line)] == []
    assert mailbox.unread() == []


def test_whatever_is_done_only_our_commands_are_said(dovecot: Dovecot) -> None:
    mailbox = dovecot.create_user()
    mailbox.create_folder("Done")
    mailbox.deliver_many([b"Subject: one\r\n\r\n", b"Subject: two\r\n\r\n", b"Subject: three\r\n\r\n"])
    with Relay(dovecot.port) as relay:
        clear = {"port": relay.port, "host": GOOD, "tls": "none"}
        with dovecot_source(dovecot, mailbox, **clear) as source:
            refs = source.list_unread()
            list(source.fetch(refs, headers_only=True))
            source.move([refs[0].locus, refs[2].locus], "Done")
        with dovecot_source(dovecot, mailbox, read_only=True, **clear) as source:
            source.list_unread()
        list(dovecot_source(dovecot, mailbox, **clear).test())
    said = commands(relay)
    assert [line for line in said if not OURS.fullmatch(line)] == []
    assert said.count('UID MOVE 1,3 "Done"') == 1


def test_a_batch_is_never_in_memory_as_a_whole(dovecot: Dovecot) -> None:
    mailbox = dovecot.create_user()
    mailbox.deliver_many([b"Subject: long\r\n\r\n" + b"z" * 1_000_000 + b"\r\n"] * 12)
    with dovecot_source(dovecot, mailbox) as source:
        refs = source.list_unread()
        tracemalloc.start()
        try:
            lengths = [len(message.raw) for message in source.fetch(refs)]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert lengths == [1_000_019] * 12
    assert peak < 3_500_000


@pytest.mark.parametrize("octets", [0, 20, 200, 700, 1_000, 1_500])
def test_a_connection_that_is_cut_is_a_failed_connection(dovecot: Dovecot, octets: int) -> None:
    mailbox = dovecot.create_user()
    mailbox.deliver(b"Subject: long\r\n\r\n" + b"z" * 2_000)
    clear = {"host": GOOD, "tls": "none"}
    with (
        Relay(dovecot.port, cut_after=octets) as relay,
        pytest.raises(ConnectionFailed),
        dovecot_source(dovecot, mailbox, port=relay.port, **clear) as source,
    ):
        list(source.fetch(source.list_unread()))
    with dovecot_source(dovecot, mailbox) as source:
        assert len(source.list_unread()) == 1


def test_a_target_with_the_wrong_separator_is_told_the_right_one(dovecot: Dovecot) -> None:
    mailbox = dovecot.create_user()
    mailbox.deliver(b"Subject: one\r\n\r\n")
    with dovecot_source(dovecot, mailbox) as source, pytest.raises(FolderMissing) as caught:
        source.move([ref.locus for ref in source.list_unread()], "Erledigt/Käse")
    assert "write Erledigt.Käse" in caught.value.hint
