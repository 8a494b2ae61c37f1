"""Bytes to text: the charset that is declared, where it can be; else the likeliest one.

Order: the declared charset when its decoder takes every byte; UTF-8; a guess; windows-1252, which takes
anything. Nothing here raises, whatever the bytes and the name are.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

from emailint.message import japanese
from emailint.message.clean import without_surrogates
from emailint.message.guessing import guess_legacy

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}")

_REFUSED = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})
"""Decoders of Python that are no charset of mail, or that are quadratic (idna)."""

_WIDER = {
    "iso-8859-1": "windows-1252",
    "latin-1": "windows-1252",
    "latin1": "windows-1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "euc-kr": "cp949",
    "euckr": "cp949",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "windows-949": "cp949",
    "iso-2022-jp": "iso2022_jp_ext",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "tis-620": "windows-874",
    "iso-8859-11": "windows-874",
    "windows-874": "cp874",
    "mac-cyrillic": "mac_cyrillic",
    "mac": "mac_roman",
    "macintosh": "mac_roman",
    "mac-roman": "mac_roman",
    "utf8mb4": "utf-8",
    "unicode": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
    "utf-8859-1": "windows-1252",
    "ansi": "windows-1252",
    "ansi_x3.110-1983": "windows-1252",
    "iso-10646-ucs-2": "utf-16",
    "ucs-2": "utf-16",
    "ucs2": "utf-16",
    "unicodefffe": "utf-16-be",
    "koi8": "koi8-r",
    "koi8-ru": "koi8-u",
    "iso-ir-111": "koi8-r",
    "eucjp-win": "euc_jp",
    "eucjp-ms": "euc_jp",
    "iso-2022-jp-ms": "iso2022_jp_ext",
    "mac-ce": "mac_latin2",
    "mac-centraleurroman": "mac_latin2",
    "mac-japanese": "cp932",
    "iso-latin-1": "windows-1252",
    "8859-1": "windows-1252",
}
"""Names that Python does not know, and charsets whose name is used for a wider one (WHATWG Encoding)."""

_PAGES = {
    "936": "gb18030",
    "950": "big5hkscs",
    "51932": "euc_jp",
    "50220": "iso2022_jp_ext",
    "50221": "iso2022_jp_ext",
}
_PAGE = re.compile(r"(?:windows|win|cp|ansi|ibm|dos|ms)[-_ ]?0*(\d{3,5})")
_PART = re.compile(r"iso[-_ ]?8859[-_ ]?(\d{1,2})")
_STATEFUL = ("utf-7", "utf-16", "utf-32", "iso2022", "hz")
"""Decoders for which bytes below 0x80 are not always ASCII."""

_LATIN = frozenset({"cp1252", "iso8859-1", "iso8859-15"})
_OTHER_LATIN = frozenset(["cp1250", "cp1254", "cp1257", "cp850", "mac_roman", "iso8859-2"])
"""Guesses that a few accented letters cannot tell from Latin-1, where the mail itself declares that."""
_C1 = {
    code: ord(bytes([code]).decode("cp1252"))
    for code in range(0x80, 0xA0)
    if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}
_ASCII = frozenset(
    {
        "",
        "ascii",
        "us-ascii",
        "ansi_x3.4-1968",
        "646",
        "7bit",
        "us",
        "unknown-8bit",
        "x-unknown",
        "unknown",
        "default",
        "default_charset",
        "none",
        "binary",
        "8bit",
        "iso-ir-6",
    }
)


@lru_cache(maxsize=256)
def resolve(name: str) -> str | None:
    """The decoder for a charset name: its Python name; "" for ASCII and for no name; None if unknown."""
    name = name.strip(" \t\"'").lower()
    if name in _ASCII:
        return ""
    for candidate in _candidates(name):
        codec = _codec(candidate)
        if codec is not None:
            return codec
    return None


def _candidates(name: str) -> list[str]:
    bare = name.removeprefix("x-").removeprefix("cs")
    plain = [name, bare, bare.replace("_", "-"), bare.replace("-", "")]
    known = [_WIDER[item] for item in plain if item in _WIDER]
    page, part = _PAGE.match(bare), _PART.match(bare)
    guessed = [_PAGES.get(page[1], f"cp{page[1]}")] if page else []
    guessed += ["cp1252" if part[1] == "1" else f"iso8859-{part[1]}"] if part else []
    guessed += ["utf-8"] if bare.startswith(("utf-8", "utf8")) else []
    return known + plain + guessed


def _codec(name: str) -> str | None:
    if not _NAME.fullmatch(name):
        return None
    try:
        codec = codecs.lookup(name).name
        b"ab".decode(codec, "replace")  # raises LookupError where it is no charset (zlib, hex)
    except (LookupError, ValueError, UnicodeError):
        return None
    if codec.replace("-", "_") in _REFUSED:
        return None
    return "" if codec == "ascii" else codec


def decode(
    data: bytes, declared: str | None = None, hint: str | None = None, *, guessing: bool = True
) -> tuple[str, str | None]:
    """The text of `data` and, where it is not what was declared, a defect in words.

    `hint` is a charset that other parts of the same mail declare; it is tried before guessing. Without
    `guessing`, which takes long, text that is neither is windows-1252.
    """
    codec = resolve(declared) if declared else ""
    if codec == "utf-8" or (data.isascii() and not _stateful(codec, data)):
        try:
            return data.decode("utf-8"), None if codec is not None else _unknown(declared)
        except UnicodeDecodeError:
            pass
    if codec:
        return _declared(data, codec, declared or "", hint, guessing=guessing)
    text, found = guess(data, hint, guessing=guessing)
    if codec is None:
        return text, f"{_unknown(declared)}, read as {found}"
    return text, f"8-bit text without a charset, read as {found}"


def _unknown(declared: str | None) -> str:
    return f"unknown charset {(declared or '')[:40]!r}"


def _stateful(codec: str | None, data: bytes) -> bool:
    return bool(codec and codec.startswith(_STATEFUL)) or b"\x1b$" in data or b"\x1b(" in data


def _declared(
    data: bytes, codec: str, declared: str, hint: str | None, *, guessing: bool
) -> tuple[str, str | None]:
    if codec in _LATIN:
        return _latin(data, codec, declared)
    try:
        return without_surrogates(data.decode(codec)), None
    except (UnicodeError, ValueError, OverflowError):
        pass
    if codec.startswith("iso2022_jp") and (text_of_windows := japanese.decode(data)) is not None:
        return text_of_windows, None
    forced = _forced(data, codec)
    if forced is not None:
        return forced, f"text is not whole {declared}; undecodable bytes are shown as U+FFFD"
    text, found = guess(data, hint, guessing=guessing)
    return text, f"text is not {declared}, read as {found}"


def _latin(data: bytes, codec: str, declared: str) -> tuple[str, str | None]:
    """Every byte string is Latin-1; but one that is well-formed UTF-8 was written as that."""
    try:
        return data.decode("utf-8"), f"text is declared {declared} but is UTF-8"
    except UnicodeDecodeError:
        return (windows_1252(data) if codec != "iso8859-15" else data.decode(codec)), None


def _forced(data: bytes, codec: str) -> str | None:
    """Decode with replacement characters, if nearly all of it is sound; else None."""
    try:
        text = without_surrogates(data.decode(codec, "replace"))
    except (UnicodeError, ValueError, OverflowError):
        return None
    if codec.startswith(_STATEFUL):
        return text if text.count("\ufffd") <= 2 + len(text) // 10 else None
    foreign = sum(1 for byte in data if byte > 0x7F)
    return text if text.count("\ufffd") * 10 <= foreign else None


def windows_1252(data: bytes) -> str:
    """Decode as windows-1252 with C1 controls for its five gaps: takes every byte (WHATWG)."""
    return data.decode("latin-1").translate(_C1)


def guess(data: bytes, hint: str | None = None, *, guessing: bool = True) -> tuple[str, str]:
    """The likeliest text of `data`, and the name of the charset it was read as."""
    for codec in _likely(data, hint):
        try:
            return without_surrogates(data.decode(codec)), codec
        except (UnicodeError, ValueError, OverflowError):
            if codec == "iso2022_jp_ext" and (text := japanese.decode(data)) is not None:
                return text, codec
    damaged = data.decode("utf-8", "replace")
    if sum(1 for letter in damaged if letter > "\x7f") > 2 * damaged.count("\ufffd"):
        return damaged, "utf-8 with damaged characters"
    found = guess_legacy(data) if guessing else None
    if found is None or (found[1] in _OTHER_LATIN and hint and resolve(hint) in _LATIN):
        return windows_1252(data), "windows-1252"
    return found


def _likely(data: bytes, hint: str | None) -> list[str]:
    names = ["iso2022_jp_ext"] if b"\x1b$" in data or b"\x1b(" in data else []
    names.append("utf-8")
    codec = resolve(hint) if hint else None
    if codec and codec not in names and codec not in _LATIN:
        names.append(codec)
    return names
