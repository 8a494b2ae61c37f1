"""HTML as lines with their places, so that history is found in it as in text, before tags are lost."""

from __future__ import annotations

import html as entities
import re
from typing import Final

from emailint.message import quoted_marks as marks
from emailint.message.quoted_marks import Line

_BLOCKS: Final = (
    "address|article|blockquote|body|br|center|dd|div|dl|dt|fieldset|figure|footer|form|h[1-6]|header|hr|html|li|"
    "main|nav|ol|p|pre|section|style|script|table|tbody|title|tr|ul"
)
# Tag names and attributes are matched possessively: without that, `<aaaa…` takes quadratic time.
_TAG: Final = re.compile(
    rf"<!--|<(/?)((?:{_BLOCKS})(?![\w:-])|span(?=[^<>]{{1,200}}OLK_SRC_BODY_SECTION))([^<>]*+)>",
    re.IGNORECASE,
)
_ANY_TAG: Final = re.compile(r"<[a-zA-Z/!?][^<>]*+>")
_CELL: Final = re.compile(r"</?t[dh]\b[^<>]*+>", re.IGNORECASE)
_PICTURE: Final = re.compile(r"<(?:img|video|object)\b", re.IGNORECASE)
_SKIPPED: Final = {
    name: re.compile(closing, re.IGNORECASE)
    for name, closing in (("style", "</style"), ("script", "</script"), ("title", "</title"), ("!--", "-->"))
}
_OBJECT: Final = "\ufffc"
"""Stands for a picture, so that one that is sent as the whole answer is seen to be there."""

_LONGEST: Final = 1_000
_MOST_BLOCKQUOTES: Final = 100
_MOST_LINES: Final = 30_000

_QUOTED_BLOCK: Final = re.compile(
    r"\btype\s*=\s*[\"']?cite\b|\bcite\s*=|isreplycontent|border-left|"
    r"\bclass\s*=\s*[\"']?[^\"'>]*(?:quote|zmail_extra|clean_bq|replied|cite)",
    re.IGNORECASE,
)
_QUOTED_DIVISION: Final = re.compile(
    r"\bclass\s*=\s*[\"']?[^\"'>]*(?:gmail_attr|moz-cite-prefix|yahoo_quoted|airmail_on|"
    r"ms-outlook-mobile-reference-message)|"
    r"\bid\s*=\s*[\"']?(?:yahoo_quoted|isreplycontent|mail-editor-reference-message-container)|"
    r"\bname\s*=\s*[\"']?(?:quote|quoted-content|messagereplysection)\b|__QUOTED_TEXT__",
    re.IGNORECASE,
)
_OPENS: Final = re.compile(
    r"\bid\s*=\s*[\"']?(?:x_)*(?:divrplyfwdmsg|appendonsend|stopspelling|zwchr|olk_src_body_section)\b|"
    r"\bclass\s*=\s*[\"']?outlookmessageheader|__DIVIDER__",
    re.IGNORECASE,
)


def lines(html: str) -> tuple[list[Line], list[int]]:
    """The lines that a reader sees, and where in `html` each begins, its opening tags included.

    Blocks are parted by one blank line. Linear time; whatever is no tag is text. None of more than
    30,000 lines are read, since such a mail is no letter.
    """
    reading = _Reading(html)
    reading.read()
    return ([], []) if len(reading.lines) > _MOST_LINES else (reading.lines, reading.starts)


