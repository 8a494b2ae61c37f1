"""HTML laid out as text: a simpler HTML for inscriptis, and what its text still needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.message import markup

if TYPE_CHECKING:
    from emailint.message.markup import Token

BREAK, QUOTE, UNQUOTE, SPACE = "\ue000", "\ue001", "\ue002", "\ue003"
"""Marks in the text (private use, taken out of the mail first): new line, quotation's ends, fixed blank."""

_LONGEST_CELL = 120
_DEEPEST = 20
_MARKS = {ord(mark): None for mark in (BREAK, QUOTE, UNQUOTE, SPACE)}
_BLOCK = frozenset(
    (  # noqa: SIM905 - names read best as one text
        "div center section article header footer main aside nav address fieldset form dl dt dd figure "
        "figcaption caption tbody thead tfoot table tr td th body hr"
    ).split()
)
_KEPT = frozenset(["ul", "ol", "li", "pre"])
_PARAGRAPH = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6"])
_CELLS = frozenset(["table", "tr", "td", "th"])
_FIXED = re.compile("&nbsp;?|&#160;|&#[xX][aA]0;|\xa0")
_HREF = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.IGNORECASE)
_ALT = re.compile(r"""\balt\s*=\s*(?:"([^"]{1,12})"|'([^']{1,12})')""", re.IGNORECASE)
_LINKED = re.compile(r"\s*(?:https?|ftp|mailto|tel):", re.IGNORECASE)
_PREFORMATTED = re.compile(r"white-space\s*:\s*(?:pre|break-spaces)", re.IGNORECASE)
_CLOSE = re.compile(
    r"class\s*=\s*[\"']?Mso|margin-bottom\s*:\s*0(?![.\d])|margin\s*:\s*0[a-z]{0,2}\s*(?:[;\"'!]|\Z)"
    r"|margin\s*:\s*[^\s;\"']{1,9}\s+[^\s;\"']{1,9}\s+0(?![.\d])",
    re.IGNORECASE,
)
"""Paragraphs of Word and the like, between which there is no blank line unless an empty one makes it."""
_LINK = re.compile(r"\[([^\[\]]{0,1000})\]\(([^()\s]{1,2000})\)")
_BLANKS = re.compile(r"\n{3,}")
_FILLER = re.compile("[ \t\xa0\u00ad\u034f\u200b-\u200f\u2060\u2800\ufeff]+")


def simplify(html: str) -> str:
    """The same text in the few elements that inscriptis lays out well, never deep, tables only of data."""
    html = markup.without_silent(html.translate(_MARKS))
    row = list(markup.tokens(html))
    return _Writer(_data_tables(row)).write(row)


@dataclass(slots=True)
class _Table:
    """What decides whether a table holds data or lays out a page."""

    number: int
    rows: int = 0
    columns: int = 0
    cells: int = 0
    length: int = 0
    data: bool = True


def _data_tables(row: list[Token]) -> set[int]:
    """The numbers, in order of their start, of tables with short cells, several rows and columns."""
    open_tables: list[_Table] = []
    found: set[int] = set()
    count = 0
    for token in row:
        if token.name == "table" and not token.closing:
            for outer in open_tables[-1:]:
                outer.data = False
            open_tables.append(_Table(count))
            count += 1
        elif token.name == "table" and open_tables:
            table = open_tables.pop()
            if table.data and table.rows > 1 and table.columns > 1:
                found.add(table.number)
        elif open_tables:
            _look(open_tables[-1], token)
    return found


def _look(table: _Table, token: Token) -> None:
    if not token.name:
        table.length += len(token.text.strip())
        table.data = table.data and table.length <= _LONGEST_CELL
    elif token.closing:
        return
    elif token.name == "tr":
        table.rows, table.cells = table.rows + 1, 0
    elif token.name in ("td", "th"):
        table.cells, table.length = table.cells + 1, 0
        table.columns = max(table.columns, table.cells)
    elif token.name in ("blockquote", "ul", "ol", "pre"):
        table.data = False


