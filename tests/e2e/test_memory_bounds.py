"""A large mail is held three times at most: as it came, decoded, and on its way to the disk."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import encodebytes
from typing import TYPE_CHECKING

import pytest

from tests.support.memory import letter

if TYPE_CHECKING:
    from tests.e2e.conftest import Installation
    from tests.support.dovecot import Dovecot, Mailbox

LARGE = 12_000_000
SLACK = 4_000_000
CONFIG = """\
store: data
deadline: 10m
integrations:
  - name: desk
    mailbox: desk@example.org
    username: {box.user}
    password: "{box.password}"
    host: 127.0.0.1
    port: {port}
    tls: none
    outbound: {{type: none}}
    reply: {{template: none}}
    workspace: 1
"""
# The most that this one process ever had; what reads beside it would be another one.
SCRIPT = """\
import os
os.cpu_count = lambda: 1
from emailint.cli import main
assert main(["process"]) == 0
with open("/proc/self/status") as status:
    print(*(line.split()[1] for line in status if line.startswith("VmHWM:")))
"""


def with_file(octets: int) -> bytes:
    """A mail of about so many octets, nearly all of it one attachment."""
    content = encodebytes(os.urandom(octets * 57 // 77)).decode("ascii")
    headers = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n'
    file = 'Content-Type: application/pdf; name="slip.pdf"\nContent-Transfer-Encoding: base64\n\n'
    return letter(1, headers=headers, body=f"--b\n\nPlease help.\n--b\n{file}{content}--b--")


def high_water(installation: Installation) -> int:
    """Octets that one sweep needed at most."""
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        command,
        cwd=installation.folder,
        env=installation.environ,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout) * 1024


@pytest.fixture
def mailbox(dovecot: Dovecot, installation: Installation) -> Mailbox:
    box = dovecot.create_user()
    installation.configure(CONFIG.format(box=box, port=dovecot.port))
    return box


def test_a_large_mail_takes_three_times_its_size_at_most(
    mailbox: Mailbox, installation: Installation
) -> None:
    mailbox.deliver(with_file(10_000))
    base = high_water(installation)
    mailbox.deliver_many([with_file(LARGE), with_file(LARGE)])
    assert high_water(installation) - base <= 3 * LARGE + SLACK
    assert [line["attachments"][0]["size"] > LARGE // 2 for line in installation.lines()] == [
        False,
        True,
        True,
    ]


def test_many_mails_take_no_more_than_a_batch(mailbox: Mailbox, installation: Installation) -> None:
    mailbox.deliver(with_file(10_000))
    base = high_water(installation)
    batch = 16_000_000
    mailbox.deliver_many(with_file(2_000_000) for _ in range(20))
    assert high_water(installation) - base <= 3 * batch + SLACK
