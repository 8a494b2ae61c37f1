"""The books of an audit: where each mail of a mailbox stands, and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from emailint.store.records import Disposition

if TYPE_CHECKING:
    from datetime import datetime

    from emailint.sources.protocol import Received
    from emailint.store.records import Known
    from emailint.sweep.result import MessageResult


class Standing(StrEnum):
    """Where a mail stands; the values are fields of Books."""

    CASES = "cases"
    FOLLOW_UPS = "follow_ups"
    HELD = "held"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"
    WAITING = "waiting"
    EXCLUDED = "excluded"
    UNACCOUNTED = "unaccounted"


@dataclass(frozen=True, slots=True)
class Books:
    """They balance: `listed` is the sum of the eight that follow it. `gone` is the other way round.

    `waiting` is unread mail that the next sweep takes up, `excluded` what is older than the integration's
    `since`; `gone` counts messages of this time that are in the ledger and no more in the mailbox: moved or
    deleted by people, which is no alarm.
    """

    listed: int = 0
    cases: int = 0
    follow_ups: int = 0
    held: int = 0
    ignored: int = 0
    quarantined: int = 0
    waiting: int = 0
    excluded: int = 0
    unaccounted: int = 0
    gone: int = 0

    def __add__(self, other: Books) -> Books:
        """Sum, field by field."""
        return Books(*(getattr(self, name) + getattr(other, name) for name in NAMES))

    @property
    def balanced(self) -> bool:
        """Whether the books balance."""
        return bool(self.listed == sum(getattr(self, standing) for standing in Standing))


NAMES = tuple(each.name for each in fields(Books))


@dataclass(frozen=True, slots=True)
class Terms:
    """What an integration does with mail: the folder it sweeps, whether it does, and from when on."""

    folder: str
    enabled: bool
    since: datetime | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Head:
    """What the headers of a mail say of it; mail-derived: clean it before showing."""

    sender: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one mail of a folder.

    `known` is its row, found by its place, or by its content where `by_content` says so; `rule` is why it is
    ignored. `failures` are the times that sweeps could not read it; `unreadable` is why it could not be read
    now.
    """

    received: Received
    folder: str
    known: Known | None = None
    by_content: bool = False
    rule: str = ""
    failures: int = 0
    head: Head | None = None
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class Audited:
    """One mail, where it stands, and why."""

    evidence: Evidence
    standing: Standing
    why: str


@dataclass(frozen=True, slots=True)
class MailboxAudit:
    """One integration. `error` is one line where it could not be compared, or not be adopted from.

    `mails` are all that were listed, oldest first; `adopted` what became of those that were taken up.
    """

    name: str
    mails: tuple[Audited, ...] = ()
    gone: int = 0
    error: str | None = None
    adopted: tuple[MessageResult, ...] = ()

    @property
    def books(self) -> Books:
        """Counted anew from the mails."""
        counts = dict.fromkeys(Standing, 0)
        for mail in self.mails:
            counts[mail.standing] += 1
        return Books(listed=len(self.mails), gone=self.gone, **{name.value: n for name, n in counts.items()})

    def of(self, *standings: Standing) -> list[Audited]:
        """Those mails that stand so."""
        return [mail for mail in self.mails if mail.standing in standings]


@dataclass(frozen=True, slots=True)
class AuditResult:
    """All mailboxes, over mail received from `since` until `until`."""

    since: datetime
    until: datetime
    mailboxes: tuple[MailboxAudit, ...]

    @property
    def totals(self) -> Books:
        """The sum over all integrations."""
        total = Books()
        for mailbox in self.mailboxes:
            total += mailbox.books
        return total

    @property
    def accounted(self) -> bool:
        """Whether every mail is accounted for, in mailboxes that could all be compared."""
        return not self.totals.unaccounted and not any(each.error for each in self.mailboxes)


def judge(evidence: Evidence, terms: Terms) -> Audited:
    """Where one mail stands."""
    standing = _standing(evidence, terms)
    return Audited(evidence, standing, _why(evidence, standing, terms))


def _standing(evidence: Evidence, terms: Terms) -> Standing:
    if evidence.known is not None:
        return _of(evidence.known.disposition)
    at = evidence.received.ref.received_at
    if terms.since is not None and at is not None and at < terms.since:
        return Standing.EXCLUDED
    if not evidence.received.read and evidence.folder == terms.folder:
        return Standing.WAITING
    return Standing.UNACCOUNTED


def _of(disposition: Disposition) -> Standing:
    match disposition:
        case Disposition.CASE:
            return Standing.CASES
        case Disposition.FOLLOW_UP:
            return Standing.FOLLOW_UPS
        case Disposition.HELD:
            return Standing.HELD
        case Disposition.IGNORED:
            return Standing.IGNORED
        case Disposition.QUARANTINED:
            return Standing.QUARANTINED
        case _:
            assert_never(disposition)


def _why(evidence: Evidence, standing: Standing, terms: Terms) -> str:
    match standing:
        case Standing.IGNORED:
            return evidence.rule or "unnamed: an earlier version did not note the rule"
        case Standing.EXCLUDED:
            return "it was received before the `since` of its integration, so no sweep looks at it"
        case Standing.WAITING:
            return _why_waiting(evidence, terms)
        case Standing.UNACCOUNTED:
            return _why_unaccounted(evidence, terms)
        case _:
            return "its content is known from another place" if evidence.by_content else ""


def _why_waiting(evidence: Evidence, terms: Terms) -> str:
    if not terms.enabled:
        return "it is unread, but its integration is not enabled: no sweep takes it up"
    if evidence.failures:
        times = "once" if evidence.failures == 1 else f"{evidence.failures} times"
        return f"it could not be read {times}; it is quarantined when that came to {terms.attempts}"
    return "it is unread: the next sweep takes it up"


def _why_unaccounted(evidence: Evidence, terms: Terms) -> str:
    if evidence.unreadable:
        return f"its place is not known, and it could not be read to see what it is: {evidence.unreadable}"
    if evidence.folder == terms.folder:
        return "it was marked read before a sweep saw it: by whoever opened it, by a rule or another program"
    if evidence.received.read:
        return f"somebody moved it to {evidence.folder} before a sweep saw it"
    return f"it is unread in {evidence.folder}, where no sweep looks"
