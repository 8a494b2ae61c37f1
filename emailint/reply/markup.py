"""Which HTML of a reply Gmail, Outlook and Apple Mail all show; docs/reference/templates.md says why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

ELEMENTS: Final = frozenset(
    (  # noqa: SIM905 - names read best as one text
        "a b body br div em h1 h2 h3 head hr html i li meta ol p small span strong style table tbody "
        "td th title tr u ul"
    ).split()
)
VOID: Final = frozenset({"br", "hr", "meta"})
ATTRIBUTES: Final = frozenset(
    (  # noqa: SIM905 - as above
        "align bgcolor border cellpadding cellspacing charset class colspan content dir height href "
        "lang name role rowspan style title valign width"
    ).split()
)
PROPERTIES: Final = frozenset(
    (  # noqa: SIM905 - as above
        "background-color border border-bottom border-collapse border-color border-left border-right "
        "border-top color color-scheme direction font-family font-size font-style font-weight height "
        "letter-spacing line-height list-style-type margin margin-bottom margin-left margin-right "
        "margin-top max-width padding padding-bottom padding-left padding-right padding-top "
        "supported-color-schemes text-align text-decoration vertical-align white-space width"
    ).split()
)
LINKS: Final = ("https://", "http://", "mailto:", "tel:")

_MARK: Final = re.compile("\ue000([^\ue000\ue001]*)\ue001")
_REMOTE: Final = re.compile(r"url\s*\(|@import|@font-face", re.IGNORECASE)
_DECLARED: Final = re.compile(r"(?:^|[{;])\s*([a-zA-Z-]+)\s*:")
_CONDITION: Final = re.compile(r"@media[^{]*\{")


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with the HTML. `place` is `file:line` of the template, "" where it is not known."""

    place: str
    what: str


def flaws(marked: str) -> tuple[Flaw, ...]:
    """All that is wrong with HTML in which each tag follows the mark of its place, each once, in order."""
    reading = _Reading(marked)
    return tuple(dict.fromkeys(reading.found))


class _Reading(HTMLParser):
    """Reads tags, with the places where they stand in the templates."""

    def __init__(self, marked: str) -> None:
        super().__init__()
        self.found: list[Flaw] = []
        self._open: list[tuple[str, str]] = []
        self._places: dict[tuple[int, int], str] = {}
        self._place = ""
        self.feed(self._unmarked(marked))
        self.close()
        self.found += [Flaw(place, f"<{tag}> is not closed") for tag, place in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._here()
        if tag not in ELEMENTS:
            self._say(f"<{tag}> is an element that not every mail program shows")
        if tag not in VOID:
            self._open.append((tag, self._place))
        for name, value in attrs:
            self._attribute(tag, name, value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        self._here()
        if tag in VOID or tag not in {each for each, _ in self._open}:
            self._say(f"</{tag}> closes nothing")
            return
        while (top := self._open.pop())[0] != tag:
            self.found.append(Flaw(top[1], f"<{top[0]}> is not closed before </{tag}>"))

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][0] == "style":
            self._css(_CONDITION.sub("", data))

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name not in ATTRIBUTES:
            self._say(f"<{tag} {name}=…> is an attribute that not every mail program keeps")
        elif name == "href" and not value.strip().lower().startswith(LINKS):
            self._say(f"<{tag} href=…> leads to no https, mailto or tel address")
        elif name == "style":
            self._css(value)

    def _css(self, text: str) -> None:
        if _REMOTE.search(text):
            self._say("CSS names something remote, which is not loaded or tells the sender who reads")
        for name in _DECLARED.findall(text):
            if name.lower() not in PROPERTIES:
                self._say(f"the CSS property {name!r} is not one that all mail programs know")

    def _say(self, what: str) -> None:
        self.found.append(Flaw(self._place, what))

    def _here(self) -> None:
        self._place = self._places.get(self.getpos(), self._place)

    def _unmarked(self, marked: str) -> str:
        """Without the marks, whose places are kept by line and column."""
        pieces = _MARK.split(marked)
        line, column = 1, 0
        for number, piece in enumerate(pieces):
            if number % 2:
                self._places[line, column] = piece
                continue
            line += piece.count("\n")
            column = len(piece) - piece.rfind("\n") - 1 if "\n" in piece else column + len(piece)
        return "".join(pieces[::2])
