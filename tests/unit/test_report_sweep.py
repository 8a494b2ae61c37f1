"""A sweep as tables, lines, and the document of `process --json`."""

from __future__ import annotations

import io
import json
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from emailint.probe import Outcome, Step
from emailint.report import events, records, steps, sweep
from emailint.report.moment import age, local
from emailint.report.progress import ProgressBar
from emailint.report.sheet import plain_lines
from emailint.store.records import OpenError, Trouble
from emailint.sweep.options import MailboxDone, MailboxListed, MailboxStarted, MessageDone, Waiting
from emailint.sweep.result import Counts, IntegrationResult, MessageResult, SweepResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.sweep.options import Event

NOW = datetime(2026, 11, 24, 18, 0, 5, tzinfo=UTC)

CASE = MessageResult(
    "payroll", "maildir:/x/1", "cases", "Hours\x1b[31m", "ann@example.com", "CS-000001", reply="sent",
    workspace=1201,
)  # fmt: skip
LIST = MessageResult(
    "payroll", "maildir:/x/2", "cases", "News", "n@example.net", "CS-000002", None, "list", "withheld: list"
)
FAILED = MessageResult("desk", "imap://x/3", "failed", detail="the disk is full; stays unread")
COUNTS = Counts(listed=4, cases=2, failed=1, left=1, replies_sent=1, replies_withheld=1)
PAYROLL = IntegrationResult("payroll", COUNTS, None, (CASE, LIST))
DESK = IntegrationResult("desk", Counts(listed=1, failed=1), "login refused\x07", (FAILED,))


def result(*integrations: IntegrationResult, **fields: object) -> SweepResult:
    given: dict[str, object] = {
        "sweep_id": "5f",
        "started_at": NOW,
        "seconds": 0.25049,
        "dry_run": False,
        "integrations": integrations,
    }
    return SweepResult(**(given | fields))  # type: ignore[arg-type]  # fields are given by name


def an_error(count: int = 1, closed: datetime | None = None, **fields: str) -> OpenError:
    given = {
        "kind": "login_refused",
        "scope": "integration",
        "message": "imap.example.org refused\nthe login",
        "hint": "set a new password",
        "integration": "payroll",
    }
    trouble = Trouble(transient=False, **(given | fields))  # type: ignore[arg-type]  # texts alone are given
    opened = NOW - timedelta(hours=2)
    return OpenError("e1", trouble, opened, NOW - timedelta(minutes=3), count, closed)


@pytest.fixture(autouse=True)
def _local_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "EST+5EDT,M3.2.0,M11.1.0")
        time.tzset()
        yield
    time.tzset()


def test_the_document_is_that_of_the_specification() -> None:
    document = sweep.document(result(PAYROLL, DESK))
    assert list(document) == [
        "schema", "sweep_id", "started_at", "seconds", "dry_run", "totals", "integrations",
    ]  # fmt: skip
    names = [
        "listed", "cases", "follow_ups", "held", "ignored", "already_known", "vanished", "failed",
        "quarantined", "left", "replies_sent", "replies_withheld", "replies_failed",
    ]  # fmt: skip
    assert list(document["totals"]) == names
    assert [list(each) for each in document["integrations"]] == [["name", *names, "error"]] * 2
    assert document["totals"]["listed"] == 5
    assert document["started_at"] == "2026-11-24T18:00:05Z"
    assert document["integrations"][0]["error"] is None
    assert json.loads(json.dumps(document)) == document


def test_the_document_says_when_another_sweep_does_the_work() -> None:
    assert sweep.document(result(busy="a sweep is running"))["busy"] == "a sweep is running"


def test_of_many_errors_alike_a_few_are_told_and_how_many_more() -> None:
    held = [
        replace(
            an_error(kind="held", message=f"mail {number} is held", integration="payroll"),
            error_id=f"E-{number}",
        )
        for number in range(20)
    ]
    other = replace(an_error(kind="login_refused"), error_id="E-login")
    told = [line for _, line in sweep.news_lines([*held, other, *held])]
    assert [line.rpartition("[")[2] for line in told[:5]] == [f"E-{number}]" for number in range(5)]
    assert told[5] == "payroll: 15 more of kind held: emailint list-errors --kind held"
    assert told[6].endswith("[E-login]")
    assert len(told) == 7


def test_a_dry_run_says_which_alias_and_workspace_each_mail_goes_to() -> None:
    mail = MessageResult(
        "payroll", "x", "cases", "Hours", "ann@example.com", "CS-000001", "desk@x.example", workspace=1201
    )
    held = MessageResult("payroll", "y", "held", "News", "n@example.net", detail="no_alias: no alias fits")
    swept = replace(result(IntegrationResult("payroll", messages=(mail, held))), dry_run=True)
    _, heads, first, second, why = plain_lines(sweep.messages(swept))
    assert heads.split() == ["INTEGRATION", "FROM", "SUBJECT", "ALIAS", "WORKSPACE", "BECAME", "REPLY"]
    assert first.split()[2:5] == ["Hours", "desk@x.example", "1201"]
    assert "held for a person" in second
    assert why.strip() == "no_alias: no alias fits"


