"""`CLID=` and `WSID=` in the sender's own words: by them a sender says which client a mail is about.

Where history stays in the text (answers between quoted lines, forwards), the words of others are left out,
since whoever wrote them would else decide which client's case is made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emailint.message.quoted import is_forward as is_forwarded
from emailint.message.quoted_marks import is_forward, is_original

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN: Final = 5
_FROM: Final = re.compile(
    r"[\s*]{0,9}(?:From|Von|De|Da|Van|Fra|Från|Lähettäjä|Od|От кого|От|发件人|差出人)"
    r"[\s*\u00a0]{0,3}[:\uff1a]"
)
"""How the block begins by which Outlook passes a mail on."""
_TOKEN: Final = re.compile(
    r"(?<![\w?&/#;=%.-])(CLID|WSID)=([A-Z0-9](?:[A-Z0-9._-]{0,62}[A-Z0-9])?)", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The different values of each kind, in the order in which they stand in the text."""

    clid: tuple[str, ...] = ()
    wsid: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.clid or self.wsid)

    def __str__(self) -> str:
        """`CLID=7, WSID=1201`, and no more than a few of them."""
        pairs = [f"CLID={value}" for value in self.clid] + [f"WSID={value}" for value in self.wsid]
        return listed(pairs)


def listed(names: Sequence[str]) -> str:
    """The first few of them, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def own_words(text: str, subject: str = "") -> str:
    """The lines of a text that its sender wrote: none that is quoted, none from a forwarded mail on."""
    own = []
    forwarded = is_forwarded(subject)
    for line in text.split("\n"):
        if is_forward(line) or is_original(line) or (forwarded and _FROM.match(line)):
            break
        if not line.lstrip().startswith((">", "|")):
            own.append(line)
    return "\n".join(own)


def tokens_in(text: str, subject: str = "") -> Tokens:
    """All tokens in a sender's own words; names are read without case, no blank stands around the sign.

    What looks like a token within a link is none.
    """
    if "id=" not in text.lower() or _TOKEN.search(text) is None:  # the former is far quicker
        return Tokens()
    found: dict[str, dict[str, None]] = {"CLID": {}, "WSID": {}}
    for match in _TOKEN.finditer(own_words(text, subject)):
        found[match[1].upper()].setdefault(match[2])
    return Tokens(tuple(found["CLID"]), tuple(found["WSID"]))
