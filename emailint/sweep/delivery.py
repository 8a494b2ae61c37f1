"""What a mailbox's server gives and what it does not: one message's trouble, told from the mailbox's.

A message that is not given is set aside and the others are taken; at the end of the sweep it is asked for
once more, alone. What the server gives besides, then and there, says whose trouble it is (`withheld`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from emailint.errors import SourceError, Throttled
from emailint.sources.protocol import MessageRef
from emailint.sweep.mailbox import Job

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from emailint.sources.protocol import MailSource
    from emailint.store.ledger import Ledger
    from emailint.sweep.mailbox import Fetched

IN_A_ROW = 3
"""So many messages not given one after another: the server has to show that it gives any at all."""

ALONE = 10
"""So many messages are asked for alone in one sweep."""

WITNESSES = 5
"""Of so many messages that were given, the smallest is asked for again."""


class Verdict(StrEnum):
    """Whose trouble it is that a message is not given, or that nobody can tell."""

    MESSAGE = "message"
    MAILBOX = "mailbox"
    UNKNOWN = "unknown"


def verdict(gives: bool | None, *, came_since: bool, only_one: bool) -> Verdict:
    """Judge one message that was asked for alone and not given.

    `gives`: whether one that was given before is given now, None where there is none to ask for.
    `came_since`: whether others came in this sweep after it had failed first. `only_one`: whether no other
    failed in this sweep for the first time.
    """
    if gives or (gives is None and came_since):
        return Verdict.MESSAGE
    return Verdict.UNKNOWN if gives is None and only_one else Verdict.MAILBOX


@dataclass(frozen=True, slots=True)
class Aside:
    """A message that waits for the end of the sweep.

    `error` is why it was not given, None where it was not asked for in this sweep; `came` is how many
    messages had come before.
    """

    ref: MessageRef
    error: SourceError | None = None
    came: int = 0


@dataclass(slots=True)
class Delivery:
    """What came of one mailbox in one sweep, and what is still to be asked for alone."""

    source: MailSource
    ledger: Ledger
    place: str
    asides: dict[str, Aside] = field(default_factory=dict)
    came: int = 0
    _row: int = 0
    _given: deque[str] = field(default_factory=lambda: deque(maxlen=WITNESSES))

    def set_aside(self, refs: Sequence[MessageRef], loci: Collection[str]) -> list[MessageRef]:
        """Leave these for the end; returns the others."""
        self.asides |= {ref.locus: Aside(ref) for ref in refs if ref.locus in loci}
        return [ref for ref in refs if ref.locus not in loci]

    def after(self, job: Job, fetched: Fetched) -> list[Job]:
        """Set aside what was not given; returns what of a job that ended early is to be asked for again.

        Raises the error where it is the mailbox's.
        """
        before = self.came
        self.note(fetched)
        refs = {ref.locus: ref for ref in job.refs}
        unread = [refs[locus] for locus in fetched.unread]
        withheld = dict(fetched.withheld)
        if fetched.error is not None and not fetched.error.loci:
            if isinstance(fetched.error, Throttled):
                raise fetched.error
            # most servers answer in order, so that the first is the likeliest to be the reason
            withheld |= {ref.locus: fetched.error for ref in unread[:1]}
            unread = unread[1:]
        self.asides |= {locus: Aside(refs[locus], error, before) for locus, error in withheld.items()}
        self._judge(fetched, withheld, cut_short=bool(unread))
        return [Job(part, job.headers_only) for part in _parts(unread) if part]

    def note(self, fetched: Fetched) -> None:
        """Count what came."""
        self.came += len(fetched.reads)
        self._given.extend(read.ref.locus for read in fetched.reads)

    @property
    def fresh_troubles(self) -> int:
        """How many messages were not given in this sweep for the first time."""
        return sum(aside.error is not None for aside in self.asides.values())

    def _judge(self, fetched: Fetched, withheld: dict[str, SourceError], *, cut_short: bool) -> None:
        """Raise where too many are not given, and none that was given before is given again."""
        if fetched.reads and not cut_short:
            self._row = 0
            return
        self._row += len(withheld)
        if self._row >= IN_A_ROW:
            if not self.gives():
                raise next(iter(withheld.values()))
            self._row = 0

    def gives(self) -> bool | None:
        """Whether the server gives, now, a message that it gave before; None where there is none to ask for.

        Raises Throttled where it asks to wait.
        """
        loci = list(self._given) or self.ledger.given(self.place, WITNESSES)
        try:
            measured = self.source.measure([MessageRef(locus) for locus in loci]) if loci else ()
            if not measured:
                return None
            witness = min(measured, key=lambda ref: ref.size or 0)
            came = list(self.source.fetch([witness]))  # all of the answer before the next command
            return any(raw.raw for raw in came)
        except Throttled:
            raise
        except SourceError:
            return False


def _parts(refs: Sequence[MessageRef]) -> tuple[Sequence[MessageRef], ...]:
    """The last alone, which shows soonest whether any comes, then the others in halves."""
    middle = (len(refs) - 1) // 2
    return refs[-1:], refs[:middle], refs[middle:-1]