class _Writer:
    """Writes the simpler HTML."""

    def __init__(self, data_tables: set[int]) -> None:
        self.data_tables = data_tables
        self.count = 0
        self.output: list[str] = []
        self.open: list[tuple[str, str]] = []
        self.counts: dict[str, int] = {}
        self.in_data = False

    def write(self, row: list[Token]) -> str:
        """All tokens."""
        for token in row:
            if not token.name:
                self.output.append(_FIXED.sub(SPACE, token.text).replace("<", "&lt;"))
            elif token.closing:
                self._close(token.name)
            else:
                self._start(token)
        while self.open:
            self.output.append(self.open.pop()[1])
        return "".join(self.output)

    def _start(self, token: Token) -> None:
        name = token.name
        if name == "br":
            self.output.append("<br>")
        elif name in markup.VOID:
            self._void(token)
        elif name in _CELLS and self._cell(token):
            return
        else:
            if name == "li" and self.open and self.open[-1][0] == "li":
                self._close("li")
            before, after = self._element(token)
            self.output.append(before)
            self._push(name, after)

    def _push(self, name: str, after: str) -> None:
        self.open.append((name, after))
        self.counts[name] = self.counts.get(name, 0) + 1

    def _void(self, token: Token) -> None:
        if token.name == "hr":
            self.output.append(BREAK)
        elif token.name == "img" and (alt := _ALT.search(token.attributes)):
            text = alt[1] or alt[2]
            self.output.append(text if not text.isascii() else "")

    def _cell(self, token: Token) -> bool:
        """A part of a table of data; False for one that lays out."""
        if token.name == "table":
            self.in_data = self.count in self.data_tables
            self.count += 1
        if self.in_data:
            self.output.append(f"<{token.name}>")
            self._push(token.name, f"</{token.name}>")
        return self.in_data

    def _element(self, token: Token) -> tuple[str, str]:
        """What opens and closes an element."""
        name = token.name
        if name == "a":
            return self._link(token)
        if self.in_data:
            return " ", " "
        if name == "blockquote":
            return BREAK + QUOTE + BREAK, BREAK + UNQUOTE + BREAK
        if name in _PARAGRAPH:
            return (BREAK, BREAK) if _CLOSE.search(token.attributes) else ("<p>", "</p>")
        preformatted = "white-space" in token.attributes and _PREFORMATTED.search(token.attributes)
        if (name in _KEPT or preformatted) and len(self.open) < 500 and self.counts.get(name, 0) < _DEEPEST:
            kept = "pre" if preformatted else name
            return f"<{kept}>", f"</{kept}>"
        return (BREAK, BREAK) if name in _BLOCK else ("", "")

    def _link(self, token: Token) -> tuple[str, str]:
        found = _HREF.search(token.attributes)
        target = (found[1] or found[2] or found[3] or "").strip() if found else ""
        if not _LINKED.match(target) or self.counts.get("a"):
            return "", ""
        return '<a href="' + target[:2000].replace('"', "&quot;") + '">', "</a>"

    def _close(self, name: str) -> None:
        """Close the innermost element of this name, and what was left open inside it."""
        if name in _PARAGRAPH and not self.counts.get(name):
            self.output.append(BREAK)
        if not self.counts.get(name):
            return
        while self.open:
            inner, after = self.open.pop()
            self.counts[inner] -= 1
            self.output.append(after)
            if inner == "table":
                self.in_data = False
            if inner == name:
                return


def tidy(text: str) -> str:
    """The text that inscriptis made: marks carried out, blank lines and trailing blanks cut."""
    text = _LINK.sub(_short_link, _broken(text))
    lines = [_line(line) for line in text.split("\n")]
    return _BLANKS.sub("\n\n", "\n".join(_quoted(lines))).strip("\n")


def _broken(text: str) -> str:
    """Each mark of a new line is a line end, unless the line is empty so far."""
    first, *rest = text.split(BREAK)
    pieces = [first]
    filled = bool(first.rpartition("\n")[2].strip(" "))
    for piece in rest:
        if filled:
            pieces.append("\n")
        pieces.append(piece.removeprefix(" "))
        filled = bool(piece.rpartition("\n")[2].strip(" "))
    return "".join(pieces)


def _line(line: str) -> str:
    line = line.replace(SPACE, " ").replace("\xa0", " ").rstrip()
    return "" if _FILLER.fullmatch(line) else line


def _quoted(lines: list[str]) -> list[str]:
    """Lines between the marks of a quotation begin with `> `, once for each level."""
    level, result = 0, []
    for line in lines:
        mark = line.strip()
        if mark == QUOTE:
            level += 1
        elif mark == UNQUOTE:
            level = max(0, level - 1)
        else:
            bare = line.translate(_MARKS)
            result.append(f"{'>' * min(level, _DEEPEST)} {bare}".rstrip() if level else bare)
    return result


def _short_link(match: re.Match[str]) -> str:
    """A link on one line; one whose text is its own address stands once."""
    text, target = " ".join(match[1].replace(BREAK, " ").split()), match[2]
    bare = target.removeprefix("mailto:").removeprefix("tel:").split("?")[0] if ":" in target else target
    if not text or text.rstrip("/") in (target.rstrip("/"), bare.rstrip("/")):
        shown = target if not text or "//" in target else text
    else:
        shown = f"[{text}]({target})"
    return BREAK + shown + BREAK if BREAK in match[1] else shown
