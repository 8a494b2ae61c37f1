"""What the parts of a message hold: texts in their order, and every file.

Of a multipart/alternative one form becomes the text (plain where it has content, else HTML); of everything
else all texts count, in the order of the mail (RFC 2046 section 5.1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emailint.message import charsets, clean, names, placeholders, smime, texts, words
from emailint.message.invitation import summary
from emailint.message.model import Attachment
from emailint.message.texts import HTML, PLAIN, Piece

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emailint.message import legacy
    from emailint.message.fingerprint import Kept
    from emailint.message.model import Limits
    from emailint.message.structure import Cutter, Part

_UNSHOWN = frozenset(["text/x-amp-html", "text/watch-html"])
_PLACEHOLDER = 400
_LOOKED_AT = 100_000
_MOST_GUESSED = 20
"""Parts of a mail whose charset is guessed; the rest is read as UTF-8 or windows-1252, and says so."""

_MOST_COMPARED = 2_000_000
"""Characters of HTML of a mail that are compared with the plain text before it."""

_KEPT = frozenset(["base64", "quoted-printable"])
_SEALED = frozenset(["application/pkcs7-mime", "application/x-pkcs7-mime"])
_TNEF = frozenset(["application/ms-tnef", "application/vnd.ms-tnef"])
_VISIBLE_BYTES = re.compile(rb"[^\s\0-]")


@dataclass(slots=True)
class Contents:
    """What was gathered; `over` tells that a limit left something out."""

    pieces: list[Piece] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    invitations: list[str] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    over: bool = False


def gather(root: Part, cutter: Cutter, hint: str | None, kept: Kept | None = None) -> Contents:
    """Texts and files of a message; `hint` is the charset that raw file names are tried with.

    `kept` is what `fingerprint` decoded of the same bytes already.
    """
    gatherer = _Gatherer(cutter, hint, kept or {})
    contents = gatherer.contents
    contents.pieces = gatherer.part(root)
    if not any(piece.has_plain or piece.html for piece in contents.pieces):
        contents.pieces += gatherer.last_resort(root)
    return contents


class _Gatherer:
    """Walks the tree once."""

    def __init__(self, cutter: Cutter, hint: str | None, kept: Kept) -> None:
        self.cutter, self.hint, self.kept = cutter, hint, kept
        self.limits: Limits = cutter.limits
        self.contents = Contents()
        self.decoded = 0
        self.seen_text = False
        self.guessed = 0
        self.compared = 0

    def part(self, part: Part, parent: str = "") -> list[Piece]:
        """The texts of a part; its files are added to the attachments."""
        if not part.children:
            return self._leaf(part, parent)
        if part.content_type == "multipart/alternative":
            return self._alternative(part)
        if part.content_type == "multipart/encrypted":
            self._defect("the mail is encrypted (PGP/MIME); its text is in the attachment and was not read")
        pieces = [piece for child in part.children for piece in self.part(child, part.content_type)]
        self._epilogue(part)
        return self._without_doubles(pieces)

    def _without_doubles(self, pieces: Iterable[Piece]) -> list[Piece]:
        """A text that stands twice in a row, once plain and once as HTML, is one piece."""
        result: list[Piece] = []
        for piece in pieces:
            last = result[-1] if result else Piece()
            if (
                last.has_plain
                and not last.html
                and piece.html
                and not piece.plain
                and self._same(last, piece)
            ):
                result[-1] = Piece(last.plain, piece.html)
            else:
                result.append(piece)
        return result

    def _same(self, plain: Piece, rich: Piece) -> bool:
        self.compared += len(rich.html or "")
        return self.compared <= _MOST_COMPARED and _same(plain, rich)

    def last_resort(self, root: Part) -> list[Piece]:
        """The text of a mail that has none in the usual places: the root marked as a file, a preamble."""
        if root.content_type in PLAIN | HTML and root.disposition is not None:
            return self._text(root)
        if root.children and _VISIBLE_BYTES.search(root.preamble) and len(root.preamble) > 200:
            text, _ = charsets.decode(root.preamble, None, self.hint)
            self._defect("only text before the first part was found")
            return [Piece(clean.lines(text).strip("\n"))]
        return []

    def _defect(self, defect: str) -> None:
        self.contents.defects.append(defect)

    def _limit(self, defect: str) -> None:
        self.contents.over = True
        self._defect(defect)

    def _body(self, part: Part) -> bytes:
        """The decoded bytes; none any more once all parts together are over the limit."""
        if self.decoded > self.limits.decoded:
            return b""
        body = self.kept.get(part.span) if part.encoding in _KEPT else None
        body = part.body if body is None else body
        self.decoded += len(body)
        if self.decoded > self.limits.decoded:
            self._limit(f"more than {self.limits.decoded:,} octets decoded; the rest was left out")
            return b""
        return body

    def _alternative(self, part: Part) -> list[Piece]:
        options = [self.part(child, part.content_type) for child in part.children]
        self._epilogue(part)
        rich = [option for option in options if any(piece.html for piece in option)]
        plain = [
            piece.plain or ""
            for option in options
            if not any(piece.html for piece in option)
            for piece in option
            if piece.has_plain
        ]
        for option in rich[:-1]:
            if option != rich[-1]:
                self._kept_as_file(option)
        if not plain:
            return rich[-1] if rich else []
        html = "\n".join(piece.html for piece in rich[-1] if piece.html) if rich else None
        text = "\n\n".join(dict.fromkeys(plain))
        if html and _says_other(text, html):
            if placeholders.is_notice(text):
                self._defect("the plain text says next to nothing of what the HTML says; the HTML was read")
                return rich[-1]
            self._defect("the plain text says next to nothing of what the HTML says; both were read")
            return [Piece(text), *rich[-1]]
        return [Piece(text, html), *_beside(rich[-1] if rich else [], text)]

    def _kept_as_file(self, option: list[Piece]) -> None:
        for piece in option:
            content = (piece.html or piece.plain or "").encode()
            self._add(Attachment("alternative.html", "text/html", content))
        self._defect("of several HTML alternatives the last was read; the others are attached")

    def _epilogue(self, part: Part) -> None:
        if len(part.epilogue) > 1 and _VISIBLE_BYTES.search(part.epilogue[:100_000]):
            self._defect("text stands after the last part; it is attached as epilogue.txt")
            self._add(Attachment("epilogue.txt", "text/plain", part.epilogue.strip(b"\r\n")))

    def _leaf(self, part: Part, parent: str) -> list[Piece]:
        if part.content_type in _UNSHOWN and parent == "multipart/alternative":
            return []
        if self._is_text(part):
            return self._text(part)
        if part.content_type.startswith("multipart/") and part.span[0] == part.span[1]:
            return []
        body = self._body(part)
        pieces: list[Piece] = []
        if part.content_type == "text/calendar":
            self._invitation(part, body)
        elif _is_sealed(part):
            pieces = self._sealed(part, body)
        elif part.content_type in _TNEF or (part.filename or "").lower() == "winmail.dat":
            pieces = self._tnef(body)
        self._attach(part, parent, body)
        return pieces

    def _is_text(self, part: Part) -> bool:
        """Whether a part is text to be read, not a file."""
        if part.content_type not in PLAIN and part.content_type not in HTML:
            return False
        if part.filename is None:
            return part.disposition != "attachment"
        return part.disposition is None and not self.seen_text

    def _text(self, part: Part) -> list[Piece]:
        guessing = self.guessed < _MOST_GUESSED
        text = texts.read(part, self._body(part), self.hint, guessing=guessing)
        self.guessed += sum(1 for defect in text.defects if ", read as " in defect)
        self.contents.defects += text.defects
        for file in text.files:
            self._enclosed(file)
        self.seen_text = self.seen_text or text.piece.has_plain or bool(text.piece.html)
        return [text.piece]

    def _enclosed(self, file: legacy.Enclosed) -> None:
        name = words.plain(file.name, self.hint)
        if file.damaged:
            self._defect(f"the file {clean.one_line(name)[:100]!r} in the text is damaged or only a part")
        self._add(Attachment(name, names.type_of(name), file.content))

    def _invitation(self, part: Part, body: bytes) -> None:
        text, _ = charsets.decode(body, part.params.get("charset") or "utf-8", self.hint)
        summed = summary(clean.lines(text), part.params.get("method", ""))
        if summed and summed not in self.contents.invitations:
            self.contents.invitations.append(summed)

    def _sealed(self, part: Part, body: bytes) -> list[Piece]:
        """What an opaque S/MIME part holds, read like any other part."""
        content = smime.signed_content(body) if part.depth < self.limits.depth else None
        if content is not None:
            self._defect("the text was taken out of an S/MIME signature, which was not checked")
            self.kept = {}
            return self.part(self.cutter.entity(content, part.depth + 1))
        if smime.is_encrypted(body) or part.params.get("smime-type") == "enveloped-data":
            self._defect("the mail is encrypted (S/MIME); its text is in the attachment and was not read")
        else:
            self._defect("an S/MIME part could not be opened; it is attached as it came")
        return []

    def _tnef(self, body: bytes) -> list[Piece]:
        from emailint.message import tnef  # noqa: PLC0415 - few mails have it

        opened = tnef.read(body)
        if opened.defect:
            self._defect(opened.defect)
        for attachment in opened.attachments:
            self.decoded += len(attachment.content)
            self._add(attachment)
        if self.seen_text or (opened.plain is None and opened.html is None):
            return []
        return [Piece(opened.plain, opened.html)]

    def _attach(self, part: Part, parent: str, body: bytes) -> None:
        inline = part.disposition == "inline" or (
            part.disposition is None and part.content_id is not None and parent == "multipart/related"
        )
        name = names.name_of(part, body)
        self._add(Attachment(name, part.content_type, body, inline, part.content_id))

    def _add(self, attachment: Attachment) -> None:
        if len(self.contents.attachments) < self.limits.attachments:
            self.contents.attachments.append(attachment)
        elif not self.contents.over:
            self._limit(f"more than {self.limits.attachments} attachments; the rest was left out")


def _is_sealed(part: Part) -> bool:
    if part.content_type in _SEALED:
        return part.params.get("smime-type", "") != "certs-only"
    return part.content_type == "application/octet-stream" and (part.filename or "").lower().endswith(".p7m")


def _beside(option: Iterable[Piece], text: str) -> list[Piece]:
    """The plain texts that stand beside the HTML inside one alternative, but for what `text` says too."""
    beside = [piece for piece in option if not piece.html and piece.has_plain]
    said = " ".join(text.split()) if beside else ""
    return [piece for piece in beside if " ".join((piece.plain or "").split()) not in said]


def _says_other(text: str, html: str) -> bool:
    """Whether a short plain text is not what the HTML says: it hardly has its words, or far fewer."""
    if len(text) > _PLACEHOLDER:
        return False
    from emailint.message.hypertext import stripped  # noqa: PLC0415 - as below

    shown = stripped(html[:_LOOKED_AT])
    more = len(shown.split()) - len(text.split())
    if len(html) >= 10 * len(text) and more > 40 + 3 * len(text.split()):
        return True
    return (
        (more > 0 or placeholders.is_notice(text)) and bool(shown) and not placeholders.is_said_in(text, html)
    )


def _same(plain: Piece, rich: Piece) -> bool:
    from emailint.message.hypertext import stripped  # noqa: PLC0415 - loads with the first such mail

    return (plain.plain or "").split() == stripped(rich.html or "").split()
