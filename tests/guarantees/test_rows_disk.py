"""Rows 15 to 22, 24 to 27, 36 to 39: disks that fail, stores that are not ours, files that others changed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emailint.config.model import SweepLimits
from emailint.errors import Exit, StoreError
from tests.e2e.conftest import BARE
from tests.support.hostile import mail
from tests.support.memory import letter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.desk import Desk
    from tests.support.world import World

PDF = 'Content-Type: multipart/mixed; boundary="b"\n'
FILE = '--b\n\nSee it.\n--b\nContent-Type: text/csv; name="a.csv"\n\n1,2,3\n--b--'


@pytest.fixture
def full(desk: Desk) -> Desk:
    """Three mails wait in a mailbox that was swept before."""
    desk.sweep()
    desk.mailbox.deliver_many(letter(number, sender=f"p{number}@example.com") for number in range(3))
    return desk


def untouched(desk: Desk, count: int = 3) -> None:
    assert len(desk.mailbox.unread()) == count
    assert desk.answered() == {}


def test_row_015_a_sync_fails(full: Desk) -> None:
    done = full.faulty("os:fsync", "before", "EIO", where="cases.jsonl")
    assert done.returncode == Exit.STORE
    assert "cases.jsonl failed" in done.stderr
    untouched(full)
    full.sweep()
    full.all_is_done(3)


@pytest.mark.parametrize("octets", [0, 1_000, 20_000])
def test_row_016_the_ledger_has_no_room(full: Desk, octets: int) -> None:
    """A limit on the size of files is a disk that is full, to whoever writes."""
    command = ["prlimit", f"--fsize={octets}", *full.installation.command("process")]
    run = {"cwd": full.installation.folder, "env": full.installation.environ, "capture_output": True}
    done = subprocess.run(command, **run, text=True, check=False)  # type: ignore[call-overload]  # as Installation.run has it
    assert done.returncode == Exit.STORE
    assert "ledger" in done.stderr
    untouched(full)
    full.sweep()
    full.all_is_done(3)


def test_row_017_the_lines_have_no_room(full: Desk) -> None:
    done = full.faulty("os:pwrite", "before", "HALF+ENOSPC", where="cases.jsonl")
    assert done.returncode == Exit.STORE
    assert "No space left" in done.stderr
    assert not full.partial_lines().endswith(b"\n")
    untouched(full)
    assert full.sweep().totals.cases == 0  # they are in the ledger already
    full.all_is_done(3)


def test_row_018_an_attachment_has_no_room(desk: Desk) -> None:
    desk.mailbox.deliver(letter(1, sender="p1@example.com"))
    desk.mailbox.deliver(mail(PDF, FILE))
    done = desk.faulty("os:pwrite", "before", "HALF+ENOSPC", where=".csv")
    assert done.returncode == Exit.STORE
    assert "No space left" in done.stderr
    assert desk.partial_lines() == b""
    left = (desk.installation.folder / "data" / "attachments").rglob("*")
    assert [path.name for path in left] == [".unfinished"]  # where they are written, empty
    untouched(desk, 2)
    desk.sweep()
    desk.all_is_done(2)


def test_row_019_the_errors_have_no_room(full: Desk) -> None:
    full.smtp.fault("RCPT", "550 5.1.1 no such user")
    done = full.faulty("os:write", "before", "ENOSPC", where="errors.jsonl")
    assert done.returncode == Exit.OK
    assert "errors.jsonl cannot be written (No space left on device)" in done.stderr
    assert "no such user" in done.stderr
    full.all_is_done(3, answered=2)
    assert [error.trouble.kind for error in full.errors()] == ["outbound_refused"]


@pytest.fixture
def ordinary() -> Iterator[tuple[Path, list[str]]]:
    """A folder, and the words before a command: root heeds no modes, so it runs as nobody."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.getuid() != 0:
            yield folder, []
            return
        os.chown(folder, 65_534, 65_534)
        yield folder, ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


LOCAL = """store: data
integrations:
  - name: local
    mailbox: payroll@example.org
    protocol: maildir
    path: maildir
    outbound: {type: folder, path: outbox}
"""


