"""The run lock: one sweep at a time over one store.

The kernel holds it (flock) and frees it at any death, so there is no takeover by age. What the file says is
for people and for whoever waits.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from emailint.case import stamp
from emailint.errors import StoreBusy
from emailint.store import disk
from emailint.terminal import local

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

NAME = "lock"
POLL_SECONDS = 0.1
_LIMIT = 1_000_000
_SHOWN = 5
_MOST = 2**53  # nobody counts so far; and the ledger can hold it


@dataclass(frozen=True, slots=True)
class Holder:
    """The run that holds the lock, as far as it said so."""

    pid: int | None = None
    host: str | None = None
    started_at: datetime | None = None
    config: str | None = None
    integrations: frozenset[str] = frozenset()
    command: str = ""
    ends_at: datetime | None = None
    """When it is to have ended by itself; None: it has no deadline, or did not say."""

    def covers(self, integrations: Sequence[str], config: str) -> bool:
        """Whether that run sweeps all of these integrations by the same configuration."""
        return self.config == config and self.integrations.issuperset(integrations)

    def __str__(self) -> str:
        """`process 4711 (emailint process: payroll, benefits) since 2026-11-24 13:00:05 -0500`."""
        if self.pid is None:
            return "another sweep"
        since = local(self.started_at) if self.started_at else "an unknown time"
        does = f" (emailint {self.command}{self._named()})" if self.command else ""
        return f"process {self.pid}{does} since {since}"

    def _named(self) -> str:
        names = sorted(self.integrations)
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f": {', '.join(names[:_SHOWN])}{more}" if names else ""


@dataclass(frozen=True, slots=True)
class LockState:
    """What the lock file says: who holds it (None: nobody, or somebody who died) and the last good sweeps."""

    holder: Holder | None = None
    last_good: Mapping[str, datetime] = field(default_factory=dict)
    replies_begun: int = 0
    """So many were ever begun, as far as the file knows: a ledger of fewer is an old one."""


class StoreHeld(StoreBusy):
    """Another sweep, `holder`, holds the store."""

    def __init__(self, message: str, holder: Holder, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.holder = holder


class RunLock:
    """The lock of one store folder; a context manager that lets go at its end."""

    def __init__(
        self,
        folder: Path,
        *,
        pid: int | None = None,
        host: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], bool] | None = None,
    ) -> None:
        """`folder` is the store folder; made when it is missing.

        `pause` waits so many seconds, and answers True when it is no use to wait any longer (a signal).
        """
        self._folder = folder
        self._pid = os.getpid() if pid is None else pid
        self._host = host or os.uname().nodename
        self._now = now
        self._monotonic = monotonic
        self._pause = pause or _sleep
        self._descriptor: int | None = None
        self._last_good: dict[str, datetime] = {}
        self._holder: Mapping[str, Any] = {}
        self._replies_begun = 0
        self._telling = Lock()

    def acquire(
        self,
        integrations: Sequence[str],
        config: str,
        wait_until: float | None,
        on_wait: Callable[[Holder], None] = lambda _holder: None,
        *,
        command: str = "",
        ends_at: datetime | None = None,
    ) -> Self:
        """Take the lock, waiting until `wait_until` (monotonic seconds; None: for ever).

        What runs, and when it ends by itself at the latest (`ends_at`; None: not), is said in the file.

        A moment that has passed means: do not wait. `on_wait` is called once for each holder that is
        waited for. Raises StoreHeld when the time is up, StoreError when the file cannot be used.
        """
        disk.make_tree(self._folder)
        descriptor = self._try()
        if descriptor is None:
            descriptor = self._wait(wait_until, on_wait)
        self._descriptor = descriptor
        before = _state(_content(descriptor))
        self._last_good = dict(before.last_good)
        self._replies_begun = before.replies_begun
        self._holder = {
            "pid": self._pid,
            "host": self._host,
            "started_at": stamp(self._now()),
            "config": config,
            "integrations": sorted(integrations),
            "command": command,
            "ends_at": stamp(ends_at),
        }
        self._write(self._holder)
        return self

    @property
    def last_good(self) -> Mapping[str, datetime]:
        """When each integration was swept well for the last time, as it is going to be left."""
        return dict(self._last_good)

    def good(self, integration: str, at: datetime) -> None:
        """This integration was swept well; said in the file when the lock is let go."""
        self._last_good[integration] = at

    def begun(self, replies: int) -> None:
        """So many replies were ever begun, by the ledger; in the file before the next one is handed over.

        Any thread may say so. A file that cannot be written is left as it is.
        """
        with self._telling:
            if replies > self._replies_begun:
                self._replies_begun = replies
                self._write(self._holder)

    def release(self) -> None:
        """Let go; harmless when repeated."""
        with self._telling:
            if self._descriptor is None:
                return
            try:
                self._write({})
            finally:
                os.close(self._descriptor)
                self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.release()

    def _wait(self, wait_until: float | None, on_wait: Callable[[Holder], None]) -> int:
        waited_for: Holder | None = None
        while True:
            holder = read_lock(self._folder, alive=lambda _holder: True).holder or Holder()
            if wait_until is not None and self._monotonic() >= wait_until:
                raise StoreHeld(f"{holder} holds the store {self._folder}; nothing was touched", holder)
            if holder != waited_for:
                on_wait(holder)
                waited_for = holder
            if self._pause(POLL_SECONDS):
                raise StoreHeld(f"{holder} holds the store {self._folder}; it was not waited for", holder)
            if (descriptor := self._try()) is not None:
                return descriptor

    def _try(self) -> int | None:
        """The locked file, or None while somebody else holds it."""
        try:
            descriptor = _open(self._folder)
        except OSError as error:
            raise disk.store_error(f"the lock {self._folder / NAME} cannot be used", error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), (self._folder / NAME).stat(follow_symlinks=False)):
                return descriptor
        except (BlockingIOError, FileNotFoundError):
            pass
        except OSError as error:
            os.close(descriptor)
            raise disk.store_error(f"the lock {self._folder / NAME} cannot be taken", error) from error
        os.close(descriptor)
        return None

    def _write(self, holder: Mapping[str, Any]) -> None:
        """Best effort: the lock is the kernel's, the text is for people."""
        good = {name: stamp(at) for name, at in sorted(self._last_good.items())}
        said = {**holder, "last_good": good, "replies_begun": self._replies_begun}
        text = json.dumps(said).encode() + b"\n"
        if self._descriptor is not None:
            with suppress(OSError):
                disk.write_all(self._descriptor, text)
                os.ftruncate(self._descriptor, len(text))


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def read_lock(folder: Path, alive: Callable[[Holder], bool] | None = None) -> LockState:
    """What the lock file of this store says; never waits and never raises."""
    try:
        with disk.folder(folder) as within, disk.held(disk.open_file(NAME, within)) as descriptor:
            state = _state(_content(descriptor))
    except OSError:
        return LockState()
    if state.holder is not None and not (alive or _is_alive)(state.holder):
        return replace(state, holder=None)
    return state


