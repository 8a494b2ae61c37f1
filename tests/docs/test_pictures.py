"""The pictures of the command on a terminal are of today's program: `make pictures` makes them anew."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"


def shown(folder: Path) -> dict[str, str]:
    """The text of each picture: how it is drawn may differ with the version of rich."""
    return {
        path.name: unescape("".join(re.findall(r">([^<>]*)</text>", path.read_text(encoding="utf-8"))))
        for path in folder.glob("*.svg")
    }


def test_the_pictures_are_up_to_date(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(FOLDER / "make.py"), str(tmp_path)], check=True, timeout=100)
    made, kept = shown(tmp_path), shown(FOLDER)
    assert set(made) == {"process.svg", "list-errors.svg", "status.svg", "test-connection.svg"}
    assert [name for name in made if made[name] != kept.get(name)] == [], "run make pictures"


def test_each_picture_of_the_command_and_each_template_is_shown_on_a_page() -> None:
    root = FOLDER.parents[1]
    pages = "".join(
        page.read_text(encoding="utf-8") for page in (root / "README.md", *root.glob("docs/**/*.md"))
    )
    seen = set(re.findall(r"!\[[^]]+\]\([^)]*pictures/([^)]+)\)", pages))
    assert {path.name for path in FOLDER.glob("*.svg")} <= seen
    kinds = r"-(?:desktop|phone)-(?:dark|light)\.png"
    drawn = {re.sub(kinds, "", path.name) for path in FOLDER.glob("*.png")}
    assert drawn == {re.sub(kinds, "", name) for name in seen if name.endswith(".png")}
