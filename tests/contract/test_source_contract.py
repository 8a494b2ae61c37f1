"""What every mail source must do: IMAP on Dovecot and on Cyrus, a Maildir on the disk, Graph on its double.

Dovecot keeps its mail in a Maildir here, so one hand delivers into both behind their backs.
"""

from __future__ import annotations

import imaplib
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from emailint.errors import FolderMissing, FolderReadOnly
from emailint.oauth.entra import EntraTokens
from emailint.probe import Outcome
from emailint.sources.imap import ImapSettings, ImapSource
from emailint.sources.maildir import MaildirSettings, MaildirSource
from emailint.sources.protocol import MessageRef
from tests.support.dovecot import GOOD, Mailbox
from tests.support.graph import ADDRESS, MailboxOnDouble, entra_app, graph_settings, graph_source
from tests.support.graph_double import GraphDouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from emailint.sources.protocol import MailSource
    from tests.support.cyrus import Cyrus, CyrusMailbox
    from tests.support.dovecot import Dovecot


@dataclass(frozen=True)
class Backend:
    """A mailbox that tests may put mail into, and sources that read it.

    `remove` and `flag` are what another mail program does, to the message with a subject; flags are
    the letters of a Maildir. `odd_folder` is a name as odd as the server allows, `patient` one that goes on
    giving what was removed to whoever had opened the folder before (RFC 2180 section 4.1.2).
    """

    mailbox: Mailbox | MailboxOnDouble | CyrusMailbox
    source: Callable[..., MailSource]
    remove: Callable[[str], None]
    flag: Callable[[str, str], None]
    odd_folder: str = 'Erläutert "x" & y'
    patient: bool = False


