"""`emailint test-connection` on real servers: what is well is said to be well, and nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.dovecot import EXPIRED, SELF_SIGNED, WRONG_HOST
from tests.support.memory import letter
from tests.support.smtp import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Installation
    from tests.support.dovecot import Dovecot, Mailbox

CONFIG = """
store: data
integrations:
  - name: payroll
    mailbox: payroll@example.org
    host: {host}
    port: {port}
    ca_file: {ca}
    username: {user}
    password: {password}
    folder: {folder}
    move_to: Done
    outbound: {{type: smtp, host: 127.0.0.1, port: {smtp}, tls: none, username: null}}
"""


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer("none", login=False) as server:
        yield server


@pytest.fixture
def mailbox(dovecot: Dovecot) -> Mailbox:
    user = dovecot.create_user()
    user.create_folder("Done")
    user.deliver(letter(1))
    return user


def configured(
    installation: Installation, dovecot: Dovecot, mailbox: Mailbox, server: SmtpServer, **changed: object
) -> Installation:
    given: dict[str, object] = {
        "host": "localhost",
        "port": dovecot.tls_port,
        "ca": dovecot.ca_file,
        "user": mailbox.user,
        "password": mailbox.password,
        "folder": "INBOX",
        "smtp": server.port,
    }
    installation.configure(CONFIG.format(**given | changed))
    return installation


def test_a_mailbox_that_is_well_is_well_in_every_step(
    installation: Installation, dovecot: Dovecot, mailbox: Mailbox, smtp: SmtpServer
) -> None:
    done = configured(installation, dovecot, mailbox, smtp).run("test-connection")
    assert "failed" not in done.stdout
    assert "mark read" in done.stdout
    assert "move to" in done.stdout
    assert len(mailbox.unread()) == 1
    assert smtp.delivered == []
    assert not (installation.folder / "data").exists()


def test_a_read_only_folder_is_told_apart(
    installation: Installation, dovecot: Dovecot, mailbox: Mailbox, smtp: SmtpServer
) -> None:
    mailbox.make_read_only()
    done = configured(installation, dovecot, mailbox, smtp).run("test-connection", status=1)
    (failed,) = [line for line in done.stdout.splitlines() if line.lstrip().startswith("failed")]
    assert "mark read" in failed


@pytest.mark.parametrize(
    ("changed", "step"),
    [
        ({"host": EXPIRED}, "tls"),
        ({"host": SELF_SIGNED}, "tls"),
        ({"host": WRONG_HOST}, "tls"),
        ({"password": "not-it-at-all"}, "login"),
        ({"folder": "Nowhere"}, "folder"),
        ({"port": 1}, "tcp"),
        ({"host": "no-such-host.invalid"}, "name"),
        ({"smtp": 1}, "outbound connection"),
    ],
)
def test_one_step_fails_with_its_cure_and_the_later_ones_are_skipped(
    installation: Installation,
    dovecot: Dovecot,
    mailbox: Mailbox,
    smtp: SmtpServer,
    changed: dict[str, object],
    step: str,
) -> None:
    done = configured(installation, dovecot, mailbox, smtp, **changed).run("test-connection", status=1)
    (failed,) = [line for line in done.stdout.splitlines() if line.lstrip().startswith("failed")]
    assert step in failed.lower()
    assert "not-it-at-all" not in done.stdout + done.stderr


def test_one_mail_is_sent_where_that_is_asked_for(
    installation: Installation, dovecot: Dovecot, mailbox: Mailbox, smtp: SmtpServer
) -> None:
    configured(installation, dovecot, mailbox, smtp).run("test-connection", "--send-to", "me@example.com")
    assert [mail.recipients for mail in smtp.delivered] == [("me@example.com",)]
