"""A small PEO on a real IMAP server: 40 mails, and everything that is made of them.

`tests/data/peo/` holds the installation, the mails in the order of their coming, and `expected.yaml`: the
whole of cases.jsonl and followups.jsonl, what is held, what is ignored and why, and who is answered.
"""

from __future__ import annotations

import email
import json
import re
import shutil
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from tests.support.smtp import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.e2e.conftest import Installation
    from tests.support.dovecot import Dovecot, Mailbox
    from tests.support.smtp import Delivered

    Record = dict[str, Any]

DATA = Path(__file__).parents[1] / "data" / "peo"
NEW_YORK = ZoneInfo("America/New_York")
SATURDAY = 5
VOLATILE = ("date", "received_at", "size", "raw_sha256", "locus", "fingerprint")
"""Of the block `message`: they come from the day of the test or from the octets of the mail."""
OUTCOMES = ("cases", "follow_ups", "held", "ignored")
OWN_ID = re.compile(r"<(CS-[0-9-]+)\.[^@>]+@peo\.example>")
"""Our own ids hold a digest by the key of the store."""


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer("none", login=False) as server:
        yield server


@pytest.fixture
def mailbox(dovecot: Dovecot) -> Mailbox:
    return dovecot.create_user()


@pytest.fixture
def holiday() -> date:
    """The next weekday in New York: no business day, as far as this firm goes."""
    day = datetime.now(NEW_YORK).date() + timedelta(days=1)
    while day.weekday() >= SATURDAY:
        day += timedelta(days=1)
    return day


@pytest.fixture
def firm(
    installation: Installation, dovecot: Dovecot, mailbox: Mailbox, smtp: SmtpServer, holiday: date
) -> Installation:
    """The installation of `tests/data/peo`, at work on the mailbox."""
    installation.configure((DATA / "integrations.yaml").read_text(encoding="utf-8"))
    shutil.copy(DATA / "directory.csv", installation.folder)
    installation.environ |= {
        "IMAP_PORT": str(dovecot.tls_port),
        "IMAP_USER": mailbox.user,
        "IMAP_PASSWORD": mailbox.password,
        "CA_FILE": str(dovecot.ca_file),
        "SMTP_PORT": str(smtp.port),
        "HOLIDAY": holiday.isoformat(),
    }
    return installation