@pytest.fixture(params=["imap", "cyrus", "maildir", "graph"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    match request.param:
        case "maildir":
            yield _maildir(tmp_path)
        case "imap":
            yield _imap(request.getfixturevalue("dovecot"))
        case "cyrus":
            on_cyrus = _imap(request.getfixturevalue("cyrus"))
            yield replace(on_cyrus, odd_folder="Erläutert *(x)* & [y]", patient=True)
        case _:
            with GraphDouble() as double:
                yield _graph(double)
            assert double.graph.complaints == []
            assert double.most_at_once <= 2


def _graph(double: GraphDouble) -> Backend:
    mailbox = double.mailbox(ADDRESS)
    hands = MailboxOnDouble(mailbox)
    tokens = EntraTokens(entra_app(double))

    def source(**changes: Any) -> MailSource:
        return graph_source(double, mailbox=graph_settings(double, tokens), **changes)

    return Backend(hands, source, remove=mailbox.remove, flag=hands.flag)


def _imap(server: Dovecot | Cyrus) -> Backend:
    mailbox = server.create_user()

    def source(**changes: Any) -> MailSource:
        settings: dict[str, Any] = {
            "host": "localhost",
            "port": server.tls_port,
            "ca_file": server.ca_file,
            "username": mailbox.user,
            "password": lambda: mailbox.password,
        }
        return ImapSource(ImapSettings(**settings | changes))

    def store(subject: str, flags: str) -> None:
        with imaplib.IMAP4(GOOD, server.port) as other:
            other.login(mailbox.user, mailbox.password)
            other.select()
            _, (numbers,) = other.search(None, f'SUBJECT "{subject}"')
            other.store(numbers.decode(), "FLAGS", f"({flags})")
            other.expunge()

    names = {"": "", "F": "\\Flagged", "FR": "\\Flagged \\Answered", "S": "\\Seen"}
    return Backend(
        mailbox,
        source,
        remove=lambda subject: store(subject, "\\Deleted"),
        flag=lambda subject, flags: store(subject, names[flags]),
    )


def _maildir(tmp_path: Path) -> Backend:
    mailbox = Mailbox("desk", "", tmp_path / "Maildir", (os.getuid(), os.getgid()))
    mailbox.create_folder("INBOX")

    def source(**changes: Any) -> MailSource:
        return MaildirSource(MaildirSettings(mailbox.maildir, "desk@localhost", **changes))

    def find(subject: str) -> Path:
        start = f"Subject: {subject}\r\n".encode()
        return next(path for path in mailbox.messages() if path.read_bytes().startswith(start))

    def flag(subject: str, flags: str) -> None:
        path = find(subject)
        path.rename(mailbox.maildir / "cur" / f"{path.name.partition(':')[0]}:2,{flags}")

    return Backend(mailbox, source, remove=lambda subject: find(subject).unlink(), flag=flag)


def mail(subject: str, body: bytes = b"Hello\r\n") -> bytes:
    return b"Subject: " + subject.encode() + b"\r\nFrom: ann@example.com\r\n\r\n" + body


def loci(refs: Sequence[MessageRef]) -> list[str]:
    return [ref.locus for ref in refs]


def subjects(source: MailSource, refs: Sequence[MessageRef]) -> list[str]:
    """The subjects of the messages, in the order of the refs."""
    raw = {each.ref.locus: each.raw for each in source.fetch(refs)}
    return [raw[ref.locus].split(b"\r\n")[0].removeprefix(b"Subject: ").decode() for ref in refs]


def test_an_empty_mailbox_lists_nothing(backend: Backend) -> None:
    with backend.source() as source:
        assert list(source.list_unread()) == []


def test_the_unread_are_listed_oldest_first_and_the_read_are_not(backend: Backend) -> None:
    now = datetime.now(UTC)
    for age in (5, 4, 3):
        backend.mailbox.deliver(mail(f"age {age}"), received_at=now - timedelta(hours=age))
    backend.mailbox.deliver(mail("read"), seen=True)
    with backend.source() as source:
        refs = source.list_unread()
        assert subjects(source, refs) == ["age 5", "age 4", "age 3"]
        assert all(locus.startswith(source.account) for locus in loci(refs))
        assert len(set(loci(refs))) == 3


def test_measuring_tells_size_and_time_and_leaves_out_what_vanished(backend: Backend) -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    for name in ("one", "two", "three"):
        backend.mailbox.deliver(mail(name), received_at=at)
    with backend.source() as source:
        before = loci(source.list_unread())
    backend.remove("two")
    with backend.source() as source:
        measured = source.measure([MessageRef(locus) for locus in reversed(before)])
    assert loci(measured) == [before[2], before[0]]
    assert [ref.size for ref in measured] == [len(mail("three")), len(mail("one"))]
    assert [ref.received_at for ref in measured] == [at, at]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("Grüße ✓\r\n".encode(), id="utf-8"),
        pytest.param(bytes(range(128, 256)) + b"\r\n", id="8-bit"),
        pytest.param(b"{100}\r\n* OK bye\r\nA1 NO\r\n)\r\n", id="looks-like-imap"),
        pytest.param(b".\r\n..\r\n", id="dots"),
        pytest.param(b"no line end", id="no-line-end"),
        pytest.param(b"", id="no-body"),
        pytest.param(b"x" * 2_000_000 + b"\r\n", id="2 MB on one line"),
    ],
)
def test_octets_come_as_they_are_stored(backend: Backend, body: bytes) -> None:
    backend.mailbox.deliver(mail("octets", body))
    with backend.source() as source:
        (message,) = source.fetch(source.list_unread())
    assert message.raw == mail("octets", body)
    assert message.whole


def test_fetching_never_marks(backend: Backend) -> None:
    backend.mailbox.deliver_many([mail("one"), mail("two")])
    with backend.source() as source:
        refs = source.measure(source.list_unread())
        list(source.fetch(refs))
        list(source.fetch(refs, headers_only=True))
        assert loci(source.list_unread()) == loci(refs)
    assert len(backend.mailbox.unread()) == 2


def test_headers_alone_end_with_their_blank_line(backend: Backend) -> None:
    backend.mailbox.deliver(mail("head", b"first\r\n\r\nsecond\r\n"))
    with backend.source() as source:
        (message,) = source.fetch(source.list_unread(), headers_only=True)
    assert message.raw == mail("head", b"")
    assert not message.whole


