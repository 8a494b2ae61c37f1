"""Secrets are kept where no one else reads, asked for late, and shown nowhere."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import sys
import time
import traceback
from typing import TYPE_CHECKING

import pytest

from emailint.config.load import load
from emailint.config.problems import ConfigProblems
from emailint.config.secrets import (
    MAXIMUM_SECRET,
    GivenSecret,
    SecretCommand,
    SecretFile,
    SecretText,
    is_private,
    reveal,
)
from emailint.errors import Scope, SecretUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emailint.config.model import Config
    from emailint.config.problems import Problem

    Load = Callable[..., Config]
    Problems = Callable[..., tuple[Problem, ...]]

SECRET = "hunter2-Zwölf"

LITERAL = f"""\
integrations:
- name: a
  mailbox: a@b.c
  provider: gmail
  password: {SECRET}
"""


def test_nothing_shows_a_secret() -> None:
    text = SecretText(SECRET)
    given = GivenSecret(text, literal=True)
    for shown in (repr(text), str(text), f"{text}", f"{text:>9}", "%s" % text, repr(given), str([given])):  # noqa: UP031 - that way too
        assert "hunter2" not in shown
        assert "***" in shown
    with pytest.raises(TypeError):
        pickle.dumps(text)
    with pytest.raises(TypeError):
        copy.deepcopy(given)
    with pytest.raises(TypeError):
        dataclasses.asdict(given)
    with pytest.raises(TypeError):
        json.dumps(text)
    assert not hasattr(text, "__dict__")
    assert not hasattr(text, "__iter__")


def test_secrets_are_equal_by_what_they_are() -> None:
    assert SecretText(SECRET) == SecretText(SECRET)
    assert hash(SecretText(SECRET)) == hash(SecretText(SECRET))
    assert SecretText(SECRET) != SecretText("else")
    assert SecretText(SECRET) != SECRET
    assert (bool(SecretText("x")), bool(SecretText(""))) == (True, False)


def test_a_loaded_configuration_shows_none(load_text: Load) -> None:
    config = load_text(LITERAL)
    source = config.integrations[0].password
    assert isinstance(source, GivenSecret)
    assert reveal(source) == SECRET
    assert "hunter2" not in repr(config) + str(config)


@pytest.mark.parametrize(
    "text",
    [
        LITERAL.replace("password", "pasword"),
        LITERAL.replace("provider", "provder"),
        LITERAL.replace(f"password: {SECRET}", f"password: [{SECRET}]"),
        LITERAL.replace(f"password: {SECRET}", f"password: {{{SECRET}: 1}}"),
        LITERAL.replace(f"password: {SECRET}", f"password: {{{SECRET}}}"),
        LITERAL.replace(f"password: {SECRET}", f"password: *{SECRET}"),
        LITERAL.replace(f"password: {SECRET}", f"password: '{SECRET}"),
        LITERAL.replace(f"password: {SECRET}", f"password: !{SECRET}"),
        LITERAL.replace(f"password: {SECRET}", f"password: !{SECRET} x"),
        LITERAL.replace(f"password: {SECRET}", f"password: &{SECRET}x\n  password: &{SECRET}x"),
        LITERAL.replace(f"password: {SECRET}", f"password: @{SECRET}"),
        LITERAL.replace(f"password: {SECRET}", f"password: {SECRET}: x"),
        LITERAL.replace(f"password: {SECRET}", f"password: {{command: {SECRET}}}"),
        LITERAL.replace(f"password: {SECRET}", f"password: {SECRET}${{NOWHERE}}"),
        LITERAL.replace("mailbox: a@b.c", "mailbox: ${MAILBOX}"),
        LITERAL + "  port: ${MAILBOX}\n",
        LITERAL + "  folder: ${MAILBOX}\n",
        LITERAL + "  outbound: {type: pigeon, password: " + SECRET + "}\n",
        LITERAL + f"  oauth: {{client_secret: {SECRET}}}\n",
    ],
)  # fmt: skip
def test_no_problem_tells_a_secret(text: str, file: Path) -> None:
    file.write_text(text)
    file.chmod(0o644)
    with pytest.raises(ConfigProblems) as caught:
        load(file, {"MAILBOX": f"{SECRET}\n"})
    told = [str(problem) for problem in caught.value.problems]
    trace = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in "\n".join([*told, repr(caught.value), caught.value.hint, trace])


MODES = {
    0o600: True,
    0o400: True,
    0o640: False,
    0o604: False,
    0o620: False,
    0o602: False,
    0o644: False,
    0o666: False,
}


@pytest.mark.parametrize("mode", MODES)
def test_a_literal_password_needs_a_private_file(
    mode: int, load_text: Load, problems_of: Problems, file: Path
) -> None:
    if MODES[mode]:
        load_text(LITERAL, mode=mode)
        return
    (problem,) = problems_of(LITERAL, mode=mode)
    assert (problem.line, problem.path) == (5, "integrations[0].password")
    assert problem.what == f"a password stands in a file that others can read (mode {mode:04o})"
    assert problem.cure.startswith(f"run: chmod 600 {file}")


LITERALS = {
    "'${PW}'": False,
    "'${PW:-x}'": False,
    "'${EMPTY:-x}'": True,
    "'${NOWHERE:-x}'": True,
    "'x${PW}'": True,
    "'${PW}${PW}'": True,
    "'${PW} '": True,
    "'$$'": True,
    "x": True,
}


@pytest.mark.parametrize("written", LITERALS)
def test_what_came_wholly_from_the_environment_is_no_literal(
    written: str, load_text: Load, problems_of: Problems
) -> None:
    text = LITERAL.replace(SECRET, written)
    if LITERALS[written]:
        assert [problem.path for problem in problems_of(text, mode=0o644)] == ["integrations[0].password"]
    else:
        load_text(text, mode=0o644)


def test_every_place_of_a_secret_is_looked_at(problems_of: Problems) -> None:
    text = f"""\
