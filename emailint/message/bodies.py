"""The text of a mail: what was written now, what is history, and HTML that can be shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emailint.message import quoted
from emailint.message.model import Attachment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emailint.message.model import Limits
    from emailint.message.texts import Piece


@dataclass(frozen=True, slots=True)
class Body:
    """`text` and `quoted` hold all text of the mail; `files` what had to be cut out of the record."""

    text: str = ""
    quoted: str = ""
    html: str | None = None
    files: tuple[Attachment, ...] = ()
    defects: tuple[str, ...] = ()


def compose(
    pieces: Iterable[Piece], invitations: Iterable[str], subject: str, limits: Limits, *, refers: bool = False
) -> Body:
    """The body of a mail from its pieces; a text over the limit is cut, and whole in a file.

    `refers`: whether the mail names another one that it answers (In-Reply-To, References).
    """
    reader = _Reader(subject, limits.text, answers=refers or quoted.is_answer(subject))
    pieces = [reader.shown(piece) for piece in pieces]
    halves = [reader.halves(piece) for piece in pieces]
    new = _joined([half[0] for half in halves] + list(invitations))
    old = _joined(half[1] for half in halves)
    html, html_file, html_defect = _html(pieces, limits)
    defects = [html_defect] if html_defect else []
    files = [html_file] if html_file else []
    if len(new) > limits.text // 4 or len(old) > limits.text // 4:
        short_new, short_old = _cut(new, limits.text), _cut(old, limits.text)
        if (short_new, short_old) != (new, old):
            whole = _joined((new, old)).encode()
            defects.append(f"text over {limits.text:,} octets was cut; the whole is attached as text.txt")
            files.append(Attachment("text.txt", "text/plain", whole))
            new, old = short_new, short_old
    return Body(new, old, html, tuple(files), tuple(defects))


class _Reader:
    """Reads the pieces of one mail; what each kind of reading costs is limited for all of them together."""

    def __init__(self, subject: str, most: int, *, answers: bool) -> None:
        self.subject, self.answers = subject, answers
        self.searched = self.taken = 2 * most
        self.laid_out = 0
        self.plain = most

    def shown(self, piece: Piece) -> Piece:
        """The piece without what its HTML hides; HTML that is far too long stays as it is."""
        if piece.html is None or len(piece.html) > self.searched:
            return piece
        from emailint.message.markup import visible  # noqa: PLC0415 - only mail with HTML needs it

        self.searched -= len(piece.html)
        return replace(piece, html=visible(piece.html))

    def halves(self, piece: Piece) -> tuple[str, str]:
        """New text, and signature and history."""
        if piece.has_plain or piece.html is None:
            return self._split((piece.plain or "").strip("\n"))
        from emailint.message.hypertext import stripped  # noqa: PLC0415 - as above

        html = piece.html[: self.taken]
        self.taken -= len(html)
        if len(html) < len(piece.html):
            return self._split(stripped(html))
        new, old = quoted.split_html(html, self.subject, self.answers)
        split = quoted.split_signature(self._laid_out(new))
        return split.new, _joined((split.apart, self._laid_out(old) if old else ""))

    def _laid_out(self, html: str) -> str:
        from emailint.message.hypertext import LAID_OUT, to_text  # noqa: PLC0415 - as above

        left = LAID_OUT - self.laid_out
        self.laid_out += len(html) if len(html) <= left else 0
        return to_text(html, left)

    def _split(self, text: str) -> tuple[str, str]:
        """As `halves`, for plain text; what lies beyond the limit goes where the text before it ends."""
        most = self.plain
        end = max(text.rfind("\n", 0, most), 0) or most if len(text) > most else len(text)
        self.plain -= end
        split = quoted.split_text(text[:end], self.subject, self.answers)
        beyond = text[end:]
        return (split.new, split.apart + beyond) if split.apart else (split.new + beyond, "")


def _joined(texts: Iterable[str]) -> str:
    return "\n\n".join(text for text in texts if text.strip())


def _cut(text: str, octets: int) -> str:
    data = text.encode()
    return text if len(data) <= octets else data[:octets].decode("utf-8", "ignore")


def _html(pieces: Iterable[Piece], limits: Limits) -> tuple[str | None, Attachment | None, str | None]:
    """The cleaned HTML of all pieces; where it is too long or too deep, a file and a defect instead."""
    pieces = [piece for piece in pieces if piece.html is not None or piece.has_plain]
    if not any(piece.html for piece in pieces):
        return None, None, None
    from emailint.message.hypertext import clean  # noqa: PLC0415 - only mail with HTML needs it

    html = "\n".join(piece.html or f"<pre>{_escaped(piece.plain or '')}</pre>" for piece in pieces)
    safe = clean(html) if len(html) <= limits.text else None
    if safe is not None and len(safe) <= 2 * limits.text:
        return safe, None, None
    reason = "too long" if len(html) > limits.text else "nested too deeply"
    file = Attachment("body.html", "text/html", html.encode())
    return None, file, f"the HTML is {reason} to be cleaned; it is attached as body.html"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
