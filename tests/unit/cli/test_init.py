"""`emailint init` by options, as scripts call it."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from emailint.cli import first_files
from emailint.cli.app import main
from emailint.config.load import load
from emailint.config.secrets import GivenSecret, SecretFile, reveal
from emailint.errors import Exit

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "geheim-4711"
GMAIL = ["init", "--mailbox", "payroll@gmail.com", "--no-test"]
MICROSOFT = [
    "init",
    "--mailbox",
    "b@example.org",
    "--provider",
    "office365",
    "--no-test",
    "--client-id",
    "1-2",
]
OWN = ["init", "--mailbox", "desk@example.org", "--no-test", "--password-stdin"]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with nothing in it; standard input holds a secret."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EMAILINT_CONFIG", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{SECRET}\n"))
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_a_typed_secret_is_in_a_private_file_alone(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*GMAIL, "--password-stdin", "--since", "2026-11-01", "--workspace", "7"]) == 0
    (found,) = load(empty / "integrations.yaml").integrations
    assert found.password == SecretFile(empty / "payroll.secret")
    assert reveal(found.password) == SECRET
    assert (empty / "payroll.secret").stat().st_mode & 0o777 == 0o600
    assert str(found.since) == "2026-11-01"
    assert found.aliases[0].workspace == 7
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err + (empty / "integrations.yaml").read_text()
    assert main(["check"]) == 0


def test_a_file_elsewhere_is_named_whole_and_its_folder_made(empty: Path) -> None:
    (empty / "pw").write_text(SECRET)
    (empty / "pw").chmod(0o600)
    assert main([*GMAIL, "etc/emailint/x.yaml", "--password-file", "pw"]) == 0
    (found,) = load(empty / "etc/emailint/x.yaml").integrations
    assert found.password == SecretFile(empty / "pw")


def test_the_global_option_names_the_file_too(empty: Path) -> None:
    assert main(["-c", "other.yaml", *GMAIL, "--password-stdin"]) == 0
    assert names(empty) == ["other.yaml", "payroll.secret"]


def test_a_variable(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYROLL", SECRET)
    assert main([*GMAIL, "--password-env", "PAYROLL"]) == 0
    (found,) = load(empty / "integrations.yaml").integrations
    assert isinstance(found.password, GivenSecret)
    assert "${PAYROLL}" in (empty / "integrations.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["init"], 2, "add --mailbox ADDRESS"),
        (["init", "--mailbox", "nobody"], 2, "--mailbox: 'nobody' is not an e-mail address"),
        (GMAIL, 2, "add --password-file"),
        ([*GMAIL, "--password-stdin", "--password-env", "X"], 2, "keep one of them"),
        ([*GMAIL, "--password-env", SECRET], 2, "not the password itself"),
        ([*GMAIL, "--password-env", "NOT_SET"], 78, "NOT_SET, which is not set"),
        ([*GMAIL, "--password-file", "missing"], 78, "missing cannot be used"),
        ([*GMAIL, "--password-stdin", "--since", "soon"], 2, "--since: 'soon' is not a date"),
        (
            [*GMAIL, "--password-stdin", "--host", "x.org", "--provider", "gmail"],
            2,
            "--host means nothing for gmail",
        ),
        ([*GMAIL, "--provider", "gmail", "--tenant", "x", "--path", "y"], 2, "--path, --tenant"),
        (OWN, 2, "add --host HOST"),
        (
            [*OWN, "--host", "mail.example.org"],
            0,
            "Now:\n  emailint check\n  emailint process --dry-run\n  emailint process\n  emailint schedule\n",
        ),
        ([*OWN, "--host", "https://mail.example.org"], 2, "write the host name alone"),
        (MICROSOFT, 2, "add --tenant"),
        (
            [*MICROSOFT, "--tenant", "common", "--password-stdin"],
            78,
            "is no tenant that an app can sign in to",
        ),
        ([*MICROSOFT, "--tenant", "example.org", "--device"], 0, "authorize b"),
        ([*MICROSOFT, "--tenant", "example.org", "--password-stdin"], 0, "process --dry-run"),
        ([*MICROSOFT, "--tenant", "example.org", "--certificate", "none.pem"], 78, "none.pem cannot be used"),
    ],
)
def test_what_is_said_and_that_nothing_is_left_of_what_fails(
    empty: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, said: str
) -> None:
    assert main(arguments) == status
    told = capsys.readouterr().err
    assert said in told
    assert SECRET not in told
    assert bool(names(empty)) is (status == 0)
    assert status or main(["check"]) == 0


@pytest.mark.parametrize("there", ["integrations.yaml", "payroll.secret"])
@pytest.mark.parametrize("link", [False, True])
def test_nothing_is_overwritten(
    empty: Path, capsys: pytest.CaptureFixture[str], there: str, link: bool
) -> None:
    (empty / "mine").write_text("integrations: []\n")
    if link:
        (empty / there).symlink_to("mine")
    else:
        (empty / there).write_text("integrations: []\n")
    assert main([*GMAIL, "--password-stdin"]) == Exit.USAGE
    assert "there already" in capsys.readouterr().err
    assert names(empty) == sorted(["mine", there])
    assert (empty / there).read_text() == (empty / "mine").read_text() == "integrations: []\n"


def test_what_appears_meanwhile_is_not_overwritten(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = first_files.Draft.text

    def slow(draft: first_files.Draft) -> str:
        (empty / "integrations.yaml").write_text("theirs")
        return made(draft)

    monkeypatch.setattr(first_files.Draft, "text", slow)
    assert main([*GMAIL, "--password-stdin"]) == Exit.USAGE
    assert names(empty) == ["integrations.yaml"]
    assert (empty / "integrations.yaml").read_text() == "theirs"


def test_beside_one_that_is_there_a_block_is_printed(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--mailbox", "desk@example.org", "--provider", "maildir"]) == 0
    before = (empty / "integrations.yaml").read_bytes()
    capsys.readouterr()
    assert main([*GMAIL, "--password-stdin", "--print"]) == 0
    printed = capsys.readouterr().out
    assert (empty / "integrations.yaml").read_bytes() == before
    (empty / "integrations.yaml").write_bytes(before + printed.encode())
    assert [each.name for each in load(empty / "integrations.yaml").integrations] == ["desk", "payroll"]
    assert main([*GMAIL, "--password-stdin", "--print"]) == Exit.USAGE
    assert "named payroll already" in capsys.readouterr().err


def test_printing_writes_nothing_but_the_secret(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*GMAIL, "--password-stdin", "--print"]) == 0
    assert capsys.readouterr().out.startswith("# Mailboxes")
    assert names(empty) == ["payroll.secret"]


def test_without_any_account_there_is_a_mail_to_try_with(
    empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--mailbox", "desk@localhost", "--provider", "maildir", "--workspace", "1"]) == 0
    assert main(["process", "--dry-run"]) == 0
    assert "Wrong hours on my slip" in capsys.readouterr().out
    assert main(["process"]) == 0
    assert len((empty / "data" / "cases.jsonl").read_bytes().splitlines()) == 1
    assert len(list((empty / "outbox").rglob("*.eml"))) <= 1


def test_a_maildir_that_is_there_stays_as_it_is(empty: Path) -> None:
    for name in ("cur", "new", "tmp"):
        (empty / "mail" / name).mkdir(parents=True)
    assert main(["init", "--mailbox", "desk@localhost", "--path", "mail"]) == 0
    assert list((empty / "mail" / "new").iterdir()) == []
