"""What a person orders to be tried again, and what that comes to in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emailint.errors import Scope, UsageError
from emailint.store.records import Disposition, ReplyState, Trouble
from emailint.sweep.troubles import KEPT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emailint.store.ledger import Ledger
    from emailint.store.records import OpenError, Reply, Waiting

STOPPED = frozenset({ReplyState.FAILED, ReplyState.UNKNOWN, ReplyState.PENDING})
"""Replies that an order by name begins again."""


@dataclass(frozen=True, slots=True)
class Order:
    """Ids of errors and of cases, and all of a kind: held and quarantined mail, failed replies and hooks."""

    ids: tuple[str, ...] = ()
    held: bool = False
    quarantined: bool = False
    replies: bool = False
    hooks: bool = False


@dataclass(frozen=True, slots=True)
class Retried:
    """What came of one thing that was tried again.

    `what` is `held`, `quarantined` or `reply`; `name` the id by which it may be ordered. `outcome` is what it
    is now: `case`, `follow_up`, `ignored`, `reread`, a state of replies, or "" where nothing was tried.
    `done` says that what was ordered is done. `reply` is what became of the reply to a case that was made.
    `subject` and `detail` are mail-derived: clean them before showing.
    """

    what: str
    name: str
    done: bool = False
    outcome: str = ""
    detail: str = ""
    case_id: str | None = None
    subject: str = ""
    reply: str = ""


@dataclass(slots=True)
class Chosen:
    """Mail and replies that are to be tried again, each once, and what turned out to be over already."""

    over: list[Retried] = field(default_factory=list)
    _mails: dict[int, Waiting] = field(default_factory=dict)
    _replies: dict[int, Reply] = field(default_factory=dict)

    @property
    def mails(self) -> list[Waiting]:
        """In the order in which they came."""
        return [self._mails[row] for row in sorted(self._mails)]

    @property
    def replies(self) -> list[Reply]:
        """In the order in which they were made."""
        return [self._replies[row] for row in sorted(self._replies)]

    def take(self, *mails: Waiting) -> None:
        """Choose these mails."""
        self._mails |= {each.known.row: each for each in mails}

    def take_replies(self, *replies: Reply) -> None:
        """Choose these replies."""
        self._replies |= {each.row: each for each in replies}


def error_id(waiting: Waiting) -> str:
    """The id of the error that lists this mail (`telling.about` gives it its key)."""
    return Trouble(
        kind=waiting.known.disposition.value,
        scope=Scope.MESSAGE.value,
        transient=False,
        message="",
        integration=waiting.integration,
        subject_key=waiting.known.case_id or waiting.locus,
    ).error_id


def choose(ledger: Ledger, order: Order) -> Chosen:
    """What the order comes to. Raises UsageError for an id that means nothing."""
    chosen = Chosen()
    held, quarantined = ledger.waiting(Disposition.HELD), ledger.waiting(Disposition.QUARANTINED)
    if order.ids:
        mails = {error_id(each): each for each in (*held, *quarantined)}
        errors = {error.error_id: error for error in ledger.errors(closed=True)}
        for name in dict.fromkeys(order.ids):
            _choose(chosen, name, ledger, mails, errors)
    if order.held:
        chosen.take(*held)
    if order.quarantined:
        chosen.take(*quarantined)
    if order.replies:
        chosen.take_replies(*ledger.failed_replies())
    return chosen


def _choose(
    chosen: Chosen,
    name: str,
    ledger: Ledger,
    mails: Mapping[str, Waiting],
    errors: Mapping[str, OpenError],
) -> None:
    """What one id means: a mail that waits, the reply that an error is about, the replies to a case."""
    if name in mails:
        chosen.take(mails[name])
        return
    trouble = errors[name].trouble if name in errors else None
    if trouble is None:
        _choose_replies(chosen, name, ledger.replies_of(name))
    elif trouble.kind in KEPT:
        chosen.over.append(Retried(trouble.kind, name, done=True, detail="it waits no more"))
    elif trouble.case_id is not None:
        replies = [
            each for each in ledger.replies_of(trouble.case_id) if each.message_id == trouble.subject_key
        ]
        _choose_replies(chosen, trouble.case_id, replies)
    else:
        raise UsageError(
            f"{name} ({trouble.kind}) is about no mail and no reply that waits; nothing was tried",
            hint="what it is about is tried by each sweep; once it is put right, the error closes by itself",
        )


def _choose_replies(chosen: Chosen, case_id: str, replies: Sequence[Reply]) -> None:
    if not replies:
        raise UsageError(
            f"there is no error and no case {case_id!r} in this store; nothing was tried",
            hint="give an id that emailint list-errors or emailint list-cases prints",
        )
    stopped = [each for each in replies if each.state in STOPPED]
    chosen.take_replies(*stopped)
    if not stopped:
        last = replies[-1]
        sent = last.state is ReplyState.SENT
        why = "before" if sent else f"{last.reason}, for good" if last.reason else "for good"
        if last.state is ReplyState.SENDING:
            why = "it is not known yet whether it went out; the next sweep looks, and sends nothing meanwhile"
        chosen.over.append(Retried("reply", case_id, sent, last.state.value, why, case_id))