def test_headers_without_end_are_cut(backend: Backend) -> None:
    backend.mailbox.deliver(b"X-Long: " + b"y" * 5_000 + b"\r\n\r\nbody\r\n")
    with backend.source(max_header=1_000) as source:
        (message,) = source.fetch(source.list_unread(), headers_only=True)
    assert message.raw == b"X-Long: " + b"y" * 992


def test_marking_lasts_and_repeating_it_is_harmless(backend: Backend) -> None:
    backend.mailbox.deliver_many([mail("one"), mail("two"), mail("three")])
    with backend.source() as source:
        refs = source.list_unread()
        source.mark_read(loci(refs[:2]))
        source.mark_read(loci(refs[:2]))
        assert loci(source.list_unread()) == loci(refs[2:])
    with backend.source() as source:
        assert loci(source.list_unread()) == loci(refs[2:])
    assert len(backend.mailbox.unread()) == 1


def test_marking_needs_no_listing_before(backend: Backend) -> None:
    backend.mailbox.deliver(mail("one"))
    with backend.source() as source:
        refs = source.list_unread()
    with backend.source() as source:
        source.mark_read(loci(refs))
        assert list(source.list_unread()) == []


def test_marking_keeps_other_flags(backend: Backend) -> None:
    backend.mailbox.deliver(mail("flagged"))
    backend.flag("flagged", "F")
    with backend.source() as source:
        source.mark_read(loci(source.list_unread()))
    (marked,) = backend.mailbox.messages()
    assert marked.name.rpartition(":2,")[2] == "FS"


def test_a_locus_does_not_change_with_flags_or_renames(backend: Backend) -> None:
    backend.mailbox.deliver(mail("still here"))
    with backend.source() as source:
        before = loci(source.list_unread())
        source.mark_read(before)
    backend.flag("still here", "FR")
    with backend.source() as source:
        assert loci(source.list_unread()) == before
        assert subjects(source, [MessageRef(before[0])]) == ["still here"]


def test_mail_that_another_program_flags_meanwhile_is_found(backend: Backend) -> None:
    backend.mailbox.deliver_many([mail("one"), mail("two")])
    with backend.source() as source:
        refs = source.list_unread()
        for name in ("one", "two"):
            backend.flag(name, "F")
        assert subjects(source, refs) == ["one", "two"]
        source.mark_read(loci(refs))
        for name in ("one", "two"):
            backend.flag(name, "")
    with backend.source() as source:
        assert loci(source.list_unread()) == loci(refs)


def test_mail_that_vanishes_between_listing_and_fetching_is_left_out(backend: Backend) -> None:
    backend.mailbox.deliver_many([mail("one"), mail("two"), mail("three")])
    with backend.source() as source:
        refs = source.list_unread()
        backend.remove("two")
        left = [mail("one"), mail("three"), *([mail("two")] if backend.patient else [])]
        assert sorted(each.raw for each in source.fetch(refs)) == left


def test_loci_that_are_not_there_are_passed_over(backend: Backend) -> None:
    backend.mailbox.deliver_many([mail("one"), mail("two")])
    backend.mailbox.create_folder("Done")
    foreign = ["imap://other@localhost/INBOX;UIDVALIDITY=1/;UID=1", "maildir:/elsewhere/1.test", "nonsense"]
    with backend.source() as source:
        refs = source.list_unread()
    backend.remove("one")
    with backend.source() as source:
        asked = [*foreign, *loci(refs), refs[1].locus + "0"]
        assert loci(source.measure([MessageRef(locus) for locus in asked])) == [refs[1].locus]
        assert [each.raw for each in source.fetch([MessageRef(locus) for locus in asked])] == [mail("two")]
        source.mark_read(asked)
        assert list(source.list_unread()) == []
        assert list(source.move(asked, "Done")) == [refs[1].locus]
    assert len(backend.mailbox.messages("Done")) == 1


