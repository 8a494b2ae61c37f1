"""The server of the benchmarks: a Dovecot of its own, and ways to it, near and far."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from benchmarks.wire import HOSTS, Door
from tests.support.dovecot import Dovecot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.support.dovecot import Mailbox

_MANY = """
listen = {hosts}
default_process_limit = 1000
default_client_limit = 4000
service imap {{
  process_limit = 400
  process_min_avail = 8
}}
service imap-login {{
  process_min_avail = 1
  client_limit = 1000
}}
"""


class BenchServer(Dovecot):
    """A Dovecot for many connections, one certificate for all its addresses, and mailboxes by number."""

    def _prepare(self) -> None:
        super()._prepare()
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        certificate = authority.issue_cert("localhost", *HOSTS)
        certificate.private_key_pem.write_to_path(self.root / "good.key")
        certificate.cert_chain_pems[0].write_to_path(self.root / "good.pem")

    def _config(self) -> str:
        return super()._config() + _MANY.format(hosts=", ".join(("127.0.0.1", *HOSTS)))

    def seeded(self, user: str, mails: Iterable[bytes], *, seen: bool = False) -> Mailbox:
        """A user whose INBOX holds these mails."""
        mailbox = self.create_user(user)
        for raw in mails:
            mailbox.deliver(raw, seen=seen)
        return mailbox

    def door(self, user: str) -> Door:
        """Straight and in clear text."""
        return Door(user, self.port)

    def many(self, users: Iterable[str]) -> list[Door]:
        """The same for many users, spread over all hosts."""
        doors = (self.door(user) for user in users)
        return [replace(door, host=HOSTS[n % len(HOSTS)]) for n, door in enumerate(doors)]


@contextmanager
def far(port: int, milliseconds: float) -> Iterator[int]:
    """A port of the same hosts from which `port` is a round trip of so many milliseconds away."""
    command = [sys.executable, "-m", "benchmarks.proxy", str(port), str(milliseconds)]
    root = Path(__file__).parents[1]
    reading, writing = os.pipe()
    with subprocess.Popen(command, cwd=root, stdout=writing) as process, open(reading) as said:  # noqa: PTH123 - a pipe
        os.close(writing)
        try:
            yield int(said.readline())
        finally:
            process.terminate()
