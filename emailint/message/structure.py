"""The tree of parts of a message (RFC 2046), cut on bytes within limits and in linear time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from emailint.message import blocks, delimiters, parameters, transfer
from emailint.message.headers import Headers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from emailint.message.delimiters import Mark
    from emailint.message.model import Limits

_HTML = re.compile(rb"\s*(?:<!doctype html|<html|<head|<body)", re.IGNORECASE)
_MOST_ALIKE = 500_000
"""Lines that begin like a boundary, counted anew at each depth: more take too long."""

_VISIBLE = re.compile(rb"[^\s\0-]")
_NOTICE = re.compile(
    rb"\s*(?:boundary=\S{1,200}\s*)?"
    rb"(?:This is a (?:multi-?part|cryptographically signed|MIME)[^\n]{0,20} (?:message|format)"
    rb"[^\n]{0,60}\s*)?",
    re.IGNORECASE,
)
"""What stands before the first part without being text: a parameter not indented, the usual notice."""
_TYPE = re.compile(r"[!#$&^_.+a-z0-9-]{1,100}/[!#$&^_.+a-z0-9-]{1,100}")


@dataclass(frozen=True, slots=True)
class Part:
    """One part; the root part is the message itself and has its headers.

    `content_type` is in lower case, as read (a missing one is text/plain, or message/rfc822 in a digest).
    `params` are those of Content-Type, names in lower case. `disposition` is in lower case, None without
    the header. `filename` is the sender's, decoded, as data. `content_id` has no angle brackets.
    `encoding` is the transfer encoding in lower case, "" for none. `span` says where in `source` its bytes
    stand; nowhere for a multipart. `epilogue` is what stands after the last boundary of a multipart.
    """

    content_type: str
    headers: Headers = field(default_factory=Headers)
    params: Mapping[str, str] = field(default_factory=dict)
    disposition: str | None = None
    filename: str | None = None
    content_id: str | None = None
    encoding: str = ""
    source: bytes = b""
    span: tuple[int, int] = (0, 0)
    children: tuple[Part, ...] = ()
    depth: int = 0
    preamble: bytes = b""
    epilogue: bytes = b""

    @property
    def encoded(self) -> bytes:
        """The bytes as they stand in the mail."""
        return self.source[slice(*self.span)]

    @property
    def body(self) -> bytes:
        """The bytes without transfer encoding; decoded anew at each call. Empty for a multipart."""
        return transfer.decode(self.encoded, self.encoding)

    @property
    def is_multipart(self) -> bool:
        """Whether it holds other parts."""
        return bool(self.children)

    def walk(self) -> Iterator[Part]:
        """This part and all below it, in the order of the mail."""
        yield self
        for child in self.children:
            yield from child.walk()


class Cutter:
    """Cuts one message; `defects` say what was wrong, `over` whether a limit left something out."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.defects: list[str] = []
        self.over = False
        self._parts = 0
        self._alike = 0

    def message(self, raw: bytes, block: blocks.Block) -> Part:
        """The root part of a message whose header block was read."""
        return self._entity(raw, block, len(raw), depth=0, default="text/plain")

    def entity(self, raw: bytes, depth: int) -> Part:
        """The part that `raw` holds as a whole, as it comes out of an S/MIME envelope."""
        return self._part(raw, 0, len(raw), depth, "text/plain")

    def _part(self, raw: bytes, start: int, end: int, depth: int, default: str) -> Part:
        block = blocks.read_part(raw, start, end, self.limits)
        self.defects.extend(block.defects)
        self.over = self.over or block.over
        return self._entity(raw, block, end, depth, default)

    def _entity(self, raw: bytes, block: blocks.Block, end: int, depth: int, default: str) -> Part:
        self._parts += 1
        part = bare(block.headers, default, depth, raw, (block.body, end))
        if "content-type" not in block.headers and delimiters.looks_multipart(raw, block.body, end):
            self.defects.append("several parts without a Content-Type that says so")
            part = replace(part, content_type="multipart/mixed", params={})
        if not part.content_type.startswith("multipart/"):
            return part
        if depth >= self.limits.depth:
            self._limit(f"parts are nested more than {self.limits.depth} deep; the inner ones were not read")
            return part
        return self._multipart(raw, block.body, end, replace(part, source=b"", span=(0, 0)))

    def _limit(self, defect: str) -> None:
        self.over = True
        self.defects.append(defect)

    def _multipart(self, raw: bytes, start: int, end: int, part: Part) -> Part:
        marks, guessed = self._marks(raw, start, end, part.params.get("boundary", ""))
        if not marks and part.encoding in ("base64", "quoted-printable"):
            raw = transfer.decode(raw[start:end], part.encoding)
            start, end, part = 0, len(raw), replace(part, encoding="")
            marks, guessed = self._marks(raw, start, end, part.params.get("boundary", ""))
        if not marks:
            self.defects.append(f"{part.content_type} without parts; all of it was read as text")
            return replace(part, children=(_text(raw, start, end, part),), encoding="")
        last = marks[-1].end if marks[-1].closing else end
        children = self._children(raw, marks, end, part)
        if guessed:
            before, after = _text(raw, start, marks[0].start, part), _text(raw, last, end, part)
            return replace(part, children=(*_said(before), *children, *_said(after)), encoding="")
        return replace(part, children=children, preamble=raw[start : marks[0].start], epilogue=raw[last:end])

    def _marks(self, raw: bytes, start: int, end: int, boundary: str) -> tuple[list[Mark], bool]:
        """The delimiter lines, at most as many as there may be parts, and whether they are guessed."""
        most = self.limits.parts - self._parts + 2
        found = self._delimiters(raw, start, end, boundary.rstrip().encode(), most)
        if any(not mark.closing for mark in found):
            return found, False
        guessed = delimiters.guess(raw, start, end) or b""
        found = self._delimiters(raw, start, end, guessed, most)
        if found:
            self.defects.append("the boundary of the parts is missing or wrong, guessed from the text")
        return found, True

    def _delimiters(self, raw: bytes, start: int, end: int, boundary: bytes, most: int) -> list[Mark]:
        """As `delimiters.find`; none where far too many lines only begin like the boundary."""
        if not boundary:
            return []
        found, alike = delimiters.find(raw, start, end, b"--" + boundary, most, _MOST_ALIKE - self._alike)
        self._alike += alike
        if self._alike > _MOST_ALIKE:
            self._limit("far too many lines look like boundaries; what they divide was read as one text")
            return []
        return found

    def _children(self, raw: bytes, marks: list[Mark], end: int, part: Part) -> tuple[Part, ...]:
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        children: list[Part] = []
        for number, mark in enumerate(marks):
            if mark.closing:
                if number + 1 < len(marks):
                    self.defects.append("parts follow after the closing boundary")
                continue
            if self._parts >= self.limits.parts:
                self._limit(f"more than {self.limits.parts} parts; the rest was not read")
                break
            stop = marks[number + 1].start if number + 1 < len(marks) else end
            children.append(self._part(raw, mark.end, max(mark.end, stop), part.depth + 1, default))
        if not marks[-1].closing and not self.over:
            self.defects.append("the last part has no closing boundary; the mail may be cut off")
        return tuple(children)


