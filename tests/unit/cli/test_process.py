"""`emailint process`: what it asks of a sweep, what it prints of its result, and where."""

from __future__ import annotations

import json
import signal
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from emailint.cli import main, process
from emailint.cli.signals import ended_gracefully
from emailint.errors import Exit, StoreBusy, StoreError
from emailint.store.records import OpenError, Trouble
from emailint.sweep.clock import Budget, SystemClock
from emailint.sweep.options import MessageDone, SweepOptions
from emailint.sweep.result import Counts, IntegrationResult, MessageResult, SweepResult
from tests.support.looking import on_a_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)
MAIL = MessageResult(
    "payroll", "maildir:/x", "cases", "Hours\x1b[31m", "ann@example.com", "CS-000001", reply="sent"
)
WELL = IntegrationResult("payroll", Counts(listed=1, cases=1, replies_sent=1), None, (MAIL,))
ILL = IntegrationResult("payroll", Counts(), "the login was refused")
NEWS = OpenError(
    "E-1",
    Trouble("login_refused", "integration", transient=False, message="refused", hint="ask"),
    NOW,
    NOW,
    1,
)
HEEDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Sweep:
    """Stands in for `run_sweep`: notes what was asked, and gives what it was told to give."""

    def __init__(self) -> None:
        self.result = SweepResult("5f", NOW, 0.25, dry_run=False, integrations=(WELL,))
        self.error: Exception | None = None
        self.options: SweepOptions | None = None
        self.budget: Budget | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self, _config: Any, options: SweepOptions, *, on_event: Any, budget: Budget) -> SweepResult:
        self.options, self.budget = options, budget
        for integration in self.result.integrations:
            for message in integration.messages:
                on_event(MessageDone(integration.name, message))
        self.meanwhile()
        if self.error:
            raise self.error
        return self.result

    def gives(self, *integrations: IntegrationResult, **fields: Any) -> None:
        given: dict[str, Any] = {"dry_run": False, "integrations": integrations}
        self.result = SweepResult("5f", NOW, 0.25, **(given | fields))


@pytest.fixture
def sweep(here: Path, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    stand_in = Sweep()
    monkeypatch.setattr(process, "run_sweep", stand_in)
    return stand_in


def test_under_cron_all_well_is_silence(sweep: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["process"]) == Exit.OK
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], SweepOptions(deadline=50.0)),
        (["--integration", "a", "--integration", "b"], SweepOptions(("a", "b"), deadline=50.0)),
        (["--dry-run"], SweepOptions(dry_run=True, deadline=50.0)),
        (["--limit", "7"], SweepOptions(limit=7, deadline=50.0)),
        (["--no-replies"], SweepOptions(replies=False, deadline=50.0)),
        (["--deadline", "2m"], SweepOptions(deadline=120.0)),
    ],
)
def test_options_reach_the_sweep(arguments: list[str], options: SweepOptions, sweep: Sweep) -> None:
    assert main(["process", *arguments]) == Exit.OK
    assert sweep.options == options
    assert sweep.budget is not None
    assert sweep.budget.remaining() == pytest.approx(options.deadline, abs=5)


def test_a_person_has_no_deadline_and_sees_tables(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["process"]) == Exit.OK
    assert sweep.options == SweepOptions(terminal=True)
    shown = capsys.readouterr().out
    assert "case CS-000001" in shown
    assert "Hours\\x1b[31m" in shown
    assert "1 unread: 1 case; replies: 1 sent; 0.2 s" in shown


def test_news_and_recoveries_are_one_line_each_on_standard_error(
    sweep: Sweep, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep.gives(ILL, news=(NEWS,), recovered=(NEWS,))
    assert main(["process"]) == Exit.TROUBLE
    said = capsys.readouterr()
    assert said.out == ""
    first, second = said.err.splitlines()
    assert first.endswith(" error refused; ask [E-1]")
    assert " warning well again after login_refused" in second


def test_a_failure_that_is_no_news_is_silent_and_still_1(
    sweep: Sweep, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep.gives(ILL)
    assert main(["process"]) == Exit.TROUBLE
    assert capsys.readouterr() == ("", "")


def test_json_is_one_document_and_news_stay_on_standard_error(
    sweep: Sweep, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep.gives(WELL, ILL, news=(NEWS,))
    assert main(["--log-format", "json", "process", "--json"]) == Exit.TROUBLE
    said = capsys.readouterr()
    assert json.loads(said.out)["totals"]["cases"] == 1
    assert said.out.count("\n") == 1
    assert json.loads(said.err)["error_id"] == "E-1"


def test_verbose_is_one_line_a_mail(sweep: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-v", "process"]) == Exit.OK
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.endswith(" info payroll: case CS-000001 from ann@example.com: Hours\\x1b[31m; reply sent")


@pytest.mark.parametrize("arguments", [["--plain"], ["--dry-run"]])
def test_plain_tables_come_without_a_terminal_where_asked(
    arguments: list[str], sweep: Sweep, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep.gives(WELL, ILL, news=(NEWS,))
    assert main(["process", *arguments]) == Exit.TROUBLE
    said = capsys.readouterr()
    assert "case CS-000001" in said.out
    assert "the login was refused" in said.out
    assert "refused; ask [E-1]" in said.out
    assert "╭" not in said.out
    assert said.err == ""


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--plain"]])
def test_another_sweep_is_no_failure(
    arguments: list[str], sweep: Sweep, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep.error = StoreBusy("the sweep of process 12 is running")
    assert main(["process", *arguments]) == Exit.OK
    said = capsys.readouterr()
    assert said.err == ""
    assert ("process 12" in said.out) == bool(arguments)
    if arguments == ["--json"]:
        assert json.loads(said.out)["busy"] == "the sweep of process 12 is running"


def test_a_store_that_cannot_be_used_is_73(sweep: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    sweep.error = StoreError("the ledger is damaged; no mailbox was touched", hint="run store rebuild")
    assert main(["process", "--json"]) == Exit.STORE
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("emailint: the ledger is damaged")


@pytest.fixture
def heeded() -> Iterator[None]:
    """No signal is ignored, as whoever started the tests may have it: nohup and `&` do."""

    def uncaught(number: int, _frame: object) -> None:
        pytest.fail(f"nobody caught signal {number}")

    before = {number: signal.signal(number, uncaught) for number in HEEDED}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_lets_the_step_at_hand_finish(
    number: signal.Signals, status: int, sweep: Sweep, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    sweep.meanwhile = lambda: signal.raise_signal(number)
    assert main(["process", "--json"]) == status
    assert sweep.budget is not None
    assert sweep.budget.stopped
    assert json.loads(capsys.readouterr().out)["totals"]["cases"] == 1
    assert signal.getsignal(number) == before


@pytest.mark.usefixtures("heeded")
def test_a_second_signal_ends_at_once() -> None:
    with ended_gracefully(Budget(SystemClock(), None)):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_gracefully(Budget(SystemClock(), None)) as ended:
            signal.raise_signal(signal.SIGHUP)
        assert ended.status is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_nothing_moves_and_nothing_is_drawn_for_a_reader_of_plain_text(
    here: Path, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    (here / "maildir" / "new" / "1.x").write_bytes(b"From: ann@example.com\n\nHi\n")
    seen = on_a_terminal(monkeypatch, "process", *(["--plain"] if term != "dumb" else []), term=term)
    assert seen.out.isascii()
    assert "\x1b" not in seen.out
    assert "CS-000001" in seen.out