class Post:
    """The mails of the firm, with the day of yesterday in them, and where each was put."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.names: dict[str, str] = {}
        yesterday = datetime.combine(datetime.now(NEW_YORK).date() - timedelta(days=1), time(11), NEW_YORK)
        self.words = {"YESTERDAY": f"{yesterday:%a, %d %b %Y}", "ZONE": f"{yesterday:%z}"}

    def deliver(self, folder: str, words: Mapping[str, str] | None = None) -> int:
        """Deliver the mails of a folder in the order of their names; each came when its Date says."""
        paths = sorted((DATA / "mails" / folder).glob("*.eml"))
        for path in paths:
            raw = Template(path.read_text("utf-8")).substitute(self.words | dict(words or {})).encode()
            parsed = email.message_from_bytes(raw)
            self.names[parsed["Message-ID"]] = path.stem
            self.mailbox.deliver(raw, received_at=parsedate_to_datetime(parsed["Date"]))
        return len(paths)


def test_forty_mails_become_what_their_senders_and_the_firm_expect(
    firm: Installation, mailbox: Mailbox, smtp: SmtpServer, holiday: date
) -> None:
    post, expected = Post(mailbox), yaml.safe_load((DATA / "expected.yaml").read_text("utf-8"))
    post.deliver("first")
    told = sweep(firm)
    replies = [email.message_from_bytes(mail.content) for mail in smtp.delivered]
    own_id = {post.names[reply["In-Reply-To"]]: reply["Message-ID"] for reply in replies}
    post.deliver("later", {"REPLY_TO_01": own_id["01-employee-work-address"]})
    told += sweep(firm)
    made = everything(firm, post, told, holiday)
    made["answered"] = dict(answer(post, mail) for mail in smtp.delivered)

    assert len(post.names) == 40
    assert sorted(post.names.values()) == sorted(name for part in OUTCOMES for name in made[part])
    assert mailbox.unread() == []
    assert len(smtp.delivered) == len(made["answered"])
    usual = expected.pop("usual")
    for part in ("cases", "follow_ups"):
        expected[part] = {name: over(usual[part], record) for name, record in expected[part].items()}
        assert list(made[part]) == list(expected[part])
    assert made == expected


def everything(firm: Installation, post: Post, told: Iterable[Record], holiday: date) -> Record:
    """What became of each mail, by its name, in the order of the records."""
    errors = json.loads(firm.run("list-errors", "--json").stdout)["errors"]
    order = list(post.names.values())
    return {
        "cases": named(post, firm.lines(), holiday),
        "follow_ups": named(post, firm.lines("followups.jsonl"), holiday),
        "held": {
            post.names[each["message_id"]]: each["message"] for each in errors if each["kind"] == "held"
        },
        "ignored": {
            order[int(each["locus"].rpartition("UID=")[2]) - 1]: each["detail"]
            for each in told
            if each["outcome"] == "ignored"
        },
    }


def answer(post: Post, mail: Delivered) -> tuple[str, str]:
    """The mail that a reply answers, and to whom the reply goes."""
    (recipient,) = mail.recipients
    return post.names[email.message_from_bytes(mail.content)["In-Reply-To"]], recipient


def sweep(firm: Installation) -> list[Record]:
    """What a sweep says of each mail, in its log."""
    done = firm.run("-v", "--log-format", "json", "process", "--json", status=None)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    return [line for line in lines if "outcome" in line]


def named(post: Post, records: Iterable[Record], holiday: date) -> dict[str, Record]:
    """The records, each by the name of its mail, as `expected.yaml` writes them."""
    return {post.names[record["message"].pop("message_id")]: plain(record, holiday) for record in records}


def over(usual: Record, record: Record) -> Record:
    """A record of `expected.yaml` with what is usual where it says nothing."""
    return usual | record | {"message": usual["message"] | record["message"]}


def plain(record: Record, holiday: date) -> Record:
    """A record without what changes from run to run, once that was looked at, in a shorter notation."""
    record = json.loads(OWN_ID.sub(r"<\1.KEYED@peo.example>", json.dumps(record)))
    created, message = datetime.fromisoformat(record.pop("created_at")), record["message"]
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=5)
    volatile = [message.pop(name) for name in VOLATILE]
    assert all(volatile)
    if "due_at" in record:
        record["due"] = business_days(created, record.pop("due_at"), holiday)
    if "routing" in record:
        record["routing"] = [{step.pop("rule"): step.pop("result"), **step} for step in record["routing"]]
    for attachment in record["attachments"]:
        assert len(attachment.pop("sha256")) == 64
        attachment["path"] = re.sub("[0-9a-f]{16,}", "DIGEST", attachment["path"])
    message["from"] = shown(message["from"])
    for name in ("reply_to", "to", "cc"):
        message[name] = [shown(each) for each in message[name]]
    return record


def shown(address: Record) -> str:
    """`Ann Lee <ann@example.com>`, or the address alone."""
    assert set(address) == {"name", "address"}
    return f"{address['name']} <{address['address']}>" if address["name"] else str(address["address"])


def business_days(created: datetime, due_at: str | None, holiday: date) -> str | None:
    """`2bd` where the case is due at its own time of day on the second business day after its own."""
    if due_at is None:
        return None
    begin, due = created.astimezone(NEW_YORK), datetime.fromisoformat(due_at).astimezone(NEW_YORK)
    assert begin.time() == due.time()
    days = [begin.date() + timedelta(days=n) for n in range(1, (due.date() - begin.date()).days + 1)]
    business = [day for day in days if day.weekday() < SATURDAY and day != holiday]
    assert business[-1] == due.date()
    return f"{len(business)}bd"
