"""What went wrong in a sweep: opened, counted again and closed, in the ledger and in errors.jsonl."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

from emailint.case import ErrorRecord, json_line
from emailint.errors import Scope
from emailint.sweep.troubled import trouble_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from emailint.config.model import Integration
    from emailint.errors import EmailintError
    from emailint.store.ledger import Ledger
    from emailint.store.records import OpenError
    from emailint.sweep.clock import Clock

REPEATS = frozenset({10, 100, 1_000, 10_000, 100_000})
"""Counts at which an error that goes on is written again."""

SENDING = "sending"
"""The key of the error that an integration's replies cannot leave."""

ON_ERROR = "on_error"
"""The key of the error that this command fails, of which it is not told: that would never end."""

KEPT = frozenset({"held", "quarantined", "reply_bounced"})
"""Errors that wait for a person: open until somebody retries or dismisses them."""

NO_HURRY = frozenset({"secret_expires"})
"""Errors beside which an integration is well."""

PATIENCE = timedelta(minutes=15)
"""How long a server may ask to wait before that is an alarm."""

BREAKER_LASTS = timedelta(minutes=10)
"""How long after its last case a breaker is said to be open."""

LIMIT_LASTS = timedelta(days=1)
"""How long after the last reply that it kept back a limit is said to be reached: it is one of a day."""

TELL_AGAIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class About:
    """Which message or reply a trouble is about; `key` tells troubles of one kind apart."""

    key: str = ""
    locus: str | None = None
    message_id: str | None = None
    subject: str | None = None
    case_id: str | None = None
    attempt: int = 1


NOTHING = About()


