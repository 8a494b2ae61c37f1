"""The marks above quoted history: reply lines, header blocks, separators, our own marker line.

Each function looks at one place and at most a few lines around it, so a scan over all lines is linear.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from emailint.message import quoted_words as words

if TYPE_CHECKING:
    from collections.abc import Sequence

MARKER: Final = "=== Please reply above this line ==="
"""Printed at the top of our replies; what comes back below it is history. ASCII, and too short to wrap."""

MARKER_PHRASES: Final = frozenset(
    {
        "please reply above this line",
        "reply above this line",
        "please type your reply above this line",
        "please write your reply above this line",
        "type your reply above this line",
        "write your reply above this line",
        "please do not write below this line",
        "do not write below this line",
        "add your reply above here",
        "bitte antworten sie oberhalb dieser linie",
        "bitte oberhalb dieser linie antworten",
        "veuillez répondre au dessus de cette ligne",
        "répondez au dessus de cette ligne",
        "responda por encima de esta línea",
        "rispondi sopra questa riga",
    }
)


class Line(NamedTuple):
    """One line: its `text` without blanks at the ends and without quote signs ("" when it is blank).

    `quoted`: the mail program marked it as quoted (`>`, a cited blockquote). `opens`: by such a mark all
    from here on is history.
    """

    text: str
    quoted: bool = False
    opens: bool = False


_MARKER_ENDS: Final = frozenset(phrase[-4:] for phrase in MARKER_PHRASES)
_INVISIBLE: Final = "\0\xad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_LONGEST: Final = 300
_RULE_CHARACTERS: Final = "-_=*#~+–—─━•·｜| \t>"  # noqa: RUF001 - dashes as mail programs print them
_RULE: Final = re.compile(r"[-_=*~–—─━]{5,}\Z")  # noqa: RUF001 - dashes as mail programs print them
_WROTE: Final = re.compile(rf"(?<!\w)(?:{words.WROTE})(?!\w)|{words.WROTE_CJK}")
_DATE: Final = re.compile(r"(?:19|20)\d\d|\d{1,2}[./-] ?\d{1,2}[./-] ?\d{2}")
_TIME: Final = re.compile(r"\d{1,2}:\d\d|(?<![.\d/])\d{1,2}[.h] ?\d\d(?![.\d/])|\d ?[ap]\.?m\b")
_BEGINS: Final = re.compile(rf"(?:{words.OPENERS})(?!\w)[\s,]*(?:\w{{1,12}}[.,]*\s+){{0,2}}\(?\d")
_DATE_FIRST: Final = re.compile(r"(?:\w{1,12}[.,]*\s+)?\(?(?!\d{4}\s)\d{1,4}[\s./年-]")
_ADDRESS_LAST: Final = re.compile(r"@[^\s@]{1,120}[>)\]]\s*[:\uff1a]\Z")
_LABEL: Final = re.compile(r"[*_\s]*([^\W\d_][^:\uff1a*<>@]{0,23}?)[*_\s]*[:\uff1a][*_\s]*(.*)")
_WORDS: Final = re.compile(r"[\W_]+")
_WRAPPED: Final = 4
_HEADER_LINES: Final = 30


def line_of(text: str) -> Line:
    """The line as it is judged: a BOM before `>` and quote signs taken off, mbox's `>From ` is no quote."""
    text = text.strip()
    if not text.isascii():
        text = text.strip(_INVISIBLE).strip()
    if not text or text[0] not in ">\uff1e" or text.startswith(">From "):
        return Line(text)
    return Line(text.lstrip("> \t\xa0|\uff1e" + _INVISIBLE) or ">", quoted=True)


def may_open(text: str) -> bool:
    """Whether it is worth while to look closer; False for nearly all lines of running text, and cheap."""
    return not text[0].isalnum() or ":" in text or "\uff1a" in text or text[-4:] in _MARKER_ENDS


def is_rule(text: str) -> bool:
    """Whether the line is nothing but a drawn line."""
    return len(text) < 200 and _RULE.match(text) is not None


def _title(text: str) -> str | None:
    """What stands between drawn lines, in one line: `-----Original Message-----`."""
    if len(text) > _LONGEST:
        return None
    inner = text.strip(_RULE_CHARACTERS)
    return inner.rstrip(": \uff1a").casefold() if inner else None


def is_forward(text: str) -> bool:
    """Whether a mail that is passed on begins below this line."""
    if not (_is_drawn(text) or text[-1:] in ":\uff1a"):
        return False
    title = _title(text) or ""
    return title in words.FORWARDED or title.startswith(("forwarded by ", "weitergeleitet von "))


def is_original(text: str) -> bool:
    """Whether a mail that is answered begins below this line, as a drawn line says."""
    if not _is_drawn(text):
        return False
    title = _title(text)
    return title is not None and (title in words.ORIGINAL or _is_lotus(text, title))


