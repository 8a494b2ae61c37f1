"""The steps `mark` and `move` where a server does what is asked for some of the mail and not for all of it.

One message that cannot be marked or moved holds up no other: it is found by halves where the server does not
name it, left alone until the end of the sweep, and asked for once more then. It is that message's own trouble
where the server does the same for others, and the mailbox's where it does it for none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from emailint.errors import FolderReadOnly, MessageError, ProtocolFailed, SourceError, Unmarked, Unmoved
from emailint.sweep.troubles import About

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from emailint.store.ledger import Ledger

ALONE: Final = 3
"""So many refused alone while none is taken: the others are not asked for one by one."""

MANY: Final = 20
"""More than so many that are refused for the first time are no trouble of each of them."""

CURE: Final = (
    "open the mail in the mailbox; what cannot be marked or moved there either can only be deleted. Each"
    " sweep tries it again, after all other mail"
)


def unmarked(error: SourceError) -> MessageError:
    """What is told of a mail that its server does not let be marked read, while others are."""
    return Unmarked(
        f"a mail cannot be marked read: {error}; what was to be made of it is made, once, and the mail stays"
        " unread",
        hint=CURE,
    )


def unmoved(error: SourceError) -> MessageError:
    """What is told of a mail that its server does not let be moved, while others are."""
    return Unmoved(
        f"a mail cannot be moved: {error}; what was to be made of it is made, once, and the mail stays in its"
        " folder, read",
        hint=CURE,
    )


@dataclass(slots=True)
class Partly:
    """One verb over the messages of one mailbox, in one sweep.

    `verb` does it for these loci and records it; it may be repeated. `late` are those for which it failed in
    earlier sweeps while it did not for others, `mended` those of them for which it does again. `must_end`: no
    time is left to find out which are refused.
    """

    verb: Callable[[Sequence[str]], None]
    late: Collection[str]
    must_end: Callable[[], bool]
    refused: dict[str, SourceError] = field(default_factory=dict)
    mended: set[str] = field(default_factory=set)
    taken: bool = False

    def do(self, loci: Sequence[str]) -> None:
        """For all but those that have failed. Raises SourceErrors that are about the mailbox."""
        self._each([locus for locus in loci if locus not in self.late and locus not in self.refused])

    def once_more(self, loci: Sequence[str]) -> None:
        """At the end of the sweep: for those that have failed, unless it is certainly the mailbox."""
        if self.taken or len(self.refused) <= ALONE:
            again = [locus for locus in loci if locus in self.refused]
            self.refused.clear()
            self._each(again)
        self._each([locus for locus in loci if locus in self.late])

    def own(self) -> Mapping[str, SourceError]:
        """Messages whose own trouble it is."""
        return self.refused if self.common() is None else {}

    def common(self) -> SourceError | None:
        """The trouble of the mailbox, if it is that: none was taken, or too many were not."""
        fresh = [error for locus, error in self.refused.items() if locus not in self.late]
        return fresh[0] if fresh and (not self.taken or len(fresh) > MANY) else None

    def _each(self, loci: Sequence[str]) -> None:
        parts = [list(loci)] if loci else []
        while parts:
            part = parts.pop()
            try:
                self.verb(part)
                self.taken = True
                self.mended.update(locus for locus in part if locus in self.late)
            except SourceError as error:
                parts += self._parted(part, error)
            if not self.taken and len(self.refused) >= ALONE and parts:
                first = next(iter(self.refused.values()))
                self.refused |= {locus: first for left in parts for locus in left}
                return

    def _parted(self, part: list[str], error: SourceError) -> list[list[str]]:
        """What of a part is still to be tried; raises what is not about some of it."""
        named = [locus for locus in part if locus in error.loci]
        if named:
            self.refused |= dict.fromkeys(named, error)
            rest = [locus for locus in part if locus not in self.refused]
            return [rest] if rest else []
        if not isinstance(error, FolderReadOnly | ProtocolFailed):
            raise error
        if len(part) == 1:
            self.refused[part[0]] = error
            return []
        if self.must_end():
            raise error
        middle = len(part) // 2
        return [part[middle:], part[:middle]]


def about(ledger: Ledger, loci: Sequence[str]) -> dict[str, About]:
    """These messages, with their cases."""
    known = ledger.known(loci)
    return {
        locus: About(key=locus, locus=locus, case_id=known[locus].case_id if locus in known else None)
        for locus in loci
    }
