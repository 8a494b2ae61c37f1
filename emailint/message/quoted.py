"""New text and quoted history: what the sender wrote now, and what was there before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emailint.message import quoted_history, quoted_html, quoted_signature
from emailint.message import quoted_words as words
from emailint.message.automatic_words import PERSONAL_PREFIXES
from emailint.message.quoted_marks import MARKER, line_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emailint.message.quoted_marks import Line

__all__ = ["MARKER", "Split", "is_answer", "is_forward", "split_html", "split_signature", "split_text"]

_SUBJECT: Final = re.compile(
    r"(?:\s*\[[^\]]{0,60}\])*\s*([^\W\d_][\w ]{0,15}?)\s*(?:\[\d+\]|\(\d+\))?\s*[:\uff1a]"
)


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of a text. Every line that is not blank is in exactly one of them, in the order of the text.

    `new` is what was written now, `quoted` the history, `signature` what stands from `-- ` on, or what
    a phone added ("Sent from my iPhone"); None when there is none.
    """

    new: str
    quoted: str = ""
    signature: str | None = None

    @property
    def apart(self) -> str:
        """All that is not new, as a record keeps it: the signature first, then the history."""
        return "\n\n".join(text for text in (self.signature, self.quoted) if text)


def split_text(text: str, subject: str = "", answers: bool | None = None) -> Split:
    """Part plain text in new text, history and signature, in linear time.

    Whatever is not surely history stays in `new`: answers between quoted lines, a forwarded mail (by its
    own mark, or by `subject`, where Outlook leaves no other), a mail that has no new text at all. `answers`:
    whether the mail answers another one, by its subject (`is_answer`) or by references; None: not known. In
    one that does not, fields like those of a web form, and words like those of a reply line, are new text.
    """
    texts = text.split("\n")
    lines = [line_of(each) for each in texts]
    forward = is_forward(subject)
    history = None if forward else quoted_history.find(lines, answers)
    if forward or (history is not None and history.forwarded):
        return Split(_joined(texts))
    if history is None:
        return _signed(texts, lines)
    return _parted(texts, lines, history)


def split_signature(text: str) -> Split:
    """Part a text, from which the history is gone already, in new text and signature."""
    texts = text.split("\n")
    return _signed(texts, [line_of(each) for each in texts])


def split_html(html: str, subject: str = "", answers: bool | None = None) -> tuple[str, str]:
    """Part HTML in what is new and what is history, by the marks of mail programs, in linear time.

    The two together are `html`, to the letter; each may have tags that are not closed. What is said of
    `split_text` holds. Signatures stay in the new part: make text of it and give that to
    `split_signature`, not to `split_text`, which does not see the marks any more. Never raises.
    """
    if is_forward(subject):
        return html, ""
    lines, starts = quoted_html.lines(html)
    history = quoted_history.find(lines, answers)
    if history is None or history.forwarded or history.start == history.end:
        return html, ""
    start = starts[history.start]
    end = starts[history.end] if history.end < len(starts) else len(html)
    return html[:start] + html[end:], html[start:end]


def is_forward(subject: str) -> bool:
    """Whether the subject says that the mail passes another one on (`Fwd:`, `WG:`, `TR:` and so on)."""
    match = _SUBJECT.match(subject)
    return match is not None and match[1].casefold() in words.FORWARD_SUBJECTS


def is_answer(subject: str) -> bool:
    """Whether the subject says that the mail answers another one (`Re:`, `AW:`, `SV:` and so on)."""
    match = _SUBJECT.match(subject)
    return match is not None and match[1].casefold() in PERSONAL_PREFIXES


def _parted(texts: Sequence[str], lines: Sequence[Line], history: quoted_history.History) -> Split:
    above, below = slice(0, history.start), slice(history.end, None)
    quoted = _joined(texts[history.start : history.end])
    if not any(line.text for line in lines[above]):
        answer = _signed(texts[below], lines[below])
        return Split(answer.new, quoted, answer.signature)
    head = _signed(texts[above], lines[above])
    footer = _joined(texts[below])
    signature = "\n".join(part for part in (head.signature, footer) if part)
    return Split(head.new, quoted, signature or None)


def _signed(texts: Sequence[str], lines: Sequence[Line]) -> Split:
    start = quoted_signature.find(lines, texts)
    if start is None:
        return Split(_joined(texts))
    return Split(_joined(texts[:start]), signature=_joined(texts[start:]))


def _joined(texts: Sequence[str]) -> str:
    """The lines as one text without blank lines at its ends."""
    start, end = 0, len(texts)
    while start < end and not texts[start].strip():
        start += 1
    while end > start and not texts[end - 1].strip():
        end -= 1
    return "\n".join(texts[start:end])
