"""Which legacy charset some bytes are in, when nothing says so.

Each charset in use is tried; the one whose text looks most like a language wins: letters of one alphabet in a
word, capitals where they stand in words, characters that are common. It tells even short subjects. What looks
like nothing is left to charset-normalizer, when there is enough of it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from emailint.message import alphabets

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE = 4_000
_ENOUGH = 64
_GOOD = 0.45

_EAST = (
    ("gb18030", alphabets.CHINESE),
    ("big5hkscs", alphabets.TRADITIONAL),
    ("cp932", alphabets.JAPANESE),
    ("euc_jp", alphabets.JAPANESE),
    ("cp949", alphabets.KOREAN),
)
_WORD = re.compile(r"[^\W\d_]+")
_TORN = re.compile(
    r"(?<=[^\W\d_])(?:[\xac\xb1\xb3\xb6\xb9\xbc-\xbe]"
    r"|[^\w\s'\u2019.,:;!?()/@&+\u2013\u2014\u0300-\u036f\u0591-\u0670\u0e00-\u0e7f-](?=[^\W\d_]))"
)
_SIGNS = frozenset("€“”„\u2018\u2019\u2013—…•§£°«»©®½¼\xb4¿¡№º\xa0")
_ASCII_LETTER = re.compile("[A-Za-z]")
_BAD_CASE = re.compile(r"[a-zà-ÿа-яёα-ω][A-ZÀ-ÞА-ЯЁΑ-Ω]")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fc]")
_HALF_KANA = re.compile(r"[\uff61-\uff9f]")
_CONTROL = re.compile(r"[\x80-\x9f\ue000-\uf8ff]")
_RARE = frozenset(["mac_roman", "cp850"])
_ISOLATED = (
    "cp1252 cp1250 cp1251 koi8_r cp1253 cp1254 cp1255 cp1256 cp1257 cp874 gb18030 big5 cp932 euc_jp cp949 "
    "iso8859_5 cp866"
)


def guess_legacy(data: bytes) -> tuple[str, str] | None:
    """The text and the charset that it is likeliest in; None when none is likely."""
    sample = _sample(data)
    best, found = max(_scores(sample), default=(0.0, ""))
    if best < _GOOD and len(sample) >= _ENOUGH:
        found = _second_opinion(sample) or found
        best = max(best, _GOOD / 2)
    if best <= 0 or not found:
        return None
    try:
        return data.decode(found), found
    except UnicodeError:
        text = data.decode(found, "replace")
        return (text, found) if text.count("\ufffd") * 20 < len(text) else None


def _sample(data: bytes) -> bytes:
    """A stretch around the first foreign bytes that begins and ends between words."""
    if len(data) <= SAMPLE:
        return data
    start = next(place for place, byte in enumerate(data) if byte > 0x7F)
    start = max(data.rfind(b" ", 0, start), data.rfind(b"\n", 0, start), 0)
    end = max(data.rfind(b" ", start, start + SAMPLE), data.rfind(b"\n", start, start + SAMPLE))
    return data[start : end if end > start else start + SAMPLE]


def _scores(sample: bytes) -> Iterator[tuple[float, str]]:
    """Each charset with how much its text looks like a language: 1 for much, 0 for not at all."""
    foreign = sum(1 for byte in sample if byte > 0x7F)
    for rank, (codec, letters) in enumerate(alphabets.LATIN):
        rare = 0.3 if codec in _RARE else rank * 0.004
        yield _score(sample, codec, foreign, _weights(letters, 0.0)) - rare, codec
    for rank, (codec, letters) in enumerate(alphabets.SCRIPTS):
        weights = _weights(letters, 0.03)
        yield _score(sample, codec, foreign, weights, whole=True) - rank * 0.004, codec
    for codec, common in _EAST:
        yield _eastern(sample, codec, common), codec


def _text(sample: bytes, codec: str) -> str | None:
    try:
        return sample.decode(codec)
    except UnicodeError:
        return None


def _score(
    sample: bytes, codec: str, foreign: int, weights: dict[str, float], *, whole: bool = False
) -> float:
    """How well a single-byte charset fits: its foreign letters are of one alphabet, in sound words.

    `whole`: a script whose words hold no Latin letters.
    """
    text = _text(sample, codec)
    if text is None or not foreign:
        return 0.0
    strange = [letter for letter in text.lower() if letter > "\x7f"]
    value = sum(weights.get(letter, _foreign(letter)) for letter in strange)
    value -= 2 * len(_TORN.findall(text)) + len(_BAD_CASE.findall(text)) + 2 * len(_CONTROL.findall(text))
    if whole:
        mixed = (word for word in _WORD.findall(text) if not word.isascii())
        value -= 2 * sum(1 for word in mixed if _ASCII_LETTER.search(word))
        value -= 0.5 if foreign == 1 else 0.0
    return value / foreign


def _foreign(letter: str) -> float:
    """What a letter outside the alphabet is worth."""
    if letter in _SIGNS:
        return 0.8
    return -1.0 if letter.isalpha() else 0.0


@cache
def _weights(letters: str, step: float) -> dict[str, float]:
    """The worth of each letter; `step` is what it loses for each place further down the list."""
    top = 1 + 8 * step
    return {letter: max(0.2, top - step * place) for place, letter in enumerate(letters)}


def _eastern(sample: bytes, codec: str, common: str) -> float:
    """How well a double-byte charset fits: kana and common characters speak for it, rare ones against."""
    text = _text(sample, codec)
    if text is None:
        return 0.0
    strange = [letter for letter in text if letter > "\x7f"]
    known = _weights(common, 0.0)
    value = sum(0.9 if letter in known else 0.25 for letter in strange if letter.isalpha())
    value += 0.65 * len(_KANA.findall(text)) - 0.2 * len(_HALF_KANA.findall(text))
    value += sum(0.4 for letter in strange if not letter.isalpha() and letter < "\ufff0")
    value -= 2 * len(_CONTROL.findall(text))
    return value / max(1, len(strange))


def _second_opinion(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes  # noqa: PLC0415 - heavy, and few mails need it

    best = from_bytes(sample, cp_isolation=_ISOLATED.split()).best()
    return best.encoding if best else None
