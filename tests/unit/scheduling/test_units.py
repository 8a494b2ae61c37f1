"""A service and a timer: what they say, and that systemd takes them."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emailint.errors import EmailintError, UsageError
from emailint.scheduling.job import Job
from emailint.scheduling.systemd import Units, folder_of
from emailint.scheduling.units import Account, is_for, service, timer

if TYPE_CHECKING:
    from tests.unit.scheduling.conftest import Programs

SYSTEM = Account(system=True, user="mail")
ROOT = Account(system=True)
OWN = Account(system=False)
JOB = Job(
    (sys.executable, "-m", "emailint"),
    Path("/etc/emailint/integrations.yaml"),
    own=(Path("/var/lib/emailint"),),
    writable=(Path("/var/lib/emailint"), Path("/var/mail/desk")),
)


def keys(text: str, section: str) -> dict[str, list[str]]:
    """The keys of a section; each may stand several times."""
    found: dict[str, list[str]] = {}
    lines = text.partition(f"[{section}]")[2].partition("\n[")[0].splitlines()
    for name, _, value in (line.partition("=") for line in lines if "=" in line and line[0] != "#"):
        found.setdefault(name, []).append(value)
    return found


def verified(tmp_path: Path, job: Job, account: Account) -> str:
    """What `systemd-analyze verify` complains of; nothing where there is none."""
    for name, text in (
        ("emailint.service", service(job, account)),
        ("emailint.timer", timer(job, "emailint")),
    ):
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.read_string(text)
        assert parser.sections()
        (tmp_path / name).write_text(text, encoding="utf-8")
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        return ""
    units = [str(tmp_path / name) for name in ("emailint.service", "emailint.timer")]
    done = subprocess.run(
        [analyze, "verify", "--man=no", *units], capture_output=True, text=True, timeout=60, check=False
    )
    return "".join(line for line in done.stderr.splitlines(keepends=True) if "emailint" in line)


@pytest.mark.parametrize("account", [SYSTEM, ROOT, OWN])
@pytest.mark.parametrize("privileged", [False, True])
def test_systemd_finds_nothing_wrong(tmp_path: Path, account: Account, privileged: bool) -> None:
    assert verified(tmp_path, replace(JOB, privileged=privileged), account) == ""


@pytest.mark.parametrize("name", ["a b", "50%", "$HOME", 'x"y', "b\\c", "ü", "a;b"])
def test_odd_paths_are_themselves(tmp_path: Path, name: str) -> None:
    job = replace(JOB, config=Path("/etc", name, "c.yaml"), writable=(Path("/srv", name),))
    assert verified(tmp_path, job, SYSTEM) == ""
    (start,) = keys(service(job, SYSTEM), "Service")["ExecStart"]
    (path,) = keys(service(job, SYSTEM), "Service")["ReadWritePaths"]
    assert path.replace("%%", "%").replace('\\"', '"').replace("\\\\", "\\").strip('"') == f"-/srv/{name}"
    plain = start.replace("%%", "%").replace("$$", "$").replace('\\"', '"').replace("\\\\", "\\")
    assert str(job.config) in plain


def test_the_systems_service_is_closed_in() -> None:
    found = keys(service(JOB, SYSTEM), "Service")
    assert found["User"] == ["mail"]
    assert found["ProtectSystem"] == ["strict"]
    assert found["NoNewPrivileges"] == found["PrivateTmp"] == ["yes"]
    assert found["CapabilityBoundingSet"] == [""]
    assert found["ReadWritePaths"] == ["-/var/lib/emailint", "-/var/mail/desk"]
    assert found["TimeoutStartSec"] == ["110"]
    assert "User" not in keys(service(JOB, ROOT), "Service")


def test_a_users_service_asks_for_nothing_that_users_cannot_have() -> None:
    found = keys(service(JOB, OWN), "Service")
    assert found["NoNewPrivileges"] == ["yes"]
    assert not {"ProtectSystem", "PrivateTmp", "PrivateDevices", "User", "CapabilityBoundingSet"} & set(found)
    assert "network-online" not in service(JOB, OWN)


def test_sendmail_keeps_the_rights_that_its_queue_needs() -> None:
    found = keys(service(replace(JOB, privileged=True), SYSTEM), "Service")
    assert not {"NoNewPrivileges", "RestrictSUIDSGID", "SystemCallFilter", "PrivateDevices"} & set(found)
    assert found["ProtectSystem"] == ["full"]


@pytest.mark.parametrize("where", ["tmp", "var/tmp"])
def test_a_store_below_tmp_stays_the_one_that_others_see(where: str) -> None:
    job = replace(JOB, writable=(Path(f"/{where}/store"),))
    assert "PrivateTmp" not in keys(service(job, SYSTEM), "Service")


def test_the_timer_starts_each_minute_and_after_sleep() -> None:
    found = keys(timer(JOB, "mine"), "Timer")
    assert found["OnCalendar"] == ["minutely"]
    assert found["Persistent"] == ["true"]
    assert found["Unit"] == ["mine.service"]
    assert is_for(timer(JOB, "mine"), JOB)
    assert not is_for(timer(JOB, "mine"), replace(JOB, config=Path("/etc/emailint/integrations.yaml2")))


def units(folder: Path, account: Account = OWN) -> Units:
    return Units(JOB, account, "emailint", folder / "units")


def test_installing_twice_and_removing_twice(tmp_path: Path, programs: Programs) -> None:
    mine = units(tmp_path)
    mine.install()
    mine.install()
    assert mine.there() == mine.wanted
    assert programs.calls == 2 * ["--user daemon-reload", "--user enable --now emailint.timer"]
    mine.remove()
    mine.remove()
    assert list(mine.folder.iterdir()) == []
    assert programs.calls[4:] == ["--user disable --now emailint.timer", "--user daemon-reload"]


def test_the_systems_units_are_for_no_user(tmp_path: Path, programs: Programs) -> None:
    units(tmp_path, SYSTEM).install()
    assert programs.calls == ["daemon-reload", "enable --now emailint.timer"]


@pytest.mark.parametrize("word", ["daemon-reload", "enable"])
@pytest.mark.parametrize(
    "before", [{}, {"emailint.timer": "# emailint schedule: /etc/emailint/integrations.yaml\nold"}]
)
def test_what_systemd_refuses_leaves_what_was_there(
    tmp_path: Path, programs: Programs, word: str, before: dict[str, str]
) -> None:
    mine = units(tmp_path)
    mine.folder.mkdir()
    for name, text in before.items():
        (mine.folder / name).write_text(text)
    programs.refuse(word)
    with pytest.raises(EmailintError, match=r"Failed to connect to bus; nothing was changed"):
        mine.install()
    assert {path.name: path.read_text() for path in mine.folder.iterdir()} == before


@pytest.mark.parametrize("text", ["[Unit]\n", "", "# emailint schedule: /srv/other.yaml\n[Unit]\n"])
def test_units_of_others_are_not_touched(tmp_path: Path, programs: Programs, text: str) -> None:
    mine = units(tmp_path)
    mine.folder.mkdir()
    (mine.folder / "emailint.service").write_text(text)
    for act in (mine.install, mine.remove):
        with pytest.raises(UsageError, match="nothing was changed") as caught:
            act()
        assert "--name" in caught.value.hint
    assert (mine.folder / "emailint.service").read_text() == text
    assert programs.calls == []


def test_without_systemctl_there_is_advice_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    mine = units(tmp_path)
    with pytest.raises(UsageError, match="no systemctl command") as caught:
        mine.install()
    assert "emailint schedule --install" in caught.value.hint
    assert list(mine.folder.iterdir()) == []


def test_where_units_are() -> None:
    assert folder_of(SYSTEM, {}) == Path("/etc/systemd/system")
    assert folder_of(OWN, {"HOME": "/home/sara"}) == Path("/home/sara/.config/systemd/user")
    assert folder_of(OWN, {"HOME": "/x", "XDG_CONFIG_HOME": "/y"}) == Path("/y/systemd/user")
    with pytest.raises(UsageError, match="HOME is not set"):
        folder_of(OWN, {})