def test_what_became_of_each_mail() -> None:
    assert list(plain_lines(sweep.messages(result(PAYROLL, DESK)))) == [
        "INTEGRATION  FROM             SUBJECT        WORKSPACE  BECAME                REPLY",
        "payroll      ann@example.com  Hours\\x1b[31m  1201       case CS-000001        sent",
        "payroll      n@example.net    News                      case CS-000002, list  withheld: list",
        "    it came through a list or in bulk",
        "desk                          (no subject)              failed, stays unread  none",
        "    the disk is full; stays unread",
    ]


def test_a_long_sweep_shows_its_first_mails_and_says_how_many_more() -> None:
    many = IntegrationResult("payroll", COUNTS, None, (CASE,) * (sweep.MAXIMUM_ROWS + 5))
    sheet = sweep.messages(result(many))
    assert (len(sheet.rows), sheet.more) == (sweep.MAXIMUM_ROWS, 5)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("sent", ""),
        ("withheld: old", "it was received longer ago than max_age"),
        ("withheld: of a newer program", ""),
        ("pending", "the next sweep sends it"),
        ("failed", "emailint list-errors says why"),
        ("unknown", "it may have gone out: emailint list-errors"),
    ],
)
def test_why_no_reply_went_out(reply: str, why: str) -> None:
    mail = IntegrationResult("payroll", messages=(replace(CASE, reply=reply),))
    (row,) = sweep.messages(result(mail)).rows
    assert (row[-1].text, row[-1].below) == (reply, why)


def test_a_dry_run_says_of_a_reply_that_it_would_be_sent() -> None:
    mail = IntegrationResult("payroll", messages=(replace(CASE, reply="pending"),))
    (row,) = sweep.messages(replace(result(mail), dry_run=True)).rows
    assert (row[-1].text, row[-1].below) == ("would be sent", "")


@pytest.mark.parametrize(
    ("outcomes", "error", "line"),
    [
        ({"cases": 2, "held": 1}, None, "payroll: 2 cases, 1 held"),
        ({"cases": 1}, "the connection\x1bbroke", "payroll: the connection\\x1bbroke; 1 case"),
        ({}, None, "payroll: nothing new"),
    ],
)
def test_a_mailbox_that_is_through(outcomes: dict[str, int], error: str | None, line: str) -> None:
    assert sweep.mailbox_line("payroll", outcomes, error) == line


@pytest.mark.parametrize(
    "outcome", [name for name in sweep.document(result())["totals"] if "repl" not in name]
)
def test_every_outcome_has_words(outcome: str) -> None:
    if outcome == "listed":
        return
    message = MessageResult("payroll", "x", outcome, case_id="CS-000001")
    line = sweep.message_line(message)
    assert "_" not in line
    assert sweep.summary(result(IntegrationResult("a", Counts(**{"listed": 1, outcome: 1})))).count("1") >= 2


def test_the_books_of_each_integration_without_empty_columns() -> None:
    assert list(plain_lines(sweep.integrations(result(PAYROLL, DESK)))) == [
        "INTEGRATION  UNREAD  CASES  FAILED  LEFT  REPLIES SENT  REPLIES WITHHELD  TROUBLE",
        "payroll           4      2       1     1             1                 1  none",
        "desk              1      0       1     0             0                 0  login refused\\x07",
    ]


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (Counts(), "0 unread; 0.3 s"),
        (Counts(listed=1, cases=1, replies_sent=1), "1 unread: 1 case; replies: 1 sent; 0.3 s"),
        (
            Counts(listed=1200, cases=1190, follow_ups=1, already_known=9, replies_withheld=2),
            "1,200 unread: 1,190 cases, 1 follow-up, 9 already known; replies: 2 withheld; 0.3 s",
        ),
    ],
)
def test_the_summary(counts: Counts, said: str) -> None:
    assert sweep.summary(result(IntegrationResult("a", counts))) == said


def test_cases_are_listed_with_their_workspace_and_the_rule_that_gave_it() -> None:
    case = {"case_id": "CS-000001", "workspace": 1201, "workspace_rule": "contact", "subject": "Hours"}
    heads, row = plain_lines(records.cases([case]))
    assert heads.split()[:5] == ["CASE", "CREATED", "INTEGRATION", "WORKSPACE", "RULE"]
    assert row.split()[1:3] == ["1201", "contact"]


def test_a_dry_run_says_so() -> None:
    dry = result(PAYROLL, dry_run=True)
    assert "nothing was changed" in sweep.summary(dry)
    assert "would be made" in sweep.messages(dry).title


def test_lines_of_a_mail_and_of_errors_are_one_line_each() -> None:
    assert sweep.message_line(CASE) == (
        "payroll: case CS-000001 from ann@example.com: Hours\\x1b[31m; reply sent"
    )
    assert sweep.news_line(an_error()) == (
        "payroll: imap.example.org refused\\x0athe login; set a new password [e1]"
    )
    assert "(34 times since 2026-11-24 11:00:05 -0500)" in sweep.news_line(an_error(34))
    assert sweep.recovered_line(an_error(34, NOW)) == (
        "payroll: well again after login_refused since 2026-11-24 11:00:05 -0500 [e1]"
    )


