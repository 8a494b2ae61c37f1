"""ISO-2022-JP with the characters of NEC and IBM (①, ㈱) that Windows writes and Python does not read.

The double bytes of JIS are moved to where Shift-JIS has them (RFC 1468, CP50220); code page 932 knows them.
"""

from __future__ import annotations

import re
from functools import cache

_SHIFT = re.compile(rb"(\x1b(?:\$[@B]|\([BJI]|\$\([DO]|&@)|[\x0e\x0f])")
_OUTSIDE = re.compile(rb"[^\x21-\x7e]")
_UNREAD = re.compile("[\ufffd\ue000-\uf8ff]")
_DOUBLE = (b"\x1b$@", b"\x1b$B")
_KANA = (b"\x1b(I", b"\x0e")
_SUPPLEMENT = (b"\x1b$(D", b"\x1b$(O")


def decode(data: bytes) -> str | None:
    """The text; None where not all of it can be read so. Linear time."""
    pieces: list[str] = []
    mode = b""
    try:
        for number, run in enumerate(_SHIFT.split(data)):
            if number % 2:
                mode = run if run != b"\x1b&@" else mode
            elif run:
                pieces.append(_run(run, mode))
    except UnicodeError:
        return None
    return "".join(pieces)


def _run(run: bytes, mode: bytes) -> str:
    if mode in _DOUBLE:
        return "\n".join(_double(line) for line in run.split(b"\n"))
    if mode in _KANA:
        return bytes(code | 0x80 if code > 0x20 else code for code in run).decode("cp932")
    if mode in _SUPPLEMENT:
        return (b"\x1b$(D" + run).decode("iso2022_jp_ext")
    return run.decode("ascii")


def _double(run: bytes) -> str:
    """Row and cell, two bytes each; a CR at the end stays."""
    line_end = "\r" if run.endswith(b"\r") else ""
    run = run.removesuffix(b"\r")
    text = run.decode("utf-16-be").translate(_characters())
    if _OUTSIDE.search(run) or _UNREAD.search(text):
        raise UnicodeError("not a double byte of JIS")
    return text + line_end


@cache
def _characters() -> dict[int, str]:
    """The character of each row and cell; U+FFFD where code page 932 has none."""
    codes = range(0x21, 0x7F)
    return {
        row << 8 | cell: _shifted(row, cell).decode("cp932", "replace") for row in codes for cell in codes
    }


def _shifted(row: int, cell: int) -> bytes:
    lead = ((row - 0x21) >> 1) + 0x81
    trail = cell + 0x1F + (cell >= 0x60) if row % 2 else cell + 0x7E
    return bytes([lead + 0x40 if lead > 0x9F else lead, trail])
