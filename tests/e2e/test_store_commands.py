"""`emailint store` as its user runs it, on mail of a real IMAP server, and the advice that errors give."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest

from emailint.store import RunLock
from tests.support.memory import letter
from tests.support.smtp import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.conftest import Installation
    from tests.support.dovecot import Dovecot, Mailbox

CONFIG = """
store: data
follow_up: {{max_age: 30d}}
integrations:
  - name: payroll
    mailbox: payroll@example.org
    host: localhost
    port: {port}
    ca_file: {ca}
    username: {user}
    password: {password}
    outbound: {{type: smtp, host: 127.0.0.1, port: {smtp}, tls: none, username: null}}
    aliases:
      - {{address: payroll@example.org, workspace: 1201}}
"""
CASES = 6


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer("none", login=False) as server:
        yield server


@pytest.fixture
def mailbox(dovecot: Dovecot) -> Mailbox:
    return dovecot.create_user()


@pytest.fixture
def desk(dovecot: Dovecot, mailbox: Mailbox, smtp: SmtpServer, installation: Installation) -> Installation:
    """An installation that has made some cases, a follow-up, and holds a mail."""
    installation.configure(
        CONFIG.format(
            port=dovecot.tls_port,
            ca=dovecot.ca_file,
            user=mailbox.user,
            password=mailbox.password,
            smtp=smtp.port,
        )
    )
    for number in range(CASES):
        mailbox.deliver(letter(number, sender=f"p{number}@example.com"))
    mailbox.deliver(letter(90, sender="p1@example.com", headers="In-Reply-To: <1@example.com>\n"))
    mailbox.deliver(letter(91, to="sales@example.org"))
    assert installation.process(status=1)["totals"]["cases"] == CASES
    return installation


def unread_all(mailbox: Mailbox) -> None:
    """A person marks everything unread."""
    for path in mailbox.messages():
        path.rename(path.with_name(path.name.replace("S", "")))


def store(desk: Installation) -> Path:
    return desk.folder / "data"


def advice(said: str) -> list[str]:
    """The command that an error tells people to run."""
    (command,) = re.findall(r"`emailint ([^`]+)`", said)
    return str(command).split()


def makes_nothing_anew(desk: Installation, mailbox: Mailbox, smtp: SmtpServer) -> None:
    before, replies = desk.lines(), len(smtp.delivered)
    unread_all(mailbox)
    totals = desk.process(status=None)["totals"]
    assert (totals["cases"], totals["follow_ups"], totals["held"]) == (0, 0, 0)
    assert desk.lines() == before
    assert len(smtp.delivered) == replies == CASES
    assert desk.run("store", "verify").stdout.endswith("all is well\n")


def test_verify_says_what_is_wrong_and_where(desk: Installation) -> None:
    assert desk.run("store", "verify").stdout == "6 cases and 1 follow-up: all is well\n"
    document = json.loads(desk.run("store", "verify", "--json").stdout)
    assert (document["clean"], document["cases"], document["findings"]) == (True, CASES, [])
    with (store(desk) / "cases.jsonl").open("ab") as file:
        file.write(b"by \x1b[2Jhand\n")
    said = desk.run("store", "verify", status=1).stdout
    assert said.startswith("cases.jsonl:7: a line that is none of this store; ")
    assert said.endswith("1 finding\n")
    document = json.loads(desk.run("store", "verify", "--json", status=1).stdout)
    assert document["counts"] == {"foreign_line": 1}
    assert advice(said) == ["store", "rebuild"]


def test_verify_while_a_sweep_runs(desk: Installation) -> None:
    with RunLock(store(desk)).acquire(["payroll"], "c", 0.0):
        said = desk.run("store", "verify").stdout
    assert f"process {os.getpid()}" in said
    assert said.endswith("all is well\n")


@pytest.mark.parametrize("lose", ["missing", "garbage", "old"])
def test_the_advice_of_a_ledger_that_cannot_be_used_works(
    desk: Installation, mailbox: Mailbox, smtp: SmtpServer, lose: str
) -> None:
    ledger = store(desk) / "ledger.db"
    if lose == "missing":
        ledger.unlink()
    elif lose == "garbage":
        ledger.write_bytes(b"garbage" * 5000)
    else:
        shutil.copy(ledger, desk.folder / "backup.db")
        mailbox.deliver(letter(70, sender="p0@example.com", headers="References: <0@example.com>\n"))
        assert desk.process()["totals"]["follow_ups"] == 1
        shutil.copy(desk.folder / "backup.db", ledger)
    said = desk.run("process", status=73).stderr
    command = advice(said)
    assert command == ["store", "rebuild"]
    refused = desk.run(*command, status=2)
    assert "- the ledger is " in refused.stdout
    assert refused.stderr.count("--yes") == 1, "nobody can be asked"
    desk.run(*command, "--yes")
    makes_nothing_anew(desk, mailbox, smtp)


def test_the_advice_after_copytruncate_works(desk: Installation, mailbox: Mailbox, smtp: SmtpServer) -> None:
    cases = store(desk) / "cases.jsonl"
    wanted = cases.read_bytes()
    (store(desk) / "cases.jsonl.1").write_bytes(b"".join(wanted.splitlines(keepends=True)[:4]))
    os.truncate(cases, 0)
    mailbox.deliver(letter(80))
    said = desk.run("process").stderr
    assert "copytruncate" in said
    desk.run(*advice(said), "--yes")
    assert desk.run("store", "verify").stdout == "7 cases and 1 follow-up: all is well\n"
    rotated = (store(desk) / "cases.jsonl.1").read_bytes()
    assert (rotated + cases.read_bytes()).startswith(wanted)
    assert desk.process()["totals"]["listed"] == 0


def test_uids_that_changed_and_a_ledger_that_was_lost(
    desk: Installation, mailbox: Mailbox, smtp: SmtpServer
) -> None:
    """No place holds any more: the fingerprints alone decide."""
    (store(desk) / "ledger.db").unlink()
    desk.run("store", "rebuild", "--yes")
    mailbox.change_uid_validity()
    makes_nothing_anew(desk, mailbox, smtp)


def test_it_asks_on_a_terminal(desk: Installation) -> None:
    (store(desk) / "ledger.db").unlink()
    assert "nothing was done" in asked(desk, b"n\n", "store", "rebuild")
    assert not (store(desk) / "ledger.db").exists()
    assert "7 rows made from lines" in asked(desk, b"y\n", "store", "rebuild")
    assert desk.run("store", "rebuild", "--dry-run").stdout == "nothing is to be done\n"


def asked(desk: Installation, answer: bytes, *arguments: str) -> str:
    """What the command says on a terminal where somebody types this."""
    master, slave = pty.openpty()
    try:
        running = subprocess.Popen(
            desk.command(*arguments),
            cwd=desk.folder,
            env=desk.environ,
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        os.write(master, answer)
        said, _ = running.communicate(timeout=60)
    finally:
        os.close(master)
        os.close(slave)
    return said.decode()


def test_rotate_and_go_on(desk: Installation, mailbox: Mailbox) -> None:
    wanted = desk.lines()
    document = json.loads(desk.run("store", "rotate", "--json").stdout)
    assert [each["name"] for each in document["rotated"]] == [
        "cases.jsonl",
        "followups.jsonl",
        "errors.jsonl",
    ]
    assert desk.run("store", "rotate", "--larger-than", "1GB").stdout == "nothing is to be rotated\n"
    mailbox.deliver(letter(80))
    assert desk.process()["totals"]["cases"] == 1
    assert len(desk.lines()) == 1
    assert desk.lines(document["rotated"][0]["new_name"]) == wanted
    listed = json.loads(desk.run("list-cases", "--json").stdout)["cases"]
    assert [case["case_id"] for case in listed] == [f"CS-{number:06d}" for number in range(1, CASES + 2)]
    assert desk.run("store", "verify").stdout == "7 cases and 1 follow-up: all is well\n"


def test_prune_says_what_goes(desk: Installation, mailbox: Mailbox, smtp: SmtpServer) -> None:
    assert "is not a duration" in desk.run("store", "prune", "--older-than", "soon", status=2).stderr
    assert "follow_up.max_age" in desk.run("store", "prune", "--older-than", "5h", status=2).stderr
    with sqlite3.connect(store(desk) / "ledger.db") as connection:
        connection.execute("UPDATE message SET created_at = created_at - 1000 * 86400 * 1000000")
    connection.close()
    assert "6 cases, 1 follow-up" in desk.run("store", "prune", "--older-than", "2y", "--dry-run").stdout
    assert len(desk.lines()) == CASES
    assert desk.run("store", "prune", "--older-than", "2y", "--yes").stdout.endswith("removed\n")
    assert list(store(desk).glob("cases.jsonl*")) == []
    mailbox.change_uid_validity()
    makes_nothing_anew(desk, mailbox, smtp)
    mailbox.deliver(letter(95, headers="In-Reply-To: <3@example.com>\n"))
    assert desk.process()["totals"]["cases"] == 1
    assert desk.lines()[0]["related_case"] == "CS-000004"


def test_a_rebuild_waits_for_a_sweep_and_keeps_sweeps_out(desk: Installation) -> None:
    (store(desk) / "cases.jsonl").unlink()
    with RunLock(store(desk)).acquire(["payroll"], "c", 0.0):
        running = desk.start("store", "rebuild", "--yes")
        assert running.stderr is not None
        assert running.stderr.readline().startswith("waiting for process")
        assert not (store(desk) / "cases.jsonl").exists()
    running.communicate(timeout=60)
    assert running.returncode == 0
    assert len(desk.lines()) == CASES


def test_another_name_for_an_integration_that_is_gone(desk: Installation, mailbox: Mailbox) -> None:
    path = desk.folder / "integrations.yaml"
    (store(desk) / "ledger.db").unlink()
    text = path.read_text().replace("name: payroll", "name: wages").replace(mailbox.user, "somebody")
    desk.configure(text)
    said = desk.run("store", "rebuild", "--yes", status=2).stderr
    assert "--mailbox payroll=ADDRESS" in said
    desk.run("store", "rebuild", "--yes", "--mailbox", "payroll=payroll@example.org")
    assert desk.run("store", "rebuild", "--yes", "--mailbox", "payroll", status=2).stdout == ""
    assert desk.run("store", "verify").stdout.endswith("all is well\n")