integrations:
- name: a
  enabled: false
  mailbox: a@b.c
  host: b.c
  password: {SECRET}
  oauth: {{client_secret: {SECRET}}}
  outbound: {{host: b.c, password: {SECRET}}}
"""
    assert [problem.path for problem in problems_of(text, mode=0o640)] == [
        "integrations[0].password",
        "integrations[0].oauth.client_secret",
        "integrations[0].outbound.password",
    ]


def test_a_file_without_secrets_may_be_read_by_all(load_text: Load) -> None:
    load_text(LITERAL.replace(SECRET, "${PW}"), mode=0o644)


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


FROM_FILE = LITERAL.replace(SECRET, "{file: secret}")


def test_a_secret_file_must_be_private(secret_file: Path, load_text: Load, problems_of: Problems) -> None:
    source = load_text(FROM_FILE).integrations[0].password
    assert source == SecretFile(secret_file)
    secret_file.chmod(0o640)
    (problem,) = problems_of(FROM_FILE)
    assert problem.what == f"the secret file {secret_file} can be read by others (mode 0640)"
    assert problem.cure == f"run: chmod 600 {secret_file}"


def test_a_secret_file_must_be_there(problems_of: Problems, load_text: Load) -> None:
    (problem,) = problems_of(FROM_FILE)
    assert problem.what.endswith("secret cannot be used: No such file or directory")
    load_text(FROM_FILE + "  enabled: false\n")


def test_open_secrets_may_be_accepted(secret_file: Path, load_text: Load, tmp_path: Path) -> None:
    secret_file.chmod(0o644)
    variables = tmp_path / ".env"
    variables.write_text("X=y")
    variables.chmod(0o644)
    accept = "readable_secrets: accept\nenv_file: .env\n"
    load_text(accept + LITERAL, mode=0o644)
    source = load_text(accept + FROM_FILE, mode=0o644).integrations[0].password
    assert source is not None
    assert reveal(source) == SECRET


def test_a_mode_is_private_or_not() -> None:
    assert {mode: is_private(0o100000 | mode) for mode in MODES} == MODES


def refusal(source: SecretFile | SecretCommand | GivenSecret, seconds: float = 10.0) -> SecretUnavailable:
    """The error of a secret that cannot be had; it is the integration's, and quiet about what was read."""
    with pytest.raises(SecretUnavailable) as caught:
        reveal(source, seconds=seconds)
    error = caught.value
    assert (error.scope, error.transient) == (Scope.INTEGRATION, False)
    assert error.hint
    assert "hunter2" not in "".join(traceback.format_exception(error)) + error.hint
    return error


