"""Text that other programs can take: one line where one line is meant, and no lone surrogates."""

from __future__ import annotations

import io
import re

_BREAKING = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_DELETED = {0x00: None, 0xFEFF: None}


def one_line(text: str) -> str:
    """`text` on one line: every run of blanks, line breaks and control characters is one blank.

    Line breaks are all that any library takes for one: CR, LF, VT, FF, FS, GS, RS, U+0085, U+2028,
    U+2029. A header made of the result cannot hold a second header (RFC 5322 section 2.2).
    """
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return _BREAKING.sub(" ", without_surrogates(text)).strip()


def lines(text: str) -> str:
    """`text` with only `\\n` as line end, without NUL and byte-order marks."""
    if "\r" in text:
        text = io.IncrementalNewlineDecoder(None, translate=True).decode(text, final=True)
    return text.translate(_DELETED) if "\0" in text or "\ufeff" in text else text


def without_surrogates(text: str) -> str:
    """`text` with U+FFFD for each lone surrogate, so that UTF-8 can be made of it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
