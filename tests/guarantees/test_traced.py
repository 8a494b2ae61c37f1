"""What commands ask of the kernel: nothing is written outside the store, all is private, nobody is called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.hostile import mail
from tests.support.memory import letter
from tests.support.traced import Call, need_ptrace, trace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.desk import Desk
    from tests.support.dovecot import Dovecot

FILE = '--b\n\nSee it.\n--b\nContent-Type: text/csv; name="../../etc/passwd"\n\n1,2,3\n--b--'
DEVICES = re.compile(r"/dev/(null|tty|urandom)|/proc/self/.*")


@pytest.fixture(autouse=True)
def _with_ptrace() -> None:
    need_ptrace()


@pytest.fixture
def full(desk: Desk) -> Desk:
    """Mail of every kind waits: with files, to be held, and hostile; and one that is read already."""
    desk.more = "limits: {message_size: 1MB}\n"
    desk.configure()
    text = (desk.installation.folder / "integrations.yaml").read_text()
    strict = "    aliases: [{address: payroll@example.org}]\n"
    desk.installation.configure(text.replace("    outbound:", f"{strict}    outbound:"))
    desk.mailbox.deliver(letter(1))
    desk.mailbox.deliver(mail('Content-Type: multipart/mixed; boundary="b"\n', FILE))
    desk.mailbox.deliver(letter(2, to="nobody@example.org"))
    desk.mailbox.deliver(
        mail("Subject: \x1b]52;c;x\x07\nMessage-ID: </../../x@y>\nTo: payroll@example.org\n")
    )
    (desk.installation.folder / "one.eml").write_bytes(mail())
    return desk


def outside(calls: list[Call], store: Path) -> list[Call]:
    """Calls that write where nothing is to be written."""
    return [
        call
        for call in calls
        if call.writes
        and not all(path.is_relative_to(store) or DEVICES.fullmatch(str(path)) for path in call.paths)
    ]


def assert_private(calls: list[Call]) -> None:
    """Whatever is made is made for its owner alone, not changed to it later."""
    for call in calls:
        if call.name.startswith("open") and "O_CREAT" in call.arguments and "/dev/" not in call.arguments:
            assert re.search(r"\b0600\b", call.arguments), call
        if call.name.startswith("mkdir"):
            assert re.search(r"\b0700$", call.arguments), call
        assert call.name not in {"symlink", "symlinkat", "mknod", "mknodat"}


def called(calls: list[Call]) -> set[int]:
    """Ports that were connected to on this machine; anywhere else is a failure."""
    ports = set()
    for call in calls:
        if call.name != "connect" or "AF_UNIX" in call.arguments:
            continue
        assert 'inet_addr("127.0.0.1")' in call.arguments or '"::1"' in call.arguments, call
        port = re.search(r"htons\((\d+)\)", call.arguments)
        assert port is not None
        ports.add(int(port[1]))
    return ports - {0}


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_sweep_writes_into_its_store_alone(full: Desk, dovecot: Dovecot, umask: int) -> None:
    status, calls = trace(full.installation, "process", umask=umask)
    assert (status, len(full.cases())) == (1, 3)
    store = full.installation.folder / "data"
    assert outside(calls, store) == []
    assert_private([call for call in calls if call.writes])
    assert called(calls) <= {dovecot.tls_port, full.smtp.port}
    made = [path for call in calls if call.writes for path in call.paths if path.is_relative_to(store)]
    assert len(made) > 10  # the trace sees what is written
    held = full.errors()[0].error_id
    status, calls = trace(full.installation, "retry", held, umask=umask)
    assert outside(calls, store) == []
    assert_private([call for call in calls if call.writes])


LOOKING = {
    "list-errors": ["list-errors", "--all"],
    "list-cases": ["list-cases"],
    "dry run": ["process", "--dry-run"],
    "explain": ["explain", "one.eml"],
    "test-connection": ["test-connection"],
    "check": ["check"],
    "render-template": ["render-template", "case-confirm", "--message", "one.eml"],
    "audit": ["audit"],
}


@pytest.mark.parametrize("command", LOOKING)
def test_looking_writes_nothing_where_there_is_no_store(full: Desk, command: str) -> None:
    status, calls = trace(full.installation, *LOOKING[command])
    assert status in {0, 1}
    assert [call for call in calls if call.writes and not DEVICES.fullmatch(str(call.paths[0]))] == []
    assert not (full.installation.folder / "data").exists()


def test_looking_writes_nothing_beside_the_store(full: Desk, dovecot: Dovecot) -> None:
    full.installation.run("process", status=None)
    store = full.installation.folder / "data"
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    for command in LOOKING.values():
        _, calls = trace(full.installation, *command)
        assert outside(calls, store) == []
        assert called(calls) <= {dovecot.tls_port, full.smtp.port}
        touched = {
            path.name for call in calls if call.writes for path in call.paths if path.is_relative_to(store)
        }
        assert touched <= {"ledger.db", "ledger.db-wal", "ledger.db-shm"}
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before