@dataclass(slots=True)
class Troubles:
    """Keeps the open errors of one run. `write` appends to errors.jsonl and never raises.

    `on_error`: a command is given what `write` is, so that is noted in the ledger with what it tells.
    Its lock is never held while the ledger is asked, so that both may be used within a transaction.
    """

    ledger: Ledger
    clock: Clock
    write: Callable[[ErrorRecord], None]
    on_error: bool = False
    news: list[OpenError] = field(default_factory=list)
    recovered: list[OpenError] = field(default_factory=list)
    _open: dict[str, OpenError] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def load(self) -> None:
        """Look once at what is open, so that a good sweep need not ask again.

        What an earlier run opened and died before it told of it is told now.
        """
        self._open = {error.error_id: error for error in self.ledger.errors()}
        for error in self._open.values():
            if error.told_at is None and not self._in_passing(error):
                self.write(error_record(error, "opened"))
                self.news.append(error)

    def report(
        self, error: EmailintError, integration: Integration | None = None, about: About = NOTHING
    ) -> OpenError:
        """Open an error, or count it again; what standard error should speak of goes to `news`."""
        return self.note(self.enter(error, integration, about))

    def remind(self, error: EmailintError, integration: Integration) -> None:
        """Open an error that asks for no hurry: told once, and not counted again while it is open."""
        error_id = trouble_of(error, integration, NOTHING).error_id
        if error_id in self._open:
            self._seen.add(error_id)
        else:
            self.report(error, integration)

    def enter(
        self, error: EmailintError, integration: Integration | None = None, about: About = NOTHING
    ) -> OpenError:
        """The first half of `report`, which may be part of a transaction: the ledger alone.

        Call `note` with what it returns once the transaction is durable.
        """
        trouble, now = trouble_of(error, integration, about), self.clock.now()
        if not self.on_error or trouble.subject_key == ON_ERROR:
            return self.ledger.trouble(trouble, now)
        with self.ledger.transaction():
            opened = self.ledger.trouble(trouble, now)
            if event := _event(opened):
                self.ledger.note_error(json_line(error_record(opened, event).record()))
            return opened

    def note(self, opened: OpenError) -> OpenError:
        """The second half of `report`: errors.jsonl and the news."""
        with self._lock:
            now = self.clock.now()
            self._open[opened.error_id] = opened
            if event := _event(opened):
                self.write(error_record(opened, event))
            untold = opened.told_at is None or abs(now - opened.told_at) >= TELL_AGAIN  # a clock may go back
            if untold and opened.error_id not in self._seen and not self._in_passing(opened):
                self.news.append(opened)
            self._seen.add(opened.error_id)
            return opened

    def undelivered(self, name: str) -> frozenset[str]:
        """Loci of messages that the server of this integration did not give when they were asked for last."""
        return self.loci_of(name, "undelivered")

    def loci_of(self, name: str, kind: str) -> frozenset[str]:
        """Loci of messages of this integration that have an open error of this kind."""
        return frozenset(
            error.trouble.locus
            for error in self._open.values()
            if error.trouble.kind == kind
            and error.trouble.integration == name
            and error.trouble.locus is not None
        )

    def throttled_in_passing(self, name: str) -> bool:
        """Whether this integration only waits as its server asked, and not for long: no alarm."""
        mine = [
            error
            for error in self._open.values()
            if error.trouble.integration == name
            and error.trouble.scope == Scope.INTEGRATION
            and error.trouble.kind not in NO_HURRY
        ]
        return bool(mine) and all(map(self._in_passing, mine))

    def _in_passing(self, error: OpenError) -> bool:
        return error.trouble.kind == "throttled" and abs(self.clock.now() - error.opened_at) < PATIENCE

    def close_integration(self, name: str) -> None:
        """A good sweep of this integration: its own errors are over, stopped replies after some time."""
        self._close(
            error
            for error in self._open.values()
            if error.trouble.integration == name
            and error.trouble.scope == Scope.INTEGRATION
            and not self._stopped_lately(error)
            and error.error_id not in self._seen
        )

    def _stopped_lately(self, error: OpenError) -> bool:
        """A breaker's error has no key; that of a limit names an address or a domain."""
        lasts = LIMIT_LASTS if error.trouble.subject_key else BREAKER_LASTS
        return error.trouble.kind == "replies_stopped" and abs(self.clock.now() - error.last_at) < lasts

    def keeps_replies(self, name: str) -> str | None:
        """Why the replies of this integration cannot leave, as far as that is still open."""
        waiting = (
            error.trouble.message
            for error in self._open.values()
            if error.trouble.integration == name and error.trouble.subject_key == SENDING
        )
        return next(waiting, None)

    def close_sending(self, name: str) -> None:
        """A reply of this integration went out: its way is open again."""
        self._close(
            error
            for error in self._open.values()
            if error.trouble.integration == name and error.trouble.subject_key == SENDING
        )

    def close_key(self, key: str) -> None:
        """What was told under this key is over, however often it came in this run."""
        self._close(error for error in self._open.values() if error.trouble.subject_key == key)

    def close_run(self) -> None:
        """A run that came to its end: errors of runs are over."""
        self._close(
            error
            for error in self._open.values()
            if error.trouble.scope == Scope.RUN and error.error_id not in self._seen
        )

    def close_loci(self, loci: Iterable[str]) -> None:
        """These messages reached their end."""
        ended = set(loci)
        self._close(
            error
            for error in self._open.values()
            if error.trouble.locus in ended
            and error.trouble.kind not in KEPT
            and error.error_id not in self._seen
        )

    def close_absent(self, name: str, unread: Iterable[str]) -> None:
        """Messages of this integration that are unread no longer need nobody's care."""
        present = set(unread)
        self._close(
            error
            for error in self._open.values()
            if error.trouble.integration == name
            and error.trouble.locus is not None
            and error.trouble.kind not in KEPT
            and error.trouble.locus not in present
            and error.error_id not in self._seen
        )

    def tell(self) -> None:
        """Note that standard error speaks of the news now."""
        if self.news:
            self.ledger.told([error.error_id for error in self.news], self.clock.now())

    def note_closed(self, errors: Iterable[OpenError]) -> None:
        """The ledger has closed these."""
        with self._lock:
            for closed in errors:
                self._open.pop(closed.error_id, None)
                self.write(error_record(closed, "closed"))
                if closed.told_at is not None:
                    self.recovered.append(closed)

    def _close(self, errors: Iterable[OpenError]) -> None:
        with self._lock:
            ids = [error.error_id for error in errors]
        if ids:
            self.note_closed(self.closed(ids))

    def closed(self, ids: Iterable[str]) -> Sequence[OpenError]:
        """Close these in the ledger alone, which may be part of a transaction; `note_closed` is the rest."""
        if not self.on_error:
            return self.ledger.close_errors(ids, self.clock.now())
        with self.ledger.transaction():
            closed = self.ledger.close_errors(ids, self.clock.now())
            for error in closed:
                if error.trouble.subject_key != ON_ERROR:
                    self.ledger.note_error(json_line(error_record(error, "closed").record()))
            return closed


def _event(opened: OpenError) -> str:
    """Of which event a line is written; "" where none is."""
    if opened.count == 1:
        return "opened"
    return "repeated" if opened.count in REPEATS else ""


def error_record(error: OpenError, event: str) -> ErrorRecord:
    """The line of errors.jsonl for an event of this error."""
    trouble = error.trouble
    at = {"opened": error.opened_at, "closed": error.closed_at}.get(event)
    return ErrorRecord(
        error_id=error.error_id,
        event=event,
        at=at or error.last_at,
        kind=trouble.kind,
        scope=trouble.scope,
        transient=trouble.transient,
        message=trouble.message,
        hint=trouble.hint,
        integration=trouble.integration,
        mailbox=trouble.mailbox,
        locus=trouble.locus,
        message_id=trouble.message_id,
        subject=trouble.subject,
        case_id=trouble.case_id,
        detail=trouble.detail,
        attempt=trouble.attempt,
        count=error.count,
    )
