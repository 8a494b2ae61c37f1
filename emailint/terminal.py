"""What a terminal may be shown of text that strangers wrote, and moments as people read them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

_UNSAFE: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: cursor, colour, clipboard, title
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line and paragraph separators, bidi
    "\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff"  # lone surrogates, which cannot be encoded
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"  # tags and variation selectors
    "]"
)


def terminal_safe(text: str, *, lines: bool = False) -> str:
    r"""The text with whatever could steer a terminal, or hide, as `\x1b`, `\u202e` or `\U000e0041`.

    One line comes out; with `lines` line feeds stay what they are, and tabs become four blanks.
    """
    if lines:
        return "\n".join(terminal_safe(line.expandtabs(4)) for line in text.split("\n"))
    return _UNSAFE.sub(_escape, text)


def local(moment: datetime) -> str:
    """`2026-11-24 13:00:05 -0500`: a moment in the zone of whoever reads it, told of with its offset."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def clip(text: str, length: int) -> str:
    """The text, or its first characters and an ellipsis: never more than `length` characters."""
    return text if len(text) <= length else text[: max(length - 1, 0)] + "…"


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
