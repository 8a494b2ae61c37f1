"""Mail that was not given, at the end of its mailbox's sweep: asked for once more, alone, and judged.

It is the mail's own trouble only where the server gives another one at that time: that counts an attempt, and
the last attempt quarantines the mail by its headers. Where the server gives no other either, it is the
mailbox's trouble.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emailint.errors import SourceError, Throttled, Undelivered
from emailint.sweep import mailbox, telling
from emailint.sweep.delivery import ALONE, Verdict, verdict
from emailint.sweep.mailbox import Read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emailint.sources.protocol import MessageRef
    from emailint.sweep.delivery import Aside
    from emailint.sweep.order import MailboxSweep


def ask_again(sweep: MailboxSweep) -> None:
    """Ask for what was set aside, as far as there is time. Raises SourceError where the mailbox fails."""
    asides = list(sweep.delivery.asides.values())
    for number, aside in enumerate(asides):
        if number >= ALONE or sweep.must_end():
            _leave(sweep, asides[number:])
            return
        _ask(sweep, aside)


def _ask(sweep: MailboxSweep, aside: Aside) -> None:
    ref, error = _asked(sweep, aside.ref)
    if error is None:
        return
    if isinstance(error, Throttled) and not error.loci:
        raise error
    delivery = sweep.delivery
    try:
        gives = delivery.gives()
    except Throttled:
        _fails(sweep, ref, error)
        raise
    match verdict(gives, came_since=delivery.came > aside.came, only_one=delivery.fresh_troubles <= 1):
        case Verdict.MESSAGE:
            _count(sweep, ref, error)
        case Verdict.UNKNOWN:
            _fails(sweep, ref, error)
        case Verdict.MAILBOX:
            raise error


def _asked(sweep: MailboxSweep, ref: MessageRef) -> tuple[MessageRef, SourceError | None]:
    """The message, measured, and why it was not given; no reason where it came, or has gone."""
    try:
        measured = sweep.source.measure([ref])
    except SourceError as error:
        return ref, error
    for each in measured:
        for job in mailbox.jobs([each], sweep.run.config):
            fetched = sweep.alone(job)
            sweep.delivery.note(fetched)
            return each, next(iter(fetched.withheld.values()), fetched.error if fetched.unread else None)
    sweep.drop([ref.locus])
    return ref, None


def _count(sweep: MailboxSweep, ref: MessageRef, error: SourceError) -> None:
    """One attempt more; the last one quarantines the mail by its headers."""
    attempt = sweep.ledger.attempt(ref.locus)
    if attempt < sweep.run.config.limits.attempts:
        _fails(sweep, ref, error, attempt)
        return
    sweep.take([mailbox.headers_alone(sweep.source, ref, sweep.settings, Undelivered(str(error)))])


def _fails(sweep: MailboxSweep, ref: MessageRef, error: SourceError, attempt: int = 1) -> None:
    """It stays unread, with an error of its own, and the next sweep asks for it after all others."""
    told = telling.undelivered(error, sweep.run.config.limits.attempts)
    read = Read(ref, None, b"", failure=told)
    sweep.taking.failed(read, told, attempt)


def _leave(sweep: MailboxSweep, asides: Sequence[Aside]) -> None:
    """There was no time to ask for these again; nothing is counted against them."""
    if sweep.run.budget.stopped:
        return
    for aside in asides:
        if aside.error is None:
            continue
        if sweep.delivery.came > aside.came:
            _fails(sweep, aside.ref, aside.error)
        elif sweep.delivery.came == 0:
            raise aside.error
