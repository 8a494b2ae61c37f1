"""Sweeps over a network that breaks at any octet: each mail is one case, whole, and has at most one reply.

A proxy (tests/support/fault_proxy.py) stands before Dovecot, or before the SMTP server. Each trial is one
sweep with the fault and two without, on a mailbox and a store of its own; then the end state is looked at.
The fault comes about after so many octets of a connection in one direction: a few positions as a rule; with
EMAILINT_SOAK=1 every one for the cuts, every eighth for the other faults that do not wait.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, get_args

import pytest

from emailint.config.load import load
from emailint.store.folder import open_store
from emailint.store.records import ReplyState
from emailint.sweep.options import SweepOptions
from emailint.sweep.schedule import run_sweep
from tests.support.fault_proxy import Fault, FaultProxy, Kind, Way
from tests.support.memory import letter
from tests.support.smtp import PASSWORD, USER, SmtpServer, certificates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emailint.store.records import Reply
    from emailint.sweep.result import SweepResult
    from tests.support.dovecot import Dovecot, Mailbox

SOAK = "EMAILINT_SOAK" in os.environ
DEADLINE = 3.0
"""Seconds of a sweep; a silent server is given a third of it."""
WAITING = {"stall", "slow", "half-close"}
"""Faults that last until time is up: fewer positions are tried."""

CONFIG = """
store: {folder}/data
integrations:
  - name: payroll
    mailbox: payroll@example.org
    host: localhost
    port: {imap}
    tls: {imap_tls}
    ca_file: {imap_ca}
    username: {user}
    password: {password}
    outbound: {outbound}
    aliases:
      - {{address: payroll@example.org, default: true, workspace: 1201}}
  - name: beside
    mailbox: desk@example.org
    protocol: maildir
    path: {folder}/beside
    outbound: {{type: folder, path: {folder}/outbox}}
"""
SMTP = {
    "none": "{{type: smtp, host: localhost, port: {port}, tls: none, username: null}}",
    "implicit": "{{type: smtp, host: localhost, port: {port}, tls: implicit, ca_file: {ca}, username: {user},"
    ' password: "{password}"}}',
}
ATTACHED = (
    "--b\nContent-Type: text/plain\n\nSee the file.\n"
    '--b\nContent-Type: text/csv\nContent-Disposition: attachment; filename="hours.csv"\n\n'
    + "1,2,3,4,5,6\n" * 40
    + "--b--"
)
MAILS = (
    letter(0, sender="p0@example.com"),
    letter(1, sender="p1@example.com", headers="Auto-Submitted: auto-generated\n"),
    letter(
        2,
        sender="p2@example.com",
        headers='MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n',
        body=ATTACHED,
    ),
)
ANSWERED = {"p0@example.com", "p2@example.com"}


class MovedClock:
    """The machine's clocks, the wall clock set forward as far as wanted."""

    def __init__(self) -> None:
        self.by = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class Trial:
    """A mailbox with mail, a store, and a proxy before one of the servers."""

    folder: Path
    mailbox: Mailbox
    smtp: SmtpServer
    proxy: FaultProxy
    clock: MovedClock = field(default_factory=MovedClock)

    def sweep(self) -> SweepResult:
        begun = time.monotonic()
        result = run_sweep(
            load(self.folder / "integrations.yaml"), SweepOptions(deadline=DEADLINE), clock=self.clock
        )
        assert time.monotonic() - begun < DEADLINE + 5, "the sweep did not end in time"
        assert all(each.counts.balanced for each in result.integrations), result
        return result

    def replies(self) -> list[Reply]:
        with open_store(self.folder / "data", read_only=True) as store:
            return [
                reply for case in self.cases("payroll") for reply in store.ledger.replies_of(case["case_id"])
            ]

    def cases(self, integration: str) -> list[dict[str, Any]]:
        path = self.folder / "data" / "cases.jsonl"
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        assert all(line.endswith(b"\n") for line in lines)
        return [case for case in map(json.loads, lines) if case["integration"] == integration]


@dataclass
class Score:
    """What came of many trials; `lost` and `doubled` count cases and replies alike."""

    trials: int = 0
    struck: int = 0
    cases_at_once: int = 0
    lost: int = 0
    doubled: int = 0
    unknown: int = 0
    refused: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{name} {getattr(self, name)}" for name in self.__dataclass_fields__)


