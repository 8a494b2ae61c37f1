"""Logging for cron: one line a message, no secrets, no control characters."""

from __future__ import annotations

import io
import json
import logging
import sys
from typing import TYPE_CHECKING

import pytest

from emailint import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = 'hunter2"ü\\'


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    monkeypatch.setattr(logs, "redact", logs.Redactor([SECRET]))
    root = logging.getLogger("emailint")
    handlers, level, propagate = root.handlers, root.level, root.propagate
    yield root.getChild("test")
    root.handlers, root.propagate = handlers, propagate
    root.setLevel(level)


def test_text_is_one_line_with_time_and_level(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(0, "text")
    logger.warning("payroll: %s", "two\nlines \x1b[31m")
    written = capsys.readouterr().err
    stamp, rest = written[:20], written[20:]
    assert rest == " warning payroll: two\\x0alines \\x1b[31m\n"
    assert stamp[4] == "-"
    assert stamp[-1] == "Z"


def test_json_is_one_object_a_line_with_the_facts(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(1, "json")
    logger.info("one\ntwo", extra={"facts": {"case_id": "CS-000001", "count": 3}})
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    entry = json.loads(written)
    assert (entry["message"], entry["case_id"], entry["count"], entry["level"], entry["logger"]) == (
        "one\ntwo", "CS-000001", 3, "info", "emailint.test",
    )  # fmt: skip


@pytest.mark.parametrize("form", ["text", "json"])
def test_known_secrets_are_hidden(
    form: logs.Format, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(0, form)
    logger.error("refused: %s", SECRET, extra={"facts": {"detail": f"said {SECRET}"}})
    written = capsys.readouterr().err
    assert "hunter2" not in written
    assert logs.MASK in written


def test_a_traceback_is_never_written(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(0, "text")
    try:
        int(SECRET)
    except ValueError:
        logger.exception("failed")
    written = capsys.readouterr().err
    assert written.endswith(" error failed\n")
    assert written.count("\n") == 1


@pytest.mark.parametrize(
    ("verbosity", "levels"),
    [
        (-1, ["ERROR"]),
        (0, ["WARNING", "ERROR"]),
        (1, ["INFO", "WARNING", "ERROR"]),
        (2, ["DEBUG", "INFO", "WARNING", "ERROR"]),
        (7, ["DEBUG", "INFO", "WARNING", "ERROR"]),
    ],
)
def test_verbosity(
    verbosity: int, levels: list[str], logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(verbosity, "json")
    for level in ("DEBUG", "INFO", "WARNING", "ERROR"):
        logger.log(getattr(logging, level), level)
    assert [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()] == levels


def test_a_closed_standard_error_stops_nothing(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.configure(0, "text")
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    logger.error("nobody hears this")


def test_the_longest_secret_goes_first_and_short_texts_are_no_secrets() -> None:
    redactor = logs.Redactor(["abcd", "abcdefgh", "no", ""])
    assert redactor("abcdefgh abcd no") == f"{logs.MASK} {logs.MASK} no"
    redactor.hide(["another-one"])
    assert redactor("another-one abcd") == f"{logs.MASK} {logs.MASK}"
