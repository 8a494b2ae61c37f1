"""list-cases, list-errors, dismiss, schema: what they print; they change nothing but what they say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from emailint.cli import main
from emailint.errors import Exit
from emailint.store.records import Trouble
from emailint.store.sqlite_ledger import SqliteLedger
from tests.support.memory import letter

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime.now(UTC)


def stored(number: int, **fields: Any) -> dict[str, Any]:
    created = (NOW - timedelta(hours=10 - number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    case = {"case_id": f"CS-{number:06d}", "created_at": created, "integration": "payroll", "kind": "person"}
    return case | {"subject": f"Mail {number}\x1b]52;c;x\x07", "email_address": "ann@example.com"} | fields


@pytest.fixture
def with_cases(here: Path) -> Path:
    cases = [stored(1), stored(2, kind="list"), stored(3, integration="desk")]
    (here / "store").mkdir()
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    (here / "store" / "cases.jsonl").write_text(lines, encoding="ascii")
    return here


@pytest.fixture
def with_errors(here: Path) -> dict[str, str]:
    """Open errors by kind, the oldest first; one more is closed."""
    (here / "store").mkdir(mode=0o700)
    ids = {}
    with SqliteLedger.open(here / "store") as ledger:
        for hours, kind, name in (
            (5, "login_refused", "payroll"),
            (3, "no_alias", "desk"),
            (1, "throttled", "desk"),
        ):
            trouble = Trouble(
                kind=kind, scope="integration", transient=False, message="said\x1b[2J no", integration=name
            )
            ids[kind] = ledger.trouble(trouble, NOW - timedelta(hours=hours)).error_id
        ledger.close_errors([ids.pop("throttled")], NOW)
    return ids


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == Exit.OK
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    table, _, _ = ran(capsys, *arguments).partition("\n\n")
    return [line.split()[0] for line in table.splitlines()[1:] if not line.startswith(" ")]


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        ([], [1, 2, 3]),
        (["--limit", "2"], [2, 3]),
        (["--integration", "desk"], [3]),
        (["--kind", "list"], [2]),
        (["--since", "500m"], [2, 3]),
        (["--after", "CS-000001"], [2, 3]),
        (["--after", "CS-000001", "--limit", "1"], [2]),
        (["--all"], [1, 2, 3]),
    ],
)
def test_cases_are_listed(
    arguments: list[str], numbers: list[int], with_cases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(capsys, "list-cases", *arguments) == [f"CS-{number:06d}" for number in numbers]


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        (["--workspace", "1201"], [1, 3]),
        (["--workspace", "acme"], [2]),
        (["--alias", "PAY@example.org"], [2, 3]),
        (["--alias", "pay@example.org", "--limit", "1"], [3]),
        (["--workspace", "1201", "--alias", "pay@example.org"], [3]),
        (["--alias", "x@example.org"], []),
    ],
)
def test_cases_are_listed_by_workspace_and_alias(
    arguments: list[str], numbers: list[int], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "store").mkdir()
    given = [(1201, "x@e"), ("acme", "pay@example.org"), (1201, "Pay@example.org")]
    cases = [stored(number, workspace=space, alias=alias) for number, (space, alias) in enumerate(given, 1)]
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    (here / "store" / "cases.jsonl").write_text(lines, encoding="ascii")
    for more in ([], ["--json"]):
        shown = ran(capsys, "list-cases", *more, *arguments)
        assert [
            number for number in (1, 2, 3) if f"CS-00000{number}" in shown.partition('"last"')[0]
        ] == numbers


def test_cases_are_listed_by_what_became_of_their_reply(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, header in ((1, ""), (2, "List-Id: <news.example.com>\n"), (3, "")):
        (here / "maildir" / "new" / f"{number}.x").write_bytes(
            letter(number, to="payroll@example.org", headers=header)
        )
    assert main(["process"]) == Exit.OK
    capsys.readouterr()
    assert listed(capsys, "list-cases", "--reply", "sent") == ["CS-000001", "CS-000003"]
    assert listed(capsys, "list-cases", "--reply", "sent", "--limit", "1") == ["CS-000003"]
    assert listed(capsys, "list-cases", "--reply", "withheld", "--all") == ["CS-000002"]
    assert ran(capsys, "list-cases", "--reply", "failed") == "no cases\n"


def test_without_all_only_the_newest_cases_are_listed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "store").mkdir()
    lines = "".join(json.dumps(stored(number)) + "\n" for number in range(1, 31))
    (here / "store" / "cases.jsonl").write_text(lines, encoding="ascii")
    assert listed(capsys, "list-cases") == [f"CS-{number:06d}" for number in range(11, 31)]
    assert len(listed(capsys, "list-cases", "--all")) == 30
    assert len(json.loads(ran(capsys, "list-cases", "--json"))["cases"]) == 30


@pytest.mark.parametrize("command", ["list-cases", "list-errors"])
def test_no_control_character_reaches_the_terminal(
    command: str, with_cases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with SqliteLedger.open(with_cases / "store") as ledger:
        trouble = Trouble("no_alias", "message", transient=False, message="\x9b31m", subject="a\u202eb\x07")
        ledger.trouble(trouble, NOW)
    shown = ran(capsys, command)
    assert [character for character in shown if not character.isprintable() and character != "\n"] == []
    assert "\\x07" in shown


def test_a_program_reads_on_where_it_stopped(with_cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = json.loads(ran(capsys, "list-cases", "--json", "--after", "CS-000000", "--limit", "2"))
    then = json.loads(ran(capsys, "list-cases", "--json", "--after", first["last"], "--limit", "2"))
    last = json.loads(ran(capsys, "list-cases", "--json", "--after", then["last"], "--limit", "2"))
    ids = [[case["case_id"] for case in document["cases"]] for document in (first, then, last)]
    assert ids == [["CS-000001", "CS-000002"], ["CS-000003"], []]
    assert last["last"] == "CS-000003"


def test_a_wrong_case_id_is_wrong_usage(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list-cases", "--after", "42"]) == Exit.USAGE
    assert "CS-000042" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "said"), [("list-cases", "no cases\n"), ("list-errors", "no errors\n")])
def test_without_a_store_there_is_nothing_and_none_is_made(
    command: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(capsys, command) == said
    assert not (here / "store").exists()


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        ([], ["login_refused", "no_alias"]),
        (["--since", "4h"], ["no_alias"]),
        (["--integration", "payroll"], ["login_refused"]),
        (["--kind", "no_alias"], ["no_alias"]),
        (["--limit", "1"], ["no_alias"]),
        (["--all"], ["login_refused", "no_alias", "throttled"]),
        (["--kind", "folder_missing"], []),
        (["--kind", "throttled"], []),
    ],
)
def test_errors_are_listed(
    arguments: list[str], kinds: list[str], with_errors: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(ran(capsys, "list-errors", "--json", *arguments))
    assert [error["kind"] for error in document["errors"]] == kinds
    shown = ran(capsys, "list-errors", *arguments)
    assert [kind for kind in kinds if kind not in shown] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["list-errors", "--integration", "payrol"], "did you mean payroll?"),
        (["list-errors", "--integration", "x"], "there are: payroll"),
        (["list-errors", "--kind", "login_refusd"], "did you mean login_refused?"),
        (["list-errors", "--json", "--kind", "x"], "throttled"),
        (["list-cases", "--integration", "payrol"], "did you mean payroll?"),
        (["list-cases", "--json", "--kind", "persona"], "did you mean person?"),
        (["list-cases", "--kind", "x"], "there are: person, auto_reply"),
    ],
)
def test_a_name_that_nothing_bears_is_wrong_usage(
    arguments: list[str], says: str, with_cases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == Exit.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{arguments[-1]!r}, and nothing of it in the store" in said.err
    assert says in said.err


def test_names_that_only_the_store_still_has_may_be_asked_for(
    with_errors: dict[str, str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of integrations that were renamed, and of kinds that another version knew."""
    line = json.dumps(stored(4, integration="gone", kind="fax")) + "\n"
    (here / "store" / "cases.jsonl").write_text(line, encoding="ascii")
    for option, name in (("--integration", "gone"), ("--kind", "fax")):
        assert listed(capsys, "list-cases", option, name) == ["CS-000004"]
    assert ran(capsys, "list-errors", "--integration", "desk", "--kind", "login_refused") == "no errors\n"


