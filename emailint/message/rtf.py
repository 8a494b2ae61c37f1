"""Rich text of Outlook: compressed RTF opened (MS-OXRTFCP), and its words without its formatting."""

from __future__ import annotations

import re

from emailint.message import charsets

MOST = 1_000_000
"""Octets that are unpacked, characters that are read."""

_PREFIX = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor "
    rb"MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_HEADER = 16
_TOKEN = re.compile(
    r"\\'([0-9A-Fa-f]{2})|\\([a-zA-Z]{1,32})(-?\d{1,9})? ?|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]+)", re.DOTALL
)
_UNSHOWN = frozenset(
    [
        "fonttbl",
        "colortbl",
        "stylesheet",
        "info",
        "pict",
        "object",
        "header",
        "footer",
        "generator",
        "listtable",
    ]
)
_BREAKS = {"par": "\n", "line": "\n", "page": "\n", "row": "\n", "cell": "\t", "tab": "\t"}
_SIGNS = {
    "lquote": "\u2018",
    "rquote": "\u2019",
    "ldblquote": "“",
    "rdblquote": "”",
    "bullet": "•",
    "endash": "\u2013",
}
_SYMBOLS = {"\\": "\\", "{": "{", "}": "}", "~": "\xa0", "_": "-"}


def decompressed(data: bytes) -> bytes | None:
    """The RTF inside PR_RTF_COMPRESSED; None when it is none. At most `MOST` octets."""
    kind = data[8:12]
    if kind == b"MELA":
        return data[_HEADER:]
    if kind != b"LZFu":
        return None
    window, output = bytearray(_PREFIX.ljust(4096, b" ")), bytearray()
    place, position = len(_PREFIX), _HEADER
    while position < len(data) and len(output) < MOST:
        flags, position = data[position], position + 1
        for bit in range(8):
            if flags >> bit & 1:
                pair = int.from_bytes(data[position : position + 2], "big")
                start, length, position = pair >> 4, (pair & 15) + 2, position + 2
                if start == place or position > len(data):
                    return bytes(output)
                run = bytes(_copy(window, start, length, place))
            else:
                run, position = data[position : position + 1], position + 1
                window[place : place + len(run)] = run
            output += run
            place = (place + len(run)) % 4096
    return bytes(output)


def _copy(window: bytearray, start: int, length: int, place: int) -> bytearray:
    """Repeat what stands in the window; it may reach into what it has just written."""
    run = bytearray()
    for step in range(length):
        byte = window[(start + step) % 4096]
        window[(place + step) % 4096] = byte
        run.append(byte)
    return run


def text(rtf: bytes) -> str:
    """The words of an RTF document; "" for anything else."""
    if not rtf.lstrip().startswith(b"{\\rtf"):
        return ""
    return _Document(rtf[:MOST].decode("latin-1")).read()


class _Document:
    """Reads one document, token by token."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.output: list[str] = []
        self.octets = bytearray()
        self.groups: list[tuple[bool, int]] = []
        self.hidden, self.after_unicode, self.skip = False, 1, 0
        page = re.search(r"\\ansicpg(\d{3,5})", source[:2_000])
        self.charset = f"cp{page[1]}" if page else "windows-1252"

    def read(self) -> str:
        for match in _TOKEN.finditer(self.source):
            octet, word, number, symbol, brace, plain = match.groups()
            if octet:
                self._octet(int(octet, 16))
                continue
            self._flush()
            if word:
                self._word(word, int(number) if number else None)
            elif brace:
                self._brace(brace)
            elif symbol == "*":
                self.hidden = True
            elif not self.hidden:
                self._say(plain or _SYMBOLS.get(symbol, ""))
        self._flush()
        return "".join(self.output)

    def _octet(self, octet: int) -> None:
        if self.skip:
            self.skip -= 1
        elif not self.hidden:
            self.octets.append(octet)

    def _flush(self) -> None:
        if self.octets:
            self.output.append(charsets.decode(bytes(self.octets), self.charset)[0])
            self.octets.clear()

    def _say(self, plain: str) -> None:
        skipped = min(self.skip, len(plain))
        self.skip -= skipped
        self.output.append(plain[skipped:])

    def _brace(self, brace: str) -> None:
        if brace == "{":
            self.groups.append((self.hidden, self.after_unicode))
        elif self.groups:
            self.hidden, self.after_unicode = self.groups.pop()

    def _word(self, word: str, number: int | None) -> None:
        if word in _UNSHOWN:
            self.hidden = True
        elif word == "uc" and number is not None:
            self.after_unicode = min(max(number, 0), 8)
        elif self.hidden:
            return
        elif word == "u" and number is not None:
            self.output.append(chr(number % 0x10000))
            self.skip = self.after_unicode
        else:
            self.output.append(_BREAKS.get(word) or _SIGNS.get(word, ""))
