"""format=flowed undone (RFC 3676): lines that a mail program broke become paragraphs again."""

from __future__ import annotations

SIGNATURE = "-- "


def unflow(text: str, *, delsp: bool = False) -> str:
    """`text` (lines end in LF) with its soft line breaks taken out; quotations keep their depth.

    `delsp` is the parameter DelSp=yes: the blank before a soft break is not part of the text.
    """
    result: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        depth, content = _unquoted(line)
        if depth == open_depth and content != SIGNATURE:
            result[-1] += content
        else:
            result.append(f"{'>' * depth} {content}" if depth else content)
        soft = content.endswith(" ") and content != SIGNATURE
        open_depth = depth if soft else -1
        if soft and delsp:
            result[-1] = result[-1][:-1]
    return "\n".join(result)


def _unquoted(line: str) -> tuple[int, str]:
    """Quote depth and content, without the blank that stuffing added (section 4.4).

    The blank stays before a `>` that is text: nothing else tells it from a quotation's.
    """
    content = line.lstrip(">")
    return len(line) - len(content), content if content.startswith(" >") else content.removeprefix(" ")
