"""Sweeps within the process of a test that die at a call, or find the disk full there.

Once dead, every further call to the disk, the ledger, the mailbox or the server dies too, so that nothing is
done by way of farewell. What SIGKILL does beyond that is `dying.py`'s.
"""

from __future__ import annotations

import errno
import functools
import os
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, TypeVar

from emailint.store.attachments import AttachmentStore
from emailint.store.ledger_batch import SqliteBatch
from emailint.store.lock import RunLock
from emailint.store.projection import Projection
from emailint.store.raw_mail import RawMail
from emailint.store.sqlite_ledger import SqliteLedger
from emailint.sweep import crew, outbox
from emailint.sweep.clock import Budget

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from emailint.sweep.clock import Clock

Result = TypeVar("Result")

SEAMS: Final[dict[Any, str]] = {
    SqliteLedger: (
        "done begin suspects attempt release transaction place projected marked moved recover_replies"
        " due_replies sending settle postpone trouble close_errors told set_health health forget unmarked"
        " unmoved unprojected"
    ),
    SqliteBatch: "add add_locus replace reread",
    Projection: "project",
    AttachmentStore: "save_many",
    RawMail: "keep remove",
    os: "fsync pwrite rename replace link unlink mkdir rmdir ftruncate",
}


class Died(BaseException):
    """The process is no more."""


class Deferred(Thread):
    """A thread whose work is done where it is waited for."""

    def start(self) -> None:
        pass

    def join(self, timeout: float | None = None) -> None:  # noqa: ARG002 - as of a thread
        self.run()


@dataclass
class Fate:
    """What happens to a run: `point` is the call at which it dies, `full` the call to the disk that fails.

    `begun` are cases whose reply is being handed over, `doubted` those whose reply was when a run ended.
    """

    point: int = 0
    full: int = 0
    armed: bool = False
    dead: bool = False
    calls: int = 0
    on_disk: int = 0
    begun: set[str] = field(default_factory=set)
    doubted: set[str] = field(default_factory=set)
    locks: list[RunLock] = field(default_factory=list)
    meanwhile: tuple[int, Callable[[], None]] | None = None
    """What else happens at a call, once."""
    deaths: int = 0
    shortages: int = 0

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Watch all seams, and have nothing run beside anything else, so that each run can be repeated."""
        for owner, names in SEAMS.items():
            for name in names.split():
                label = f"{owner.__name__}.{name}"
                monkeypatch.setattr(owner, name, self._watched(label, getattr(owner, name)))
        for module in (crew, outbox):
            monkeypatch.setattr(module, "Thread", Deferred)
        acquire = RunLock.acquire

        def noted(lock: RunLock, *args: Any, **kwargs: Any) -> RunLock:
            self.locks.append(lock)
            return acquire(lock, *args, **kwargs)

        monkeypatch.setattr(RunLock, "acquire", noted)

    def tick(self, name: str) -> None:
        """One call is about to be made."""
        if not self.armed:
            return
        self.calls += 1
        if self.meanwhile is not None and self.calls == self.meanwhile[0]:
            self.meanwhile[1]()
            self.meanwhile = None
        if self.dead or self.calls == self.point:
            self.dead = True
            raise Died(name)
        if name.startswith(f"{os.__name__}."):
            self.on_disk += 1
            if self.on_disk == self.full:
                self.shortages += 1
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def live(
        self,
        clock: Clock,
        run: Callable[[Budget], Result],
        *,
        point: int = 0,
        full: int = 0,
    ) -> Result | None:
        """One run; None where it died."""
        self.point, self.full, self.calls, self.on_disk = point, full, 0, 0
        self.dead, self.armed = False, True
        budget = Budget(clock, None)
        try:
            result = run(budget)
        except BaseException:  # what is left of a dead process may stumble over anything
            if not self.dead:
                raise
            result = None
        finally:
            budget.stop()
            self._bury()
        return None if self.dead else result

    def _bury(self) -> None:
        """What the kernel does at any death, and what is known after it."""
        self.armed = False
        for lock in self.locks:
            lock.release()
        self.locks.clear()
        self.deaths += self.dead
        self.doubted |= self.begun
        self.begun.clear()

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.tick(name)
            case_id = args[1].case_id if name in {"SqliteLedger.sending", "SqliteLedger.settle"} else ""
            if name.endswith(".sending"):
                self.begun.add(case_id)
            value = call(*args, **kwargs)
            if name.endswith(".settle"):
                self.begun.discard(case_id)
            return value

        return watched
