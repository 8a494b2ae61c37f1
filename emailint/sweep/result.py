"""What a sweep did, in numbers and for each message: frozen values for reports."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from emailint.store.records import OpenError


@dataclass(frozen=True, slots=True)
class Counts:
    """The books of a sweep; they balance: `listed` is the sum of the nine that follow it."""

    listed: int = 0
    cases: int = 0
    follow_ups: int = 0
    held: int = 0
    ignored: int = 0
    already_known: int = 0
    vanished: int = 0
    failed: int = 0
    quarantined: int = 0
    left: int = 0
    replies_sent: int = 0
    replies_withheld: int = 0
    replies_failed: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Sum, field by field."""
        return Counts(*(getattr(self, name) + getattr(other, name) for name in NAMES))

    @property
    def balanced(self) -> bool:
        """Whether the books balance."""
        return bool(self.listed == sum(getattr(self, name) for name in NAMES[1:10]))


NAMES = tuple(each.name for each in fields(Counts))


@dataclass(frozen=True, slots=True)
class MessageResult:
    """What became of one message. `outcome` is a field name of Counts (`cases`, `held`, ...).

    `reply` is what became of its reply: "sent", "withheld: reason", "pending", ... or "" where none
    is foreseen. `locus`, `subject` and `sender` are mail-derived: clean them before showing.
    """

    integration: str
    locus: str
    outcome: str
    subject: str = ""
    sender: str = ""
    case_id: str | None = None
    alias: str | None = None
    kind: str = "person"
    reply: str = ""
    detail: str = ""
    workspace: int | str | None = None


@dataclass(frozen=True, slots=True)
class IntegrationResult:
    """One integration's share. `error` is one line when it could not be swept or backs off.

    `in_passing`: its server only asked to wait, and not for long, so that this is no alarm. `well`: it was
    come to, and swept to its end or to the deadline.
    """

    name: str
    counts: Counts = Counts()
    error: str | None = None
    messages: tuple[MessageResult, ...] = ()
    in_passing: bool = False
    well: bool = False


@dataclass(frozen=True, slots=True)
class SweepResult:
    """The whole sweep. `news` are the errors that standard error should speak of under cron.

    `busy` says who holds the store, where this sweep did not get it; `locked_out`, that nobody did its work.
    """

    sweep_id: str
    started_at: datetime
    seconds: float
    dry_run: bool
    integrations: tuple[IntegrationResult, ...]
    news: tuple[OpenError, ...] = ()
    recovered: tuple[OpenError, ...] = ()
    busy: str | None = None
    notes: tuple[str, ...] = field(default=())
    locked_out: bool = False

    @property
    def totals(self) -> Counts:
        """The sum over all integrations."""
        total = Counts()
        for integration in self.integrations:
            total += integration.counts
        return total

    @property
    def trouble(self) -> bool:
        """Whether the exit status is 1: an integration failed, or mail failed, was held or quarantined.

        So it is where the lock was waited for in vain.
        """
        total = self.totals
        failed = total.failed + total.held + total.quarantined
        return (
            self.locked_out
            or bool(failed)
            or any(each.error and not each.in_passing for each in self.integrations)
        )
