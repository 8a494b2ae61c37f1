from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from emailint.errors import MessageError
from emailint.message import child, read_in_child, read_message, wire
from emailint.message.model import Limits, ReadSettings

MAILS = Path(__file__).parents[2] / "data" / "messages"
SETTINGS = ReadSettings(frozenset({"desk@example.org"}), "mx.example.org", Limits(parts=7))


@pytest.mark.parametrize("name", ["attachment-nested-in-related-in-alternative", "headers-utf-16"])
def test_the_child_reads_what_we_read(name: str) -> None:
    raw = (MAILS / f"{name}.eml").read_bytes()
    assert read_in_child(raw, SETTINGS) == read_message(raw, SETTINGS)


def test_settings_come_back_from_their_line() -> None:
    line = wire.settings_to_json(SETTINGS, cpu=3, memory=9)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert wire.settings_from_json(line) == (SETTINGS, {"cpu": 3, "memory": 9})
    assert wire.settings_from_json(b"{}\n") == (ReadSettings(), {})


def with_program(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let the child be another Python program that has its limits set in the same way."""
    real = subprocess.run

    def run(_command: list[str], **keywords: object) -> object:
        return real([sys.executable, "-c", program], **keywords)  # type: ignore[call-overload]  # passed on as they are

    monkeypatch.setattr("emailint.message.child.subprocess.run", run)


LIMITED = """
import sys
import emailint.message.__main__ as child
def read_message(raw, settings):
    {}
child.read_message = read_message
sys.exit(child.main())
"""


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (LIMITED.format("bytearray(2_000_000_000)"), "failed: MemoryError"),
        (LIMITED.format("raise ValueError('bad mail')"), "failed: ValueError: bad mail"),
        (LIMITED.format("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"), "ended by signal 11"),
        ("import sys; sys.stdin.buffer.read(); sys.exit(3)", "failed with exit status 3"),
        ("import sys; sys.stdin.buffer.read(); print('{}')", "gave no whole answer"),
        ("import sys; sys.stdin.buffer.read()", "gave no whole answer"),
    ],
)
def test_a_child_that_dies_is_a_message_error(
    monkeypatch: pytest.MonkeyPatch, program: str, said: str
) -> None:
    with_program(monkeypatch, program)
    with pytest.raises(MessageError, match=said) as caught:
        read_in_child(b"Subject: x\n\nHello", SETTINGS)
    assert "quarantined" in caught.value.hint


def test_the_child_is_ended_by_its_limit_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "CPU_SECONDS", 1)
    with_program(monkeypatch, LIMITED.format("while True: pass"))
    with pytest.raises(MessageError, match="ended by signal"):
        read_in_child(b"Subject: x\n\nHello", SETTINGS)


def test_a_child_that_sleeps_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with_program(monkeypatch, "import sys, time; sys.stdin.buffer.read(); time.sleep(60)")
    with pytest.raises(MessageError, match=r"took over 0\.2 s"):
        read_in_child(b"Subject: x\n\nHello", SETTINGS, timeout=0.2)


def test_a_child_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emailint.message.child.sys.executable", "/nonexistent/python")
    with pytest.raises(MessageError, match="could not be started"):
        read_in_child(b"", SETTINGS)


def test_the_child_answers_on_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "emailint.message"],
        input=b"{}\nSubject: x\n\nHello",
        capture_output=True,
        check=True,
    )
    assert wire.from_json(done.stdout) == read_message(b"Subject: x\n\nHello")
