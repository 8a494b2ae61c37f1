"""One reply on its way, begun at most once.

pending → (policy once more) → compose → connect … RCPT → `sending` is durable → DATA → sent
                                                                           └ no answer → unknown
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, assert_never

from emailint.errors import (
    OutboundDeferred,
    OutboundError,
    OutboundUnavailable,
    OutcomePending,
    OutcomeUnknown,
    StoreError,
    TemplateError,
)
from emailint.store.records import ReplyState
from emailint.sweep import backoff, connect, reached
from emailint.sweep.doubts import about, in_doubt, owner, settle_doubt
from emailint.sweep.pace import Pace
from emailint.sweep.troubles import SENDING, About

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emailint.config.model import Config
    from emailint.errors import EmailintError
    from emailint.outbound.protocol import Outbound
    from emailint.store.records import OpenError, Reply
    from emailint.sweep.clock import Budget, Clock
    from emailint.sweep.letter import Letter
    from emailint.sweep.run import SweepStore, Tally
    from emailint.sweep.troubles import Troubles
    from emailint.templating import Templates

PATIENCE = 3
"""So many times a server may ask to come back with one reply before that is an error."""

DIED = "an earlier sweep got no answer while it was being handed over"

LOOKED_FOR = "in doubt: the next sweep looks what became of it"

GIVE_UP = 3
"""After so many replies in a row that could not be handed over, a server is left alone for this sweep."""


@dataclass(slots=True)
class Desk:
    """Where the replies of one server and login are handed over; `failures` are those in a row."""

    outbound: Outbound
    failures: int = 0

    @property
    def given_up(self) -> bool:
        """Whether the server is left alone for this sweep."""
        return self.failures >= GIVE_UP


class Post:
    """What becomes of each reply, in the ledger and in the books; several desks' threads may use it.

    `to_trace` are rows of replies in doubt whose server can be asked what became of them.
    """

    def __init__(
        self, config: Config, store: SweepStore, clock: Clock, budget: Budget, troubles: Troubles
    ) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self._budget = budget
        self._troubles = troubles
        self._pace = Pace(store.ledger, clock)
        self._compiled: Templates | None = None
        self._lock = Lock()
        self.tallies: Mapping[str, Tally] = {}
        self.to_trace: set[int] = set()

    def one(self, desk: Desk, reply: Reply) -> None:
        """One reply; what goes wrong with it does not end the others, unless it is the store's."""
        try:
            self._reply(desk, reply)
        except StoreError:
            raise
        except TemplateError as error:
            self._failed(reply, error)
        except Exception as error:  # noqa: BLE001 - one reply never ends the others
            self._failed(reply, connect.unsent(error))

    def _reply(self, desk: Desk, reply: Reply) -> None:
        """Send one reply, unless it is due no more, or no time is left to begin it."""
        if reply.row in self.to_trace:
            self._trace(desk, reply)
            return
        integration = owner(self._config, reply)
        if integration is None or desk.given_up or self._budget.over(self._budget.reserve):
            return
        from emailint.reply.policy import Due, Wait, Withhold  # noqa: PLC0415 - an idle sweep answers nothing
        from emailint.sweep.letter import letter_for  # noqa: PLC0415 - likewise

        letter = letter_for(self._config, integration, reply)
        begun = self._pace.lately(integration.name) if letter.paced else 0
        standing = letter.standing(self._store.ledger, self._clock.now(), begun)
        match standing:
            case Due():
                self._send(desk, reply, letter)
            case Withhold(reason=reason):
                self._store.ledger.settle(reply, ReplyState.WITHHELD, reason.value)
                self._count(reply, "replies_withheld", f"withheld: {reason.value}")
                self._troubles.close_key(reply.message_id)
                reached.tell(self._troubles, letter, reason)
            case Wait():
                self._count(reply, None, "waiting: the server's limit a minute")
            case _:
                assert_never(standing)

    def _trace(self, desk: Desk, reply: Reply) -> None:
        """An earlier sweep got no answer, or died, while handing this over to a server that can be asked."""
        self.to_trace.discard(reply.row)
        match settle_doubt(self._store.ledger, desk.outbound, reply, self._clock.now()):
            case ReplyState.UNKNOWN:
                self._unknown(reply, DIED)
            case ReplyState.SENDING:
                self._count(reply, None, LOOKED_FOR)
            case state:
                self._count(reply, "replies_sent" if state is ReplyState.SENT else None, state.value)

    def _send(self, desk: Desk, reply: Reply, letter: Letter) -> None:
        ledger = self._store.ledger
        try:
            mail = letter.compose(self._templates(), self._clock.now())
            self._pace.begin(letter.integration.name)
            desk.outbound.send(mail, partial(self._begin, reply))
        except OutcomePending:
            desk.failures += 1
            self._count(reply, None, LOOKED_FOR)
        except OutcomeUnknown as error:
            self._unknown(reply, str(error))
        except OutboundDeferred as error:
            desk.failures = 0
            self._deferred(reply, error)
        except OutboundUnavailable as error:
            desk.failures += 1
            self._later(reply, error)
        except (OutboundError, TemplateError) as error:
            desk.failures = 0
            self._failed(reply, error)
        else:
            desk.failures = 0
            ledger.settle(reply, ReplyState.SENT)
            self._count(reply, "replies_sent", "sent")
            self._troubles.close_sending(letter.integration.name)
            self._troubles.close_key(reply.message_id)

    def _begin(self, reply: Reply, token: str | None = None, message_id: str | None = None) -> None:
        """Handing over begins: durable, with the names by which the server knows the mail."""
        self._store.ledger.sending(reply, self._clock.now(), token, message_id)

    def _templates(self) -> Templates:
        """The templates, compiled once a sweep, and only where a reply goes out."""
        with self._lock:
            if self._compiled is None:
                self._compiled = connect.templates_for(self._config)
            return self._compiled

    def _later(self, reply: Reply, error: OutboundUnavailable) -> None:
        """Nothing was delivered: the same reply is tried again after a pause."""
        if self._budget.stopped:
            return  # it was for want of time most likely, which is no news and nobody's fault
        self._postpone(reply, error, "waiting: the server did not take it")
        integration = owner(self._config, reply)
        self._troubles.report(error, integration, About(key=SENDING))
        if tally := self.tallies.get(integration.name if integration else ""):
            tally.error = tally.error or str(error)

    def _deferred(self, reply: Reply, error: OutboundDeferred) -> None:
        """The server does not take this one now: an error only where that goes on."""
        self._postpone(reply, error, "waiting: the server asks to come back")
        if reply.attempts >= PATIENCE:
            self._troubles.report(error, owner(self._config, reply), about(reply))

    def _postpone(self, reply: Reply, error: OutboundUnavailable, said: str) -> None:
        until = self._clock.now() + backoff.reply_pause(reply.attempts)
        self._store.ledger.postpone(reply, until, str(error))
        self._count(reply, None, said)

    def _failed(self, reply: Reply, error: EmailintError) -> None:
        """The reply was refused, or cannot be made: for good, until somebody retries it by name."""
        ledger = self._store.ledger
        with ledger.transaction():
            ledger.settle(reply, ReplyState.FAILED, str(error))
            opened = self._troubles.enter(error, owner(self._config, reply), about(reply))
        self._troubles.note(opened)
        self._count(reply, "replies_failed", "failed")

    def _unknown(self, reply: Reply, why: str) -> None:
        """Nobody can tell whether it went out, and nobody is asked any more."""
        ledger = self._store.ledger
        with ledger.transaction():
            ledger.settle(reply, ReplyState.UNKNOWN, why)
            opened = self.doubted(reply, why)
        self.tell_doubt(reply, opened)

    def doubted(self, reply: Reply, why: str) -> OpenError:
        """Enter the error of a reply of which nobody knows whether it went out; part of a transaction."""
        error = in_doubt(reply, why)
        return self._troubles.enter(error, owner(self._config, reply), about(reply))

    def tell_doubt(self, reply: Reply, opened: OpenError) -> None:
        """Count it, and tell of its error, once that is durable."""
        self._count(reply, "replies_failed", "unknown")
        self._troubles.note(opened)

    def _count(self, reply: Reply, name: str | None, said: str) -> None:
        integration = owner(self._config, reply)
        tally = self.tallies.get(integration.name if integration else reply.integration)
        if tally is None:
            return
        if name is not None:
            tally.add(**{name: 1})
        tally.replies[reply.case_id] = said
