"""The text of one part: transfer encoding, charset, files that stand in it, format=flowed, enriched text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emailint.message import charsets, clean, flowed, legacy, transfer

if TYPE_CHECKING:
    from emailint.message.structure import Part

PLAIN = frozenset(["text/plain", "text/markdown", "text/x-markdown", "text/enriched", "text/richtext"])
HTML = frozenset(["text/html", "application/xhtml+xml"])

_ENRICHED = frozenset(["text/enriched", "text/richtext"])
_ENRICHED_TAG = re.compile(r"</?[A-Za-z-]{1,60}>")
_ENRICHED_PARAMETER = re.compile(r"<param>[^<]*</param>", re.IGNORECASE)
_META_CHARSET = re.compile(
    rb"<meta[^<>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE
)
_PROSE = re.compile(rb"[A-Za-z]{2}[,.:;]? [A-Za-z]{2}|^[-_=*]{10,200}[ \t]*\r?$", re.MULTILINE)
_WHOLE_HTML = re.compile(rb"\s*(?:<!doctype html[^>]*>\s*)?<html[\s>]", re.IGNORECASE)
_PGP = b"-----BEGIN PGP MESSAGE-----"
_VISIBLE = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text: as plain text, as HTML, or as both where the mail gives both."""

    plain: str | None = None
    html: str | None = None

    @property
    def has_plain(self) -> bool:
        """Whether the plain form says anything."""
        return self.plain is not None and _VISIBLE.search(self.plain) is not None


@dataclass(slots=True)
class Text:
    """What one part says, the files that stood in it, and what was wrong."""

    piece: Piece = field(default_factory=Piece)
    files: tuple[legacy.Enclosed, ...] = ()
    defects: list[str] = field(default_factory=list)


def read(part: Part, body: bytes, hint: str | None, *, guessing: bool = True) -> Text:
    """The text of a part whose decoded bytes are `body`; `hint` is the charset of the mail's other texts.

    `guessing`: whether an unknown charset may be guessed, which takes some 20 ms.
    """
    text = Text()
    if part.encoding == "base64":
        body = _with_prose(part, body, text)
    if b"begin " in body:  # of uuencode, and of yEnc's "=ybegin "
        body, text.files = legacy.extract(body)
    if part.content_type in HTML or _is_misnamed_html(part, body, text):
        text.piece = Piece(html=_decoded(part, body, hint, text, guessing=guessing))
    else:
        text.piece = Piece(_plain(part, body, hint, text, guessing=guessing))
    return text


def _with_prose(part: Part, body: bytes, text: Text) -> bytes:
    """Where plain text follows the base64 (the footer of a list, say), both."""
    encoded = part.encoded
    tail = _PROSE.search(encoded)
    if tail is None:
        return body
    start = encoded.rfind(b"\n", 0, tail.start()) + 1
    text.defects.append("plain text stands in a part that is declared base64")
    return transfer.base64(encoded[:start]) + b"\n" + encoded[start:]


def _is_misnamed_html(part: Part, body: bytes, text: Text) -> bool:
    """Whether a text/plain part is HTML from its first word on."""
    if part.content_type != "text/plain" or not _WHOLE_HTML.match(body):
        return False
    text.defects.append("text/plain is HTML, and was read as that")
    return True


def _decoded(part: Part, body: bytes, hint: str | None, text: Text, *, guessing: bool) -> str:
    declared = part.params.get("charset")
    if part.content_type in HTML and not (declared and charsets.resolve(declared)):
        declared = _declared_inside(body) or declared
    decoded, defect = charsets.decode(body, declared, hint, guessing=guessing)
    if defect:
        text.defects.append(defect)
    return clean.lines(decoded)


def _declared_inside(body: bytes) -> str | None:
    """The charset that HTML says of itself; it counts where Content-Type says none."""
    match = _META_CHARSET.search(body, 0, 4096)
    return match[1].decode("ascii") if match else None


def _plain(part: Part, body: bytes, hint: str | None, text: Text, *, guessing: bool) -> str:
    if _PGP in body:
        text.defects.append("the text is encrypted (PGP) and was not read")
    plain = _decoded(part, body, hint, text, guessing=guessing)
    if part.params.get("format", "").lower() == "flowed":
        plain = flowed.unflow(plain, delsp=part.params.get("delsp", "").lower() == "yes")
    if part.content_type in _ENRICHED:
        plain = "<".join(_unenriched(stretch) for stretch in plain.split("<<"))
    return plain


def _unenriched(text: str) -> str:
    """text/enriched without its commands (RFC 1896)."""
    return _ENRICHED_TAG.sub("", _ENRICHED_PARAMETER.sub("", text))