def _is_drawn(text: str) -> bool:
    return len(text) > 2 and text[0] in _RULE_CHARACTERS and text[1] in _RULE_CHARACTERS


def _is_lotus(text: str, title: str) -> bool:
    """`-----Ann Lee wrote: -----`."""
    return text.endswith("--") and _WROTE.search(title) is not None and title.endswith(("wrote", "schrieb"))


def is_marker(lines: Sequence[Line], index: int) -> bool:
    """Whether our marker line stands here: behind quote signs, alone, wrapped, or before other text."""
    text = lines[index].text
    if len(text) > _LONGEST or not text:
        return False
    first = _WORDS.sub(" ", text.casefold()).strip()
    if first in MARKER_PHRASES:
        return True
    if not _is_drawn(text):
        return False
    if any(first.startswith(phrase + " ") for phrase in MARKER_PHRASES):
        return True
    if index + 1 == len(lines) or not any(phrase.startswith(first) for phrase in MARKER_PHRASES if first):
        return False
    return f"{first} {_WORDS.sub(' ', lines[index + 1].text[:_LONGEST].casefold()).strip()}" in MARKER_PHRASES


def field(text: str) -> tuple[str, str] | None:
    """Role and value, where the line is a field of a header block (`*From:* Ann`)."""
    if ":" not in text[:40] and "\uff1a" not in text[:40]:
        return None
    match = _LABEL.match(text[:_LONGEST])
    role = words.FIELD_ROLES.get(match[1].strip().casefold()) if match else None
    return (role, match[2]) if match and role else None


def header_block(lines: Sequence[Line], index: int, *, announced: bool = False) -> int | None:
    """Index of the line after a block of From, Sent, To and Subject that begins here, or None.

    It must name sender and recipient, else it is more likely a web form, unless something above
    `announced` quoted mail; and a date or an address must stand in it.
    """
    seen: dict[str, str] = {}
    end = index
    missed = 0
    for position in range(index, min(index + _HEADER_LINES, len(lines))):
        found = field(lines[position].text)
        if found is None:
            missed += 1
            if missed > 3 or "subject" in seen or not seen:
                break
        elif found[0] == "sender" and "sender" in seen:
            break
        else:
            missed = 0
            end = position + 1
            seen.setdefault(*found)
    return end if _is_mail_header(seen, announced) else None


def _is_mail_header(seen: dict[str, str], announced: bool) -> bool:
    if "sender" not in seen or len(seen.keys() & {"sent", "receiver", "subject"}) < 2:
        return False
    if "receiver" not in seen and not announced:
        return False
    sent = seen.get("sent", "").casefold()
    dated = _DATE.search(sent) is not None and (_TIME.search(sent) is not None or announced)
    return dated or any("@" in value for value in seen.values())


def reply_line(lines: Sequence[Line], last: int, *, before_quote: bool) -> int | None:
    """Where the reply line ("On … wrote:") begins that ends at `last`, wrapped or not; None: there is none.

    `before_quote`: quoted lines follow, so less is asked of it than where only it tells what follows.
    """
    found: list[tuple[int, int]] = []
    joined = ""
    for start in range(last, max(last - _WRAPPED, -1), -1):
        line = lines[start]
        if not _may_belong(line, lines[last], lines[start + 1].text if start < last else ""):
            break
        joined = f"{line.text} {joined}".strip().casefold()
        rank = _rank(joined, before_quote)
        if rank is not None:
            found.append((rank, last - start))
    return last - min(found)[1] if found else None


def _may_belong(line: Line, last: Line, following: str) -> bool:
    if not line.text or len(line.text) > _LONGEST or line.quoted != last.quoted:
        return False
    return not following or line.text[-1] not in ".!?:" or not following[0].isupper()


def _rank(joined: str, before_quote: bool) -> int | None:
    """How well the text serves as a whole reply line: 0 is best; None is not at all."""
    colon = joined.rstrip("*_ ").endswith((":", "\uff1a"))
    dated = _DATE.search(joined) is not None
    timed = dated and _TIME.search(joined) is not None
    if not (timed and colon) and not before_quote:
        return None
    wrote = _WROTE.search(joined) is not None
    if before_quote:
        named = "@" in joined
        addressed = dated and named and joined.endswith(">") and _DATE_FIRST.match(joined) is not None
        complete = (wrote and (colon or dated or named)) or (colon and (named or timed)) or addressed
    else:
        complete = wrote or (
            _DATE_FIRST.match(joined) is not None and _ADDRESS_LAST.search(joined) is not None
        )
    if not complete:
        return None
    return _rank_of_beginning(joined.lstrip(_RULE_CHARACTERS + "(\"'"), wrote or "@" in joined)


def _rank_of_beginning(joined: str, names_somebody: bool) -> int:
    if not names_somebody:
        return 3
    if _BEGINS.match(joined):
        return 0
    return 1 if _DATE_FIRST.match(joined) else 2
