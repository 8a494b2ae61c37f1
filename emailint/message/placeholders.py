"""Plain text that only stands for HTML: "your mail program cannot show this message"."""

from __future__ import annotations

import re
from html import unescape

_MOST_WORDS = 30
_LONGEST = 400
_LOOKED_AT = 100_000
_WORD = re.compile(r"\w+")
_SAYS_MORE = re.compile(r"\d{4}|@")
"""A number or an address: no notice of a mail program has one, what a person tells may."""

_NOTICE = re.compile(
    r"(?<![a-z])html(?![a-z])"
    r"|(?:cannot|can't|can not|unable to|not able to|(?:do|does|is|are) ?(?:not|n't)) (?:be )?"
    r"(?:display|show|view|support|read|render)"
    r"|nicht (?:richtig |korrekt )?(?:angezeigt|dargestellt|unterstützt|anzeigen|darstellen)"
    r"|\b(?:ne |n')\w+ pas (?:\w+ )?(?:affich|support|lire|lisible)"
    r"|\bno (?:se )?(?:puede|soporta|admite|muestra)|não (?:pode|suporta|consegue)"
    r"|\bnon (?:può|supporta|è in grado)|\b(?:niet|geen)\b.{0,30}(?:weergeven|weergegeven|ondersteun|tonen)"
    r"|\bnie (?:można|obsługuje|może|wyświetla)|\b(?:inte|ikke)\b.{0,20}(?:visa|vise|stød|støtte|stöd)"
    r"|не (?:может|поддерживает|уда[её]тся)|nepodporuje|nelze zobrazit|nem (?:támogat|jeleníthető)"
    r"|desteklemiyor|görüntülen[ea]m|(?:无法|不能|不支持|無法|不支援).{0,6}(?:显示|查看|顯示|檢視)"
    r"|(?:表示|対応).{0,6}(?:ない|ません)|(?:표시|지원).{0,6}(?:없|않)",
    re.IGNORECASE,
)


def is_notice(text: str) -> bool:
    """Whether a text of a few words says that the mail is HTML, or cannot be shown, in many languages."""
    if len(text) > _LONGEST or len(_WORD.findall(text)) > _MOST_WORDS or _SAYS_MORE.search(text):
        return False
    return _NOTICE.search(" ".join(text.split())) is not None


def is_said_in(text: str, html: str) -> bool:
    """Whether at least half of the words of `text` stand in the beginning of the HTML, tags and all."""
    words = _WORD.findall(text.casefold())
    inside = "".join(_WORD.findall(unescape(html[:_LOOKED_AT]).casefold()))
    return 2 * sum(1 for word in words if word in inside) >= len(words)
