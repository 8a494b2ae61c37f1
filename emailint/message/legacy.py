"""Files inside the text of old mail: uuencode (POSIX) and yEnc 1.3."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]+)\r?$", re.MULTILINE)
_UU_END = re.compile(rb"^end[ \t]*\r?$", re.MULTILINE)
_Y_BEGIN = re.compile(rb"^=ybegin ([^\r\n]*)name=([^\r\n]*)\r?$", re.MULTILINE)
_Y_END = re.compile(rb"^=yend( [^\r\n]*)?\r?$", re.MULTILINE)
_Y_PART = re.compile(rb"\A=ypart [^\r\n]*\r?\n")
_Y_SIZE = re.compile(rb"size=(\d{1,12})")
_Y_ESCAPE = re.compile(rb"=(.)", re.DOTALL)
_UNSHIFT = bytes((code - 42) % 256 for code in range(256))
_TRIES = 50


@dataclass(frozen=True, slots=True)
class Enclosed:
    """One file that stood in the text: its name as written, its bytes, and whether some are missing."""

    name: bytes
    content: bytes
    damaged: bool = False


def extract(text: bytes) -> tuple[bytes, tuple[Enclosed, ...]]:
    """The text without the blocks that hold files, and the files; a block that is none stays text."""
    files: list[Enclosed] = []
    if b"begin " in text:
        text = _cut(text, files, _UU_BEGIN, _UU_END)
    if b"=ybegin " in text:
        text = _cut(text, files, _Y_BEGIN, _Y_END)
    return text, tuple(files)


def uuencoded(data: bytes) -> bytes:
    """The bytes of a part whose transfer encoding is uuencode; as they are when they are none."""
    files: list[Enclosed] = []
    _cut(data, files, _UU_BEGIN, _UU_END)
    return files[0].content if files else data


def _cut(text: bytes, files: list[Enclosed], begin: re.Pattern[bytes], end: re.Pattern[bytes]) -> bytes:
    kept: list[bytes] = []
    position = 0
    for _ in range(_TRIES):
        opening = begin.search(text, position)
        closing = end.search(text, opening.end()) if opening else None
        if opening is None or closing is None:
            break
        inside = text[opening.end() : closing.start()].removeprefix(b"\r").removeprefix(b"\n")
        file = _uu_file(opening, inside) if begin is _UU_BEGIN else _yenc_file(opening, inside)
        kept.append(text[position : opening.end() if file is None else opening.start()])
        position = opening.end() if file is None else closing.end()
        files.extend([file] if file else [])
    return b"".join(kept) + text[position:]


def _uu_file(opening: re.Match[bytes], inside: bytes) -> Enclosed | None:
    pieces: list[bytes] = []
    for line in inside.splitlines():
        if not line or line in (b"`", b" "):
            continue
        octets = (line[0] - 32) & 63
        try:
            pieces.append(binascii.a2b_uu(line[: (octets * 4 + 5) // 3]))
        except binascii.Error:
            return None
    return Enclosed(opening[1].strip(), b"".join(pieces)) if pieces else None


def _yenc_file(opening: re.Match[bytes], inside: bytes) -> Enclosed:
    part = _Y_PART.match(inside)
    data = inside[part.end() if part else 0 :].replace(b"\r", b"").replace(b"\n", b"")
    data = _Y_ESCAPE.sub(lambda match: bytes([(match[1][0] - 64) % 256]), data)
    content = data.translate(_UNSHIFT)
    size = _Y_SIZE.search(opening[1])
    return Enclosed(opening[2].strip(), content, damaged=size is not None and int(size[1]) != len(content))
