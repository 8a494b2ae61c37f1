"""`emailint test-connection`: each step as it comes, and whether all of them went well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from emailint.cli import connection, main
from emailint.errors import Exit
from emailint.probe import Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FINE = Step("TLS", Outcome.OK, "TLSv1.3, certificate of mail.example.org, 61 days left")
BAD = Step("login", Outcome.FAILED, "refused\x1b[31m", "set a new password")
LEFT_OUT = Step("folder", Outcome.SKIPPED, "no login")


class Ways:
    """Stands in for the ways in and out; notes what it was asked."""

    def __init__(self) -> None:
        self.steps = [FINE]
        self.sent_to: list[str | None] = []
        self.read_only: list[bool] = []

    def source_for(self, _config: object, _integration: object, *, read_only: bool = False) -> Ways:
        self.read_only.append(read_only)
        return self

    def outbound_for(self, _config: object, _integration: object) -> Outbound:
        return Outbound(self)

    def test(self) -> Iterator[Step]:
        yield from self.steps


class Outbound:
    """Where replies leave."""

    def __init__(self, ways: Ways) -> None:
        self.ways = ways

    def test(self, send_to: str | None) -> Iterator[Step]:
        self.ways.sent_to.append(send_to)
        yield Step("outbound", Outcome.OK, "it takes mail")


@pytest.fixture
def ways(here: Path, monkeypatch: pytest.MonkeyPatch) -> Ways:
    stand_in = Ways()
    monkeypatch.setattr(connection, "source_for", stand_in.source_for)
    monkeypatch.setattr(connection, "outbound_for", stand_in.outbound_for)
    return stand_in


def test_every_step_is_told_and_nothing_is_sent(ways: Ways, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test-connection"]) == Exit.OK
    assert capsys.readouterr().out == (
        "payroll (payroll@example.org)\n"
        "ok        TLS                  TLSv1.3, certificate of mail.example.org, 61 days left\n"
        "ok        outbound             it takes mail\n"
        "\n"
    )
    assert (ways.sent_to, ways.read_only) == ([None], [False])


def test_a_failed_step_is_1_with_its_cure(ways: Ways, capsys: pytest.CaptureFixture[str]) -> None:
    ways.steps = [FINE, BAD, LEFT_OUT]
    assert main(["test-connection", "payroll"]) == Exit.TROUBLE
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["failed", "login", "refused\\x1b[31m"]
    assert lines[3] == "    What to do: set a new password"
    assert lines[4].split() == ["skipped", "folder", "no", "login"]


def test_a_mail_is_sent_only_where_asked(ways: Ways) -> None:
    assert main(["test-connection", "--send-to", "me@example.org"]) == Exit.OK
    assert ways.sent_to == ["me@example.org"]


def test_an_unknown_name_is_wrong_usage_and_names_those_there_are(
    ways: Ways, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test-connection", "payrol"]) == Exit.USAGE
    assert "payroll" in capsys.readouterr().err
    assert ways.sent_to == []


def test_one_document_with_every_step(ways: Ways, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test-connection", "--json"]) == Exit.OK
    document = json.loads(capsys.readouterr().out)
    [integration] = document["integrations"]
    assert (document["ok"], integration["ok"], integration["name"]) == (True, True, "payroll")
    assert all(set(step) == {"name", "outcome", "detail", "cure"} for step in integration["steps"])
    assert {step["outcome"] for step in integration["steps"]} <= {"ok", "skipped"}
