"""What mkdocs is told beyond its file: where each page stands, and that no page fetches anything from elsewhere."""

from __future__ import annotations

import logging
import re
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol

Nav = list[Any]

SECTIONS: Final = {
    "how-to": "How to", "reference": "Reference", "guarantees": "Guarantees", "decisions": "Decisions",
}  # fmt: skip
AT_TOP: Final = {"guarantees.md": "Guarantees"}
APART: Final = ("site", "man")

_log = logging.getLogger("mkdocs.hooks.navigation")
_FETCHED: Final = re.compile(
    r"""<(?:script|img|iframe|source|video|object|embed)\b[^>]*\b(?:src|data)=["']?(?:https?:)?//[^"'\s>]+"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|preload|icon|preconnect))[^>]*\bhref=["']?(?:https?:)?//[^"'\s>]+""",
    re.IGNORECASE,
)


class Config(Protocol):
    """What is used of mkdocs' configuration."""

    docs_dir: str
    nav: Nav | None


class Files(Protocol):
    """What is used of mkdocs' page."""

    file: Any


def on_config(config: Config) -> Config:
    """Put each page that the file does not name at the end of its folder's section."""
    config.nav = completed(config.nav or [], pages(Path(config.docs_dir)))
    return config


def on_post_page(output: str, *, page: Files, **_: object) -> str:
    """Warn, which fails a strict build, of whatever a reader's browser would fetch from another host."""
    for found in fetched(output):
        _log.warning("%s fetches from elsewhere: %s", page.file.src_uri, found)
    return output


def pages(folder: Path) -> list[str]:
    """All pages below the folder, by path, without what is no page of the site."""
    found = (path.relative_to(folder) for path in folder.rglob("*.md"))
    return sorted(path.as_posix() for path in found if path.parts[0] not in APART)


def completed(nav: Nav, found: list[str]) -> Nav:
    """The navigation with every page in it; sections that hold none are left out."""
    named = set(_leaves(nav))
    made = [*nav]
    for page in found:
        if page in named:
            continue
        title = AT_TOP.get(page) or SECTIONS.get(PurePosixPath(page).parts[0])
        section = next((each[title] for each in made if isinstance(each, dict) and title in each), None)
        if section is None:
            made.append(page)
        else:
            section.append(page)
    return [each for each in made if not isinstance(each, dict) or any(each.values())]


def fetched(html: str) -> list[str]:
    """What a browser would fetch from another host."""
    return [match[0] for match in _FETCHED.finditer(html)]


def _leaves(nav: Nav) -> list[str]:
    found: list[str] = []
    for each in nav:
        if isinstance(each, str):
            found.append(each)
        else:
            for below in each.values():
                found += [below] if isinstance(below, str) else _leaves(below)
    return found