def _open(folder: Path) -> int:
    with disk.folder(folder) as within:
        try:
            return disk.open_file(NAME, within, os.O_RDWR)
        except FileNotFoundError:
            with suppress(FileExistsError):
                return disk.create_file(NAME, within)
            return disk.open_file(NAME, within, os.O_RDWR)


def _content(descriptor: int) -> bytes:
    with suppress(OSError):
        return disk.read_at(descriptor, _LIMIT, 0)
    return b""


def _state(content: bytes) -> LockState:
    """Whoever reads while somebody writes may find half a text: then nothing is known."""
    try:
        said = json.loads(content.split(b"\n", 1)[0])
        good = {str(name): datetime.fromisoformat(at) for name, at in said.get("last_good", {}).items()}
        begun = min(max(int(said.get("replies_begun", 0)), 0), _MOST)
        if "pid" not in said:
            return LockState(None, good, begun)
        holder = Holder(
            int(said["pid"]),
            str(said["host"]),
            datetime.fromisoformat(said["started_at"]),
            str(said["config"]),
            frozenset(map(str, said["integrations"])),
            str(said.get("command") or ""),
            datetime.fromisoformat(ends_at) if (ends_at := said.get("ends_at")) else None,
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return LockState()
    return LockState(holder, good, begun)


def _is_alive(holder: Holder) -> bool:
    if holder.host != os.uname().nodename or holder.pid is None:
        return True
    try:
        os.kill(holder.pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