def test_nothing_asked_is_nothing_done(backend: Backend) -> None:
    backend.mailbox.deliver(mail("one"))
    with backend.source() as source:
        assert list(source.measure([])) == []
        assert list(source.fetch([])) == []
        source.mark_read([])
        assert source.move([], "INBOX") == {}
    assert len(backend.mailbox.unread()) == 1


def test_moving_takes_mail_away_and_tells_where_it_is(backend: Backend) -> None:
    backend.mailbox.create_folder("Done")
    backend.mailbox.deliver_many([mail("one"), mail("two"), mail("three")])
    with backend.source() as source:
        refs = source.list_unread()
        old = loci(refs[:2])
        source.mark_read(old)
        moved = source.move(old, "Done")
        assert loci(source.list_unread()) == loci(refs[2:])
    assert set(moved) == set(old)
    assert len(backend.mailbox.messages()) == 1
    with backend.source(folder="Done") as done:
        assert list(done.list_unread()) == []
        assert subjects(done, [MessageRef(moved[locus] or "") for locus in old]) == ["one", "two"]


def test_moving_twice_is_harmless(backend: Backend) -> None:
    backend.mailbox.create_folder("Done")
    backend.mailbox.deliver(mail("one"))
    with backend.source() as source:
        refs = loci(source.list_unread())
        source.move(refs, "Done")
    with backend.source() as source:
        source.move(refs, "Done")
    assert len(backend.mailbox.messages("Done")) == 1
    assert backend.mailbox.messages() == []


def test_moving_to_a_folder_that_is_not_there_leaves_the_mail(backend: Backend) -> None:
    backend.mailbox.deliver(mail("one"))
    with backend.source() as source:
        refs = source.list_unread()
        with pytest.raises(FolderMissing, match="Nowhere") as caught:
            source.move(loci(refs), "Nowhere")
        assert caught.value.hint
        assert loci(source.list_unread()) == loci(refs)


def test_folders_may_have_any_name(backend: Backend) -> None:
    name = backend.odd_folder
    backend.mailbox.create_folder(name.replace("&", "&-").replace("ä", "&AOQ-"))
    backend.mailbox.deliver(mail("one"))
    with backend.source() as source:
        refs = loci(source.list_unread())
        moved = source.move(refs, name)
    with backend.source(folder=name) as source:
        (ref,) = source.list_unread()
    assert moved == {refs[0]: ref.locus}


def test_since_leaves_older_mail_alone_to_the_second(backend: Backend) -> None:
    since = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
    ages = {
        "long before": -90 * 86_400,
        "just before": -1,
        "at": 0,
        "just after": 1,
        "long after": 90 * 86_400,
    }
    for name, seconds in ages.items():
        backend.mailbox.deliver(mail(name), received_at=since + timedelta(seconds=seconds))
    with backend.source(since=since) as source:
        refs = source.list_unread()
        assert subjects(source, refs) == ["at", "just after", "long after"]
        assert loci(source.list_unread()) == loci(refs)


def test_a_date_begins_at_midnight_of_this_machine(backend: Backend) -> None:
    midnight = datetime(2026, 11, 1).astimezone()
    backend.mailbox.deliver(mail("before"), received_at=midnight - timedelta(seconds=1))
    backend.mailbox.deliver(mail("after"), received_at=midnight)
    with backend.source(since=midnight.date()) as source:
        assert subjects(source, source.list_unread()) == ["after"]