def test_what_a_person_is_told_below_the_tables() -> None:
    lines = list(
        sweep.trouble_lines(result(news=(an_error(),), recovered=(an_error(),), notes=("a note\x07",)))
    )
    assert lines[0] == "a note\\x07"
    assert [line.endswith("[e1]") for line in lines[1:]] == [True, True]
    assert list(sweep.trouble_lines(result(DESK))) == ["emailint list-errors says what to do"]


def test_cases_as_a_table_in_local_time_and_whatever_they_hold() -> None:
    case = {"case_id": "CS-000001", "created_at": "2026-11-24T18:00:05Z", "subject": "a\x07", "workspace": 7}
    lines = list(plain_lines(records.cases([case, {"case_id": "CS-000002", "created_at": "x"}])))
    assert lines[1].split() == ["CS-000001", "2026-11-24", "13:00:05", "-0500", "7", "a\\x07"]
    assert lines[2].split() == ["CS-000002", "x"]


def test_errors_as_a_document() -> None:
    document = records.error_document([an_error(34)])
    assert json.loads(json.dumps(document)) == document
    (error,) = document["errors"]
    assert (error["error_id"], error["count"], error["opened_at"], error["closed_at"]) == (
        "e1", 34, "2026-11-24T16:00:05Z", None,
    )  # fmt: skip


def test_cases_as_one_document_of_the_stored_lines() -> None:
    lines = [b'{"case_id":"CS-000001","n": 1}\n', b'{"case_id":"CS-000002"}\n']
    document = json.loads("".join(records.case_document(lines, None)))
    assert document == {"schema": 1, "cases": [json.loads(line) for line in lines], "last": "CS-000002"}


@pytest.mark.parametrize("after", [None, "CS-000009"])
def test_no_cases_keep_the_place_to_read_on_from(after: str | None) -> None:
    assert json.loads("".join(records.case_document([], after))) == {"schema": 1, "cases": [], "last": after}


def test_a_step_and_its_cure() -> None:
    outcome, name, detail = steps.row(Step("TLS", Outcome.FAILED, "certificate expired", "renew it"))
    assert (outcome.text, name.text, detail.text) == ("failed", "TLS", "certificate expired")
    assert detail.below == "What to do: renew it"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "now"), (0, "now"), (59, "59 s"), (60, "1 min"), (7199, "1 h"), (200_000, "2 d")],
)
def test_age(seconds: float, said: str) -> None:
    assert age(seconds) == said


def test_local_time_has_its_offset() -> None:
    assert local(NOW) == "2026-11-24 13:00:05 -0500"


EVENTS: list[Event] = [
    Waiting("process 12"),
    MailboxStarted("payroll"),
    MailboxStarted("desk\x1b[2J"),
    MailboxListed("payroll", 2),
    MessageDone("payroll", CASE),
    MessageDone("payroll", LIST),
    MailboxDone("payroll", None),
    MailboxDone("desk\x1b[2J", "refused"),
]


def test_the_log_has_one_line_a_mail(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="emailint.process"):
        for event in EVENTS:
            events.log_event(event)
    mails = [record for record in caplog.records if "case CS-" in record.getMessage()]
    assert [record.levelname for record in mails] == ["INFO", "INFO"]
    assert [vars(record)["facts"]["case_id"] for record in mails] == ["CS-000001", "CS-000002"]


def test_the_log_says_of_each_mail_which_workspace_and_why(caplog: pytest.LogCaptureFixture) -> None:
    ignored = replace(CASE, outcome="ignored", detail="deny: ann@example.com", workspace=1201)
    with caplog.at_level(logging.INFO, logger="emailint.process"):
        events.log_event(MessageDone("payroll", ignored))
    (record,) = caplog.records
    facts = vars(record)["facts"]
    assert (facts["detail"], facts["workspace"]) == ("deny: ann@example.com", 1201)


def test_cron_hears_news_and_recoveries_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="emailint.process"):
        for event in EVENTS:
            events.log_event(event)
        events.log_news(result(PAYROLL, busy="a sweep is running"))
        assert caplog.records == []
        events.log_news(result(PAYROLL, news=(an_error(), an_error(2)), recovered=(an_error(),)))
    assert "(2 times" in caplog.records[0].getMessage()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_a_closed_output_makes_a_watcher_silent() -> None:
    seen: list[Event] = []

    def watch(event: Event) -> None:
        seen.append(event)
        raise BrokenPipeError

    guarded = events.unbreakable(watch)
    for event in EVENTS:
        guarded(event)
    assert seen == EVENTS[:1]


def test_the_bar_counts_and_leaves_nothing_unsafe_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Terminal()
    with ProgressBar(stream) as bar:
        for event in EVENTS:
            bar(event)
    drawn = stream.getvalue()
    assert "2/2" in drawn
    assert "\x1b[2J" not in drawn
