"""Sweeps that hang, wait or are told to end."""

from __future__ import annotations

import fcntl
import json
import signal
import socket
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Installation

CONFIG = """
store: data
integrations:
  - name: silent
    mailbox: silent@example.org
    host: 127.0.0.1
    port: {port}
    tls: none
    password: correct-horse
    reply: {{template: none}}
  - name: local
    mailbox: desk@example.org
    protocol: maildir
    path: maildir
    outbound: {{type: folder, path: outbox}}
"""
MAIL = b"From: ann@example.com\nTo: desk@example.org\nSubject: hello\n\nhello\n"


@pytest.fixture
def silent() -> Iterator[int]:
    """A server that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield listener.getsockname()[1]


@pytest.fixture
def hanging(installation: Installation, silent: int) -> Installation:
    for part in ("cur", "new", "tmp"):
        (installation.folder / "maildir" / part).mkdir(parents=True)
    (installation.folder / "maildir" / "new" / "1.example").write_bytes(MAIL)
    installation.configure(CONFIG.format(port=silent))
    return installation


def test_a_mailbox_that_hangs_is_named_and_holds_up_no_other(hanging: Installation) -> None:
    begun = time.monotonic()
    done = hanging.run("process", "--deadline", "1s", status=1)
    assert time.monotonic() - begun < 15
    assert "silent" in done.stderr
    assert [case["subject"] for case in hanging.lines()] == ["hello"]
    assert len(list((hanging.folder / "outbox").glob("*.eml"))) == 1


def test_a_signal_ends_a_sweep_that_hangs(hanging: Installation) -> None:
    run = hanging.start("process")
    deadline = time.monotonic() + 20
    while not hanging.lines() and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=15)
    assert run.returncode != 0
    assert len(hanging.lines()) == 1


@contextmanager
def held(hanging: Installation, *names: str) -> Iterator[None]:
    """The lock, as a sweep of these integrations holds it."""
    folder = hanging.folder / "data"
    folder.mkdir(mode=0o700, exist_ok=True)
    said = {
        "pid": 4711,
        "host": socket.gethostname(),
        "started_at": datetime.now(UTC).isoformat(),
        "config": str(hanging.folder / "integrations.yaml"),
        "integrations": list(names),
    }
    with (folder / "lock").open("w+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(json.dumps(said) + "\n")
        lock.flush()
        yield


def test_under_cron_a_sweep_gives_way_to_one_that_covers_it(hanging: Installation) -> None:
    begun = time.monotonic()
    with held(hanging, "silent", "local"):
        done = hanging.run("process", "--integration", "local")
    assert (done.stdout, done.stderr) == ("", "")
    assert time.monotonic() - begun < 8
    assert hanging.lines() == []


def test_one_that_does_not_cover_it_is_waited_for_until_the_deadline(hanging: Installation) -> None:
    with held(hanging, "silent"):
        done = hanging.run("process", "--integration", "local", "--deadline", "1s", status=None)
    assert done.returncode != 0
    assert "4711" in done.stderr
    hanging.process("--integration", "local")
    assert len(hanging.lines()) == 1