def test_a_file_gives_its_first_line(secret_file: Path) -> None:
    for content in (SECRET, f"{SECRET}\n", f"{SECRET}\r\n", f"{SECRET}\nuser: a\n"):
        secret_file.write_bytes(content.encode())
        assert reveal(SecretFile(secret_file)) == SECRET


def test_a_file_that_cannot_be_used_says_why(secret_file: Path, tmp_path: Path) -> None:
    secret_file.chmod(0o644)
    assert "can be read by others" in str(refusal(SecretFile(secret_file)))
    assert refusal(SecretFile(secret_file)).hint == f"run: chmod 600 {secret_file}"
    assert reveal(SecretFile(secret_file, readable=True)) == SECRET
    secret_file.chmod(0o600)
    assert "No such file" in str(refusal(SecretFile(tmp_path / "none")))
    assert "Is a directory" in str(refusal(SecretFile(tmp_path)))
    for content, why in (
        (b"", "is empty"),
        (b"\nhunter2", "is empty"),
        (b"hunter2\xff", "not UTF-8"),
        (b"hunter2" * MAXIMUM_SECRET, "more than a secret"),
    ):
        secret_file.write_bytes(content)
        assert why in str(refusal(SecretFile(secret_file)))


def python(program: str) -> SecretCommand:
    """A command that runs a piece of Python."""
    return SecretCommand((sys.executable, "-c", program))


def test_a_command_gives_its_first_line() -> None:
    assert reveal(SecretCommand(("printf", f"{SECRET}\\nuser: a\\n"))) == SECRET


def test_a_command_sees_no_shell_and_no_input() -> None:
    assert reveal(SecretCommand(("echo", "$HOME; id"))) == "$HOME; id"
    assert reveal(SecretCommand(("sh", "-c", "cat; echo done"))) == "done"


def test_a_command_that_fails_says_how_but_not_what() -> None:
    talk = "import sys; print('hunter2'); print('hunter2', file=sys.stderr); "
    assert "ended with status 3" in str(refusal(python(f"{talk} sys.exit(3)")))
    assert "was ended by signal 9" in str(refusal(python(f"{talk} import os; os.kill(os.getpid(), 9)")))
    assert "is empty" in str(refusal(python("print()")))
    assert "not UTF-8" in str(refusal(SecretCommand(("printf", "hunter2\\377"))))
    missing = refusal(SecretCommand(("/no/such/program", "hunter2")))
    assert "'/no/such/program' cannot be started: No such file or directory" in str(missing)


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    script = f"sh -c 'while :; do touch {alive}; sleep 0.05; done' & wait"
    begun = time.monotonic()
    error = refusal(SecretCommand(("sh", "-c", script)), seconds=0.3)
    assert time.monotonic() - begun < 3
    assert "was not done within 0.3 s" in str(error)
    alive.unlink(missing_ok=True)
    time.sleep(0.2)
    assert not alive.exists()


def test_a_command_that_talks_without_end_is_ended() -> None:
    begun = time.monotonic()
    assert "more than a secret" in str(refusal(SecretCommand(("yes", "hunter2"))))
    assert time.monotonic() - begun < 5


def test_a_command_that_hands_its_output_to_a_daemon_ends_in_time() -> None:
    begun = time.monotonic()
    error = refusal(SecretCommand(("sh", "-c", "sleep 30 & echo hunter2")), seconds=0.3)
    assert "was not done within" in str(error)
    assert time.monotonic() - begun < 3


def test_a_secret_in_the_configuration_may_not_be_empty() -> None:
    assert "is empty" in str(refusal(GivenSecret(SecretText(""), literal=False)))


def test_nothing_is_run_while_loading(load_text: Load, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    load_text(LITERAL.replace(SECRET, f"{{command: [touch, {trace}]}}"))
    assert not trace.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["integrations.yaml"]
