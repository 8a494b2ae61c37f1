"""The command on Microsoft 365 as its double plays it: sweeps, replies, a kill, connection tests, sign-in."""

from __future__ import annotations

import re
import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.connect_proxy import ConnectProxy, production_context
from tests.support.entra_double import CLIENT, SECRET, TENANT
from tests.support.graph import ADDRESS
from tests.support.graph_double import HTML, Fault, GraphDouble, throttled
from tests.support.memory import letter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.conftest import Installation

CONFIG = """
integrations:
  - name: payroll
    mailbox: {address}
    provider: office365
    oauth: {{tenant: {tenant}, client_id: {client}, {how}, authority: "{root}"}}
    graph: {{base_url: "{root}"}}
    ca_file: {ca}
    workspace: 1201
"""
CALLS = 'client_secret: "${GRAPH_SECRET}"'


@pytest.fixture
def double() -> Iterator[GraphDouble]:
    with GraphDouble() as running:
        running.mailbox(ADDRESS)
        yield running
    assert running.graph.complaints == []
    assert running.most_at_once <= 2


def configure(installation: Installation, double: GraphDouble, **changes: str) -> None:
    settings = {
        "address": ADDRESS,
        "tenant": TENANT,
        "client": CLIENT,
        "how": CALLS,
        "root": double.root,
        "ca": str(double.ca_file),
    }
    installation.configure(CONFIG.format(**settings | changes))
    installation.environ["GRAPH_SECRET"] = SECRET


def fill(double: GraphDouble, count: int) -> None:
    start = datetime.now(UTC) - timedelta(minutes=5)
    for number in range(count):
        raw = letter(number, to=ADDRESS, sender=f"p{number}@example.com")
        double.mailbox(ADDRESS).add(raw, received_at=start + timedelta(seconds=number))


def unread(double: GraphDouble) -> int:
    inbox = double.mailbox(ADDRESS).folders["inbox"]
    return sum(not item.is_read for item in double.mailbox(ADDRESS).in_folder(inbox))


def answered(double: GraphDouble) -> list[str]:
    mailbox = double.mailbox(ADDRESS)
    return [
        each["emailAddress"]["address"] for item in mailbox.sent for each in item.recipients("toRecipients")
    ]


def test_every_mail_becomes_one_case_and_one_reply(installation: Installation, double: GraphDouble) -> None:
    configure(installation, double)
    fill(double, 24)  # the preset lets 25 replies a minute out
    totals = installation.process()["totals"]
    assert (totals["listed"], totals["cases"], totals["replies_sent"]) == (24, 24, 24)
    assert unread(double) == 0
    assert sorted(answered(double)) == sorted(f"p{number}@example.com" for number in range(24))
    assert double.mailbox(ADDRESS).drafts() == []
    assert len(double.entra.asked) == 1
    before = len(double.requests)
    again = installation.process()["totals"]
    assert again["cases"] == again["listed"] == 0
    assert len(double.requests) == before + 1
    loci = {line["message"]["locus"] for line in installation.lines()}
    assert all(locus.startswith(f"graph://localhost:{double.port}/{ADDRESS}/") for locus in loci)


def test_an_answer_to_what_exchange_called_our_reply_is_a_follow_up(
    installation: Installation, double: GraphDouble
) -> None:
    double.graph.keeps_message_ids = False
    configure(installation, double)
    fill(double, 1)
    installation.process()
    (sent,) = double.mailbox(ADDRESS).sent
    theirs = sent.internet_message_id()
    assert "outlook.com" in theirs
    raw = letter(7, to=ADDRESS, sender="p0@example.com", headers=f"In-Reply-To: {theirs}\n")
    double.mailbox(ADDRESS).add(raw)
    totals = installation.process()["totals"]
    assert (totals["cases"], totals["follow_ups"]) == (0, 1)


def test_what_is_done_can_be_moved(installation: Installation, double: GraphDouble) -> None:
    configure(installation, double)
    path = installation.folder / "integrations.yaml"
    path.write_text(path.read_text() + "    move_to: Inbox/Processed\n")
    mailbox = double.mailbox(ADDRESS)
    processed = mailbox.create_folder("Processed", mailbox.folders["inbox"].identity)
    fill(double, 25)
    assert installation.process()["totals"]["cases"] == 25
    assert len(mailbox.in_folder(processed)) == 25
    assert installation.process()["totals"]["listed"] == 0


def test_a_storm_is_no_alarm_and_loses_nothing(installation: Installation, double: GraphDouble) -> None:
    """429 in answer to everything: the sweep ends by itself, and the next makes the cases."""
    configure(installation, double)
    fill(double, 3)
    double.fault(" /v1.0/", throttled(30), 10_000)
    begun = time.monotonic()
    installation.run("process", "--deadline", "8s", status=None)
    assert time.monotonic() - begun < 8
    assert len(double.requests) == 1
    assert unread(double) == 3
    assert installation.lines() == []
    double.mend()
    totals = installation.process("--integration", "payroll")["totals"]
    assert (totals["cases"], totals["replies_sent"]) == (3, 3)


