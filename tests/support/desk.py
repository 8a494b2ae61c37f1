"""A desk on real servers: an installation that sweeps a mailbox of Dovecot and answers through SMTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emailint.config.load import load
from emailint.store.folder import open_store
from emailint.sweep.options import SweepOptions
from emailint.sweep.schedule import run_sweep

if TYPE_CHECKING:
    from emailint.store.records import OpenError
    from emailint.sweep.result import SweepResult
    from tests.e2e.conftest import Installation
    from tests.support.dovecot import Mailbox
    from tests.support.smtp import SmtpServer

DESK = """
  - name: {name}
    mailbox: {address}
    host: {host}
    port: {port}
    tls: {tls}
    {ca}
    username: {user}
    password: {password}
    outbound: {{type: smtp, host: 127.0.0.1, port: {smtp}, tls: none, username: null}}
"""


@dataclass
class Desk:
    """One mailbox, one outbound, one folder to run in. `settings` change the configuration when written."""

    installation: Installation
    mailbox: Mailbox
    smtp: SmtpServer
    settings: dict[str, Any] = field(default_factory=dict)
    more: str = ""

    def configure(self, **changes: Any) -> None:
        """Write the configuration, with these settings changed."""
        self.settings |= changes
        ca = self.settings.get("ca")
        given = self.settings | {"ca": f"ca_file: {ca}" if ca else "ca_file: null"}
        self.installation.configure(f"store: data\nintegrations:{DESK.format(**given)}{self.more}")

    def sweep(self, **options: Any) -> SweepResult:
        """One sweep in this process; its books balance."""
        config = load(self.installation.folder / "integrations.yaml")
        result = run_sweep(config, SweepOptions(**{"deadline": 30.0} | options))
        assert all(each.counts.balanced for each in result.integrations), result
        return result

    def faulty(
        self, target: str, moment: str, action: str, *arguments: str, where: str = "-"
    ) -> subprocess.CompletedProcess[str]:
        """The command in a process of its own, with a fault in it (see `tests.support.faulty`)."""
        fault = [sys.executable, "-m", "tests.support.faulty", target, moment, action, where]
        return subprocess.run(
            [*fault, *(arguments or ("process",))],
            cwd=self.installation.folder,
            env=self.installation.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def cases(self) -> list[dict[str, Any]]:
        """The lines of cases.jsonl, each whole."""
        return self.installation.lines()

    def partial_lines(self) -> bytes:
        """The octets of cases.jsonl, whatever they are."""
        path = self.installation.folder / "data" / "cases.jsonl"
        return path.read_bytes() if path.exists() else b""

    def answered(self) -> Counter[str]:
        """How many replies each recipient got."""
        return Counter(mail.recipients[0] for mail in self.smtp.delivered)

    def errors(self) -> list[OpenError]:
        """What is open."""
        with open_store(self.installation.folder / "data", read_only=True) as store:
            return list(store.ledger.errors())

    def all_is_done(self, count: int, answered: int | None = None) -> None:
        """So many mails are one whole case each, in order, read; so many are answered, each once."""
        assert [case["case_id"] for case in self.cases()] == [f"CS-{n:06d}" for n in range(1, count + 1)]
        assert len({case["message"]["fingerprint"] for case in self.cases()}) == count
        assert self.mailbox.unread() == []
        replies = self.answered()
        assert set(replies.values()) <= {1}, replies
        assert len(replies) == (count if answered is None else answered)


def reply_states(desk: Desk) -> dict[str, str]:
    """How each case's reply stands in the ledger."""
    with open_store(desk.installation.folder / "data", read_only=True) as store:
        ids = [case["case_id"] for case in desk.cases()]
        return {each: str(store.ledger.replies_of(each)[0].state) for each in ids}


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What `process --json` printed."""
    said: dict[str, Any] = json.loads(done.stdout)
    return said
