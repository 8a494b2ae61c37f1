"""`CLID=` and `WSID=` in the new text of a mail: by them a sender says which client it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN: Final = 5
_TOKEN: Final = re.compile(
    r"(?<!\w)(CLID|WSID)=([A-Z0-9](?:[A-Z0-9._-]{0,62}[A-Z0-9])?)", re.IGNORECASE | re.ASCII
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


def tokens_in(text: str) -> Tokens:
    """All tokens of a text; names are read without case, no blank stands around the sign."""
    found: dict[str, dict[str, None]] = {"CLID": {}, "WSID": {}}
    for match in _TOKEN.finditer(text):
        found[match[1].upper()].setdefault(match[2])
    return Tokens(tuple(found["CLID"]), tuple(found["WSID"]))
