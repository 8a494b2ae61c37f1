"""`emailint process` on Cyrus: another real server than the one that everything else is tried on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.memory import letter
from tests.support.smtp import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Installation
    from tests.support.cyrus import Cyrus, CyrusMailbox

CONFIG = """
store: data
integrations:
  - name: payroll
    mailbox: payroll@example.org
    host: localhost
    port: {port}
    tls: {tls}
    ca_file: {ca}
    username: {user}
    password: {password}
    folder: {folder}
{more}
    outbound: {{type: smtp, host: 127.0.0.1, port: {smtp}, tls: none, username: null}}
    aliases:
      - {{address: payroll@example.org, default: true, workspace: 1201}}
"""
AUTOMATIC = "Auto-Submitted: auto-generated\n"


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer("none", login=False) as server:
        yield server


def configured(
    installation: Installation, server: Cyrus, mailbox: CyrusMailbox, smtp: SmtpServer, **changes: str
) -> None:
    given = {"tls": "implicit", "port": str(server.tls_port), "folder": "INBOX", "more": ""}
    installation.configure(
        CONFIG.format(
            ca=server.ca_file,
            user=mailbox.user,
            password=mailbox.password,
            smtp=smtp.port,
            **given | changes,
        )
    )


def letters(count: int) -> list[bytes]:
    """Mails of as many people; every fifth is automatic."""
    return [
        letter(n, sender=f"p{n}@example.com", headers=AUTOMATIC if n % 5 == 3 else "") for n in range(count)
    ]


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_mail_becomes_cases_is_marked_moved_and_answered_once(
    cyrus: Cyrus, smtp: SmtpServer, installation: Installation, tls: str
) -> None:
    mailbox = cyrus.create_user()
    mailbox.create_folder("Done")
    mailbox.deliver_many(letters(60))
    port = str(cyrus.tls_port if tls == "implicit" else cyrus.port)
    configured(installation, cyrus, mailbox, smtp, tls=tls, port=port, more="    move_to: Done")
    totals = installation.process()["totals"]
    assert (totals["listed"], totals["cases"], totals["replies_sent"]) == (60, 60, 48)
    assert [case["subject"] for case in installation.lines()] == [f"Question {n}" for n in range(60)]
    assert mailbox.messages() == []
    assert len(mailbox.messages("Done")) == 60
    assert mailbox.unread("Done") == []
    again = installation.process()["totals"]
    assert again["listed"] == 0
    assert len(installation.lines()) == 60
    assert sorted(mail.recipients[0] for mail in smtp.delivered) == sorted(
        f"p{n}@example.com" for n in range(60) if n % 5 != 3
    )


def test_mail_marked_unread_by_a_person_is_known(
    cyrus: Cyrus, smtp: SmtpServer, installation: Installation
) -> None:
    mailbox = cyrus.create_user()
    mailbox.deliver_many(letters(3))
    configured(installation, cyrus, mailbox, smtp)
    installation.process()
    assert mailbox.unread() == []
    with mailbox.session() as session:
        session.select()
        session.store("1:3", "-FLAGS", "(\\Seen)")
    totals = installation.process()["totals"]
    assert (totals["listed"], totals["already_known"], totals["cases"]) == (3, 3, 0)
    assert len(mailbox.unread()) == 3
    assert len(smtp.delivered) == 3


def test_a_copy_in_another_folder_is_the_same_mail(
    cyrus: Cyrus, smtp: SmtpServer, installation: Installation
) -> None:
    mailbox = cyrus.create_user()
    mailbox.create_folder("Copies")
    mailbox.deliver_many(letters(2))
    mailbox.deliver(letters(1)[0], folder="Copies")
    configured(installation, cyrus, mailbox, smtp)
    installation.process()
    configured(installation, cyrus, mailbox, smtp, folder="Copies")
    totals = installation.process()["totals"]
    assert (totals["listed"], totals["already_known"], totals["cases"]) == (1, 1, 0)
    assert len(installation.lines()) == len(smtp.delivered) == 2


def test_a_folder_that_may_only_be_read_keeps_its_mail_unread_and_makes_each_case_once(
    cyrus: Cyrus, smtp: SmtpServer, installation: Installation
) -> None:
    mailbox = cyrus.create_user()
    mailbox.create_folder("Shared")
    for raw in letters(2):
        mailbox.deliver(raw, folder="Shared")
    mailbox.make_read_only("Shared")
    configured(installation, cyrus, mailbox, smtp, folder="Shared")
    for _ in range(3):
        installation.process("--integration", "payroll", status=1)
    assert len(installation.lines()) == 2
    assert len(smtp.delivered) == 2
    assert len(mailbox.unread("Shared")) == 2
    errors = installation.lines("errors.jsonl")
    assert [error["kind"] for error in errors] == ["folder_read_only"]
