"""`emailint audit`: the mailbox against the store, over IMAP, a Maildir and Graph."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from emailint.sweep.books import Standing
from tests.support.dovecot import Mailbox
from tests.support.entra_double import CLIENT, SECRET, TENANT
from tests.support.graph import ADDRESS, MailboxOnDouble
from tests.support.graph_double import GraphDouble
from tests.support.memory import letter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.conftest import Installation
    from tests.support.dovecot import Dovecot

CONFIG = """
store: data
integrations:
  - name: payroll
    mailbox: {address}
    {where}
    move_to: Processed
    aliases:
      - {{address: {address}, default: true, workspace: 1201}}
      - {{address: quiet@example.org, automatic: ignore}}
      - {{address: vip@example.org, unknown_sender: hold}}
"""
MAILDIR = "protocol: maildir\n    path: maildir\n    outbound: {type: folder, path: outbox}"
IMAP = (
    "host: localhost\n    port: {port}\n    ca_file: {ca}\n    username: {user}\n    password: {password}\n"
    "    outbound: {{type: folder, path: outbox}}"
)
GRAPH = (
    "provider: office365\n    oauth: {{tenant: {tenant}, client_id: {client},"
    ' client_secret: "${{GRAPH_SECRET}}", authority: "{root}"}}\n'
    '    graph: {{base_url: "{root}"}}\n    ca_file: {ca}'
)
HOURS_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
AUTOMATIC = "Auto-Submitted: auto-generated\n"


@dataclass
class Site:
    """An installation, its mailbox, and hands that reach into it as other programs do."""

    installation: Installation
    mailbox: Mailbox | MailboxOnDouble
    remove: Callable[[str, str], None]
    double: GraphDouble | None = None

    def mail(self, number: int, **about: Any) -> bytes:
        return letter(number, **{"to": self.address, **about})

    @property
    def address(self) -> str:
        return ADDRESS if self.double else "payroll@example.org"

    def audit(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        """The document of `audit --json`; its books balance, and so do their sums."""
        done = self.installation.run("audit", "--json", *arguments, status=status)
        document: dict[str, Any] = json.loads(done.stdout)
        names = [standing.value for standing in Standing]
        for books in (document["totals"], *document["integrations"]):
            assert books["listed"] == sum(books[name] for name in names)
        for name in ("listed", "gone", *names):
            assert document["totals"][name] == sum(each[name] for each in document["integrations"])
        return document

    def mailbox_state(self) -> list[list[str]]:
        return [[path.name for path in self.mailbox.messages(folder)] for folder in ("INBOX", "Processed")]

    def store_state(self) -> dict[str, bytes]:
        folder = self.installation.folder / "data"
        return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(params=["imap", "maildir", "graph"])
def site(request: pytest.FixtureRequest, installation: Installation) -> Iterator[Site]:
    match request.param:
        case "imap":
            yield on_dovecot(request.getfixturevalue("dovecot"), installation)
        case "maildir":
            yield on_disk(installation)
        case _:
            with GraphDouble() as double:
                yield on_double(double, installation)
            assert double.graph.complaints == []
            assert double.most_at_once <= 2


def on_dovecot(server: Dovecot, installation: Installation) -> Site:
    mailbox = server.create_user()
    where = IMAP.format(port=server.tls_port, ca=server.ca_file, user=mailbox.user, password=mailbox.password)
    return on_files(mailbox, installation, where)


def on_disk(installation: Installation) -> Site:
    mailbox = Mailbox("desk", "", installation.folder / "maildir", (os.getuid(), os.getgid()))
    mailbox.create_folder("INBOX")
    return on_files(mailbox, installation, MAILDIR)


def on_files(mailbox: Mailbox, installation: Installation, where: str) -> Site:
    mailbox.create_folder("Processed")
    installation.configure(CONFIG.format(where=where, address="payroll@example.org"))

    def remove(subject: str, folder: str) -> None:
        needle = f"Subject: {subject}\r\n".encode()
        next(path for path in mailbox.messages(folder) if needle in path.read_bytes()).unlink()

    return Site(installation, mailbox, remove)


def on_double(double: GraphDouble, installation: Installation) -> Site:
    mailbox = double.mailbox(ADDRESS)
    mailbox.create_folder("Processed")
    where = GRAPH.format(tenant=TENANT, client=CLIENT, root=double.root, ca=double.ca_file)
    installation.configure(CONFIG.format(where=where, address=ADDRESS))
    installation.environ["GRAPH_SECRET"] = SECRET
    return Site(
        installation, MailboxOnDouble(mailbox), lambda subject, _folder: mailbox.remove(subject), double
    )


def swept(site: Site) -> None:
    """A case, a follow-up of it, mail that a rule ignores, and mail that is held: swept."""
    site.mailbox.deliver(site.mail(1))
    site.mailbox.deliver(site.mail(2, headers="In-Reply-To: <1@example.com>\n"))
    site.mailbox.deliver(site.mail(3, to="quiet@example.org", headers=AUTOMATIC))
    site.mailbox.deliver(site.mail(4, to="vip@example.org", sender="eve@example.net"))
    totals = site.installation.process(status=1)["totals"]
    assert [totals[name] for name in ("cases", "follow_ups", "ignored", "held")] == [1, 1, 1, 1]


def standings(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """By subject, how each mail that is named stands, and why."""
    (integration,) = document["integrations"]
    return {each["subject"]: (each["standing"], each["why"]) for each in integration["mails"]}


def test_what_was_swept_is_accounted_for_and_nothing_is_changed(site: Site) -> None:
    swept(site)
    before = site.mailbox_state(), site.store_state()
    asked = len(site.double.requests) if site.double else 0
    document = site.audit()
    assert document["accounted"]
    assert document["totals"] == {
        **dict.fromkeys(("quarantined", "waiting", "excluded", "unaccounted", "gone"), 0),
        **dict.fromkeys(("cases", "follow_ups", "held", "ignored"), 1),
        "listed": 4,
    }
    (ignored,) = document["integrations"][0]["mails"]
    assert ignored["why"] == "automatic: auto_reply is ignored by alias quiet@example.org"
    if site.double:  # two lists, one a folder, and nothing is downloaded
        assert [each.partition("?")[0].rpartition("/")[2] for each in site.double.requests[asked:]].count(
            "messages"
        ) == 2
        assert all(each.startswith("GET ") and "$value" not in each for each in site.double.requests[asked:])
    assert (site.mailbox_state(), site.store_state()) == before


@pytest.fixture
def passed_by(site: Site) -> Site:
    """Mail that no sweep took: read first (5), unread (6), put elsewhere (7, 8), a copy of 1, and old (9)."""
    swept(site)
    site.mailbox.deliver(site.mail(5, sender="bob@example.com"), seen=True, received_at=HOURS_AGO)
    site.mailbox.deliver(site.mail(6))
    site.mailbox.deliver(site.mail(7), seen=True, folder="Processed")
    site.mailbox.deliver(site.mail(8), folder="Processed")
    site.mailbox.deliver(site.mail(1), seen=True)
    site.mailbox.deliver(site.mail(9), seen=True, received_at=HOURS_AGO - timedelta(days=30))
    return site


def test_each_mail_that_is_not_in_the_store_is_named_with_why(passed_by: Site) -> None:
    site = passed_by
    before = site.mailbox_state(), site.store_state()
    asked = len(site.double.requests) if site.double else 0
    document = site.audit(status=1)
    assert not document["accounted"]
    totals = document["totals"]
    assert (totals["listed"], totals["cases"], totals["waiting"], totals["unaccounted"]) == (9, 2, 1, 3)
    named = standings(document)
    assert named["Question 6"] == ("waiting", "it is unread: the next sweep takes it up")
    assert named["Question 5"][0] == named["Question 7"][0] == named["Question 8"][0] == "unaccounted"
    assert named["Question 5"][1].startswith("it was marked read before a sweep saw it")
    assert named["Question 7"][1] == "somebody moved it to Processed before a sweep saw it"
    assert named["Question 8"][1] == "it is unread in Processed, where no sweep looks"
    mail = next(each for each in document["integrations"][0]["mails"] if each["subject"] == "Question 5")
    assert mail["from"] == "bob@example.com"
    assert datetime.fromisoformat(mail["received_at"]) == HOURS_AGO
    assert mail["locus"].startswith(("imap://", "maildir:/", "graph://"))
    if site.double:  # of nine mails the content of one is looked at, the copy's
        requests = site.double.requests[asked:]
        assert all(each.startswith("GET ") for each in requests)
        assert sum("$value" in each for each in requests) == 1
    assert (site.mailbox_state(), site.store_state()) == before


def test_people_read_the_same_and_may_ask_for_another_time(passed_by: Site) -> None:
    text = passed_by.installation.run("audit", status=1)
    for words in ("Question 5", "bob@example.com", "marked read before", "by the rule automatic", "--adopt"):
        assert words in text.stdout
    assert text.stderr == ""
    assert "Question 9" not in text.stdout
    since = f"{datetime.now().astimezone() - timedelta(days=32):%Y-%m-%d}"
    for arguments in (("--days", "31"), ("--since", since)):
        assert "Question 9" in passed_by.installation.run("audit", *arguments, status=1).stdout
    both = passed_by.installation.run("audit", "--days", "1", "--since", since, status=2)
    assert "nothing was done" in both.stderr


def test_what_people_deleted_or_moved_away_is_gone_and_no_alarm(site: Site) -> None:
    swept(site)
    site.remove("Question 1", "Processed")
    document = site.audit()
    assert (document["totals"]["listed"], document["totals"]["gone"]) == (3, 1)


def test_what_was_moved_back_is_known_by_its_content(site: Site) -> None:
    swept(site)
    site.remove("Question 1", "Processed")
    site.mailbox.deliver(site.mail(1), seen=True)
    document = site.audit()
    assert (document["totals"]["cases"], document["totals"]["gone"]) == (1, 0)


def test_adopted_mail_goes_the_way_of_any_other_once(site: Site) -> None:
    swept(site)
    site.mailbox.deliver(site.mail(5, sender="bob@example.com"), seen=True)
    site.mailbox.deliver(site.mail(6, headers="In-Reply-To: <1@example.com>\n"), seen=True)
    site.mailbox.deliver(site.mail(7, to="quiet@example.org", headers=AUTOMATIC), seen=True)
    site.mailbox.deliver(site.mail(8, to="vip@example.org", sender="eve@example.net"), seen=True)
    site.mailbox.deliver(site.mail(9), folder="Processed")
    site.mailbox.deliver(site.mail(10))  # which is the next sweep's
    assert site.audit(status=1)["totals"]["unaccounted"] == 5
    document = site.audit("--adopt")
    totals = document["totals"]
    assert [totals[name] for name in ("cases", "follow_ups", "ignored", "held")] == [3, 2, 2, 2]
    assert (totals["waiting"], totals["unaccounted"]) == (1, 0)
    adopted = {each["subject"]: each for each in document["integrations"][0]["adopted"]}
    assert {name: each["outcome"] for name, each in adopted.items()} == {
        "Question 5": "cases",
        "Question 6": "follow_ups",
        "Question 7": "ignored",
        "Question 8": "held",
        "Question 9": "cases",
    }
    assert adopted["Question 5"]["reply"] == "withheld: adopted"
    cases = site.installation.lines()
    assert [case["case_id"] for case in cases] == ["CS-000001", "CS-000002", "CS-000003"]
    assert cases[1]["reply"] == {"decision": "withhold", "reason": "adopted"}
    assert [len(names) for names in site.mailbox_state()] == [3, 7]  # held mail stays, and what is unread
    assert len(site.mailbox.unread()) == 1
    assert site.mailbox.unread("Processed") == []
    before = site.mailbox_state(), site.store_state()
    again = site.audit("--adopt")
    assert again["totals"] == totals
    assert again["integrations"][0]["adopted"] == []
    after = site.store_state()
    changed = [path for path, content in after.items() if before[1].get(path) != content]
    assert [path.rpartition("/")[2] for path in changed if not path.endswith("/lock")] == []
    assert site.mailbox_state() == before[0]
    assert site.installation.process()["totals"]["cases"] == 1


def test_replies_to_adopted_mail_only_where_asked_and_not_too_late(site: Site) -> None:
    now = datetime.now(UTC)
    site.mailbox.deliver(site.mail(1, sender="bob@example.com"), seen=True, received_at=now)
    late = now - timedelta(days=3)
    site.mailbox.deliver(site.mail(2, sender="cem@example.com"), seen=True, received_at=late)
    assert site.installation.run("audit", "--replies", status=2).stdout == ""
    document = site.audit("--adopt", "--replies")
    replies = {each["subject"]: each["reply"] for each in document["integrations"][0]["adopted"]}
    assert replies == {"Question 1": "sent", "Question 2": "withheld: old"}


def test_a_new_uid_validity_alarms_nobody(dovecot: Dovecot, installation: Installation) -> None:
    site = on_dovecot(dovecot, installation)
    swept(site)
    assert isinstance(site.mailbox, Mailbox)
    before = site.audit()["totals"]
    for folder in ("INBOX", "Processed"):
        site.mailbox.change_uid_validity(folder)
    assert site.audit()["totals"] == before
    site.audit("--adopt")
    assert len(site.installation.lines()) == 1


def test_a_mailbox_that_cannot_be_reached_keeps_no_other(installation: Installation, tmp_path: Path) -> None:
    site = on_disk(installation)
    text = (tmp_path / "integrations.yaml").read_text(encoding="utf-8")
    more = "  - {name: away, mailbox: a@example.org, protocol: maildir, path: no, reply: {template: none}}\n"
    installation.configure(text + more)
    site.mailbox.deliver(site.mail(1), seen=True)
    document = site.audit("--adopt", status=1)
    errors = {each["name"]: each["error"] for each in document["integrations"]}
    assert errors["payroll"] is None
    assert "/no " in errors["away"]
    assert document["totals"]["cases"] == 1
    assert len(installation.lines()) == 1
    assert site.audit("payroll")["accounted"]
    assert "payrol" in installation.run("audit", "payrol", status=2).stderr


def test_older_than_since_is_excluded_and_not_adopted(installation: Installation, tmp_path: Path) -> None:
    site = on_disk(installation)
    text = (tmp_path / "integrations.yaml").read_text(encoding="utf-8")
    yesterday = datetime.now().astimezone() - timedelta(days=1)
    installation.configure(text.replace("move_to:", f"since: {yesterday:%Y-%m-%d}\n    move_to:"))
    before = yesterday - timedelta(days=1)
    site.mailbox.deliver(site.mail(1), seen=True, received_at=before)
    site.mailbox.deliver(site.mail(2), received_at=before)
    document = site.audit("--adopt")
    assert document["totals"]["excluded"] == 2
    assert standings(document)["Question 2"][1].startswith("it was received before the `since`")
    assert installation.lines() == []


def test_no_store_yet_and_none_is_made(installation: Installation) -> None:
    site = on_disk(installation)
    site.mailbox.deliver(site.mail(1), seen=True)
    assert site.audit(status=1)["totals"]["unaccounted"] == 1
    assert not (installation.folder / "data").exists()
