"""A run that hangs and keeps the lock: told once, with what to do, and once more when it is over."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import stat
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.conftest import Installation

CONFIG = """
store: data
deadline: 20s
integrations:
  - {{name: silent, mailbox: silent@example.org, host: 127.0.0.1, port: {port}, tls: none,
     password: correct-horse, reply: {{template: none}}}}
  - {{name: local, mailbox: desk@example.org, protocol: maildir, path: maildir,
     outbound: {{type: folder, path: outbox}}}}
"""
MAIL = b"From: ann@example.com\nTo: desk@example.org\nSubject: hello\n\nhello\n"


@pytest.fixture
def site(installation: Installation) -> Iterator[Installation]:
    """A Maildir with one mail, and a server that takes connections and never says a word."""
    for part in ("cur", "new", "tmp"):
        (installation.folder / "maildir" / part).mkdir(parents=True)
    (installation.folder / "maildir" / "new" / "1.example").write_bytes(MAIL)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        installation.configure(CONFIG.format(port=silent.getsockname()[1]))
        yield installation


@contextmanager
def stopped(site: Installation, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A sweep that has the lock and is stopped: nothing of it runs, its watchdog neither."""
    run = site.start("process", *arguments)
    try:
        until = time.monotonic() + 20
        while said(site).get("pid") != run.pid and time.monotonic() < until:
            time.sleep(0.02)
        stop(run)
        while not ledger_is_free(site) and time.monotonic() < until:  # else nobody could read it
            run.send_signal(signal.SIGCONT)
            time.sleep(0.001)
            stop(run)
        assert said(site)["pid"] == run.pid
        yield run
    finally:
        run.send_signal(signal.SIGKILL)
        run.communicate()


def stop(run: subprocess.Popen[str]) -> None:
    """Stop it, and wait until it stands still."""
    run.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, run.pid, os.WSTOPPED)


def ledger_is_free(site: Installation) -> bool:
    """Whether the ledger is made, and its run was not stopped in the middle of writing to it."""
    path = site.folder / "data" / "ledger.db"
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as ledger:
        try:
            ledger.execute("BEGIN IMMEDIATE")
            return bool(ledger.execute("SELECT 1 FROM meta").fetchone())
        except sqlite3.Error:
            return False


def said(site: Installation) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((site.folder / "data" / "lock").read_text())
    except (OSError, ValueError):
        return {}
    return found


def shift(site: Installation, by: timedelta) -> None:
    """The lock file as if it had been written earlier; the lock itself is untouched."""
    now = {**said(site)}
    for key in ("started_at", "ends_at"):
        now[key] = (datetime.fromisoformat(now[key]) - by).isoformat()
    (site.folder / "data" / "lock").write_text(json.dumps(now) + "\n")


def told(site: Installation) -> Path:
    return site.folder / "data" / "lock.told"


def a_day_passes(site: Installation) -> None:
    text = json.loads(told(site).read_text())
    for each in text["told"]:
        each["at"] = (datetime.now(UTC) - timedelta(days=1, minutes=1)).isoformat()
    told(site).write_text(json.dumps(text))


def events(site: Installation) -> list[str]:
    return [line["event"] for line in site.lines("errors.jsonl") if line["kind"] == "lock_timeout"]


def test_the_lock_says_who_what_for_whom_and_since_when(site: Installation) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    with stopped(site) as run:
        lock = said(site)
    assert lock["pid"] == run.pid
    assert lock["command"] == "process"
    assert lock["integrations"] == ["local", "silent"]
    started, ends = (datetime.fromisoformat(lock[key]) for key in ("started_at", "ends_at"))
    assert before <= started <= datetime.now(UTC)
    assert timedelta(seconds=20) <= ends - started <= timedelta(seconds=27)


def test_a_sweep_that_covers_and_hangs_is_told_once_with_the_cure(site: Installation) -> None:
    with stopped(site) as run:
        fresh = site.run("process")  # in its time: nobody's business
        assert (fresh.stdout, fresh.stderr) == ("", "")
        shift(site, timedelta(hours=1))
        first = site.run("process")
        (line,) = first.stderr.splitlines()
        assert f"process {run.pid} (emailint process: local, silent) since " in line
        assert "has not ended" in line
        assert f"kill -CONT {run.pid}" in line
        assert stat.S_IMODE(told(site).stat().st_mode) == 0o600
        for _ in range(2):
            again = site.run("process")
            assert (again.stdout, again.stderr) == ("", "")
        assert json.loads(site.run("process", "--json").stdout)["busy"].startswith(f"process {run.pid} ")
        (listed,) = json.loads(site.run("list-errors", "--json").stdout)["errors"]
        assert listed["kind"] == "lock_timeout"
        assert f"[{listed['error_id']}]" in line
        a_day_passes(site)
        assert str(run.pid) in site.run("process").stderr
        assert site.run("process").stderr == ""
        assert said(site)["pid"] == run.pid  # age takes nothing over
        assert site.lines() == []
    assert events(site) == ["opened"]
    site.run("process", "--deadline", "2s", status=1)  # silent is silent
    assert len(site.lines()) == 1
    assert events(site) == ["opened", "closed"]
    assert not told(site).exists()


def test_who_waits_in_vain_for_others_mailboxes_says_so_once(site: Installation) -> None:
    mine = ("process", "--integration", "local", "--deadline", "1s")
    with stopped(site, "--integration", "silent") as run:
        first = site.run(*mine, status=1)
        assert first.stdout == ""
        (line,) = first.stderr.splitlines()
        assert f"process {run.pid} (emailint process: silent) since " in line
        assert f"kill {run.pid}" in line
        for _ in range(2):
            again = site.run(*mine, status=1)
            assert (again.stdout, again.stderr) == ("", "")
        other = site.run("process", "--integration", "silent")  # covered, and in its time
        assert (other.stdout, other.stderr) == ("", "")
    other = site.run("process", "--integration", "silent", "--deadline", "1s", status=1)
    assert "lock_timeout" not in other.stderr  # whose mailboxes are others': not its recovery to tell
    assert told(site).exists()
    over = site.run(*mine)
    assert "well again after lock_timeout" in over.stderr
    assert not told(site).exists()
    assert events(site) == ["opened", "closed"]
    assert site.run(*mine).stderr == ""
    assert len(site.lines()) == 1


def test_where_nothing_can_be_noted_it_is_told_each_time(site: Installation) -> None:
    """The safe side: a trouble told too often, never one told to nobody."""
    mine = ("process", "--integration", "local", "--deadline", "1s")
    with stopped(site, "--integration", "silent") as run:
        told(site).mkdir()
        for _ in range(2):
            assert str(run.pid) in site.run(*mine, status=1).stderr
    assert list(told(site).iterdir()) == []
