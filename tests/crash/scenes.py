"""Mailboxes with one batch of mail for everything that a sweep does, on Maildir, Dovecot and Graph.

Each scene is built anew for each fault, at the same place, and outlives the process that dies.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from emailint.store.folder import open_store
from tests.support import mixed_mail
from tests.support.entra_double import CLIENT, SECRET, TENANT
from tests.support.memory import letter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support.dovecot import Dovecot, Mailbox
    from tests.support.graph_double import GraphDouble
    from tests.support.smtp import SmtpServer

ADDRESS = "payroll@example.org"
CONFIG = (
    """
store: data
limits: {batch_messages: 4, attempts: 1}
integrations:
  - name: payroll
    mailbox: payroll@example.org
    MAILBOX"""
    + mixed_mail.ALIASES
)
MAILS = [
    *mixed_mail.MAILS,
    letter(7, headers="In-Reply-To: <1@example.com>\n"),
    letter(8, headers="X-Poison: yes\n", sender="dan@example.com"),
]
PLAIN = [letter(1), letter(2, sender="bob@example.com"), letter(3, sender="cem@example.com")]
"""What the control is given: nothing that it could not do."""

ANSWERED = {"ann@example.com": "Question 1", "bob@example.com": "Question 2", "cem@example.com": "Question 3"}
STAYS = 2
"""Held and quarantined mail is read, and never moved."""


@dataclass(frozen=True)
class End:
    """What is the same however often a run died; replies are counted apart."""

    cases: dict[str, Any]
    follow_ups: list[Any]
    attachments: frozenset[str]
    held: list[bytes]
    quarantined: list[bytes]
    unread: int
    moved: int
    open_errors: dict[str, int]


class Scene(Protocol):
    """A mailbox, a store, and where the replies go."""

    name: str
    folder: Path
    minutes: tuple[int, ...]
    """How far the clock is ahead in each of the sweeps that mend what happened."""

    def build(self, mails: Iterable[bytes] = MAILS) -> Path:
        """Everything anew; returns the configuration."""
        ...

    def mailbox(self) -> tuple[int, int]:
        """How much is unread, and how much was moved."""
        ...

    def replies(self) -> Counter[str]:
        """How many replies each recipient has."""
        ...


def end_of(scene: Scene) -> End:
    """The end that a scene has come to; the JSON lines must be whole and in order."""
    store = scene.folder / "data"
    lines = json_lines(store / "cases.jsonl")
    ids = [line["case_id"] for line in lines]
    assert ids == [f"CS-{number:06d}" for number in range(1, len(lines) + 1)]
    subjects = {line["case_id"]: line["subject"] for line in lines}
    assert len(set(subjects.values())) == len(lines), "a doubled case"
    unread, moved = scene.mailbox()
    with open_store(store, read_only=True) as opened:
        kinds = Counter(str(error.trouble.kind) for error in opened.ledger.errors())
    kinds.pop("outcome_unknown", None)
    return End(
        {line["subject"]: _lasting(line) for line in lines},
        [
            (subjects[line["case_id"]], line["message"]["fingerprint"])
            for line in json_lines(store / "followups.jsonl")
        ],
        frozenset(path.name for path in (store / "attachments").glob("[!.]*")),
        _octets(store / "hold"),
        _octets(store / "quarantine"),
        unread,
        moved,
        dict(kinds),
    )


def json_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a file, each whole."""
    content = path.read_bytes() if path.exists() else b""
    assert content == b"" or content.endswith(b"\n")
    return [json.loads(line) for line in content.splitlines()]


def doubts_of(scene: Scene) -> frozenset[str]:
    """Case ids whose reply is unknown; each must be listed (I4), and every other reply must have ended."""
    with open_store(scene.folder / "data", read_only=True) as opened:
        ledger = opened.ledger
        ids = [line["case_id"] for line in json_lines(scene.folder / "data" / "cases.jsonl")]
        states = {each: str(ledger.replies_of(each)[0].state) for each in ids if ledger.replies_of(each)}
        listed = {
            error.trouble.case_id for error in ledger.errors() if error.trouble.kind == "outcome_unknown"
        }
    assert set(states.values()) <= {"sent", "withheld", "failed", "unknown"}, states
    unknown = frozenset(case for case, state in states.items() if state == "unknown")
    assert unknown == listed
    return unknown


def _octets(folder: Path) -> list[bytes]:
    """What is kept there; Exchange makes other boundaries at each download."""
    kept = [path.read_bytes() for path in folder.glob("[!.]*")]
    return sorted(re.sub(rb"_000_[0-9a-f]{16}_", b"boundary", each) for each in kept)


@dataclass(frozen=True)
class Tally:
    """Subjects without a whole line, with several; recipients without a reply, with several."""

    lost: int = 0
    doubled: int = 0
    unanswered: int = 0
    answered_twice: int = 0


def tally(scene: Scene, answered: dict[str, str] = ANSWERED) -> Tally:
    """The count, whatever the state: half lines and foreign ones count for nothing."""
    path = scene.folder / "data" / "cases.jsonl"
    found: Counter[str] = Counter()
    for line in path.read_bytes().splitlines() if path.exists() else ():
        with suppress(ValueError, KeyError, TypeError):
            found[json.loads(line)["subject"]] += 1
    replies = scene.replies()
    return Tally(
        lost=sum(not found[subject] for subject in answered.values()),
        doubled=sum(count > 1 for count in found.values()),
        unanswered=sum(not replies[each] for each in answered),
        answered_twice=sum(count > 1 for count in replies.values()),
    )


