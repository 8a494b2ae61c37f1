"""HTML as a row of tags and texts: enough to leave out what is hidden and to lay it out as text.

It never builds a tree, so that neither depth nor size matters: one pass, linear time. It does not make HTML
safe; that is nh3's work (`hypertext.clean`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TAG = re.compile(
    r"""<(/?)([A-Za-z][A-Za-z0-9:_-]*)((?:[^<>"']|"[^"<]*"|'[^'<]*')*+)>"""
    r"""|<(/?)([A-Za-z][A-Za-z0-9:_-]*)([^<>]*)>"""
    r"""|<[!?][^<>]*>"""
)
VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "wbr"]
)
_SILENT = re.compile(r"<(script|style|title|xml|template)\b[^<>]*>", re.IGNORECASE)
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|(?<![a-z-])opacity\s*:\s*0(?![.\d])"
    r"|max-height\s*:\s*0(?![.\d])|\shidden(?=[\s/=>]|$)",
    re.IGNORECASE,
)
_HINTS = tuple(
    (word, re.compile(pattern))
    for word, pattern in (
        ("display", r"display\s*:\s*(?i:none)"),
        ("DISPLAY", r"DISPLAY\s*:\s*(?i:none)"),
        ("isibility", r"isibility\s*:\s*(?i:hidden)"),
        ("ISIBILITY", r"ISIBILITY\s*:\s*(?i:hidden)"),
        ("opacity", r"opacity\s*:\s*0"),
        ("max-height", r"max-height\s*:\s*0"),
        ("hidden", r"hidden[\s=>]"),
    )
)
"""Quick searches, without which nothing hides: the expression above takes a hundred times as long."""
_PREHEADER_RULE = re.compile(r"\.pre-?header\b[^{}<>]{0,200}\{[^{}]{0,500}?display\s*:\s*none", re.IGNORECASE)
_PREHEADER = re.compile(r"class\s*=\s*[\"']?[^\"'<>]{0,100}\bpre-?header\b", re.IGNORECASE)
_CLIPPED = re.compile(r"overflow\s*:\s*hidden", re.IGNORECASE)
_WORDS = re.compile(r"\w")


@dataclass(slots=True)
class Token:
    """A tag (`name` in lower case) or a text (`name` is ""), and where it stands."""

    name: str
    closing: bool
    attributes: str
    text: str
    start: int
    end: int


def tokens(html: str) -> Iterator[Token]:
    """Tags and the texts between them, in order."""
    position = 0
    for match in TAG.finditer(html):
        if match.start() > position:
            yield Token("", False, "", html[position : match.start()], position, match.start())
        position = match.end()
        name = match[2] or match[5]
        if name:
            closing = bool(match[1] or match[4])
            yield Token(name.lower(), closing, match[3] or match[6] or "", "", match.start(), position)
    if position < len(html):
        yield Token("", False, "", html[position:], position, len(html))


def without_silent(html: str) -> str:
    """Without comments, scripts, style sheets and titles: what is never shown."""
    html = _drop(html, "<!--", "-->") if "<!--" in html else html
    pieces, position = [], 0
    gone: set[str] = set()
    for match in _SILENT.finditer(html):
        name = match[1].lower()
        if match.start() < position or name in gone:
            continue
        closing = re.compile(f"</{name}\\s*>", re.IGNORECASE).search(html, match.end())
        if closing is None:
            gone.add(name)
            continue
        pieces.append(html[position : match.start()])
        position = closing.end()
    return "".join(pieces) + html[position:]


def _drop(html: str, opening: str, closing: str) -> str:
    pieces, position = [], 0
    while (start := html.find(opening, position)) >= 0:
        end = html.find(closing, start + len(opening))
        if end < 0:
            break
        pieces.append(html[position:start])
        position = end + len(closing)
    return "".join(pieces) + html[position:]


def visible(html: str) -> str:
    """Without the elements whose own style hides them (preheaders); the whole where nothing else is left."""
    preheader = "reheader" in html and _PREHEADER_RULE.search(html) is not None
    if not preheader and not any(word in html and pattern.search(html) for word, pattern in _HINTS):
        return html
    pieces, position, skip = [], 0, _Skip()
    for token in tokens(html):
        if skip.inside:
            if skip.leave(token):
                position = token.end
        elif _hides(token, preheader=preheader):
            pieces.append(html[position : token.start])
            position = token.start
            skip.enter(token)
    rest = "".join(pieces) + ("" if skip.inside else html[position:])
    if skip.inside or not _has_text(rest):
        return html
    return rest


@dataclass(slots=True)
class _Skip:
    """Follows the inside of one hidden element up to its end."""

    name: str = ""
    depth: int = 0
    opened: set[str] = field(default_factory=set)

    @property
    def inside(self) -> bool:
        return self.depth > 0

    def enter(self, token: Token) -> None:
        self.name, self.depth = token.name, 1

    def leave(self, token: Token) -> bool:
        if token.name == self.name:
            self.depth += -1 if token.closing else 1
        return self.depth == 0


def _hides(token: Token, *, preheader: bool) -> bool:
    if not token.name or token.closing or token.name in VOID or token.name in ("html", "body"):
        return False
    if preheader and _PREHEADER.search(token.attributes):
        return True
    match = _HIDING.search(token.attributes)
    if match is None:
        return False
    return not match[0].lower().startswith("max") or _CLIPPED.search(token.attributes) is not None


def _has_text(html: str) -> bool:
    return any(not token.name and _WORDS.search(token.text) for token in tokens(without_silent(html)))


def depth(html: str) -> tuple[int, int]:
    """How deep tags are nested at most, and how many formatting elements are open at once at most."""
    deepest = formatting = most = level = 0
    for token in tokens(html):
        if not token.name or token.name in VOID or token.attributes.endswith("/"):
            continue
        step = -1 if token.closing else 1
        level = max(0, level + step)
        deepest = max(deepest, level)
        if token.name in _FORMATTING:
            formatting = max(0, formatting + step)
            most = max(most, formatting)
    return deepest, most


_FORMATTING = frozenset(
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"]
)
