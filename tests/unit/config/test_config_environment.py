"""Variables and the env_file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emailint.config.secrets import GivenSecret, reveal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emailint.config.model import Config
    from emailint.config.problems import Problem

    Load = Callable[..., Config]
    Problems = Callable[..., tuple[Problem, ...]]

LOCAL = """\
integrations:
- {name: a, mailbox: a@b.c, protocol: maildir, path: mail, outbound: {type: none}, case: {category: "%s"}}
"""

ENVIRON = {"A": "eins", "EMPTY": "", "TRICK": "${A}: [*x] $$"}

FILLED = {
    "${A}": "eins",
    "x${A}y${A}z": "xeinsyeinsz",
    "${A:-zwei}": "eins",
    "${EMPTY:-zwei}": "zwei",
    "${NOWHERE:-zwei}": "zwei",
    "${NOWHERE:-a b:-c$d}": "a b:-c$d",
    "$$": "$",
    "$${A}": "${A}",
    "$$$$": "$$",
    "${TRICK}": "${A}: [*x] $$",
}


@pytest.mark.parametrize("written", FILLED)
def test_variables_are_put_in(written: str, load_text: Load) -> None:
    config = load_text(LOCAL % written, environ=ENVIRON)
    assert config.integrations[0].aliases[0].case.category == FILLED[written]


def test_an_empty_variable_is_set(load_text: Load) -> None:
    config = load_text(LOCAL % "x${EMPTY}", environ=ENVIRON)
    assert config.integrations[0].aliases[0].case.category == "x"


def test_keys_are_left_alone(problems_of: Problems) -> None:
    (problem,) = problems_of("${A}: x\n" + LOCAL % "x", environ=ENVIRON)
    assert (problem.path, problem.what) == ("${A}", "unknown key")


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_bytes(
        b"""\xef\xbb\xbf# passwords

PLAIN=geheim # not a comment
export EXPORTED = with blanks
SINGLE='in $ingle "quotes"'
DOUBLE="in ${A} quotes"\r
HALF="half
NOTHING=
A=too late
PLAIN2=eins
PLAIN2=zwei
"""
    )
    path.chmod(0o600)
    return path


FROM_FILE = {
    "PLAIN": "geheim # not a comment",
    "EXPORTED": "with blanks",
    "SINGLE": 'in $ingle "quotes"',
    "DOUBLE": "in ${A} quotes",
    "HALF": '"half',
    "A": "eins",
    "PLAIN2": "zwei",
}


@pytest.mark.usefixtures("env_file")
@pytest.mark.parametrize("name", FROM_FILE)
def test_the_env_file_helps_out(name: str, load_text: Load) -> None:
    text = "env_file: .env\n" + LOCAL % f"${{{name}}}"
    assert load_text(text, environ=ENVIRON).integrations[0].aliases[0].case.category == FROM_FILE[name]


@pytest.mark.usefixtures("env_file")
def test_a_password_of_the_env_file_is_no_literal(load_text: Load) -> None:
    text = (
        "env_file: ${FILE}\nintegrations: [{name: a, mailbox: a@b.c, provider: gmail, password: '${PLAIN2}'}]"
    )
    source = load_text(text, mode=0o644, environ={"FILE": ".env"}).integrations[0].password
    assert isinstance(source, GivenSecret)
    assert (reveal(source), source.literal) == ("zwei", False)


@pytest.mark.usefixtures("env_file")
def test_an_empty_value_is_set(load_text: Load, problems_of: Problems) -> None:
    assert (
        load_text("env_file: .env\n" + LOCAL % "x${NOTHING}").integrations[0].aliases[0].case.category == "x"
    )
    (problem,) = problems_of("env_file: .env\n" + LOCAL % "${NOWHERE}")
    assert "cron starts with a nearly empty environment" in problem.cure


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_an_env_file_must_be_private(mode: int, env_file: Path, problems_of: Problems) -> None:
    env_file.chmod(mode)
    (problem,) = problems_of("env_file: .env\n" + LOCAL % "${PLAIN}")
    assert str(problem) == (
        f"{env_file}  (file)  can be read by others (mode {mode:04o}); run: chmod 600 {env_file}"
    )


def test_an_env_file_must_be_there(problems_of: Problems, tmp_path: Path) -> None:
    (problem,) = problems_of("env_file: .env\n" + LOCAL % "${PLAIN}")
    assert (problem.file, problem.what) == (
        str(tmp_path / ".env"),
        "cannot be read: No such file or directory",
    )


def test_lines_that_say_nothing_are_told(env_file: Path, problems_of: Problems) -> None:
    env_file.write_text("A=b\nhunter2\n\n  # fine\n1B=c\nC-D=e\n")
    found = problems_of("env_file: .env\nstor: x\n" + LOCAL % "x")
    assert [(problem.file, problem.line, problem.what) for problem in found] == [
        (str(env_file), 2, "is not KEY=VALUE"),
        (str(env_file), 5, "is not KEY=VALUE"),
        (str(env_file), 6, "is not KEY=VALUE"),
        (str(env_file.with_name("integrations.yaml")), 2, "unknown key"),
    ]
    assert "hunter2" not in str(found)


def test_an_env_file_of_another_encoding_or_size(env_file: Path, problems_of: Problems) -> None:
    env_file.write_bytes(b"A=\xff")
    assert [problem.what for problem in problems_of("env_file: .env\n" + LOCAL % "x")] == [
        "is not UTF-8 text"
    ]
    env_file.write_bytes(b"#" * 1_000_001)
    assert [problem.what for problem in problems_of("env_file: .env\n" + LOCAL % "x")] == [
        "is larger than 1 MB"
    ]


@pytest.mark.parametrize("value", ["[a]", "{a: b}", "''", "${NOWHERE}", "~bob/x"])
def test_an_env_file_that_is_no_path(value: str, problems_of: Problems) -> None:
    assert [problem.path for problem in problems_of(f"env_file: {value}\n" + LOCAL % "x")] == ["env_file"]


def test_no_env_file_is_fine(load_text: Load) -> None:
    load_text("env_file:\n" + LOCAL % "x")
