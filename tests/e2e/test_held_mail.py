"""Held mail on a real IMAP server: from the sweep that holds it to the case that is made of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.memory import letter
from tests.support.smtp import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Installation
    from tests.support.dovecot import Dovecot, Mailbox

CONFIG = """
store: data
integrations:
  - name: {name}
    mailbox: payroll@example.org
    {where}
    move_to: Processed
    outbound: {{type: smtp, host: 127.0.0.1, port: {smtp}, tls: none, username: null}}
    aliases:
      - {{address: payroll@example.org, workspace: 1201}}
      {more}
"""
IMAP = "host: localhost\n    port: {port}\n    ca_file: {ca}\n    username: {user}\n    password: {password}"


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer("none", login=False) as server:
        yield server


@pytest.fixture
def mailbox(dovecot: Dovecot) -> Mailbox:
    user = dovecot.create_user()
    user.create_folder("Processed")
    return user


@pytest.fixture
def where(dovecot: Dovecot, mailbox: Mailbox) -> str:
    """How the mailbox is reached over IMAP."""
    return IMAP.format(
        port=dovecot.tls_port, ca=dovecot.ca_file, user=mailbox.user, password=mailbox.password
    )


def test_from_held_to_a_case(
    mailbox: Mailbox, smtp: SmtpServer, installation: Installation, where: str
) -> None:
    installation.configure(CONFIG.format(name="payroll", where=where, smtp=smtp.port, more=""))
    mailbox.deliver(letter(1))
    mailbox.deliver(letter(2, to="sales@example.org", sender="bob@example.com"))

    said = installation.run("process", status=1)
    assert said.stdout == ""
    assert "sales@example.org" in said.stderr
    assert mailbox.unread() == []
    assert [len(mailbox.messages(folder)) for folder in ("INBOX", "Processed")] == [1, 1]
    assert installation.run("process").stderr == ""

    (error,) = json.loads(installation.run("list-errors", "--json").stdout)["errors"]
    name, locus = error["error_id"], error["locus"]
    live = json.loads(installation.run("explain", "--locus", locus, "--json").stdout)
    assert live["outcome"] == "held"
    assert live["known"] == {"disposition": "held", "case_id": None}
    assert installation.run("retry", name, status=1).stdout.startswith(f"{name}: stays held: no_alias")
    assert installation.run("retry", "E-00000000", status=2).stdout == ""

    more = "- {address: sales@example.org, workspace: 7}"
    installation.configure(CONFIG.format(name="payroll", where=where, smtp=smtp.port, more=more))
    assert json.loads(installation.run("explain", "--locus", locus, "--json").stdout)["workspace"] == 7
    assert installation.run("retry", name).stdout == f"{name}: case CS-000002, reply sent (Question 2)\n"
    assert [case["workspace"] for case in installation.lines()] == [1201, 7]
    assert [mail.recipients[0] for mail in smtp.delivered] == ["ann@example.com", "bob@example.com"]
    assert list((installation.folder / "data" / "hold").glob("*.eml")) == []
    events = [(line["event"], line["kind"]) for line in installation.lines("errors.jsonl")]
    assert events == [("opened", "held"), ("closed", "held")]

    assert installation.process()["totals"]["listed"] == 0
    assert [len(mailbox.messages(folder)) for folder in ("INBOX", "Processed")] == [0, 2]
    assert installation.run("list-errors").stdout == "no errors\n"
    assert len(smtp.delivered) == 2


def test_explain_marks_nothing(
    mailbox: Mailbox, smtp: SmtpServer, installation: Installation, where: str
) -> None:
    """The locus of a mail that is unread is what a dry run would have found."""
    installation.configure(CONFIG.format(name="payroll", where=where, smtp=smtp.port, more=""))
    mailbox.deliver(letter(1))
    said = installation.run("-v", "--log-format", "json", "process", "--dry-run")
    locus = json.loads(said.stderr.splitlines()[0])["locus"]
    assert json.loads(installation.run("explain", "--locus", locus, "--json").stdout)["outcome"] == "case"
    assert len(mailbox.unread()) == 1
    assert not (installation.folder / "data").exists()


def test_a_mailbox_that_moves_from_imap_to_maildir_makes_nothing_anew(
    mailbox: Mailbox, smtp: SmtpServer, installation: Installation, where: str
) -> None:
    """Renamed, with another alias, and every mail unread again."""
    installation.configure(CONFIG.format(name="payroll", where=where, smtp=smtp.port, more=""))
    mails = [letter(number, sender=f"p{number}@example.com") for number in range(5)]
    mails.append(letter(9, to="sales@example.org"))
    mailbox.deliver_many(mails)
    assert installation.process(status=1)["totals"]["cases"] == 5
    before = installation.lines()

    for folder in ("cur", "new", "tmp", ".Processed/cur", ".Processed/new", ".Processed/tmp"):
        (installation.folder / "maildir" / folder).mkdir(parents=True)
    for number, mail in enumerate(mails):
        (installation.folder / "maildir" / "new" / f"{number}.moved").write_bytes(mail)
    more = "- {address: sales@example.org, workspace: 7}"
    local = "protocol: maildir\n    path: maildir"
    installation.configure(CONFIG.format(name="wages", where=local, smtp=smtp.port, more=more))
    totals = installation.process()["totals"]
    assert (totals["listed"], totals["already_known"]) == (6, 6)
    assert installation.lines() == before
    assert len(smtp.delivered) == 5
    assert installation.run("retry", "--held").stdout.endswith("case CS-000006, reply sent (Question 9)\n")
    assert installation.process()["totals"]["listed"] == 0
