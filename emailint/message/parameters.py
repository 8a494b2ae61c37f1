"""Content-Type and Content-Disposition: value and parameters (RFC 2045, RFC 2183, RFC 2231), also broken."""

from __future__ import annotations

import re
from functools import lru_cache

from emailint.message import charsets, words

MOST = 100
"""Parameters that are looked at; the rest of a longer list is left out."""

_BLANKS = " \t\r\n\v\f"
_VALUE = re.compile(r"[^\s;,]*", re.ASCII)
_PARAMETER = re.compile(
    r"""([A-Za-z0-9!\#$%&'*+\-.^_`|~]+)\s*=\s*(?:"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)|([^;"]*))""",
    re.DOTALL | re.ASCII,
)
_SECTION = re.compile(r"(.+?)(?:\*(\d{1,4}))?(\*)?\Z", re.DOTALL)
_FOLD = re.compile(r"[\r\n]+[ \t]*")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_NAMES = frozenset({"name", "filename"})

_LONGEST_GUESSED = 1_000
"""Octets of a field whose charset is guessed: a mail may have hundreds of them, and no name is longer."""


def parse(raw: bytes, hint: str | None = None) -> tuple[str, dict[str, str]]:
    """The value in lower case and the parameters, names in lower case, values decoded to text.

    The first of several parameters of one name counts; the extended form (`name*=`) goes before the plain
    one. A file name that does not decode in the charset it names is decoded all the same.
    """
    main, parameters = _parsed(raw, hint)
    return main, dict(parameters)


@lru_cache(maxsize=64)
def _parsed(raw: bytes, hint: str | None) -> tuple[str, dict[str, str]]:
    """As `parse`, which gives each caller a dictionary of its own: most mails have the same few fields."""
    text = words.one_charset(raw, hint, guessing=len(raw) <= _LONGEST_GUESSED).decode("latin-1")
    value = _VALUE.match(text.strip(_BLANKS))
    main = value[0].lower() if value and "=" not in value[0] else ""
    if "=" not in text:
        return main, {}
    return main, _assemble(_sections(text), hint)


def _sections(text: str) -> dict[str, dict[int, tuple[str, bool]]]:
    """Per name, the numbered pieces of its value and whether each is percent-encoded; plain is -1."""
    found: dict[str, dict[int, tuple[str, bool]]] = {}
    for count, match in enumerate(_PARAMETER.finditer(text)):
        if count >= MOST:
            break
        section = _SECTION.match(match[1].lower())
        if section is None:
            continue
        name, number, star = section[1], section[2], bool(section[3])
        value = _quoted(match[2]) if match[2] is not None else _bare(name, match[3])
        place = int(number) if number else (0 if star else -1)
        found.setdefault(name, {}).setdefault(place, (value, star))
    return found


def _quoted(value: str) -> str:
    """Undo the quoting of quotes and backslashes only: others are Windows paths that were not quoted."""
    if "\\" in value:
        value = re.sub(r'\\(["\\])', r"\1", value)
    return value


def _bare(name: str, value: str) -> str:
    value = value.strip(_BLANKS)
    return value if name in _NAMES or not value else re.split(r"[\s,]", value, maxsplit=1, flags=re.ASCII)[0]


def _assemble(found: dict[str, dict[int, tuple[str, bool]]], hint: str | None) -> dict[str, str]:
    result: dict[str, str] = {}
    for name, pieces in found.items():
        numbered = sorted(place for place in pieces if place >= 0)
        if numbered:
            result[name] = _extended([pieces[place] for place in numbered], hint)
        else:
            result[name] = _plain(pieces[-1][0], hint)
    return result


def _plain(value: str, hint: str | None) -> str:
    if "\n" in value or "\r" in value:
        if "=?" in value:
            return words.decode_text(value, hint)
        value = _FOLD.sub(" ", value)
    if value.isascii() and "=?" not in value:
        return value
    return words.decode_text(value, hint)


def _extended(pieces: list[tuple[str, bool]], hint: str | None) -> str:
    """RFC 2231: join the pieces, decode the bytes in the charset that the first one names."""
    if not any(star for _, star in pieces):
        return _plain("".join(value for value, _ in pieces), hint)
    first, starred = pieces[0]
    charset = None
    if starred and first.count("'") >= 2:
        charset, _, first = first.split("'", 2)
        pieces = [(first, True), *pieces[1:]]
    data = b"".join(_unquoted(value) if star else value.encode("latin-1") for value, star in pieces)
    return charsets.decode(data, charset or None, hint)[0]


def _unquoted(value: str) -> bytes:
    """Percent encoding undone; a percent sign that begins none stays."""
    return _PERCENT.sub(lambda match: bytes([int(match[1], 16)]), value.encode("latin-1"))
