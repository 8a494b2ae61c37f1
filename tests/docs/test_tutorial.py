"""What the README and the tutorial tell a newcomer to type is run, in order, and says what they say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Step(NamedTuple):
    """A command, and lines that are shown below it."""

    command: str
    shown: tuple[str, ...]


def steps(text: str) -> list[Step]:
    found: list[Step] = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Step(re.sub(r"\s+#.*", "", line[2:]), ()))
            else:
                found[-1] = Step(found[-1].command, (*found[-1].shown, line))
    return found


def run(command: str, folder: Path) -> str:
    words = shlex.split(command)
    if words[0] == "emailint":
        words = [sys.executable, "-m", "emailint", *words[1:]]
    environ = {
        "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(folder), "LANG": "C.UTF-8", "TZ": "UTC",
    }  # fmt: skip
    done = subprocess.run(
        words, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def is_shown(line: str, output: str) -> bool:
    """Whether a line of the output says this; … stands for anything, and blanks are one."""
    pieces = [re.escape(" ".join(piece.split())) for piece in line.split("…")]
    lines = (" ".join(each.split()) for each in output.splitlines())
    return any(re.search(" ?.*? ?".join(pieces), each) for each in lines)


def test_each_step_of_the_tutorial_says_what_the_page_says(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    (mail,) = re.findall(r"^```eml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "mail.eml").write_text(mail, encoding="utf-8")
    told = steps(text)
    assert sum(len(step.shown) for step in told) > 10
    for step in told:
        output = run(step.command, tmp_path)
        if step.command == "emailint process":
            assert output == ""
        for line in step.shown:
            assert is_shown(line, output), f"{step.command}\nis to say  {line}\nand says\n{output}"


def test_the_first_five_minutes_of_the_readme(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    told = steps(text.partition("## The first five minutes")[2].partition("\n## ")[0])
    assert [step.command.split()[0] for step in told] == ["pipx", "mkdir", *["emailint"] * 6]
    said = [run(step.command, tmp_path) for step in told[2:]]
    assert "is well" in said[1]
    assert "nothing was changed" in said[2]
    assert "1 case; replies: 1 sent" in said[3]
    assert "CS-000001" in said[4]
    assert "* * * * *" in said[5]
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 1


def test_lines_that_are_not_said_are_missed() -> None:
    assert is_shown("1 unread: … s (dry run)", "x\n1 unread:  1 case; 0.2 s (dry run)\n")
    assert not is_shown("2 unread", "1 unread: 1 case")


def test_the_readme_stays_under_two_screens() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 100
    prose = [line for line in lines if not line.startswith(("$ make", "!["))]
    assert [line for line in prose if len(line) > 112] == []
