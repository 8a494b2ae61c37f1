"""errors.jsonl is best effort: whole lines, never an exception."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from emailint.case import ErrorRecord
from emailint.store.errors_log import ErrorsLog
from tests.unit.store.making import NOW

RECORD = ErrorRecord("E-1", "opened", NOW, "login_refused", "integration", False, "refused \x1b[2J\n\udc80")


def lines(folder: Path) -> list[str]:
    return [json.loads(line)["error_id"] for line in (folder / "errors.jsonl").read_text().splitlines()]


def refuse(line: str) -> None:
    pytest.fail(line)


def test_lines_are_appended(tmp_path: Path) -> None:
    log = ErrorsLog(tmp_path, refuse)
    log.write(RECORD)
    log.write(RECORD)
    ErrorsLog(tmp_path, refuse).write(RECORD)
    assert lines(tmp_path) == ["E-1"] * 3
    assert stat.S_IMODE((tmp_path / "errors.jsonl").stat().st_mode) == 0o600


def test_a_half_line_is_closed_first(tmp_path: Path) -> None:
    (tmp_path / "errors.jsonl").write_bytes(b'{"half')
    ErrorsLog(tmp_path, refuse).write(RECORD)
    half, whole = (tmp_path / "errors.jsonl").read_text().splitlines()
    assert half == '{"half'
    assert json.loads(whole)["message"] == RECORD.message


@pytest.mark.parametrize("call", ["open", "write", "fstat"])
def test_what_cannot_be_written_is_said_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    said: list[str] = []

    def failing(*given: object, **named: object) -> object:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, failing)
    ErrorsLog(tmp_path, said.append).write(RECORD)
    monkeypatch.undo()
    (text,) = said
    assert "No space left on device" in text
    assert text.isascii()
    assert text.isprintable()
    assert '"error_id":"E-1"' in text


def test_what_is_written_in_part_is_said_elsewhere_and_closed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:20]))
    ErrorsLog(tmp_path, said.append).write(RECORD)
    monkeypatch.undo()
    assert len(said) == 1
    ErrorsLog(tmp_path, refuse).write(RECORD)
    assert json.loads((tmp_path / "errors.jsonl").read_text().splitlines()[1])["error_id"] == "E-1"


def test_a_closed_standard_error_is_no_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def write(self, text: str) -> None:
            raise ValueError(f"I/O operation on closed file: {text}")

    monkeypatch.setattr("sys.stderr", Closed())
    ErrorsLog(tmp_path / "missing").write(RECORD)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "outside").write_bytes(b"precious")
    (tmp_path / "errors.jsonl").symlink_to(tmp_path / "outside")
    ErrorsLog(tmp_path, said.append).write(RECORD)
    assert len(said) == 1
    assert (tmp_path / "outside").read_bytes() == b"precious"
