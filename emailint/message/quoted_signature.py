"""Where the signature of the new text begins."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from emailint.message import quoted_words as words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emailint.message.quoted_marks import Line

DELIMITER: Final = "--"
"""As it looks without its blank (RFC 3676 section 4.3)."""

_SENT_FROM: Final = re.compile(words.SENT_FROM)
_DEVICE: Final = re.compile(rf"{words.DEVICES}|{words.OWN_DEVICE}")
_LINK: Final = re.compile(r"<(?:https?|mailto):[^<>\s]*>")
_SENTENCE: Final = re.compile(words.SENTENCE)
_SIGNATURE_LINES: Final = 30
_WEAK_SIGNATURE_LINES: Final = 8
_LONGEST_IN_SIGNATURE: Final = 100
_SENT_FROM_LINES: Final = 3


def find(lines: Sequence[Line], texts: Sequence[str]) -> int | None:
    """Where the signature of the new text begins: `-- ` (RFC 3676 section 4.3), or "Sent from my phone".

    `texts` are the lines as they stand. None where there is none, or nothing would stay above it.
    """
    first = _after_last_quoted(lines)
    start = _delimited(lines, texts, first)
    if start is None:
        start = _sent_from(lines, first)
    if start is None or not any(line.text for line in lines[:start]):
        return None
    return start


def is_only_signature(lines: Sequence[Line]) -> bool:
    """Whether nothing was written but what a mail program adds by itself."""
    texts = [line.text for line in lines if line.text]
    return texts[:1] == [DELIMITER] or all(is_sent_from(text) for text in texts[: _SENT_FROM_LINES + 1])


def _after_last_quoted(lines: Sequence[Line]) -> int:
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].quoted:
            return index + 1
    return 0


def _delimited(lines: Sequence[Line], texts: Sequence[str], first: int) -> int | None:
    """The first `-- ` with few lines below it; `--` without the blank only when it is the only one."""
    if DELIMITER not in [line.text for line in lines]:
        return None
    strict: int | None = None
    weak: list[int] = []
    below = 0
    longest = 0
    for index in range(len(lines) - 1, first - 1, -1):
        text = lines[index].text
        if text != DELIMITER:
            below += bool(text)
            longest = max(longest, len(text))
        elif texts[index].rstrip("\r").endswith(f"{DELIMITER} "):
            strict = index
        elif below <= _WEAK_SIGNATURE_LINES and longest < _LONGEST_IN_SIGNATURE:
            weak.append(index)
        if below > _SIGNATURE_LINES:
            break
    if strict is None and weak and sum(line.text == DELIMITER for line in lines) == 1:
        return weak[0]
    return strict


def _sent_from(lines: Sequence[Line], first: int) -> int | None:
    start = None
    seen = 0
    for index in range(len(lines) - 1, first - 1, -1):
        text = lines[index].text
        if not text:
            continue
        seen += 1
        if seen > _SENT_FROM_LINES or not is_sent_from(text):
            break
        start = index
    return start


def is_sent_from(text: str) -> bool:
    """Whether a phone or a web mail added this line ("Sent from my iPhone")."""
    if len(text) > 600 or not text[0].isprintable():
        return False
    folded = _LINK.sub("", text).strip("*_-\u2013\u2014<>[]() ").casefold()
    if len(folded) > 120 or _SENT_FROM.match(folded) is None:
        return False
    return _DEVICE.search(folded) is not None and _SENTENCE.search(folded) is None
