"""format=flowed undone (RFC 3676): lines that a mail program broke become paragraphs again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE = "-- "
_AT_A_TIME = 10_000


def unflow(text: str, *, delsp: bool = False) -> str:
    """`text` (lines end in LF) with its soft line breaks taken out; quotations keep their depth.

    `delsp` is the parameter DelSp=yes: the blank before a soft break is not part of the text. Linear time,
    and memory for the text alone, not for each of its lines.
    """
    whole = f"\n{text}\n"
    if not any(mark in whole for mark in (" \n", "\n ", "\n>")):
        return text
    stretches: list[str] = []
    pieces: list[str] = []
    open_depth = -1
    for line in _lines(text):
        depth, content = _unquoted(line)
        signature = content == SIGNATURE
        if depth != open_depth or signature:
            pieces.append(f"\n{'>' * depth} " if depth else "\n")
        soft = content.endswith(" ") and not signature
        pieces.append(content[:-1] if soft and delsp else content)
        open_depth = depth if soft else -1
        if len(pieces) > _AT_A_TIME:
            stretches.append("".join(pieces))
            pieces = []
    return "".join((*stretches, *pieces)).removeprefix("\n")


def _lines(text: str) -> Iterator[str]:
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def _unquoted(line: str) -> tuple[int, str]:
    """Quote depth and content, without the blank that stuffing added (section 4.4).

    The blank stays before a `>` that is text: nothing else tells it from a quotation's.
    """
    content = line.lstrip(">")
    return len(line) - len(content), content if content.startswith(" >") else content.removeprefix(" ")