def test_row_020_a_disk_that_may_only_be_read(ordinary: tuple[Path, list[str]]) -> None:
    folder, before = ordinary
    (folder / "integrations.yaml").write_text(LOCAL)
    for part in ("new", "cur", "tmp"):
        (folder / "maildir" / part).mkdir(parents=True)
    (folder / "maildir" / "new" / "1.x").write_bytes(letter(1))
    (folder / "data").mkdir()
    for path in [folder, *folder.rglob("*")]:
        if os.getuid() == 0:
            os.chown(path, 65_534, 65_534)
    (folder / "data").chmod(0o500)
    done = subprocess.run(
        [*before, sys.executable, "-m", "emailint", "process"],
        cwd=folder,
        env=BARE,
        capture_output=True,
        text=True,
        check=False,
    )
    (folder / "data").chmod(0o700)
    assert done.returncode == Exit.STORE
    assert "data" in done.stderr
    assert done.stderr.startswith("emailint: ")
    assert (
        len([line for line in done.stderr.splitlines() if line.startswith("emailint: ") and line[10] != " "])
        == 1
    )
    assert [path.name for path in (folder / "maildir" / "new").iterdir()] == ["1.x"]
    assert list((folder / "data").iterdir()) == []


@pytest.mark.parametrize("loss", ["deleted", "restored from a backup"])
def test_row_021_the_ledger_is_lost(full: Desk, loss: str) -> None:
    ledger = full.installation.folder / "data" / "ledger.db"
    backup = ledger.read_bytes()
    full.sweep()
    full.mailbox.deliver(letter(9, sender="p9@example.com"))
    if loss == "deleted":
        ledger.unlink()
    else:
        ledger.write_bytes(backup)
    lines, replies = full.partial_lines(), len(full.smtp.delivered)
    done = full.installation.run("process", status=Exit.STORE)
    assert "emailint store rebuild" in done.stderr
    assert "no mailbox was touched" in done.stderr
    assert (full.partial_lines(), len(full.smtp.delivered), len(full.mailbox.unread())) == (lines, replies, 1)


def test_row_021_an_old_ledger_that_knows_the_last_line(full: Desk) -> None:
    """Its backup is of between the cases and their replies; the sweep that sent the first one was killed."""
    full.faulty("emailint.store.sqlite_ledger:SqliteLedger.sending", "before", "SIGKILL")
    ledger = full.installation.folder / "data" / "ledger.db"
    backup = ledger.with_name("backup.db")
    with closing(sqlite3.connect(ledger)) as connection, closing(sqlite3.connect(backup)) as copy:
        connection.backup(copy)
    full.faulty("emailint.store.sqlite_ledger:SqliteLedger.settle", "after", "SIGKILL")
    sent = full.answered()
    assert sent
    for path in ledger.parent.glob("ledger.db-*"):
        path.unlink()
    backup.rename(ledger)
    done = full.installation.run("process", status=Exit.STORE)
    assert "fewer replies than were begun" in done.stderr
    full.installation.run("store", "rebuild", "--yes")
    full.installation.run("process", status=None)
    assert full.answered() == sent
    assert len(full.cases()) == len({case["message"]["fingerprint"] for case in full.cases()}) == 3


