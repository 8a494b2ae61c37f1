"""One SQLite connection for all threads: who may use it when, how it commits, what its failures mean.

No sqlite3 exception leaves this room; they come out as StoreError.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from emailint.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

BUSY_SECONDS = 15.0
Item = TypeVar("Item")

_HINTS = {
    sqlite3.SQLITE_FULL: "free space on this disk; the next run takes it up again",
    sqlite3.SQLITE_READONLY: "the ledger must be writable: check owner, mode and mount of the store",
    sqlite3.SQLITE_CANTOPEN: "the store must be a local folder that this user may write to",
    sqlite3.SQLITE_CORRUPT: "make it anew from the JSON lines with `emailint store rebuild`",
    sqlite3.SQLITE_NOTADB: "make it anew from the JSON lines with `emailint store rebuild`",
    sqlite3.SQLITE_IOERR: "the disk or a quota refuses it: look at free space, quota and dmesg",
    sqlite3.SQLITE_BUSY: "another program holds the ledger: see `fuser` on ledger.db",
}


class Database:
    """The connection, guarded by one lock that the same thread may take again.

    After a failed write or sync of the disk nothing more is written through it: what the disk then holds
    is not known before the ledger is opened anew.
    """

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        """Open `path`, which exists already; None is an empty ledger in memory."""
        self.name = str(path) if path else "the empty ledger"
        self.read_only = read_only
        self._lock = threading.RLock()
        self._depth = 0
        self._undone = 0
        self._none_at: dict[str, int] = {}
        self._level = "FULL"
        self._noted = False
        self._broken: StoreError | None = None
        with self._translated():
            self._connection = _connect(path, read_only=read_only)

    def close(self) -> None:
        """Close; the write-ahead log is brought home and removed, or synced where others still read it."""
        with self._lock, self._translated():
            try:
                if self._noted and not self._broken:
                    with self.writing() as connection:
                        connection.execute("UPDATE meta SET value = value WHERE name = 'schema'")
            except StoreError:  # what was noted is found out once more
                pass
            finally:
                self._connection.close()

    @property
    def changes(self) -> int:
        """Rows that were changed and transactions undone: as long as it stays, so do all answers."""
        with self._translated():
            return self._connection.total_changes + self._undone

    def unless_none(self, question: str, ask: Callable[[], list[Item]]) -> list[Item]:
        """The answer. Where it was nothing, it is not asked for again before a row has changed.

        Nobody waits for others to know that. Whoever may write has the store alone, so that no other process
        changes any row meanwhile; whoever only reads asks each time.
        """
        changes = self.changes
        if not self.read_only and self._none_at.get(question) == changes:
            return []
        found = ask()
        if not found:
            self._none_at[question] = changes
        return found

    def refuse_within(self, what: str) -> None:
        """Raise StoreError when this thread has a transaction open."""
        if self._lock.acquire(blocking=False):  # else another thread has one, which is no matter
            try:
                if self._depth:
                    raise StoreError(f"{what} comes after the transaction, not within it")
            finally:
                self._lock.release()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for look-ups."""
        with self._lock, self._translated():
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is durable after a clean exit; within one of the same thread, a part of it."""
        with self._transaction("FULL") as connection:
            yield connection

    @contextmanager
    def noting(self) -> Iterator[sqlite3.Connection]:
        """As `writing`, for what is harmless to do once more: a power cut may undo it, a death cannot.

        Its commit goes to the log without a sync. The log is read up to where it is whole, so that the next
        `writing` makes this durable before its own part.
        """
        with self._lock, self._translated():
            try:
                with self._transaction("NORMAL") as connection:
                    yield connection
            finally:
                if not self._depth:
                    self._sync("FULL")

    @contextmanager
    def _transaction(self, level: str) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            if self._depth:
                yield self._connection
                return
            if self._broken:
                raise self._broken
            self._sync(level)
            before = self._connection.total_changes
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield self._connection
                self._connection.execute("COMMIT")
                if self._connection.total_changes > before:  # without a change SQLite syncs nothing
                    self._noted = level != "FULL"
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._depth = 0

    def _sync(self, level: str) -> None:
        """How commits are synced. Each transaction asks for its own, whatever became of those before it."""
        if level != self._level:
            self._level = ""  # not known if this is cut off, as by a second signal
            self._connection.execute(f"PRAGMA synchronous = {level}")
            self._level = level

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows that one statement gives; for the many small ones of a batch."""
        with self._lock:
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise self._failure(error) from error

    def many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """One statement for each of these rows of values, within a transaction that is open."""
        with self._lock:
            try:
                self._connection.executemany(statement, rows)
            except sqlite3.Error as error:
                raise self._failure(error) from error

    def _roll_back(self) -> None:
        self._undone += 1
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def _failure(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        failure = StoreError(f"the ledger {self.name} cannot be used: {error}", hint=_HINTS.get(code, ""))
        if code == sqlite3.SQLITE_IOERR:
            self._broken = failure
        return failure


def _mode(path: Path, *, read_only: bool) -> str:
    """For whoever may read a store and not write it, the file as it is; nobody sweeps meanwhile (no log)."""
    may_write = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    if read_only and not may_write and not path.with_name(f"{path.name}-wal").exists():
        return "immutable=1"
    return "mode=rw"


def _connect(path: Path | None, *, read_only: bool) -> sqlite3.Connection:
    target = f"{path.absolute().as_uri()}?{_mode(path, read_only=read_only)}" if path else "file::memory:"
    connection = sqlite3.connect(
        target, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")  # nothing of a mail outside of the store
        # Not mode=ro: such a connection leaves the files of its write-ahead log behind.
        connection.execute(f"PRAGMA query_only = {int(read_only and path is not None)}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