def test_a_sweep_that_dies_while_sending_leaves_one_reply(
    installation: Installation, double: GraphDouble
) -> None:
    """Killed between `sending` and the answer: the next sweep asks Exchange, and finds it sent."""
    configure(installation, double)
    fill(double, 1)
    double.fault("POST .*/send", Fault(seconds=3))
    sweep = installation.start("process")
    for _ in range(100):
        if double.count("POST .*/send"):
            break
        with pytest.raises(subprocess.TimeoutExpired):
            sweep.wait(0.1)
    sweep.kill()
    sweep.communicate()
    time.sleep(3.2)
    assert len(double.mailbox(ADDRESS).sent) == 1
    totals = installation.process()["totals"]
    assert totals["replies_failed"] == 0
    assert len(double.mailbox(ADDRESS).sent) == 1
    assert unread(double) == 0
    assert "unknown" not in installation.run("list-errors").stdout


def no_mailbox(double: GraphDouble) -> None:
    double.graph.mailboxes.clear()


def reading_alone_with_a_read_mail(double: GraphDouble) -> None:
    double.mailbox(ADDRESS).add(letter(9, to=ADDRESS), seen=True)
    double.entra.apps[CLIENT].roles = ("Mail.Read", "Mail.Send")


CAUSES: dict[str, tuple[Callable[[GraphDouble], object], dict[str, str], str, str]] = {
    "wrong tenant": (lambda _d: None, {"tenant": "nobody.example"}, "knows no tenant", "oauth.tenant"),
    "unknown app": (lambda _d: None, {"client": "0000"}, "not known in this tenant", "oauth.client_id"),
    "wrong secret": (lambda _d: None, {"how": "client_secret: nope"}, "secret is wrong", "Value"),
    "expired secret": (
        lambda d: setattr(d.entra.apps[CLIENT], "expired", True),
        {},
        "secret has expired",
        "make a new one",
    ),
    "no consent": (
        lambda d: setattr(d.entra.apps[CLIENT], "consented", False),
        {},
        "nobody has consented",
        "administrator",
    ),
    "no role": (
        lambda d: setattr(d.entra.apps[CLIENT], "roles", ("User.Read.All",)),
        {},
        "may not do this",
        "Mail.ReadWrite",
    ),
    "reading alone": (
        lambda d: setattr(d.entra.apps[CLIENT], "roles", ("Mail.Read", "Mail.Send")),
        {},
        "cannot be marked read",
        "Mail.ReadWrite",
    ),
    "reading alone, where a mail is read": (
        reading_alone_with_a_read_mail,
        {},
        "the token has no Mail.ReadWrite",
        "Mail.Read does not suffice",
    ),
    "a filter in between": (
        lambda d: d.fault("GET .*inbox", Fault(403, HTML), 99),
        {},
        "what answered is not Graph",
        "HTTPS_PROXY",
    ),
    "who knows what answers at Entra": (
        lambda d: d.fault("GET .*openid-configuration", Fault(200, HTML), 99),
        {},
        "does not answer as Entra does",
        "oauth.authority",
    ),
    "no sending": (
        lambda d: setattr(d.entra.apps[CLIENT], "roles", ("Mail.ReadWrite",)),
        {},
        "no Mail.Send",
        "Mail.Send",
    ),
    "outside the policy": (
        lambda d: setattr(d.graph, "allowed", set()),
        {},
        "the token has the permission, so the mailbox lies outside",
        "scope of that role",
    ),
    "unknown mailbox": (no_mailbox, {}, "no such mailbox", "check mailbox"),
    "unlicensed": (
        lambda d: setattr(d.mailbox(ADDRESS), "licensed", False),
        {},
        "no such mailbox",
        "licence",
    ),
    "throttled": (lambda d: d.fault("GET .*inbox", throttled(600)), {}, "asks to wait", "wait"),
    "in trouble": (lambda d: d.fault("GET .*inbox", Fault(504, HTML), 99), {}, "trouble", "next run"),
    "wrong clock": (
        lambda d: setattr(d, "clock_ahead", 7_200.0),
        {"how": "client_secret: nope"},
        "secret is wrong",
        "clock is 7",
    ),
    "unknown authority": (lambda _d: None, {"ca": "null"}, "certificate", "ca_file"),
    "folder missing": (
        lambda _d: None,
        {"address": f"{ADDRESS}\n    folder: Nowhere"},
        "no folder",
        "there are",
    ),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_connection_test_names_cause_and_cure(
    installation: Installation, double: GraphDouble, cause: str
) -> None:
    change, changes, words, cure = CAUSES[cause]
    configure(installation, double, **changes)
    change(double)
    done = installation.run("test-connection", status=1)
    said = re.sub(r"\s+", " ", done.stdout)
    assert words in said
    assert cure in said
    assert SECRET not in done.stdout + done.stderr
    assert "nope" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_connection_test_that_is_well_changes_nothing(
    installation: Installation, double: GraphDouble
) -> None:
    configure(installation, double)
    fill(double, 2)
    double.mailbox(ADDRESS).add(letter(9, to=ADDRESS), seen=True)
    said = installation.run("test-connection").stdout
    assert "2 unread" in said
    assert "mail may be marked read" in said
    assert unread(double) == 2
    assert answered(double) == []
    installation.run("test-connection", "--send-to", "ann@example.com")
    assert answered(double) == ["ann@example.com"]


def test_a_person_signs_in_once(installation: Installation, double: GraphDouble) -> None:
    configure(installation, double, how="flow: device")
    fill(double, 1)
    assert "emailint authorize payroll" in installation.run("test-connection", status=1).stdout
    said = installation.run("authorize", "payroll").stdout
    assert "ABCD-EFGH" in said
    assert "signed in as operator@bigtmepeo.com" in said
    cache = installation.folder / "data" / "sign-ins" / "payroll.json"
    assert cache.stat().st_mode & 0o777 == 0o600
    totals = installation.process()["totals"]
    assert (totals["cases"], totals["replies_sent"]) == (1, 1)
    assert all(" /me/" in each or "batch" in each for each in double.requests)


def test_a_dry_run_leaves_the_sign_in_of_a_person_as_it_is(
    installation: Installation, double: GraphDouble
) -> None:
    """Each token is renewed at once here, since those of the double last less than five minutes."""
    double.entra.lifetime = 200
    configure(installation, double, how="flow: device")
    fill(double, 1)
    installation.run("authorize", "payroll")
    folder = installation.folder / "data" / "sign-ins"
    (folder / "payroll.json.lock").unlink()
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    asked = len(double.entra.asked)
    assert installation.process("--dry-run")["totals"]["cases"] == 1
    assert len(double.entra.asked) > asked
    after = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    assert after == before
    assert installation.process()["totals"]["cases"] == 1
    assert (folder / "payroll.json").read_bytes() != before["payroll.json"][0]


def test_the_end_of_a_secret_is_told_once_and_is_no_failure(
    installation: Installation, double: GraphDouble
) -> None:
    """As cron has it: thirty days of one line a minute would be read by nobody."""
    today = datetime.now(UTC).date()
    soon, late = today + timedelta(days=20), today + timedelta(days=200)
    configure(installation, double, how=f"{CALLS}, secret_expires: {soon}")
    first = installation.run("process")
    assert f"client secret of its app ends on {soon}" in first.stderr
    fill(double, 1)
    assert installation.run("process").stderr == ""
    assert [line["event"] for line in installation.lines("errors.jsonl")] == ["opened"]
    assert "secret_expires" in installation.run("list-errors").stdout
    configure(installation, double, how=f"{CALLS}, secret_expires: {late}")
    installation.run("process")
    assert [line["event"] for line in installation.lines("errors.jsonl")] == ["opened", "closed"]
    said = re.sub(r"\s+", " ", installation.run("test-connection").stdout)
    assert "client secret expires in 200 days" in said


@pytest.mark.parametrize(
    ("how", "words"), [(CALLS, "signs in by itself"), ("certificate: app.pem", "signs in by itself")]
)
def test_nobody_needs_to_sign_in_for_an_app(
    installation: Installation, double: GraphDouble, how: str, words: str
) -> None:
    path = installation.folder / "app.pem"
    path.write_text("x")
    path.chmod(0o600)
    configure(installation, double, how=how)
    assert words in installation.run("authorize", "payroll", status=2).stderr


def test_production_names_through_a_proxy(installation: Installation) -> None:
    """As a site behind a proxy has it: nothing but the usual variables says where the hosts are."""
    context, ca_file = production_context()
    with GraphDouble(context, "https://graph.microsoft.com") as double, ConnectProxy(double.port) as proxy:
        double.entra.root = "https://login.microsoftonline.com"
        double.mailbox(ADDRESS)
        fill(double, 2)
        text = CONFIG.format(address=ADDRESS, tenant=TENANT, client=CLIENT, how=CALLS, root="ROOT", ca="null")
        text = text.replace(', authority: "ROOT"', "").replace('    graph: {base_url: "ROOT"}\n', "")
        installation.configure(text)
        environ: dict[str, Any] = {
            "GRAPH_SECRET": SECRET,
            "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}",
            "SSL_CERT_FILE": str(ca_file),
        }
        installation.environ.update(environ)
        totals = installation.process()["totals"]
    assert (totals["cases"], totals["replies_sent"]) == (2, 2)
    assert set(proxy.asked) == {"login.microsoftonline.com:443", "graph.microsoft.com:443"}
