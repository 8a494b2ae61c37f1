"""How integrations are doing: what the facts say, and that looking touches nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from emailint.config.load import load
from emailint.config.model import Integration
from emailint.errors import ConnectionFailed
from emailint.store.lock import RunLock, read_lock
from emailint.store.records import Backlog
from emailint.sweep import connect, status
from emailint.sweep.clock import Budget, SystemClock
from emailint.sweep.options import SweepOptions
from emailint.sweep.schedule import run_sweep
from emailint.sweep.status import Facts, judge, look
from tests.support.memory import letter

if TYPE_CHECKING:
    from pathlib import Path

    from emailint.config.model import Config

NOW = datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)
PAYROLL = Integration("payroll", "payroll@example.org")
OFF = Integration("off", "off@example.org", enabled=False)
FIVE = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("minutes_ago", "max_age", "stale"),
    [
        (4, FIVE, False),
        (5, FIVE, False),
        (5.1, FIVE, True),
        (6, None, False),
        (None, FIVE, True),
        (None, None, False),
        (-0.5, FIVE, False),  # two clocks of one machine, nearly the same
        (-60, FIVE, True),  # the clock was set back: what it said before is worth nothing
    ],
)
def test_stale(minutes_ago: float | None, max_age: timedelta | None, stale: bool) -> None:
    last = {} if minutes_ago is None else {"payroll": NOW - timedelta(minutes=minutes_ago)}
    found = judge([PAYROLL], [], Facts(last), NOW, max_age)
    assert found.stale is stale
    assert found.integrations[0].stale is stale


def test_a_disabled_integration_is_never_stale() -> None:
    found = judge([PAYROLL, OFF], [], Facts({"payroll": NOW}), NOW, FIVE)
    assert [each.standing for each in found.integrations] == ["enabled", "disabled"]
    assert not found.stale


def test_a_removed_integration_is_shown_while_something_of_it_waits() -> None:
    last_good = {"payroll": NOW, "gone": NOW - timedelta(days=9)}
    facts = Facts(last_good, {"old": Backlog(replies=2)}, {"older": 1})
    found = judge([PAYROLL], [], facts, NOW, FIVE)
    assert [(each.name, each.standing) for each in found.integrations] == [
        ("payroll", "enabled"),
        ("old", "removed"),
        ("older", "removed"),
    ]
    assert not found.stale


def test_those_that_are_named_are_judged_alone() -> None:
    found = judge([PAYROLL, OFF], ["off"], Facts(backlog={"old": Backlog(held=1)}), NOW, FIVE)
    assert [each.name for each in found.integrations] == ["off"]
    assert not found.stale


CONFIG = """
store: data
integrations:
  - {name: payroll, mailbox: payroll@example.org, protocol: maildir, path: maildir,
     outbound: {type: none}, workspace: 1}
  - {name: broken, mailbox: broken@example.org, protocol: maildir, path: nowhere,
     outbound: {type: none}, workspace: 1}
  - {name: "off", enabled: false, mailbox: off@example.org, protocol: maildir, path: off,
     outbound: {type: none}, workspace: 1}
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    for part in ("cur", "new", "tmp"):
        (tmp_path / "maildir" / part).mkdir(parents=True)
    (tmp_path / "maildir" / "new" / "1.x").write_bytes(letter(1))
    path = tmp_path / "integrations.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return load(path)


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_store_that_is_not_there_never_swept_and_none_is_made(config: Config) -> None:
    found = look(config, [], NOW, max_age=FIVE)
    assert [each.last_good for each in found.integrations] == [None, None, None]
    assert [each.stale for each in found.integrations] == [True, True, False]
    assert not config.store.exists()


def test_a_sweep_is_told_and_looking_changes_no_byte(config: Config) -> None:
    run_sweep(config, SweepOptions())
    before = content(config.path.parent)
    found = look(config, [], datetime.now(UTC), max_age=FIVE)
    payroll, broken, off = found.integrations
    assert payroll.last_good is not None
    assert not payroll.stale
    assert (broken.last_good, broken.stale, broken.open_errors) == (None, True, 1)
    assert (broken.health.failures, broken.health.kind) == (1, "folder_missing")
    assert (off.last_good, off.stale) == (None, False)
    assert content(config.path.parent) == before


def test_it_answers_while_a_sweep_holds_the_store_and_says_so(config: Config) -> None:
    run_sweep(config, SweepOptions())
    last = read_lock(config.store).last_good["payroll"]
    lock = RunLock(config.store)
    with lock.acquire(["payroll"], str(config.path), None, command="process"):
        found = look(config, [], datetime.now(UTC))
    assert found.holder is not None
    assert found.holder.command == "process"
    assert found.integrations[0].last_good == last
    assert look(config, [], datetime.now(UTC)).holder is None


def test_the_servers_are_asked_where_that_is_wanted(config: Config) -> None:
    found = look(config, [], datetime.now(UTC), live=Budget(SystemClock(), 20))
    payroll, broken, off = (each.unread for each in found.integrations)
    assert payroll is not None
    assert payroll.count == 1
    assert broken is not None
    assert broken.error is not None
    assert "nowhere" in broken.error
    assert off is None
    assert found.unanswered
    assert (config.path.parent / "maildir" / "new" / "1.x").exists()


def test_a_bug_at_one_server_keeps_no_other_figure_back(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def source(_config: object, integration: Integration, **_: object) -> object:
        if integration.name == "broken":
            raise RuntimeError("a secret")
        raise ConnectionFailed("the network is down")

    monkeypatch.setattr(connect, "source_for", source)
    found = status.unread(config, [], Budget(SystemClock(), 20))
    assert found["payroll"].error == "the network is down"
    assert "RuntimeError" in str(found["broken"].error)
    assert "a secret" not in str(found)


def test_a_mailbox_that_the_deadline_did_not_come_to_was_not_swept_well(config: Config) -> None:
    clock = SystemClock()
    run_sweep(config, SweepOptions(), budget=Budget(clock, 0))
    assert read_lock(config.store).last_good == {}
    run_sweep(config, SweepOptions())
    assert list(read_lock(config.store).last_good) == ["payroll"]


GRAPH = """
store: data
integrations:
  - name: benefits
    mailbox: benefits@example.org
    protocol: graph
    workspace: 1
    oauth: {tenant: 00000000-0000-0000-0000-000000000001, client_id: 00000000-0000-0000-0000-000000000002,
            client_secret: s3cret, secret_expires: 2026-12-20}
"""


def test_the_last_day_of_a_secret_is_told(tmp_path: Path) -> None:
    path = tmp_path / "integrations.yaml"
    path.write_text(GRAPH, encoding="utf-8")
    path.chmod(0o600)
    assert look(load(path), [], NOW).integrations[0].expires == date(2026, 12, 20)


def test_a_certificate_that_cannot_be_read_is_no_trouble_of_looking(tmp_path: Path) -> None:
    path = tmp_path / "integrations.yaml"
    text = GRAPH.replace("client_secret: s3cret, secret_expires: 2026-12-20", "certificate: app.pem")
    path.write_text(text, encoding="utf-8")
    (tmp_path / "app.pem").write_text("nothing", encoding="utf-8")
    (tmp_path / "app.pem").chmod(0o600)
    assert look(load(path), [], NOW).integrations[0].expires is None
