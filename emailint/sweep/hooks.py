"""The step `call`: commands of the owner's are given the lines that wait for them, at least once each.

What earlier sweeps left is begun beside the mailboxes, and what this sweep made after them. A line is
forgotten only when its command ended well; whoever dies in between calls once more.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final, Self

from emailint.config.known_secrets import hidden
from emailint.errors import HookFailed
from emailint.store.records import Hook
from emailint.sweep import command
from emailint.sweep.troubles import About

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from typing import Protocol

    from emailint.config.model import Config
    from emailint.store.records import Call
    from emailint.sweep.clock import Budget, Clock
    from emailint.sweep.run import Run
    from emailint.sweep.troubles import Troubles

    class HookLedger(Protocol):
        """What the step needs of the ledger."""

        def due_calls(self, hook: Hook, now: datetime, most: int) -> Sequence[Call]: ...

        def called(self, call: Call) -> None: ...

        def call_failed(self, call: Call, until: datetime | None) -> None: ...

        def fails(self, hook: Hook, patience: int) -> bool: ...


AT_ONCE: Final = 4

PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720))
"""After each failure; a line that failed once more than there are pauses waits for a person."""

PATIENCE: Final = 3
"""So many times a command may fail on one line before that is an error."""

GIVE_UP: Final = 3
"""After so many failures in a row a command is left alone for this sweep."""


@contextmanager
def calling(run: Run, ledger: HookLedger | None) -> Iterator[Callable[[], None]]:
    """While it is open, the commands of this run are called; what it gives is called after the mailboxes.

    Without a ledger (a dry run), or without commands, nothing is done and nothing asked.
    """
    if ledger is None or not run.config.hooks:
        yield lambda: None
        return
    with Hooks(run.config, ledger, run.clock, run.budget, run.troubles) as hooks:
        yield hooks.finish


class Hooks:
    """All commands of one sweep. Enter it before the mailboxes, `finish` after them; no thread stays."""

    def __init__(
        self, config: Config, ledger: HookLedger, clock: Clock, budget: Budget, troubles: Troubles
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._clock = clock
        self._budget = budget
        self._troubles = troubles
        self._left = dict.fromkeys(map(Hook, config.hooks), config.limits.hooks)
        self._in_a_row: Counter[Hook] = Counter()
        self._ended_well: set[Hook] = set()
        self._failures: dict[Hook, str] = {}
        self._lock = Lock()
        self._broken: Exception | None = None
        self._beside: Thread | None = None

    def __enter__(self) -> Self:
        if due := self._due():
            self._beside = Thread(target=self._go, args=(due,), name="hooks", daemon=True)
            self._beside.start()
        return self

    def __exit__(self, kind: object, *_exc_info: object) -> None:
        if kind is not None:
            self._budget.stop()
        self._join()

    def finish(self) -> None:
        """Call with what is due now, as far as time and number allow; errors are opened and closed.

        Raises what the ledger raised.
        """
        self._join()
        if self._broken is None:
            self._go(self._due())
        if self._broken is not None:
            raise self._broken
        for hook in sorted(self._ended_well):
            if not self._ledger.fails(hook, PATIENCE):
                self._troubles.close_key(hook)
        for hook, failure in sorted(self._failures.items()):
            self._troubles.report(_error(hook, self._config.hooks[hook], failure), about=About(key=hook))

    def _join(self) -> None:
        if self._beside is not None:
            self._beside.join()
            self._beside = None

    def _due(self) -> list[Call]:
        now = self._clock.now()
        return [
            call
            for hook, left in self._left.items()
            if left
            for call in self._ledger.due_calls(hook, now, left)
        ]

    def _go(self, calls: Sequence[Call]) -> None:
        waiting = deque(calls)
        members = [
            Thread(target=self._member, args=(waiting,), name=f"hook-{number}", daemon=True)
            for number in range(min(AT_ONCE, len(calls)))
        ]
        for member in members:
            member.start()
        for member in members:
            member.join()

    def _member(self, waiting: deque[Call]) -> None:
        keep = self._config.limits.hook_time.total_seconds()  # what is begun is not ended by the deadline
        while waiting and not self._budget.over(keep):
            try:
                self._one(waiting.popleft())
            except IndexError:
                return
            except Exception as error:  # noqa: BLE001 - a thread must not die unseen: `finish` raises it
                self._broken = error
                self._budget.stop()

    def _one(self, call: Call) -> None:
        with self._lock:
            if self._in_a_row[call.hook] >= GIVE_UP:
                return
            self._left[call.hook] -= 1
        ended = command.run(self._config.hooks[call.hook], call.line, self._terms(call))
        if ended.cut:
            return
        if not ended.failure:
            self._ledger.called(call)
            with self._lock:
                self._in_a_row[call.hook] = 0
                self._ended_well.add(call.hook)
            return
        self._failed(call, hidden(self._config, ended.failure))

    def _failed(self, call: Call, failure: str) -> None:
        pauses = PAUSES[call.attempts : call.attempts + 1]
        self._ledger.call_failed(call, self._clock.now() + pauses[0] if pauses else None)
        with self._lock:
            self._in_a_row[call.hook] += 1
            if call.attempts + 1 >= PATIENCE:
                self._failures[call.hook] = f"{_key(call)}, {call.attempts + 1} times: it {failure}"

    def _terms(self, call: Call) -> command.Terms:
        config = self._config
        return command.Terms(
            folder=config.path.parent,
            variables={
                "EMAILINT_HOOK": call.hook.value,
                "EMAILINT_CONFIG": str(config.path),
                "EMAILINT_STORE": str(config.store),
                "EMAILINT_ATTEMPT": str(call.attempts + 1),
                **_ids(call),
            },
            seconds=config.limits.hook_time.total_seconds(),
            ending=lambda: self._budget.stopped,
        )


_IDS: Final = {
    Hook.ON_CASE: ("case_id",),
    Hook.ON_FOLLOW_UP: ("followup_id", "case_id"),
    Hook.ON_ERROR: ("error_id", "event"),
}
"""Which fields of a line are its key: all of our own making, none out of a mail."""


def _ids(call: Call) -> dict[str, str]:
    line = json.loads(call.line)
    return {f"EMAILINT_{name.upper()}": str(line[name]) for name in _IDS[call.hook]}


def _key(call: Call) -> str:
    return " ".join(_ids(call).values())


def _error(hook: Hook, argv: Sequence[str], failure: str) -> HookFailed:
    return HookFailed(
        f"the command {argv[0]!r} of {hook} failed for {failure}; what it was to be told is kept, no mail is"
        " touched by it",
        hint="run it by hand as the user who runs emailint, with a line of the file on its standard input;"
        " then `emailint retry --hooks`",
    )
