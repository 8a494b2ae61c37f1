"""`emailint schedule`: what it prints, changes, and leaves alone."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from emailint.cli import schedule as command
from emailint.cli.app import main
from emailint.config.load import load
from emailint.scheduling.job import job_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.scheduling.conftest import Programs

CONFIG = """\
store: store
integrations:
  - name: payroll
    mailbox: payroll@example.org
    protocol: maildir
    path: maildir
    outbound: {type: folder, path: outbox}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Programs) -> Path:
    """The working folder with a configuration; the command was started by a whole path, by nobody special."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EMAILINT_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", ["/opt/bin/emailint"])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (tmp_path / "integrations.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def test_it_prints_a_line_with_whole_paths(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedule"]) == 0
    *_, line = capsys.readouterr().out.splitlines()
    words = shlex.split(line, comments=True)
    assert words == [*"*****", "/opt/bin/emailint", "-c", str(here / "integrations.yaml"), "process"]
    assert "MAILTO" in _[0]


def test_install_dry_run_install_again_and_remove(
    here: Path, programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    programs.crontab.write_bytes(b"# mine \xff\n@daily x\n")
    assert main(["schedule", "--install", "--dry-run"]) == 0
    said = capsys.readouterr()
    assert "+* * * * *  /opt/bin/emailint" in said.out
    assert "nothing was changed" in said.err
    assert programs.calls == ["-l"]
    assert main(["schedule", "--install"]) == 0
    installed = programs.crontab.read_bytes()
    assert installed.startswith(b"# mine \xff\n@daily x\n* * * * *  /opt/bin/emailint -c ")
    calls = len(programs.calls)
    assert main(["schedule", "--install"]) == 0
    assert programs.crontab.read_bytes() == installed
    assert programs.calls[calls:] == ["-l"]
    assert main(["schedule", "--remove"]) == 0
    assert programs.crontab.read_bytes() == b"# mine \xff\n@daily x\n"


def test_a_variable_that_cron_will_not_have_is_found_now(
    here: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAYROLL_PASSWORD", "geheim")
    gmail = CONFIG.replace(
        "protocol: maildir\n    path: maildir", "provider: gmail\n    password: ${PAYROLL_PASSWORD}"
    )
    (here / "integrations.yaml").write_text(gmail, encoding="utf-8")
    assert main(["check"]) == 0
    assert main(["schedule", "--install"]) == 78
    assert "cron starts with a nearly empty environment" in capsys.readouterr().err
    assert programs.calls == []


def test_what_is_wrong_or_gone_can_be_removed(here: Path, programs: Programs) -> None:
    assert main(["schedule", "--install"]) == 0
    (here / "integrations.yaml").unlink()
    assert main(["-c", "integrations.yaml", "schedule", "--remove"]) == 0
    assert programs.crontab.read_bytes() == b""


def test_systemd_prints_installs_and_removes(
    here: Path, programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = here / "home" / "systemd" / "user"
    assert main(["schedule", "--systemd"]) == 0
    printed = capsys.readouterr().out
    assert "ExecStart=/opt/bin/emailint -c " in printed
    assert "OnCalendar=minutely" in printed
    assert main(["schedule", "--systemd", "--install", "--dry-run"]) == 0
    assert not folder.exists()
    assert not (here / "store").exists()
    assert main(["schedule", "--systemd", "--install", "--name", "mine"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["mine.service", "mine.timer"]
    assert (here / "store").stat().st_mode & 0o777 == 0o700
    assert programs.calls[-1] == "--user enable --now mine.timer"
    assert main(["schedule", "--systemd", "--remove", "--name", "mine"]) == 0
    assert list(folder.iterdir()) == []
    assert "linger" in capsys.readouterr().err


def test_root_installs_for_the_owner_of_the_configuration(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    job = job_of(load(here / "integrations.yaml"), ("/opt/bin/emailint",))
    assert command._account(job).system
    assert command._account(job).user == (None if os.getuid() == 0 else os.environ.get("USER"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--dry-run"], "--install and --remove"), (["--systemd", "--name", "a/b"], "no name of a unit")],
)
def test_wrong_usage(here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert main(["schedule", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_folders_that_a_sweep_writes_to(here: Path) -> None:
    text = (
        CONFIG
        + "  - {name: b, mailbox: b@example.org, protocol: maildir, path: b, outbound: {type: sendmail}}\n"
    )
    (here / "integrations.yaml").write_text(text, encoding="utf-8")
    job = job_of(load(here / "integrations.yaml"), ("x",))
    assert job.own == (here / "outbox", here / "store")
    assert job.writable == (here / "b", here / "maildir", here / "outbox", here / "store")
    assert job.privileged
    off = text.replace("{name: b,", "{name: b, enabled: false,")
    (here / "integrations.yaml").write_text(off, encoding="utf-8")
    assert not job_of(load(here / "integrations.yaml"), ("x",)).privileged


@pytest.mark.parametrize("argv", ["/x/emailint/__main__.py", "/opt/bin/emailint", "./emailint"])
def test_the_command_is_named_whole(here: Path, monkeypatch: pytest.MonkeyPatch, argv: str) -> None:
    monkeypatch.setattr(sys, "argv", [argv])
    assert command._command()[0].startswith("/")
    assert (command._command() == (sys.executable, "-m", "emailint")) is argv.endswith("__main__.py")
