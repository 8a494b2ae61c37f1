"""Where quoted history begins and ends among the lines of a mail; it decides to cut only when sure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from emailint.message import quoted_marks as marks
from emailint.message import quoted_signature as signature
from emailint.message import quoted_words as words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emailint.message.quoted_marks import Line


class History(NamedTuple):
    """The lines `start` to `end` (not itself) are history; `forwarded`: the mail passes another one on."""

    start: int
    end: int
    forwarded: bool = False


_FORWARDED: Final = History(0, 0, forwarded=True)
_NOTHING: Final = History(0, 0)

_FOOTER: Final = re.compile(words.FOOTERS)
_INLINE: Final = re.compile(words.INLINE_HINTS)
_MOST_LOOKED_AT: Final = 10_000
_MOST_READ: Final = 500
_HINTS_WITHIN: Final = 20_000
_FOOTER_LINES: Final = 30
_FOOTER_OCTETS: Final = 1_500
_FOOTER_WITHIN: Final = 100


def find(lines: Sequence[Line], answers: bool | None = None) -> History | None:
    """The history, or None where there is none, or where answers stand in it, or where it is not sure.

    Linear in the number of lines. Never cuts when nothing would stay, when a forwarded mail comes first,
    when text is found between or below quoted lines (answers), or when the new text says that there are
    answers inside history that bears no quote signs. `answers` False: the mail is the first of its thread,
    so that lines like those of a mail's header, or like a reply line, above text without quote signs are
    what somebody wrote now, or what a web form sends.
    """
    found = _Scan(lines, first=answers is False).history()
    if found is None or found.forwarded or any(line.text for line in lines[found.end :]):
        return found
    return None if signature.is_only_signature(lines[: found.start]) else found


class _Scan:
    """One walk from the top to the first mark that decides."""

    def __init__(self, lines: Sequence[Line], *, first: bool = False) -> None:
        self.lines = lines
        self.first = first  # of its thread
        self.looks = _MOST_LOOKED_AT
        self.budget = _MOST_READ
        self.written = 0  # lines of new text so far
        self.quote_from: int | None = None  # where history with quote signs begins
        self.led = False  # a reply line leads it
        self.interrupted = False  # new text came after it
        self.footer = False  # what came after it is but a signature

    def history(self) -> History | None:
        index = self._beginning()
        decided: History | None = None
        while index < len(self.lines) and decided is None:
            line = self.lines[index]
            if line.quoted:
                decided = self._quote_begins(index)
                index += 1
            elif line.opens or (line.text and marks.may_open(line.text)):
                decided, index = self._marked(index)
            else:
                if line.text:
                    self._text(index)
                index += 1
        if decided is None:
            return self._quoted()
        return decided if decided.forwarded or decided.start < decided.end else None

    def _beginning(self) -> int:
        """Pass over what stands before the first line that may be a mark: all of most mails."""
        for index, line in enumerate(self.lines):
            text = line.text
            if line.quoted or line.opens or (text and marks.may_open(text)):
                return index
            if text:
                self.written += 1
        return len(self.lines)

    def _marked(self, index: int) -> tuple[History | None, int]:
        """What a line decides that may be a mark, and where to read on."""
        if self.quote_from is None and marks.is_forward(self.lines[index].text):
            return _FORWARDED, index
        opening = self._opening(index)
        if opening is None:
            self._text(index)
            return None, index + 1
        start, body = opening
        if body < len(self.lines) and self.lines[body].quoted:
            self._quote_from(start, led=True)
            return None, body
        return self._rest(start), body

    def _text(self, index: int) -> None:
        if self.quote_from is None:
            self.written += 1
        elif not self.interrupted and not self.footer:
            self.footer = self._is_footer(index)
            self.interrupted = not self.footer

    def _quote_begins(self, index: int) -> History | None:
        """Note where quote signs begin; unless it is a mail that is passed on, not one that is answered."""
        if self.quote_from is not None:
            return None
        before = self._text_before(index)
        start = None if before is None else self._reply_line(before, before_quote=True)
        if start is None:
            if marks.is_forward(self.lines[index].text):
                return _FORWARDED
            announced = before is not None and self.lines[before].text.endswith(":")
            self.interrupted = announced and not marks.is_marker(self.lines, index)
            self._quote_from(index, led=self._reply_line(index, before_quote=True) is not None)
        else:
            self.written -= sum(1 for line in self.lines[start:index] if line.text)
            self._quote_from(start, led=True)
        return None

    def _quote_from(self, start: int, *, led: bool) -> None:
        if self.quote_from is None:
            self.quote_from = start
            self.led = led

    def _text_before(self, index: int) -> int | None:
        """The last line that is not blank among the few above."""
        for position in range(index - 1, max(index - 4, -1), -1):
            if self.lines[position].text:
                return None if self.lines[position].quoted else position
        return None

    def _text_after(self, index: int) -> int:
        while index < len(self.lines) and not self.lines[index].text:
            index += 1
        return index

    def _reply_line(self, last: int, *, before_quote: bool) -> int | None:
        if self.budget <= 0:
            return None
        self.budget -= 1
        return marks.reply_line(self.lines, last, before_quote=before_quote)

    def _opening(self, index: int) -> tuple[int, int] | None:
        """Where history begins whose lines need no quote signs, and where its own text begins."""
        line = self.lines[index]
        self.looks -= 1
        if self.looks < 0 and not line.opens:
            return None
        if line.opens or marks.is_marker(self.lines, index):
            return index, index + 1
        if marks.is_original(line.text):
            block = self._text_after(index + 1)
            end = self._header_block(block, announced=True)
            return index, self._text_after(end if end is not None else index + 1)
        return None if self.first else self._opening_by_words(index)

    def _opening_by_words(self, index: int) -> tuple[int, int] | None:
        """The same, where people may write the like themselves: a header block or a reply line."""
        line = self.lines[index]
        block = self._text_after(index + 1) if marks.is_rule(line.text) else index
        end = self._header_block(block, announced=block != index)
        if end is not None:
            return index, self._text_after(end)
        if line.text[-1] in ":\uff1a*_":
            start = self._reply_line(index, before_quote=False)
            if start is not None:
                self.written -= sum(1 for earlier in self.lines[start:index] if earlier.text)
                return start, self._text_after(index + 1)
        return None

    def _header_block(self, index: int, *, announced: bool) -> int | None:
        if self.budget <= 0 or index >= len(self.lines) or marks.field(self.lines[index].text) is None:
            return None
        self.budget -= 1
        return marks.header_block(self.lines, index, announced=announced)

    def _rest(self, start: int) -> History:
        """Everything from `start` on is history, and quoted lines right above it belong to it."""
        if self.quote_from is not None and not self.interrupted:
            start = self.quote_from
        above = self.lines[:start]
        if not any(line.text for line in above) or (self.quote_from == start and not self.written):
            return _NOTHING
        return _NOTHING if self._says_inline(above) else History(start, len(self.lines))

    def _says_inline(self, above: Sequence[Line]) -> bool:
        text = "\n".join(line.text for line in above if not line.quoted)[:_HINTS_WITHIN]
        return _INLINE.search(text.casefold()) is not None

    def _quoted(self) -> History | None:
        """History with quote signs to the end of the mail, or at its very top with one answer below."""
        if self.quote_from is None:
            return None
        end = max((index for index, line in enumerate(self.lines) if line.quoted), default=-1) + 1
        if not self.interrupted:
            return History(self.quote_from, max(end, self.quote_from)) if self.written else None
        if self.written or not self.led or not self._answered_below(end):
            return None
        return History(self.quote_from, end)

    def _answered_below(self, end: int) -> bool:
        """Whether all quoted lines are in one run, and a blank line parts them from the text below."""
        assert self.quote_from is not None  # noqa: S101 - the caller has seen to it
        first = next((index for index in range(self.quote_from, end) if self.lines[index].quoted), end)
        unbroken = all(line.quoted or not line.text for line in self.lines[first:end])
        return unbroken and end < len(self.lines) and not self.lines[end].text

    def _is_footer(self, index: int) -> bool:
        """Whether only a signature or a list's footer stands from here on."""
        text = self.lines[index].text
        drawn = text == signature.DELIMITER or (marks.is_rule(text) and len(text) >= 20)
        if not drawn and not signature.is_sent_from(text) and not self._is_legal_notice(index):
            return False
        rest = self.lines[index : index + _FOOTER_WITHIN]
        below = [line for line in rest if line.text]
        whole = index + _FOOTER_WITHIN > len(self.lines)
        return whole and len(below) <= _FOOTER_LINES and not any(line.quoted for line in below)

    def _is_legal_notice(self, index: int) -> bool:
        """Whether the paragraph is one that mail systems add below everybody's mail."""
        paragraph: list[str] = []
        for line in self.lines[index : index + _FOOTER_LINES]:
            if not line.text:
                break
            paragraph.append(line.text)
        return _FOOTER.search(" ".join(paragraph)[:_FOOTER_OCTETS].casefold()) is not None
