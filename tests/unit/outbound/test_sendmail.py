"""What a sendmail program is told, and what its exit status means (sysexits.h)."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

import pytest

from emailint.errors import OutboundError, OutboundRefused, OutboundUnavailable, OutcomeUnknown
from emailint.outbound.sendmail import SendmailOutbound, SendmailSettings
from emailint.outgoing import OutgoingMail
from emailint.probe import Outcome

MAIL = OutgoingMail("<CS-000001.00@example.org>", "", "ann@example.com", b"Subject: x\r\n\r\nHello\r\n.\r\n")


def program(folder: Path, script: str) -> SendmailOutbound:
    """An outbound whose program is this shell script, run in `folder`."""
    path = folder / "sendmail"
    path.write_text(f"#!/bin/sh\ncd {shlex.quote(str(folder))} || exit 78\n{script}\n")
    path.chmod(0o755)
    return SendmailOutbound(SendmailSettings((str(path),), timeout=5), sender="payroll@example.org")


@pytest.mark.parametrize(
    ("envelope_from", "told"), [("", "<>"), ("bounces@example.org", "bounces@example.org")]
)
def test_arguments_and_input(envelope_from: str, told: str, tmp_path: Path) -> None:
    outbound = program(tmp_path, 'printf "%s\\n" "$@" > args; cat > mail')
    mail = OutgoingMail(MAIL.message_id, envelope_from, MAIL.recipient, MAIL.content)
    outbound.send(mail, lambda: None)
    assert (tmp_path / "args").read_text().splitlines() == ["-i", "-f", told, "--", "ann@example.com"]
    assert (tmp_path / "mail").read_bytes() == b"Subject: x\n\nHello\n.\n"


def test_arguments_of_the_configuration_go_before_ours(tmp_path: Path) -> None:
    outbound = program(tmp_path, 'printf "%s\\n" "$@" > args')
    command = (*outbound.settings.command, "-C", "/etc/my msmtp; rm -rf /")
    SendmailOutbound(SendmailSettings(command)).send(MAIL, lambda: None)
    assert (tmp_path / "args").read_text().splitlines()[:3] == ["-C", "/etc/my msmtp; rm -rf /", "-i"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (64, OutboundUnavailable),
        (65, OutboundRefused),
        (67, OutboundRefused),
        (68, OutboundRefused),
        (69, OutboundRefused),
        (70, OutcomeUnknown),
        (71, OutboundUnavailable),
        (73, OutboundUnavailable),
        (74, OutboundUnavailable),
        (75, OutboundUnavailable),
        (76, OutcomeUnknown),
        (77, OutboundRefused),
        (78, OutboundUnavailable),
        (126, OutboundUnavailable),
        (127, OutboundUnavailable),
        (1, OutcomeUnknown),
        (255, OutcomeUnknown),
    ],
)
def test_exit_status(status: int, kind: type[OutboundError], tmp_path: Path) -> None:
    outbound = program(tmp_path, f"cat > /dev/null; echo 'no: \x1b[2J why' >&2; exit {status}")
    with pytest.raises(OutboundError) as caught:
        outbound.send(MAIL, lambda: None)
    assert type(caught.value) is kind
    assert f"status {status}: no: [2J why" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("signal", [9, 11, 15])
def test_a_program_that_is_killed_may_have_sent_it(signal: int, tmp_path: Path) -> None:
    with pytest.raises(OutcomeUnknown, match=f"ended by signal {signal}"):
        program(tmp_path, f"kill -{signal} $$").send(MAIL, lambda: None)


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    outbound = program(tmp_path, "sleep 60 & echo $! > child; wait")
    hasty = SendmailOutbound(SendmailSettings(outbound.settings.command, timeout=0.3))
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown, match=r"not done within 0\.3 s"):
        hasty.send(MAIL, lambda: None)
    assert time.monotonic() - started < 5
    child = Path("/proc") / (tmp_path / "child").read_text().strip() / "stat"
    for _ in range(100):
        if not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the child of the program still runs")


def test_a_program_that_does_not_read_is_believed(tmp_path: Path) -> None:
    big = OutgoingMail(MAIL.message_id, "", MAIL.recipient, b"x\r\n" * 200_000)
    program(tmp_path, "exit 0").send(big, lambda: None)


def test_a_talkative_program_does_not_fill_the_memory_or_block(tmp_path: Path) -> None:
    outbound = program(tmp_path, "cat > /dev/null; yes warning | head -c 1000000; exit 75")
    with pytest.raises(OutboundUnavailable) as caught:
        outbound.send(MAIL, lambda: None)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("kind", ["absent", "not executable", "folder"])
def test_a_program_that_cannot_run(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "sendmail"
    if kind == "not executable":
        path.write_text("#!/bin/sh\n")
    if kind == "folder":
        path.mkdir()
    begun: list[str] = []
    outbound = SendmailOutbound(SendmailSettings((str(path),)))
    with pytest.raises(OutboundUnavailable, match="cannot be run"):
        outbound.send(MAIL, lambda: begun.append("begun"))
    assert begun == []
    (step, skipped) = outbound.test()
    assert (step.outcome, skipped.outcome) == (Outcome.FAILED, Outcome.SKIPPED)
    assert "whole path" in step.cure


def test_a_program_of_a_format_that_cannot_be_run(tmp_path: Path) -> None:
    path = tmp_path / "sendmail"
    path.write_bytes(b"\x7fELF nonsense")
    path.chmod(0o755)
    with pytest.raises(OutboundUnavailable, match="cannot be started"):
        SendmailOutbound(SendmailSettings((str(path),))).send(MAIL, lambda: None)


def test_nothing_runs_before_begin_has_returned(tmp_path: Path) -> None:
    outbound = program(tmp_path, "touch ran")

    def begin() -> None:
        assert not (tmp_path / "ran").exists()
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full"):
        outbound.send(MAIL, begin)
    assert not (tmp_path / "ran").exists()
