"""Rows 95 to 97: configurations that are traps, and secrets that an exception has in its hands."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from emailint.cli import main
from emailint.errors import Exit
from tests.support.memory import letter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.conftest import Installation
    from tests.support.desk import Desk

ONE = """integrations:
  - name: a
    mailbox: a@example.org
    host: 127.0.0.1
    port: {port}
    tls: none
    password: {secret}
    reply: {{template: none}}
"""


@contextmanager
def nobody_calls() -> Iterator[int]:
    """A port that nobody may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.01)
        yield listener.getsockname()[1]
        with pytest.raises(TimeoutError):
            listener.accept()


TRAPS = {
    "object": "x: !!python/object/apply:os.system ['touch touched']\n",
    "bomb": "x-0: &a0 [x]\n"
    + "".join(f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    + "store: *a11\n",
    "tabs": "store:\tdata\n\tcase_prefix: CS\n",
    "twice": "store: one\nstore: two\n",
    "deep": "x-deep: " + "[" * 5_000 + "\n",
    "no UTF-8": "store: \udcff\n",
    "NUL": "store: a\x00b\n",
}


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("command", ["process", "check", "test-connection"])
def test_row_095_yaml_that_is_a_trap(
    tmp_path: Path,
    trap: str,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with nobody_calls() as port:
        text = TRAPS[trap] + ONE.format(port=port, secret="hidden-in-yaml")
        path = tmp_path / "integrations.yaml"
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        path.chmod(0o600)
        assert main([command]) == Exit.CONFIG
    said = capsys.readouterr()
    assert said.err.startswith("integrations.yaml:")
    assert "hidden-in-yaml" not in said.out + said.err
    assert [each.name for each in tmp_path.iterdir()] == ["integrations.yaml"]


def test_row_095_yaml_of_a_hundred_megabytes(installation: Installation) -> None:
    installation.configure("store: data\n")
    os.truncate(installation.folder / "integrations.yaml", 100_000_000)
    done = installation.run("process", status=Exit.CONFIG)
    assert "integrations.yaml" in done.stderr


def test_row_096_a_password_that_others_can_read(installation: Installation) -> None:
    with nobody_calls() as port:
        installation.configure(ONE.format(port=port, secret="hidden-in-yaml"))
        path = installation.folder / "integrations.yaml"
        path.chmod(0o644)
        done = installation.run("process", status=Exit.CONFIG)
        assert "chmod 600" in done.stderr
        assert "hidden-in-yaml" not in done.stderr
        path.write_text("readable_secrets: accept\n" + path.read_text())
        installation.run("check")


BREAKING = """
from emailint.sources import imap_session

def login(self, *given, **named):
    password = "sesame-Open-97"
    raise RuntimeError(f"the password is {password}")

for name, found in vars(imap_session).items():
    if isinstance(found, type) and hasattr(found, "login"):
        found.login = login
"""


@pytest.mark.parametrize("debug", [False, True])
def test_row_097_an_exception_with_the_password_in_its_hands(desk: Desk, debug: bool) -> None:
    startup = desk.installation.folder / "startup"
    startup.mkdir()
    (startup / "sitecustomize.py").write_text(BREAKING)
    desk.configure(password="sesame-Open-97")
    desk.mailbox.deliver(letter(1))
    environ = desk.installation.environ
    environ["PYTHONPATH"] = f"{startup}:{environ['PYTHONPATH']}"
    if debug:
        environ["EMAILINT_DEBUG"] = "1"
    commands = (
        ["-vv", "process"],
        ["--log-format", "json", "-vv", "process", "--json"],
        ["list-errors", "--json"],
    )
    done = [
        desk.installation.run(*each, status=None) for each in (*commands, ["test-connection"], ["process"])
    ]
    said = "".join(each.stdout + each.stderr for each in done)
    assert "RuntimeError" in said
    data = [path for path in (desk.installation.folder / "data").rglob("*") if path.is_file()]
    assert "sesame" not in said
    assert all(b"sesame" not in path.read_bytes() for path in data)
    assert len(desk.mailbox.unread()) == 1
