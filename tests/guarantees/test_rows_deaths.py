"""Rows 1 to 10, 23 and 100: a run that dies, or whose SMTP server does not say what became of a reply."""

from __future__ import annotations

import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.support.desk import reply_states
from tests.support.memory import letter
from tests.support.smtp import DROP, STALL, Sink

if TYPE_CHECKING:
    from tests.support.desk import Desk

COMMIT = "emailint.store.ledger_batch:SqliteBatch.finish"
WRITE = "os:pwrite"
MARK = "emailint.sources.imap:ImapSource.mark_read"
ENVELOPE = "emailint.outbound.session:Session.exchange"
BEGIN = "emailint.store.sqlite_ledger:SqliteLedger.sending"
LAST_WORD = "emailint.outbound.session:Session.last_word"
SENDERS = [f"p{number}@example.com" for number in range(3)]


@pytest.fixture
def full(desk: Desk) -> Desk:
    """Three mails wait."""
    desk.mailbox.deliver_many(letter(number, sender=sender) for number, sender in enumerate(SENDERS))
    return desk


def dies(desk: Desk, target: str, moment: str, action: str = "SIGKILL", where: str = "-") -> None:
    assert desk.faulty(target, moment, action, where=where).returncode == -signal.SIGKILL


def test_row_001_killed_before_the_commit(full: Desk) -> None:
    dies(full, COMMIT, "after")
    assert (full.partial_lines(), len(full.mailbox.unread()), full.answered()) == (b"", 3, Counter())
    full.sweep()
    full.all_is_done(3)


def test_row_002_killed_after_the_commit(full: Desk) -> None:
    dies(full, WRITE, "before", where="cases.jsonl")
    assert (full.partial_lines(), len(full.mailbox.unread()), full.answered()) == (b"", 3, Counter())
    result = full.sweep()
    assert (result.totals.cases, len(full.cases())) == (0, 3)
    full.all_is_done(3)


def test_row_003_killed_while_a_line_is_written(full: Desk) -> None:
    dies(full, WRITE, "before", "HALF+SIGKILL", where="cases.jsonl")
    torn = full.partial_lines()
    assert torn
    assert not torn.endswith(b"\n")
    full.sweep()
    assert full.partial_lines().startswith(torn)
    full.all_is_done(3)


def test_row_004_killed_before_it_is_marked_read(full: Desk) -> None:
    dies(full, MARK, "before")
    assert (len(full.cases()), len(full.mailbox.unread())) == (3, 3)
    result = full.sweep()
    assert result.totals.cases == 0
    full.all_is_done(3)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_row_005_killed_before_the_recipient_is_taken(full: Desk, moment: str) -> None:
    dies(full, ENVELOPE, moment)
    assert (len(full.cases()), full.answered()) == (3, Counter())
    full.sweep()
    full.all_is_done(3)


@pytest.mark.parametrize(
    ("target", "moment"), [(BEGIN, "after"), (LAST_WORD, "before"), (LAST_WORD, "after")]
)
def test_row_006_killed_while_a_reply_is_handed_over(full: Desk, target: str, moment: str) -> None:
    dies(full, target, moment)
    for _ in range(3):
        full.sweep()
    assert sorted(reply_states(full).values()) == ["sent", "sent", "unknown"]
    (doubt,) = full.errors()
    assert (doubt.trouble.kind, doubt.trouble.case_id) == ("outcome_unknown", "CS-000001")
    assert "emailint retry" in doubt.trouble.hint
    assert len(full.cases()) == 3
    assert full.mailbox.unread() == []
    assert set(full.answered().values()) == {1}
    assert full.answered().keys() >= {"p1@example.com", "p2@example.com"}


def test_row_007_the_server_closes_after_the_dot(full: Desk) -> None:
    with Sink({"dot": [DROP]}) as sink:
        full.configure(smtp=sink.port)
        for _ in range(3):
            full.sweep()
        assert [mail.count(b"Message-ID:") for mail in sink.mails] == [1, 1, 1]
    assert sorted(reply_states(full).values()) == ["sent", "sent", "unknown"]
    assert [error.trouble.kind for error in full.errors()] == ["outcome_unknown"]


@pytest.mark.parametrize(
    ("moment", "answer"), [("MAIL", "421 4.3.2 closing"), ("RCPT", "450 4.2.0 greylisted")]
)
def test_row_008_not_now(full: Desk, moment: str, answer: str) -> None:
    with Sink({moment: [answer]}) as sink:
        full.configure(smtp=sink.port)
        full.sweep()
        waiting = [case for case, state in reply_states(full).items() if state == "pending"]
        assert len(waiting) == 1
        assert len(sink.mails) == 2
        own = full.installation.run("retry", waiting[0])
        assert "sent" in own.stdout
        assert len(sink.mails) == 3
        ids = [line for mail in sink.mails for line in mail.split(b"\r\n") if line.startswith(b"Message-ID:")]
    assert sorted(each.split(b".")[0] for each in ids) == [b"Message-ID: <CS-00000%d" % n for n in (1, 2, 3)]
    assert set(reply_states(full).values()) == {"sent"}


def test_row_009_the_recipient_is_refused(full: Desk) -> None:
    full.smtp.fault("RCPT", "550 5.1.1 no such user")
    assert not full.sweep().trouble
    for _ in range(2):
        full.sweep()
    assert sorted(reply_states(full).values()) == ["failed", "sent", "sent"]
    (error,) = full.errors()
    assert (error.trouble.kind, error.count) == ("outbound_refused", 1)
    assert sum(command.startswith("RCPT") for command in full.smtp.commands) == 3
    assert [line["event"] for line in full.installation.lines("errors.jsonl")] == ["opened"]


def test_row_010_the_server_says_nothing_more(full: Desk) -> None:
    with Sink({"EHLO": [STALL]}) as sink:
        full.configure(smtp=sink.port)
        begun = time.monotonic()
        done = full.installation.run("process", "--deadline", "2s", status=None)
        assert time.monotonic() - begun < 12
        assert (done.returncode, len(full.cases()), full.mailbox.unread()) == (1, 3, [])
        full.mailbox.deliver(letter(4, sender="p4@example.com"))
        again = full.installation.process()
        assert again["totals"]["cases"] == 1
        assert "busy" not in again
    assert len(full.cases()) == 4


def test_row_023_runs_overlap(full: Desk) -> None:
    full.mailbox.deliver_many(letter(number, sender=f"q{number}@example.com") for number in range(60))
    runs = [full.installation.start("process") for _ in range(6)]
    ended = [(*run.communicate(timeout=60), run.returncode) for run in runs]
    assert ended == [("", "", 0)] * 6
    full.all_is_done(63)


@pytest.mark.parametrize("told", ["SIGTERM", "SIGHUP"])
def test_row_100_a_run_is_told_to_end(full: Desk, told: str) -> None:
    done = full.faulty(MARK, "before", told)
    assert done.returncode == 128 + getattr(signal, told)
    assert full.mailbox.unread() == []  # the step at hand was finished
    full.sweep()
    full.all_is_done(3)
