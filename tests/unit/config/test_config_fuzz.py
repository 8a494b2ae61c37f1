"""Whatever stands in the file, it ends as a configuration or as problems; never as anything else."""

from __future__ import annotations

import os
import random
import re
from typing import TYPE_CHECKING

import pytest

from emailint.config.load import load
from emailint.config.problems import ConfigProblems
from tests.unit.config.test_config_schema import CONTRACT

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 20_000 if os.environ.get("EMAILINT_SOAK") else 400
ENVIRON = {"PW": "hunter2", "PORT": "993", "BENEFITS_SECRET": "hunter2"}
PIECES = [
    *(
        "{}",
        "[]",
        "~",
        "''",
        "- ",
        ": ",
        "\n",
        "  ",
        "\t",
        "<<: *common",
        "&x ",
        "*x",
        "!!set ",
        "!x",
        "${",
        "${A}",
    ),
    *(
        "$$",
        "|",
        ">",
        "? ",
        "---",
        "...",
        "%",
        "@",
        "`",
        '"',
        "'",
        "#",
        "\\",
        "\x00",
        "\x85",
        "\u2028",
        "ü",
        "0x",
    ),
    *(
        "1e999",
        ".nan",
        "1_0",
        "true",
        "no",
        "9" * 21,
        "-1",
        "2026-99-99",
        "0d",
        "[[[[",
        "}}}}",
        "{a: {b: {c: d}}}",
    ),
    *("!!int x", "!!bool x", "!!float 0x", "{file: x}", "{command: [x]}", "{<<: [*common, *common]}"),
]


def mutated(chance: random.Random) -> str:
    """The contract's configuration with a few things in it gone wrong."""
    text = CONTRACT.replace("env_file: .env\n", "")
    for _ in range(chance.randint(1, 4)):
        lines = text.split("\n")
        place = chance.randrange(len(lines))
        match chance.randrange(6):
            case 0:
                del lines[place]
            case 1:
                lines.insert(place, chance.choice(lines))
            case 2:
                lines[place] = lines[place].split(":")[0] + ": " + chance.choice(PIECES)
            case 3:
                at = chance.randint(0, len(lines[place]))
                lines[place] = lines[place][:at] + chance.choice(PIECES) + lines[place][at:]
            case 4:
                words = re.findall(r"\w+", text)
                lines[place] = lines[place].replace(chance.choice(words), chance.choice(words))
            case _:
                lines[place] = " " * chance.randint(0, 8) + lines[place].strip()
        text = "\n".join(lines)
    return text


def problems(file: Path) -> list[str]:
    """What is told of the file, which may be nothing."""
    try:
        load(file, ENVIRON)
    except ConfigProblems as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.timeout(900)
def test_every_slip_is_a_problem_or_harmless(file: Path) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    refused = 0
    for number in range(ROUNDS):
        text = mutated(chance)
        file.write_bytes(text.encode("utf-8"))
        try:
            told = problems(file)
        except Exception as error:
            error.add_note(f"seed {seed}, round {number}:\n{text}")
            raise
        refused += bool(told)
        assert all("\n" not in problem for problem in told), f"seed {seed}, round {number}"
        assert "hunter2" not in str(told), f"seed {seed}, round {number}"
    assert ROUNDS * 0.3 < refused < ROUNDS