def bare(
    headers: Headers,
    default: str = "text/plain",
    depth: int = 0,
    source: bytes = b"",
    span: tuple[int, int] = (0, 0),
) -> Part:
    """What the headers alone say of a part."""
    kind, params = _content_type(headers, default)
    disposition, filename = _disposition(headers, params)
    encoding = transfer.encoding_of(headers.first("content-transfer-encoding"))
    identifier = _content_id(headers)
    return Part(kind, headers, params, disposition, filename, identifier, encoding, source, span, depth=depth)


def _text(raw: bytes, start: int, end: int, part: Part) -> Part:
    """What stands in a multipart but in none of its parts, as a part of text."""
    kind = "text/html" if _HTML.match(raw, start, end) else "text/plain"
    depth = part.depth + 1
    return Part(kind, params=part.params, encoding=part.encoding, source=raw, span=(start, end), depth=depth)


def _said(text: Part) -> tuple[Part, ...]:
    """The part, unless nothing stands in it but the notice that multiparts begin with."""
    start, end = text.span
    silent = _VISIBLE.search(text.source, start, end) is None
    return () if silent or _NOTICE.fullmatch(text.source, start, end) else (text,)


def _content_type(headers: Headers, default: str) -> tuple[str, dict[str, str]]:
    raw = headers.raw("content-type")
    if raw is None:
        return default, {}
    kind, params = parameters.parse(raw, headers.hint)
    if _TYPE.fullmatch(kind):
        return kind, params
    main = kind.partition("/")[0]
    if main == "multipart" or (not main and "boundary" in params):
        return "multipart/mixed", params
    return (default if main in ("", "text") else "application/octet-stream"), params


def _disposition(headers: Headers, params: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The disposition and the file name, which Content-Type may give as well."""
    raw = headers.raw("content-disposition")
    if raw is None:
        return None, params.get("name") or None
    value, found = parameters.parse(raw, headers.hint)
    name = found.get("filename") or found.get("name") or params.get("name") or params.get("filename")
    return value or None, name or None


def _content_id(headers: Headers) -> str | None:
    value = headers.first("content-id")
    return value.strip("<> ")[:1000] or None if value else None
