"""The file itself: size, encoding, shape, and what YAML could be misused for."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from emailint.config import document as document_module
from emailint.config.load import find, load
from emailint.config.problems import ConfigProblems
from emailint.errors import ConfigError, Exit

if TYPE_CHECKING:
    from collections.abc import Callable

    from emailint.config.model import Config
    from emailint.config.problems import Problem

    Load = Callable[..., Config]
    Problems = Callable[..., tuple[Problem, ...]]

LOCAL = """\
integrations:
- {name: a, mailbox: a@b.c, protocol: maildir, path: mail, outbound: {type: none}}
"""

ENCODINGS = {
    b"store: a\nstor\xff: b\n": (2, "is not UTF-8 text"),
    LOCAL.encode("utf-16"): (1, "is not UTF-8 text"),
    b"store: a\nstore: \x07\n": (2, "holds a control character"),
    b"store: a\n\n\tstore: b\n": (3, "a tab stands in the indentation"),
    b"limits:\n  \tattempts: 3\n\tbatch_messages: 4\n": (
        2,
        "a tab stands in the indentation (and in 1 more lines)",
    ),
    b"integrations:\r\n\t- name: a\r\n": (2, "a tab stands in the indentation"),
    b"": (1, "is empty"),
    b"\xef\xbb\xbf": (1, "is empty"),
    b"---\n...\n": (1, "is empty"),
    b"null": (1, "is empty"),
    b"store": (1, "is not a mapping"),
    b"# fine\n\t# not fine\n": (2, "a tab stands in the indentation"),
    b"# fine\n  \t\n": (2, "a tab stands in the indentation"),
}


@pytest.mark.parametrize("raw", ENCODINGS)
def test_what_is_not_a_yaml_mapping_of_utf8(raw: bytes, problems_of: Problems) -> None:
    (problem,) = problems_of(raw)
    assert (problem.line, problem.path, problem.what) == (ENCODINGS[raw][0], "(file)", ENCODINGS[raw][1])


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + LOCAL,
        LOCAL.replace("\n", "\r\n"),
        "---\n" + LOCAL + "...\n",
        "%YAML 1.1\n---\n" + LOCAL,
        LOCAL.replace(": ", ":\t"),
    ],
)
def test_harmless_shapes_are_taken(text: str, load_text: Load) -> None:
    assert load_text(text).integrations[0].name == "a"


def test_a_megabyte_is_the_limit(load_text: Load, problems_of: Problems) -> None:
    room = 1_000_000 - len(LOCAL)
    load_text(LOCAL + "#" * room)
    (problem,) = problems_of(LOCAL + "#" * (room + 1))
    assert (problem.line, problem.what) == (0, "is larger than 1 MB")


def test_no_more_than_the_limit_is_read(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(50_000_000_000)
    with pytest.raises(ConfigProblems, match="larger than 1 MB"):
        load(file, {})


def bomb(levels: int, width: int) -> str:
    """Lists of aliases of lists of aliases."""
    lines = ["x-0: &a0 [lol]"]
    lines += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines) + f"\nstore: *a{levels - 1}\n{LOCAL}"


def merge_bomb(levels: int) -> str:
    """Mappings that merge a mapping twice that merges a mapping twice."""
    lines = ["x-0: &a0 {k0: 1}"]
    lines += [f"x-{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}" for n in range(1, levels)]
    return "\n".join(lines) + f"\nlimits: *a{levels - 1}\n{LOCAL}"


@pytest.mark.parametrize("text", [bomb(10, 10), bomb(30, 9), merge_bomb(22)])
def test_alias_bombs_are_refused_at_once(text: str, problems_of: Problems) -> None:
    begun = time.process_time()
    (problem,) = problems_of(text)
    assert problem.what == "grows too large when its aliases are unfolded"
    assert time.process_time() - begun < 2


def test_ordinary_use_of_aliases_is_not_a_bomb(load_text: Load) -> None:
    boxes = "".join(f"- {{<<: *all, name: n{n}, path: p{n}}}\n" for n in range(1000))
    common = (
        "x-all: &all {mailbox: a@b.c, protocol: maildir, outbound: {type: none}, case: {fields: {a: 1}}}\n"
    )
    assert len(load_text(f"{common}integrations:\n{boxes}").integrations) == 1000


DEEP = [
    "store: " + "[" * 60 + "]" * 60,
    "store: " + "[" * 100_000,
    "store:\n" + "".join(" " * n + "- \n" for n in range(1, 1300)),
    "- " * 100_000,
    "store: " + "{a: " * 60 + "}" * 60,
    "\n".join(
        ["x-0: &a0 [1]", *(f"x-{n}: &a{n} [*a{n - 1}]" for n in range(1, 70)), "store: *a69"],
    ),
]


@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
def test_deep_nesting_is_refused(text: str, problems_of: Problems) -> None:
    (problem, *_) = problems_of(f"{text}\n{LOCAL}")
    assert problem.what == "is nested too deeply"


def test_the_pure_python_loader_will_do(
    monkeypatch: pytest.MonkeyPatch, load_text: Load, problems_of: Problems
) -> None:
    monkeypatch.setattr(document_module, "_LOADER", yaml.SafeLoader)
    assert load_text(LOCAL).integrations[0].name == "a"
    for text, what in (
        ("store: [a", "a bracket or brace is not closed"),
        ("store: *hunter2", "an alias (`*name`) names no anchor"),
        ("store: 'a", "a quote is not closed"),
        ("store: @a", "a value begins with a character that YAML keeps"),
        ("store: " + "[" * 5000, "is nested too deeply"),
    ):
        (problem,) = problems_of(text)
        assert problem.what == what
        assert "hunter2" not in str(problem)


def test_nothing_runs(problems_of: Problems, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    problems_of(f"store: !!python/object/apply:os.system ['touch {trace}']\n{LOCAL}")
    assert not trace.exists()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none.yaml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigProblems) as caught:
            load(path, {})
        (problem,) = caught.value.problems
        assert str(problem).startswith(f"{path}  (file)  cannot be read: {why}; ")


def test_the_file_may_come_through_a_pipe(load_text: Load) -> None:
    reader, writer = os.pipe()
    os.write(writer, LOCAL.encode())
    os.close(writer)
    assert load(Path(f"/dev/fd/{reader}"), {}).integrations[0].name == "a"
    os.close(reader)


class TestFind:
    """Where the configuration is looked for."""

    @pytest.fixture
    def environ(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
        """A bare environment, and an empty current folder."""
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        return {"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": f"{tmp_path}/etc1:{tmp_path}/etc2"}

    def test_the_nearest_wins(self, environ: dict[str, str], tmp_path: Path) -> None:
        places = [
            tmp_path / "etc2/emailint/integrations.yaml",
            tmp_path / "etc1/emailint/integrations.yaml",
            tmp_path / "home/.config/emailint/integrations.yaml",
        ]
        for place in places:
            place.parent.mkdir(parents=True)
            place.touch()
            assert find(None, environ) == place
        other = tmp_path / "xdg/emailint/integrations.yaml"
        other.parent.mkdir(parents=True)
        other.touch()
        assert find(None, {**environ, "XDG_CONFIG_HOME": str(tmp_path / "xdg")}) == other
        (tmp_path / "here/integrations.yaml").touch()
        assert find(None, environ) == Path("integrations.yaml")
        assert find(None, {**environ, "EMAILINT_CONFIG": "/named"}) == Path("/named")
        assert find("given", {**environ, "EMAILINT_CONFIG": "/named"}) == Path("given")

    def test_none_is_told_with_the_places(self, environ: dict[str, str], tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            find(None, environ)
        assert f"{tmp_path}/etc2/emailint/integrations.yaml" in str(caught.value)
        assert "emailint init" in caught.value.hint
        assert caught.value.exit_code == Exit.CONFIG

    @pytest.mark.usefixtures("environ")
    def test_a_bare_environment_will_do(self) -> None:
        with pytest.raises(ConfigError, match=r"/etc/xdg/emailint/integrations\.yaml, /etc/emailint/"):
            find(None, {})