def test_looking_changes_nothing_in_the_store(
    with_errors: dict[str, str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in (here / "store").iterdir()}
    ran(capsys, "list-errors", "--all")
    ran(capsys, "list-cases")
    assert {path.name: path.read_bytes() for path in (here / "store").iterdir()} == before


def test_what_is_dismissed_is_closed_and_written_down(
    with_errors: dict[str, str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ran(capsys, "dismiss", with_errors["no_alias"])
    assert said == f"dismissed {with_errors['no_alias']}: no_alias: said\\x1b[2J no\n"
    assert listed(capsys, "list-errors") == [with_errors["login_refused"]]
    (line,) = (here / "store" / "errors.jsonl").read_text(encoding="ascii").splitlines()
    record = json.loads(line)
    assert (record["error_id"], record["event"]) == (with_errors["no_alias"], "closed")


def test_an_unknown_error_dismisses_none(
    with_errors: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dismiss", with_errors["no_alias"], "E-nothing"]) == Exit.USAGE
    assert "'E-nothing'" in capsys.readouterr().err
    assert len(listed(capsys, "list-errors")) == 2


def test_errors_of_a_damaged_ledger_are_an_error_of_the_store(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "store").mkdir(mode=0o700)
    (here / "store" / "ledger.db").write_bytes(b"not a database, " * 100)
    assert main(["list-errors"]) == Exit.STORE
    assert "ledger" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["config", "case", "follow-up", "error"])
def test_a_schema_is_one_json_document(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(ran(capsys, "schema", name))
    assert document["title"].startswith("emailint")
    assert document["$schema"].startswith("http")


@pytest.mark.parametrize("command", ["list-cases", "list-errors", "check", "process", "test-connection"])
def test_a_wrong_configuration_is_78_with_every_problem(
    command: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "integrations.yaml").write_text("integrations:\n  - nme: x\n  - name: y\n", encoding="utf-8")
    assert main([command]) == Exit.CONFIG
    said = capsys.readouterr()
    assert said.out == ""
    assert "integrations.yaml:2" in said.err
    assert "integrations.yaml:3" in said.err


@pytest.mark.parametrize("command", ["list-cases", "check", "process"])
def test_no_configuration_says_where_it_was_looked_for(
    command: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "integrations.yaml").unlink()
    assert main([command]) == Exit.CONFIG
    said = capsys.readouterr().err
    assert "/etc/emailint/integrations.yaml" in said
    assert "EMAILINT_CONFIG" in said


def test_the_configuration_is_found_by_option_and_by_environment(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = here / "other.yaml"
    (here / "integrations.yaml").rename(elsewhere)
    assert ran(capsys, "-c", str(elsewhere), "list-cases") == "no cases\n"
    monkeypatch.setenv("EMAILINT_CONFIG", str(elsewhere))
    assert ran(capsys, "list-cases") == "no cases\n"
