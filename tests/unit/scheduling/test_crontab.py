"""One line of a crontab is ours; all others stay as they are."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.errors import EmailintError, UsageError
from emailint.scheduling import crontab
from emailint.scheduling.job import Job, difference

if TYPE_CHECKING:
    from tests.unit.scheduling.conftest import Programs

JOB = Job(("/opt/emailint/bin/emailint",), Path("/etc/emailint/integrations.yaml"))
LINE = crontab.line(JOB).encode() + b"\n"
OTHER = Job(JOB.command, Path("/srv/other/integrations.yaml"))


def test_the_line_needs_no_path() -> None:
    command = "/opt/emailint/bin/emailint -c /etc/emailint/integrations.yaml process"
    assert crontab.line(JOB) == f"* * * * *  {command}  # emailint schedule"


@pytest.mark.parametrize(
    "name", ["plain", "a b", "it's", "50%", "$HOME", "# no comment", "% of 'x' \"y\"", "ü"]
)
def test_a_shell_gets_the_words_that_were_meant(name: str, tmp_path: Path) -> None:
    job = Job(("/bin/echo",), tmp_path / name)
    command = crontab.line(job).removeprefix("* * * * *  ")
    unescaped = command.replace("\\%", "%")
    assert "%" not in command.replace("\\%", "")
    done = subprocess.run(["/bin/sh", "-c", unescaped], capture_output=True, text=True, check=True)
    assert done.stdout == f"-c {tmp_path / name} process\n"
    assert shlex.split(unescaped, comments=True) == list(job.arguments)


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\x00b"])
def test_a_path_that_no_line_can_hold_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="control character"):
        Job(("/bin/echo",), Path("/etc", name))


@given(
    st.lists(
        st.sampled_from([b"MAILTO=x", b"", b"# a comment", b"0 3 * * * \xff\xfe %", b"@daily y\r", b"\t"])
    )
)
def test_other_lines_stay_octet_for_octet(lines: list[bytes]) -> None:
    before = b"".join(each + b"\n" for each in lines)
    after = crontab.with_line(before, JOB)
    assert after == before + LINE
    assert crontab.with_line(after, JOB) == after
    assert crontab.without_line(after, JOB.config) == before
    assert crontab.without_line(before, JOB.config) == before


def test_a_last_line_without_an_end_gets_one() -> None:
    assert crontab.with_line(b"@daily x", JOB) == b"@daily x\n" + LINE


@pytest.mark.parametrize(
    "old",
    [
        crontab.line(Job(("/old/emailint",), JOB.config)).encode(),
        b"#" + LINE.strip(),
        b"*/5 * * * *  " + LINE.strip().removeprefix(b"* * * * *  "),
        LINE.strip() + b"  ",
    ],
)
def test_an_old_line_of_ours_is_replaced_where_it_stands(old: bytes) -> None:
    before = b"@daily x\n" + old + b"\n@daily y\n"
    assert crontab.with_line(before, JOB) == b"@daily x\n" + LINE + b"@daily y\n"
    assert crontab.with_line(before + old + b"\n", JOB) == b"@daily x\n" + LINE + b"@daily y\n"
    assert crontab.without_line(before, JOB.config) == b"@daily x\n@daily y\n"


@pytest.mark.parametrize(
    "theirs",
    [
        crontab.line(OTHER).encode(),
        b"* * * * *  emailint process",
        b"* * * * *  /opt/emailint/bin/emailint -c /etc/emailint/integrations.yaml process",
        b"* * * * *  x -c /my/etc/emailint/integrations.yaml process  # emailint schedule",
    ],
)
def test_a_line_that_is_not_ours_stays(theirs: bytes) -> None:
    assert crontab.with_line(theirs + b"\n", JOB) == theirs + b"\n" + LINE
    assert crontab.without_line(theirs + b"\n", JOB.config) == theirs + b"\n"


@pytest.mark.parametrize(
    ("text", "named"), [(b"MAILTO=a\n", True), (b" MAILTO = a", True), (b"# MAILTO=a", False)]
)
def test_who_reads_it(text: bytes, named: bool) -> None:
    assert crontab.names_a_reader(text) is named


def test_it_is_read_and_written_whole(programs: Programs) -> None:
    assert crontab.read() == b""
    crontab.write(b"@daily \xff\n")
    assert programs.crontab.read_bytes() == b"@daily \xff\n" == crontab.read()


def test_what_cron_refuses_is_told_and_the_old_one_stays(programs: Programs) -> None:
    crontab.write(b"@daily x\n")
    with pytest.raises(EmailintError, match=r"errors in crontab file.*the old one stays"):
        crontab.write(b"refuse\n")
    assert programs.crontab.read_bytes() == b"@daily x\n"


def test_without_a_crontab_command_there_is_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="no crontab command") as caught:
        crontab.read()
    assert "--systemd" in caught.value.hint


def test_one_that_may_not_be_read_is_never_taken_for_an_empty_one(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / "bin" / "crontab").write_text(
        "#!/bin/sh\necho 'You (sara) are not allowed to use this program' >&2\nexit 1\n"
    )
    with pytest.raises(EmailintError, match="not allowed"):
        crontab.read()
    assert programs.calls == []


def test_a_difference_names_what_changes() -> None:
    assert list(difference("a\n", "a\nb\n", "crontab")) == [
        "--- crontab",
        "+++ crontab (new)",
        "@@ -1 +1,2 @@",
        " a",
        "+b",
    ]
    assert list(difference("a\n", "a\n", "crontab")) == []