@dataclass
class Bench:
    """The servers, and where trials are laid out. `before` is the server that the proxy stands before."""

    dovecot: Dovecot
    smtp: SmtpServer
    folder: Path
    before: str
    tls: str
    score: Score = field(default_factory=Score)

    def trial(self, fault: Fault | None) -> Trial:
        """One sweep with the fault and two without it; what has come of all that."""
        with FaultProxy(self._target()) as proxy:
            trial = self._lay_out(proxy)
            proxy.fault = fault
            trial.sweep()
            assert [case["subject"] for case in trial.cases("beside")] == ["Question 9"]
            self.score.cases_at_once += len(trial.cases("payroll"))
            proxy.fault = None
            for _ in range(2):
                trial.clock.by += timedelta(hours=1)
                trial.sweep()
        self.score.trials += 1
        self.score.struck += bool(proxy.struck)
        self._judge(trial, fault)
        return trial

    def _judge(self, trial: Trial, fault: Fault | None) -> None:
        """Count and compare what there is now with what there was to come."""
        found = Counter(case["message"]["raw_sha256"] for case in trial.cases("payroll"))
        wanted = Counter(sha256(raw).hexdigest() for raw in MAILS)
        states = {reply.recipient: reply.state for reply in trial.replies() if reply.recipient in ANSWERED}
        unknown = {recipient for recipient, state in states.items() if state is ReplyState.UNKNOWN}
        sent = {recipient for recipient, state in states.items() if state is ReplyState.SENT}
        refused = {recipient for recipient, state in states.items() if state is ReplyState.FAILED}
        delivered = Counter(recipient for mail in self.smtp.delivered for recipient in mail.recipients)
        self.smtp.delivered.clear()
        doubled = (found - wanted).total() + (delivered - Counter(ANSWERED)).total()
        lost = (wanted - found).total() + len(ANSWERED - unknown - refused - set(delivered))
        self.score.doubled += doubled
        self.score.lost += lost
        self.score.unknown += len(unknown)
        self.score.refused += len(refused)
        assert (lost, doubled) == (0, 0), (fault, found, delivered, states)
        assert trial.mailbox.unread() == [], fault
        assert sent | unknown | refused == ANSWERED, (fault, states)
        assert sent <= set(delivered), (fault, states)
        if refused:  # the server refused what was put into the conversation: nobody can tell that apart
            assert fault is not None
            assert (self.before, self.tls, fault.kind, fault.way) == ("smtp", "none", "garbage", "to server")
        if unknown:
            assert self.before == "smtp", fault
            assert self.tls != "none" or b"DATA\r\n" in trial.proxy.said, fault

    def _target(self) -> int:
        if self.before == "smtp":
            return self.smtp.port
        return self.dovecot.port if self.tls == "none" else self.dovecot.tls_port

    def _lay_out(self, proxy: FaultProxy) -> Trial:
        folder = self.folder / str(self.score.trials)
        for part in ("cur", "new", "tmp"):
            (folder / "beside" / part).mkdir(parents=True)
        (folder / "beside" / "new" / "1.example").write_bytes(letter(9, to="desk@example.org"))
        mailbox = self.dovecot.create_user()
        mailbox.deliver_many(MAILS)
        path = folder / "integrations.yaml"
        path.write_text(self._config(folder, mailbox, proxy.port), encoding="utf-8")
        path.chmod(0o600)
        return Trial(folder, mailbox, self.smtp, proxy)

    def _config(self, folder: Path, mailbox: Mailbox, port: int) -> str:
        smtp = self.before == "smtp"
        imap_tls = "implicit" if smtp else self.tls
        return CONFIG.format(
            folder=folder,
            imap=self.dovecot.tls_port if smtp else port,
            imap_tls=imap_tls,
            imap_ca=self.dovecot.ca_file,
            user=mailbox.user,
            password=mailbox.password,
            outbound=SMTP[self.tls].format(
                port=port if smtp else self.smtp.port,
                ca=certificates().ca_file,
                user=USER,
                password=PASSWORD,
            ),
        )


@pytest.fixture
def bench(dovecot: Dovecot, tmp_path: Path, before: str, tls: str) -> Iterator[Bench]:
    with SmtpServer("none" if tls == "none" else "implicit", login=tls != "none") as smtp:
        yield Bench(dovecot, smtp, tmp_path, before, tls)


@pytest.mark.parametrize("before", ["imap", "smtp"])
@pytest.mark.parametrize("way", get_args(Way))
@pytest.mark.parametrize(
    ("tls", "kind"),
    [
        (tls, kind)
        for tls in ("none", "implicit")
        for kind in get_args(Kind)
        if SOAK or tls == "none" or kind not in WAITING
    ],
)
def test_each_mail_is_one_case_and_has_one_reply(
    bench: Bench, way: Way, kind: Kind, request: pytest.FixtureRequest
) -> None:
    whole = bench.trial(None).proxy.most[way]
    for position in positions(whole, kind, bench.tls, request.node.name):
        bench.trial(Fault(kind, way, position, once=bool(position % 2)))
    print(f"{bench.before} {bench.tls} {way} {kind}: {bench.score}")  # noqa: T201 - the figures, for -rP


@pytest.mark.parametrize(("before", "tls"), [("smtp", "none")])
@pytest.mark.parametrize("kind", ["cut", "reset", "half-close", "stall", "garbage"])
def test_a_reply_whose_taking_nobody_heard_of_is_never_sent_again(bench: Bench, kind: Kind) -> None:
    """The fault falls on the answer to the dot: the server has the reply, and it alone knows."""
    answer = b"250 2.0.0 queued\r\n"
    begins = bytes(bench.trial(None).proxy.heard).index(answer)
    for octets in (0, len(answer) // 2, len(answer) - 1) if kind in {"cut", "reset"} else (0,):
        bench.trial(Fault(kind, "to client", begins + octets, once=True))
        assert bench.score.unknown == bench.score.trials - 1, octets


def positions(whole: int, kind: Kind, tls: str, name: str) -> list[int]:
    """Octets after which a fault is tried: spread over the whole, and elsewhere for each test."""
    if kind in WAITING:
        count = 16 if SOAK else 1
    elif not SOAK:
        count = 3 if tls == "none" else 2
    else:
        count = 64 if tls != "none" else whole if kind == "cut" else whole // 8
    step = max(1, whole // count)
    return list(range(zlib.crc32(name.encode()) % step, whole, step))
