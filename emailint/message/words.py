"""Encoded words (RFC 2047) in all the forms in which they are met, and raw 8-bit header text."""

from __future__ import annotations

import binascii
import re

from emailint.message import charsets

_START = re.compile(r"=\?(?!=)")
_WORD = re.compile(r"([^?\s*]*)(?:\*[^?]*)?\?([bBqQ])\?(.*?)(\?=|\?\Z|\Z)", re.DOTALL | re.ASCII)
_BLANK = re.compile(r"[ \t\r\n\v\f]")
_FOLD = re.compile(r"[ \t]*(?:\r?\n|\r)[ \t]*")
_UNFOLD = re.compile(r"(?:\r?\n|\r)(?=[ \t])")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")


def decode(raw: bytes, hint: str | None = None) -> str:
    """The text of a header value as it stands in the mail, folds included.

    Words that were split inside a character are joined before they are decoded; blanks between two words
    vanish; a fold inside a word vanishes; a word without its end counts when nothing follows. What cannot
    be decoded stays as it is.
    """
    if b"=?" not in raw:
        return plain(raw, hint)
    return decode_text(one_charset(raw, hint).decode("latin-1"), hint)


def one_charset(raw: bytes, hint: str | None = None, *, guessing: bool = True) -> bytes:
    """A header value in ASCII or UTF-8: other raw text is converted, before it is taken apart at characters
    that may be halves of others (`\\` in Shift-JIS, `(` in ISO-2022-JP).
    """
    if raw.isascii() and b"\x1b" not in raw:
        return raw
    return charsets.decode(raw, None, hint, guessing=guessing)[0].encode()


def plain(raw: bytes, hint: str | None = None) -> str:
    """Header text without encoded words, unfolded; bytes above 0x7f by `charsets.guess`."""
    text = raw.decode("ascii") if raw.isascii() else charsets.decode(raw, None, hint)[0]
    if "\x1b" in text:
        text = charsets.guess(raw, hint)[0]
    return _UNFOLD.sub("", text) if "\n" in text or "\r" in text else text


def decode_text(text: str, hint: str | None = None) -> str:
    """As `decode`, for a value that holds one byte a character (Latin-1)."""
    if "=?" not in text:
        return _raw(text, hint)
    output: list[str] = []
    pending: list[tuple[str, bytes]] = []
    head, *tokens = _START.split(text)
    output.append(_raw(head, hint))
    gap = ""
    for token in tokens:
        word = _word(token)
        if word is None:
            _flush(pending, output, hint)
            output.append(_raw(gap + "=?" + token, hint))
            gap = ""
            continue
        charset, data, gap = word
        pending.append((charset, data))
        if gap.strip(" \t\r\n"):
            _flush(pending, output, hint)
            output.append(_raw(gap, hint))
            gap = ""
    _flush(pending, output, hint)
    return "".join(output)


def _raw(text: str, hint: str | None) -> str:
    return plain(text.encode("latin-1", "replace"), hint)


def _word(token: str) -> tuple[str, bytes, str] | None:
    """One token after `=?`: charset, decoded bytes, and the text that follows the word."""
    match = _WORD.match(token)
    if match is None or (not match[4].endswith("=") and _BLANK.search(match[3])):
        return None
    data = _base64(match[3]) if match[2] in "bB" else _quoted(match[3])
    return None if data is None else (match[1], data, token[match.end() :])


def _base64(text: str) -> bytes | None:
    digits = _NOT_BASE64.sub("", text)
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    try:
        return binascii.a2b_base64(digits + "=" * (-len(digits) % 4))
    except binascii.Error:
        return None


def _quoted(text: str) -> bytes:
    if "\n" in text or "\r" in text:
        text = _FOLD.sub(" " if " " in _FOLD.sub("", text) else "", text)
    data = text.replace("_", " ").encode("latin-1", "replace")
    return _HEX.sub(lambda match: binascii.unhexlify(match[1]), data)


def _flush(pending: list[tuple[str, bytes]], output: list[str], hint: str | None) -> None:
    """Decode the words that stand side by side, those of one charset together."""
    run: bytes = b""
    name: str | None = None
    for charset, data in pending:
        if name is not None and charset.lower() != name:
            output.append(charsets.decode(run, name, hint)[0])
            run = b""
        name = charset.lower()
        run += data
    if name is not None:
        output.append(charsets.decode(run, name, hint)[0])
    pending.clear()
