"""`emailint process` on a real IMAP server and a real SMTP server."""

from __future__ import annotations

import email
import email.policy
import json
import signal
import time
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
reply: {{limit: {{address_hour: 10000, address_day: 10000, domain_hour: 10000}}}}
integrations:
  - name: payroll
    mailbox: payroll@example.org
    host: localhost
    port: {imap}
    ca_file: {ca}
    username: {user}
    password: {password}
    outbound: {{type: smtp, host: 127.0.0.1, port: {smtp}, tls: none, username: null}}
    aliases:
      - {{address: payroll@example.org, default: true, workspace: 1201}}
      - {{address: payroll+urgent@example.org, workspace: 1201, case: {{priority: High}}}}
"""


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer("none", login=False) as server:
        yield server


@pytest.fixture
def mailbox(dovecot: Dovecot, smtp: SmtpServer, installation: Installation) -> Mailbox:
    """A user of the server, and an installation that sweeps it."""
    user = dovecot.create_user()
    installation.configure(
        CONFIG.format(
            imap=dovecot.tls_port,
            ca=dovecot.ca_file,
            user=user.user,
            password=user.password,
            smtp=smtp.port,
        )
    )
    return user


def mixed(count: int) -> list[bytes]:
    """Mails of mixed size: most are small, some have an attachment, some are automatic."""
    mails = []
    for number in range(count):
        sender = f"p{number}@example.com"
        if number % 10 == 3:
            mails.append(letter(number, sender=sender, headers="Auto-Submitted: auto-generated\n"))
        elif number % 10 == 7:
            mails.append(letter(number, sender=sender, headers=_MIXED, body=_attached(number * 400)))
        else:
            mails.append(letter(number, sender=sender, body="Please look at this. " * (number % 90)))
    return mails


_MIXED = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n'


def _attached(size: int) -> str:
    return (
        "--b\nContent-Type: text/plain\n\nSee the file.\n"
        '--b\nContent-Type: text/csv\nContent-Disposition: attachment; filename="hours.csv"\n\n'
        + "1,2,3,4,5,6\n" * (size // 12)
        + "--b--"
    )


def test_unread_mail_becomes_cases_and_is_answered_once(
    mailbox: Mailbox, smtp: SmtpServer, installation: Installation
) -> None:
    mails = mixed(120)
    mailbox.deliver_many(mails)
    document = installation.process()
    totals = document["totals"]
    assert totals["listed"] == totals["cases"] == 120
    assert (totals["replies_sent"], totals["replies_withheld"], totals["replies_failed"]) == (108, 12, 0)
    assert [case["subject"] for case in installation.lines()] == [f"Question {n}" for n in range(120)]
    assert mailbox.unread() == []
    assert sorted(mail.recipients[0] for mail in smtp.delivered) == sorted(
        f"p{n}@example.com" for n in range(120) if n % 10 != 3
    )
    assert smtp.connections == 1
    before = {path: path.read_bytes() for path in (installation.folder / "data").glob("*.*")}
    again = installation.process()
    assert again["totals"]["listed"] == 0
    assert {path: path.read_bytes() for path in (installation.folder / "data").glob("*.*")} == before
    assert len(smtp.delivered) == 108


def test_what_a_reply_carries(mailbox: Mailbox, smtp: SmtpServer, installation: Installation) -> None:
    mailbox.deliver(letter(1))
    installation.process()
    (delivered,) = smtp.delivered
    reply = email.message_from_bytes(delivered.content, policy=email.policy.default)
    assert delivered.sender in {"", "<>"}
    assert reply["To"] == "ann@example.com"
    assert reply["Auto-Submitted"] == "auto-replied"
    assert reply["X-Auto-Response-Suppress"] == "All"
    assert reply["In-Reply-To"] == "<1@example.com>"
    assert reply["References"] == "<1@example.com>"
    assert reply["Message-ID"].startswith("<CS-000001.")
    assert "CS-000001" in reply["Subject"]
    assert {part.get_content_type() for part in reply.iter_parts()} == {"text/plain", "text/html"}


def test_cron_sees_nothing_when_all_is_well(mailbox: Mailbox, installation: Installation) -> None:
    mailbox.deliver(letter(1))
    done = installation.run("process")
    assert (done.stdout, done.stderr) == ("", "")


def test_two_runs_at_once_make_nothing_twice(
    mailbox: Mailbox, smtp: SmtpServer, installation: Installation
) -> None:
    mailbox.deliver_many(mixed(80))
    runs = [installation.start("process", "--json") for _ in range(4)]
    documents = []
    for run in runs:
        out, err = run.communicate(timeout=60)
        assert run.returncode == 0, err
        documents.append(json.loads(out))
    assert sum(document["totals"]["cases"] for document in documents) == 80
    assert len({case["message"]["fingerprint"] for case in installation.lines()}) == 80
    assert len(installation.lines()) == 80
    assert len(smtp.delivered) == 72


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_a_run_that_is_killed_is_taken_up(
    mailbox: Mailbox, smtp: SmtpServer, installation: Installation, ending: signal.Signals
) -> None:
    mailbox.deliver_many(mixed(200))
    for pause in (0.35, 0.6, 0.9):
        run = installation.start("process")
        time.sleep(pause)
        run.send_signal(ending)
        run.communicate(timeout=30)
    for _ in range(2):
        installation.process(status=None)
    cases = installation.lines()
    assert [case["case_id"] for case in cases] == [f"CS-{n:06d}" for n in range(1, 201)]
    assert len({case["message"]["fingerprint"] for case in cases}) == 200
    assert mailbox.unread() == []
    recipients = [mail.recipients[0] for mail in smtp.delivered]
    assert len(recipients) == len(set(recipients))
    unknown = sum(line["kind"] == "outcome_unknown" for line in installation.lines("errors.jsonl"))
    assert len(recipients) + unknown >= 180


def test_a_wrong_password_is_one_line_for_cron(
    dovecot: Dovecot, mailbox: Mailbox, installation: Installation
) -> None:
    text = (installation.folder / "integrations.yaml").read_text(encoding="utf-8")
    installation.configure(text.replace(mailbox.password, "not-it-at-all"))
    first = installation.run("process", status=1)
    assert first.stdout == ""
    assert len(first.stderr.splitlines()) == 1
    assert "payroll" in first.stderr
    assert "not-it-at-all" not in first.stderr
    second = installation.run("process", status=1)
    assert (second.stdout, second.stderr) == ("", "")
    listed = installation.run("list-errors", "--json")
    assert "not-it-at-all" not in listed.stdout
    assert json.loads(listed.stdout)["errors"][0]["kind"] == "login_refused"


def test_dry_run_leaves_the_mailbox_and_the_disk_alone(
    mailbox: Mailbox, smtp: SmtpServer, installation: Installation
) -> None:
    mailbox.deliver_many(mixed(12))
    document = installation.process("--dry-run")
    assert document["dry_run"] is True
    assert document["totals"]["cases"] == 12
    assert len(mailbox.unread()) == 12
    assert not (installation.folder / "data").exists()
    assert smtp.delivered == []