class _Reading:
    """One pass over the tags that break lines; the others are taken out of the text between them."""

    def __init__(self, html: str) -> None:
        self.html = html
        self.lines: list[Line] = []
        self.starts: list[int] = []
        self.pieces: list[str] = []  # text of the line that is being read
        self.start: int | None = None  # where its opening tags begin
        self.container = ""  # the element that holds quoted mail
        self.depth = 0
        self.preformatted = 0
        self.opens = False
        self.blockquotes = _MOST_BLOCKQUOTES
        self.endless: set[str] = set()  # what was opened and is never closed, so that it is looked for once

    def read(self) -> None:
        position = 0
        for match in _TAG.finditer(self.html):
            if match.start() < position:
                continue
            if len(self.lines) > _MOST_LINES:
                return
            self._text(position, match.start())
            name = (match[2] or "!--").lower()
            if name in _SKIPPED:
                position = match.end() if match[1] else self._end_of(name, match.end())
            else:
                position = match.end()
                self._tag(name, bool(match[1]), match)
        self._text(position, len(self.html))
        self._end_line()

    def _end_of(self, name: str, position: int) -> int:
        """Where a comment, style or script ends; at once, when it never does."""
        if name in self.endless:
            return position
        match = _SKIPPED[name].search(self.html, position)
        if match is None:
            self.endless.add(name)
            return position
        return match.end()

    def _tag(self, name: str, closing: bool, match: re.Match[str]) -> None:
        self._end_line()
        if name != "br":
            self._blank_line(match.end() if closing else match.start())
        if name == "pre":
            self.preformatted = max(self.preformatted + (-1 if closing else 1), 0)
        if name == self.container:
            self.depth += -1 if closing else 1
            if not self.depth:
                self.container = ""
                self.starts[-1:] = (
                    [match.end()] if self.lines and not self.lines[-1].text else self.starts[-1:]
                )
        elif not closing:
            self._opening(name, match[3][:_LONGEST])
        if not closing and name != "br" and self.start is None:
            self.start = match.start()

    def _opening(self, name: str, attributes: str) -> None:
        if self.container:
            return
        if _OPENS.search(attributes):
            self.opens = True
        elif self._holds_quoted(name, attributes):
            self.container = name
            self.depth = 1

    def _holds_quoted(self, name: str, attributes: str) -> bool:
        if name == "blockquote":
            return _QUOTED_BLOCK.search(attributes) is not None or self._follows_reply_line()
        return (
            name in {"div", "section"}
            and bool(attributes)
            and _QUOTED_DIVISION.search(attributes) is not None
        )

    def _follows_reply_line(self) -> bool:
        """Whether a blockquote without a mark of its own comes right below "On … wrote:"."""
        last = len(self.lines) - 1
        while last >= 0 and not self.lines[last].text:
            last -= 1
        self.blockquotes -= 1
        if last < 0 or self.blockquotes < 0 or self.lines[last].quoted:
            return False
        return marks.reply_line(self.lines, last, before_quote=True) is not None

    def _text(self, start: int, end: int) -> None:
        raw = self.html[start:end]
        if not self.preformatted or "\n" not in raw:
            self._piece(raw, start)
            return
        for number, piece in enumerate(raw.split("\n")):
            if number:
                self._end_line()
                if len(self.lines) > _MOST_LINES:
                    return
            self._piece(piece, start)
            start += len(piece) + 1

    def _piece(self, raw: str, position: int) -> None:
        if not raw or raw.isspace():
            return
        text = _without_tags(raw) if "<" in raw else raw
        if not text or text.isspace():
            if not _PICTURE.search(raw):
                return
            text = _OBJECT
        text = text[: 2 * _LONGEST]
        self.pieces.append(entities.unescape(text) if "&" in text else text)
        if self.start is None:
            self.start = position + len(raw) - len(raw.lstrip())

    def _end_line(self) -> None:
        if not self.pieces:
            return
        line = marks.line_of(" ".join(" ".join(self.pieces).split())[:_LONGEST])
        self.pieces.clear()
        if line.text:
            self.lines.append(Line(line.text, line.quoted or bool(self.container), self.opens))
            self.starts.append(self.start or 0)
            self.start = None
            self.opens = False

    def _blank_line(self, position: int) -> None:
        if self.lines and self.lines[-1].text:
            self.lines.append(Line(""))
            self.starts.append(position)


def _without_tags(raw: str) -> str:
    """Tags within a line vanish; cells of a table part words."""
    if "<t" in raw or "</t" in raw or "<T" in raw or "</T" in raw:
        raw = _CELL.sub(" ", raw)
    return _ANY_TAG.sub("", raw)