def test_all_of_a_time_are_listed_read_or_not_whatever_since_says(backend: Backend) -> None:
    start = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
    for name, seconds, seen in [
        ("long before", -90 * 86_400, True),
        ("just before", -1, True),
        ("at", 0, True),
        ("unread", 5, False),
        ("long after", 20 * 86_400, True),
    ]:
        backend.mailbox.deliver(mail(name), seen=seen, received_at=start + timedelta(seconds=seconds))
    with backend.source(since=start + timedelta(days=1), read_only=True) as source:
        found = source.list_received(start)
        assert subjects(source, [each.ref for each in found]) == ["at", "unread", "long after"]
        assert [each.read for each in found] == [True, False, True]
        times = [start + timedelta(seconds=seconds) for seconds in (0, 5, 20 * 86_400)]
        assert [each.ref.received_at for each in found] == times
        assert all(each.ref.size for each in found)
        assert loci([each.ref for each in found]) == loci([each.ref for each in source.list_received(start)])
        assert source.list_received(start + timedelta(days=30)) == []
    assert len(backend.mailbox.unread()) == 1


def test_marking_shows_in_the_list_of_all(backend: Backend) -> None:
    backend.mailbox.deliver_many([mail("one"), mail("two")])
    since = datetime.now(UTC) - timedelta(days=1)
    with backend.source() as source:
        refs = source.list_unread()
        assert [each.ref.locus for each in source.list_received(since)] == loci(refs)
        source.mark_read(loci(refs[:1]))
        assert [each.read for each in source.list_received(since)] == [True, False]


def test_read_only_refuses_to_change_and_changes_nothing(backend: Backend) -> None:
    backend.mailbox.create_folder("Done")
    backend.mailbox.deliver_many([mail("one"), mail("two")])
    before = backend.mailbox.messages()
    with backend.source(read_only=True) as source:
        refs = source.measure(source.list_unread())
        assert subjects(source, refs) == ["one", "two"]
        with pytest.raises(FolderReadOnly):
            source.mark_read(loci(refs))
        with pytest.raises(FolderReadOnly):
            source.move(loci(refs), "Done")
    assert backend.mailbox.messages() == before


def test_many_messages_over_several_batches(backend: Backend) -> None:
    backend.mailbox.deliver_many(mail(f"number {number}") for number in range(300))
    with backend.source() as source:
        refs = source.measure(source.list_unread())
        for start in range(0, 300, 50):
            batch = refs[start : start + 50]
            assert subjects(source, batch) == [f"number {number}" for number in range(start, start + 50)]
            source.mark_read(loci(batch))
        assert list(source.list_unread()) == []
    assert backend.mailbox.unread() == []


def test_a_batch_that_is_left_in_the_middle_does_no_harm(backend: Backend) -> None:
    backend.mailbox.deliver_many(mail(f"number {number}", b"z" * 100_000) for number in range(20))
    with backend.source() as source:
        refs = source.list_unread()
        fetching = source.fetch(refs)
        first = next(fetching)
        fetching.close()  # type: ignore[attr-defined]  # what Python does to a generator that is dropped
        source.mark_read([first.ref.locus])
        assert len(source.list_unread()) == 19
        assert len(list(source.fetch(refs))) == 20


def test_a_folder_that_is_not_there_is_missing(backend: Backend) -> None:
    with pytest.raises(FolderMissing, match="Nowhere") as caught, backend.source(folder="Nowhere"):
        pass
    assert caught.value.hint


def test_the_connection_test_passes_and_changes_nothing(backend: Backend) -> None:
    backend.mailbox.deliver_many([mail("one"), mail("two")])
    steps = list(backend.source().test())
    assert [step.outcome for step in steps] == [Outcome.OK] * len(steps)
    assert [step.name for step in steps][-3:] == ["folder", "mark read", "unread"]
    assert steps[-1].detail == "2 unread"
    assert len(backend.mailbox.unread()) == 2


def test_the_connection_test_stops_where_it_fails(backend: Backend) -> None:
    *_, folder, marking, unread = backend.source(folder="Nowhere").test()
    assert folder.outcome is Outcome.FAILED
    assert "Nowhere" in folder.detail
    assert folder.cure
    assert [marking.outcome, unread.outcome] == [Outcome.SKIPPED] * 2


def test_a_source_may_be_opened_again(backend: Backend) -> None:
    backend.mailbox.deliver(mail("one"))
    source = backend.source()
    for _ in range(2):
        with source:
            assert subjects(source, source.list_unread()) == ["one"]
