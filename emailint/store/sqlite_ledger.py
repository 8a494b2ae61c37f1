"""The ledger on SQLite: local disk, write-ahead log; what must not be done twice is synced."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from emailint.errors import StoreError
from emailint.store import disk, schema
from emailint.store.database import Database
from emailint.store.ledger_audit import AuditVerbs
from emailint.store.ledger_batch import SqliteBatch
from emailint.store.ledger_errors import ErrorVerbs
from emailint.store.ledger_figures import FigureVerbs
from emailint.store.ledger_hooks import HookVerbs
from emailint.store.ledger_reading import ReadingVerbs
from emailint.store.ledger_replies import ReplyVerbs
from emailint.store.ledger_steps import StepVerbs
from emailint.store.ledger_waiting import WaitingVerbs

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from emailint.store.batch_rows import Breakers
    from emailint.store.records import Journal

NAME = "ledger.db"
REBUILD = "make it anew from the JSON lines with `emailint store rebuild`"


class SqliteLedger(
    ReadingVerbs, StepVerbs, ReplyVerbs, ErrorVerbs, WaitingVerbs, AuditVerbs, FigureVerbs, HookVerbs
):
    """The port `Ledger` on one SQLite file; any number of threads may use it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._breakers: Breakers = {}

    @classmethod
    def open(cls, folder: Path, *, host: str | None = None, read_only: bool = False) -> Self:
        """Open `ledger.db` in the store folder, which exists; made when missing or empty.

        With `read_only` a missing one is an empty ledger, and nothing is written. Raises StoreError
        when it cannot be written, is damaged, newer than this program, or another host's.
        """
        path = folder / NAME
        if read_only and not path.exists():
            database = Database(None)
            with database.writing() as connection:
                schema.create(connection, host or os.uname().nodename)
            return cls(database)
        if not read_only:
            _make_file(folder)
        database = Database(path, read_only=read_only)
        try:
            _check(database, path, host or os.uname().nodename)
            return cls(database)
        except BaseException:
            database.close()
            raise

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether there is a ledger in this folder that was ever written to."""
        try:
            return (folder / NAME).stat(follow_symlinks=False).st_size > 0
        except OSError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close; harmless when repeated."""
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[SqliteBatch]:
        """One transaction; commits durably on a clean exit, else nothing of it stays.

        Other threads wait for it. Verbs that its own thread calls meanwhile become part of it.
        """
        if self._database.read_only:
            with self._database.reading():
                yield SqliteBatch(self._database, self._hooks)
            return
        try:
            with self._database.writing():
                batch = SqliteBatch(self._database, self._hooks, self._breakers)
                yield batch
                batch.finish()
        except BaseException:
            self._breakers.clear()  # they may count what was rolled back
            raise

    def knows(self, journal: Journal, case_id: str, line_start: bytes) -> bool:
        """Whether a line of this case in this file begins so."""
        query = (
            "SELECT substr(line.content, 1, ?) FROM message JOIN line ON line.row = message.row"
            " WHERE message.case_id = ? AND line.journal = ?"
        )
        with self._database.reading() as connection:
            rows = connection.execute(query, (len(line_start), case_id, journal))
            return any(start == line_start for (start,) in rows)

    def has_cases(self) -> bool:
        """Whether any case was ever made."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = 'case_number'").fetchone()
        return row is not None and row[0] > 0


def _make_file(folder: Path) -> None:
    """The file itself is made here, for SQLite would follow a link and ask the umask.

    One that exists is not opened, for closing it again would free the locks of this process on it.
    """
    path = folder / NAME
    try:
        with disk.folder(folder) as within:
            try:
                if not stat.S_ISREG(os.stat(NAME, dir_fd=within, follow_symlinks=False).st_mode):
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            except FileNotFoundError:
                os.close(disk.create_file(NAME, within))
                os.fsync(within)
    except OSError as error:
        raise disk.store_error(f"the ledger {path} cannot be opened", error) from error


def _check(database: Database, path: Path, host: str) -> None:
    with database.reading() as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            _create(database, host)
        if not database.read_only:
            _refuse_unwritable(connection)
            _complete(database, connection)
        meta = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    version, home = meta.get("schema", 0), meta.get("host", "")
    if not isinstance(version, int) or version < 1:
        raise StoreError(f"{path} is no ledger of emailint; no mailbox was touched", hint=REBUILD)
    if version > schema.VERSION:
        raise StoreError(
            f"the ledger {path} was written by a newer emailint (schema {version}, this one knows"
            f" {schema.VERSION}); no mailbox was touched",
            hint="run the newer version",
        )
    if home != host:
        raise StoreError(
            f"the store {path.parent} belongs to the host {home}, and this is {host}; no mailbox was touched",
            hint=f"sweep from {home} alone: two hosts on one store would answer mail twice",
        )


def _refuse_unwritable(connection: sqlite3.Connection) -> None:
    """SQLite opens what it may not write read-only, and begins a transaction all the same."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM meta WHERE name = ''")  # changes nothing, but needs to be allowed
    connection.execute("ROLLBACK")


def _complete(database: Database, connection: sqlite3.Connection) -> None:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'message'").fetchone() is None:
        return  # no ledger, as will be said
    added = "SELECT count(*) FROM sqlite_master WHERE name IN ('hook', 'ignored')"
    if connection.execute(added).fetchone() != (2,):
        with database.writing() as writing:
            schema.complete(writing)


def _create(database: Database, host: str) -> None:
    if database.read_only:
        return
    with database.reading() as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    with database.writing() as connection:
        schema.create(connection, host)
