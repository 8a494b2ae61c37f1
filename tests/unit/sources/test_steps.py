"""Steps of a connection test: ok, failed with cause and cure, skipped after that."""

from __future__ import annotations

from typing import NoReturn

from emailint.errors import FolderReadOnly, LoginRefused
from emailint.probe import Outcome, Step
from emailint.sources.steps import run_steps


def test_what_follows_a_failure_is_skipped() -> None:
    def fail() -> NoReturn:
        raise LoginRefused("login as ann was refused", hint="check the password")

    assert list(run_steps({"tcp": lambda: "connected", "login": fail, "folder": lambda: "open"})) == [
        Step("tcp", Outcome.OK, "connected"),
        Step("login", Outcome.FAILED, "login as ann was refused", "check the password"),
        Step("folder", Outcome.SKIPPED, "not tried, since this failed: login"),
    ]


def test_mail_is_counted_where_it_cannot_be_marked() -> None:
    def fail() -> NoReturn:
        raise FolderReadOnly("read-only")

    *_, last = run_steps({"mark read": fail, "unread": lambda: "3 unread"})
    assert last == Step("unread", Outcome.OK, "3 unread")


def test_steps_are_told_as_they_are_done() -> None:
    done: list[str] = []

    def step() -> str:
        done.append("one more")
        return ""

    steps = run_steps({"one": step, "two": step})
    next(steps)
    assert len(done) == 1
