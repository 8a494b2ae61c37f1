"""The pictures of the built-in replies are of the HTML that the templates make now."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def drawing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("template_pictures", PICTURES / "templates.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pictures_are_of_todays_templates() -> None:
    said = (PICTURES / "templates.sha256").read_text(encoding="utf-8")
    assert said == drawing().digests(), "draw them again: PYTHONPATH=. python docs/pictures/templates.py"


def test_each_picture_is_there_and_no_other() -> None:
    assert {file.name for file in PICTURES.glob("*.png")} == set(drawing().names())
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in PICTURES.glob("*.png"))


def test_make_pictures_makes_all_of_them() -> None:
    makefile = (PICTURES.parents[1] / "Makefile").read_text(encoding="utf-8")
    _, _, below = makefile.partition("\npictures:")
    recipe = [line for line in below.split("\n\n")[0].splitlines() if line.startswith("\t")]
    scripts = [
        script for script in PICTURES.glob("*.py") if f"docs/pictures/{script.name}" in "\n".join(recipe)
    ]
    assert {script.name for script in scripts} == {"make.py", "templates.py"}