def _lasting(line: dict[str, Any]) -> Any:
    """What of a case does not depend on when it was made and from where it was read."""
    message = line["message"]
    attached = [(each["path"], each["sha256"]) for each in line["attachments"]]
    return (
        message["fingerprint"],
        line["workspace"],
        attached,
        message.get("defects"),
        line["reply"]["reason"],
    )


@dataclass
class MaildirScene:
    """A Maildir, and replies as files. `move`: what is done is moved."""

    folder: Path
    move: bool = False
    name: str = "Maildir"
    minutes: tuple[int, ...] = (0, 0)

    def build(self, mails: Iterable[bytes] = MAILS) -> Path:
        if self.folder.exists():
            shutil.rmtree(self.folder)
        inbox = self.folder / "maildir"
        for box in (inbox, inbox / ".Done"):
            for part in ("cur", "new", "tmp"):
                (box / part).mkdir(parents=True)
        for number, raw in enumerate(mails):
            (inbox / "new" / f"{number}.example").write_bytes(raw)
        moves = "\n    move_to: Done" if self.move else ""
        return _configure(
            self.folder,
            f"protocol: maildir\n    path: maildir\n    outbound: {{type: folder, path: outbox}}{moves}",
        )

    def mailbox(self) -> tuple[int, int]:
        inbox = self.folder / "maildir"
        names = [path.name for box in (inbox / "new", inbox / "cur") for path in box.iterdir()]
        done = list((inbox / ".Done" / "cur").iterdir())
        return sum(not name.endswith(":2,S") for name in names), len(done)

    def replies(self) -> Counter[str]:
        files = (self.folder / "outbox").glob("[!.]*.eml")
        return Counter(_recipient(path.read_bytes()) for path in files)


@dataclass
class ImapScene:
    """A mailbox of a real Dovecot, replies through a real SMTP server. What is done is moved."""

    folder: Path
    dovecot: Dovecot
    smtp: SmtpServer
    name: str = "IMAP"
    minutes: tuple[int, ...] = (0, 0)
    user: Mailbox | None = None

    def build(self, mails: Iterable[bytes] = MAILS) -> Path:
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir()
        self.smtp.delivered.clear()
        self.user = self.dovecot.create_user()
        self.user.create_folder("Done")
        self.user.deliver_many(mails)
        return _configure(
            self.folder,
            f"host: localhost\n    port: {self.dovecot.tls_port}\n    tls: implicit\n"
            f"    ca_file: {self.dovecot.ca_file}\n    username: {self.user.user}\n"
            f"    password: {self.user.password}\n    move_to: Done\n    outbound: {{type: smtp,"
            f" host: 127.0.0.1, port: {self.smtp.port}, tls: none, username: null}}",
        )

    def mailbox(self) -> tuple[int, int]:
        assert self.user is not None
        return len(self.user.unread()), len(self.user.messages("Done"))

    def replies(self) -> Counter[str]:
        return Counter(mail.recipients[0] for mail in self.smtp.delivered)


@dataclass
class GraphScene:
    """A mailbox of the Graph double, replies by drafts. What is done is moved."""

    folder: Path
    double: GraphDouble
    name: str = "Graph"
    minutes: tuple[int, ...] = (0, 0, 20, 40)
    """What may still be on its way is looked for; after 15 minutes it is taken back and begun again."""

    def build(self, mails: Iterable[bytes] = MAILS) -> Path:
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir()
        self.double.graph.mailboxes.pop(ADDRESS, None)
        mailbox = self.double.mailbox(ADDRESS)
        mailbox.create_folder("Done")
        start = datetime.now(UTC) - timedelta(minutes=5)
        for number, raw in enumerate(mails):
            mailbox.add(raw, received_at=start + timedelta(seconds=number))
        root = self.double.root
        return _configure(
            self.folder,
            f"provider: office365\n    oauth: {{tenant: {TENANT}, client_id: {CLIENT},"
            f' client_secret: "{SECRET}", authority: "{root}"}}\n    graph: {{base_url: "{root}"}}\n'
            f"    ca_file: {self.double.ca_file}\n    move_to: Done",
        )

    def mailbox(self) -> tuple[int, int]:
        box = self.double.mailbox(ADDRESS)
        inbox = box.in_folder(box.folders["inbox"])
        done = next(each for each in box.folders.values() if each.name == "Done")
        assert self.double.graph.complaints == []
        return sum(not item.is_read for item in inbox), len(box.in_folder(done))

    def replies(self) -> Counter[str]:
        sent = self.double.mailbox(ADDRESS).sent
        return Counter(
            each["emailAddress"]["address"] for item in sent for each in item.recipients("toRecipients")
        )


def _configure(folder: Path, mailbox: str) -> Path:
    path = folder / "integrations.yaml"
    path.write_text(CONFIG.replace("MAILBOX", mailbox), encoding="utf-8")
    path.chmod(0o600)
    return path


def _recipient(content: bytes) -> str:
    lines = content.split(b"\r\n\r\n")[0].split(b"\r\n")
    return next(line for line in lines if line.lower().startswith(b"to:"))[3:].strip().decode()
