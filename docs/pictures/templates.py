# ruff: noqa: INP001 - a program by itself, and no part of a package
"""Draws each built-in reply with headless Chromium: `PYTHONPATH=. python docs/pictures/templates.py`.

Four pictures a template: a desk's screen and a telephone's, light and dark. Beside them stands the digest of
the HTML that was drawn, which a test compares with what the templates make now.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from emailint.message.quoted import MARKER
from emailint.reply.render import preview
from emailint.templating import Templates

FOLDER: Final = Path(__file__).parent
DIGESTS: Final = FOLDER / "templates.sha256"
SCREENS: Final = (("desktop", 800, 620), ("phone", 500, 720))


def pages() -> dict[str, str]:
    """The HTML of each built-in reply to the sample."""
    templates = Templates(None)
    return {name: preview(templates, name, marker=MARKER).html for name in templates.names()}


def digests() -> str:
    """A line a template, as `sha256sum` writes it."""
    made = {name: hashlib.sha256(html.encode()).hexdigest() for name, html in pages().items()}
    return "".join(f"{digest}  {name}\n" for name, digest in made.items())


def names() -> list[str]:
    """The files of the pictures."""
    return [
        f"{name}-{screen}-{shade}.png"
        for name in pages()
        for screen, _, _ in SCREENS
        for shade in ("light", "dark")
    ]


def draw(chromium: str) -> None:
    """All pictures, then the digests. Raises CalledProcessError when Chromium fails."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, html in pages().items():
            page = Path(scratch) / f"{name}.html"
            page.write_text(html, encoding="utf-8")
            for screen, width, height in SCREENS:
                for shade in ("light", "dark"):
                    dark = ["--blink-settings=preferredColorScheme=0"] if shade == "dark" else []
                    target = FOLDER / f"{name}-{screen}-{shade}.png"
                    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
                    command += [
                        *dark,
                        f"--user-data-dir={scratch}/profile",
                        f"--window-size={width},{height}",
                    ]
                    command += [f"--screenshot={target}", page.as_uri()]
                    subprocess.run(command, check=True, timeout=60, capture_output=True)
    DIGESTS.write_text(digests(), encoding="utf-8")


if __name__ == "__main__":
    found = shutil.which("chromium")
    if found is None:
        sys.exit("chromium is not installed (Debian: apt-get install chromium)")
    draw(found)