@pytest.mark.parametrize("harm", ["zeros", "text", "cut"])
def test_row_022_the_ledger_is_damaged(full: Desk, harm: str) -> None:
    full.sweep()
    full.mailbox.deliver(letter(9, sender="p9@example.com"))
    ledger = full.installation.folder / "data" / "ledger.db"
    octets = bytearray(ledger.read_bytes())
    changed = {
        "zeros": bytes(len(octets)),
        "text": b"x" * len(octets),
        "cut": bytes(octets[: len(octets) // 2]),
    }
    ledger.write_bytes(changed[harm])
    done = full.installation.run("process", status=Exit.STORE)
    assert "ledger.db" in done.stderr
    assert len(full.mailbox.unread()) == 1
    assert len(full.smtp.delivered) == 3


def test_row_024_the_holder_of_the_lock_hangs(full: Desk) -> None:
    since = datetime.now(UTC) - timedelta(hours=1, minutes=5)
    said: dict[str, Any] = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started_at": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "config": str(full.installation.folder / "integrations.yaml"),
        "integrations": ["payroll"],
    }
    with (full.installation.folder / "data" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(json.dumps(said) + "\n")
        lock.flush()
        first = full.installation.run("process", status=None)
        again = full.installation.run("process", status=None)
    assert str(os.getpid()) in first.stderr
    assert again.stderr == ""
    untouched(full)
    full.sweep()
    full.all_is_done(3)


def on_host(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    here = os.uname()
    there = os.uname_result((here.sysname, name, here.release, here.version, here.machine))
    monkeypatch.setattr(os, "uname", lambda: there)


def refused_elsewhere(full: Desk, monkeypatch: pytest.MonkeyPatch, call: Callable[[], object]) -> None:
    first = os.uname().nodename
    on_host(monkeypatch, "second.example.org")
    with pytest.raises(StoreError, match=f"belongs to the host {first}") as caught:
        call()
    assert caught.value.exit_code == Exit.STORE
    untouched(full)


def test_row_025_a_second_host_sweeps(full: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    refused_elsewhere(full, monkeypatch, full.sweep)
    monkeypatch.undo()
    full.sweep()
    full.all_is_done(3)


def test_row_026_a_second_host_retries(full: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from emailint.config.load import load  # noqa: PLC0415 - only here
    from emailint.sweep.orders import Order  # noqa: PLC0415 - only here
    from emailint.sweep.retry import retry  # noqa: PLC0415 - only here

    config = load(full.installation.folder / "integrations.yaml")
    refused_elsewhere(full, monkeypatch, lambda: retry(config, Order(held=True, replies=True)))


def test_row_027_a_second_host_finds_the_store_of_a_dead_one(
    full: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No takeover: whoever moved the store says so by `store rebuild` or by sweeping from the first host."""
    full.sweep()
    full.mailbox.deliver(letter(9, sender="p9@example.com"))
    on_host(monkeypatch, "second.example.org")
    with pytest.raises(StoreError, match="belongs to the host"):
        full.sweep()
    assert len(full.mailbox.unread()) == 1
    assert len(full.smtp.delivered) == 3


def test_row_036_zeros_where_a_line_was_written(full: Desk) -> None:
    assert full.faulty("os:pwrite", "after", "SIGKILL", where="cases.jsonl").returncode < 0
    path = full.installation.folder / "data" / "cases.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes(len(whole) - 100))
    full.sweep()
    assert full.partial_lines() == whole
    full.all_is_done(3)


def test_row_037_half_a_line_of_others(full: Desk) -> None:
    full.sweep()
    with (full.installation.folder / "data" / "cases.jsonl").open("ab") as file:
        file.write(b"half a line of another program")
    full.mailbox.deliver(letter(9, sender="p9@example.com"))
    done = full.installation.run("process", status=None)
    assert "half line" in done.stderr
    lines = full.partial_lines().splitlines()
    assert lines[3] == b"half a line of another program"
    assert [json.loads(line)["case_id"] for number, line in enumerate(lines) if number != 3] == [
        f"CS-00000{number}" for number in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize("moment", ["between runs", "in the middle of one"])
def test_row_038_the_file_is_rotated_by_renaming(world: World, moment: str) -> None:
    lines = world.folder / "data" / "cases.jsonl"
    world.settings["limits"] = SweepLimits(batch_messages=2)
    rotated: list[Path] = []

    def rotate(verb: str) -> None:
        if verb == "mark" and lines.exists() and not rotated:
            rotated.append(lines.rename(lines.with_suffix(".jsonl.1")))

    if moment == "in the middle of one":
        world.source.before = rotate
    for number in range(4):
        world.source.deliver(letter(number, sender=f"p{number}@example.com"))
    world.sweep()
    if moment == "between runs":
        rotated.append(lines.rename(lines.with_suffix(".jsonl.1")))
    for number in range(4, 6):
        world.source.deliver(letter(number, sender=f"p{number}@example.com"))
    world.sweep()
    earlier, later = world.lines("cases.jsonl.1"), world.lines()
    assert [case["case_id"] for case in earlier + later] == [f"CS-00000{n}" for n in range(1, 7)]
    assert len(earlier) == (4 if moment == "between runs" else 2)
    assert world.open_errors() == []


def test_row_039_the_file_is_copied_and_cut(full: Desk) -> None:
    full.sweep()
    path = full.installation.folder / "data" / "cases.jsonl"
    shutil.copy(path, path.with_suffix(".jsonl.1"))
    os.truncate(path, 0)
    full.mailbox.deliver(letter(9, sender="p9@example.com"))
    done = full.installation.run("process", status=None)
    assert "copytruncate" in done.stderr
    assert "emailint store rebuild" in done.stderr
    assert [case["case_id"] for case in full.cases()] == ["CS-000004"]
    assert full.mailbox.unread() == []
