"""Look-ups in a directory, through its index."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Self

from emailint.directory import index
from emailint.directory.columns import CONTACT, EMPLOYEE
from emailint.directory.model import Organisation, Person
from emailint.errors import DirectoryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from emailint.directory.model import Workspace

_PEOPLE: Final = """
    SELECT id, name, workspace, changed FROM addresses JOIN people ON row = person
    WHERE address = ? AND kind = ? ORDER BY changed IS NULL, changed DESC, row DESC
"""
_BY_DOMAIN: Final = """
    SELECT id, name, workspace FROM domains JOIN organisations ON row = organisation
    WHERE domain = ? ORDER BY row
"""
_BY_NUMBER: Final = "SELECT id, name, workspace FROM organisations WHERE number = ? ORDER BY row"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def open_directory(path: Path, index_path: Path | None, *, keep: bool = True) -> IndexedDirectory:
    """The directory of the file at `path`; nothing is read before the first question.

    `index_path` is where its index lies. With `keep` (only for who holds the lock of the store) the index is
    made anew there when the file has changed; without it, in a temporary file of this process.
    """
    return IndexedDirectory(path, index_path, keep=keep)


class IndexedDirectory:
    """The directory of one file; a `Directory`. Safe to share between threads.

    The file is looked at once, at the first question: whoever holds this object sees one state of it. Where
    the file cannot be used, `trouble` says so, and the last index that was made of it goes on serving; where
    there is none, every question raises the DirectoryError that `trouble` is.
    """

    def __init__(self, path: Path, index_path: Path | None, *, keep: bool = True) -> None:
        self.path = path
        self._index_path = index_path
        self._keep = keep
        self._lock = Lock()
        self._index: sqlite3.Connection | None = None
        self._trouble: DirectoryError | None = None

    @property
    def trouble(self) -> DirectoryError | None:
        """What is wrong with the file or its index; opens them."""
        with self._lock:
            self._open()
            return self._trouble

    def employees(self, address: str) -> Sequence[Person]:
        """As `Directory.employees`."""
        return self._people(EMPLOYEE, address)

    def contacts(self, address: str) -> Sequence[Person]:
        """As `Directory.contacts`."""
        return self._people(CONTACT, address)

    def organisations(self, domain: str) -> Sequence[Organisation]:
        """As `Directory.organisations`."""
        return [Organisation(*row) for row in self._rows(_BY_DOMAIN, domain.lower())]

    def clients(self, number: str) -> Sequence[Organisation]:
        """As `Directory.clients`."""
        return [Organisation(*row) for row in self._rows(_BY_NUMBER, number)]

    def has_workspace(self, workspace: Workspace) -> bool:
        """As `Directory.has_workspace`."""
        return bool(self._rows("SELECT 1 FROM workspaces WHERE workspace = ?", workspace))

    def knows(self, address: str) -> bool:
        """As `Directory.knows`."""
        return bool(self._rows("SELECT 1 FROM addresses WHERE address = ? LIMIT 1", address.lower()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the index go; the next question opens it anew."""
        with self._lock:
            if self._index is not None:
                self._index.close()
            self._index = self._trouble = None

    def _people(self, kind: int, address: str) -> Sequence[Person]:
        return [
            Person(identity, name, workspace, _moment(changed))
            for identity, name, workspace, changed in self._rows(_PEOPLE, address.lower(), kind)
        ]

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._lock:
            self._open()
            if self._index is None:
                raise (self._trouble or DirectoryError("the directory is closed")).with_traceback(None)
            try:
                return self._index.execute(query, values).fetchall()
            except sqlite3.Error as error:
                if self._keep and self._index_path is not None:
                    self._index_path.unlink(missing_ok=True)  # so that the next sweep makes it anew
                raise self._failed("its index cannot be read", str(error), served=False) from error

    def _open(self) -> None:
        if self._index is None and self._trouble is None:
            last = self._last()
            self._index = self._current(last) or last

    def _last(self) -> sqlite3.Connection | None:
        """The index that is there, if it was made of this file."""
        if self._index_path is None or not self._index_path.is_file():
            return None
        where = f"{self._index_path.absolute().as_uri()}?mode=ro&immutable=1"
        try:
            found = sqlite3.connect(where, uri=True, check_same_thread=False)
        except sqlite3.Error:
            return None
        stamp = index.stamp_of(found)
        if stamp is None or stamp.path != str(self.path):
            found.close()
            return None
        return found

    def _current(self, last: sqlite3.Connection | None) -> sqlite3.Connection | None:
        """The index of the file as it is now; None where the last one serves, or nothing does."""
        served = last is not None
        try:
            stamp = index.Stamp.of(self.path)
            if last is not None and index.stamp_of(last) == stamp:
                return last
            made = index.build(self.path, stamp, self._index_path if self._keep else None)
        except index.NotBuilt as error:
            self._trouble = self._failed(_told(error), "", served=served)
        except index.Unsettled:
            if not served:
                self._trouble = self._failed("it was changed while it was read", "", served=False)
        except sqlite3.Error as error:
            self._trouble = self._failed("its index cannot be written", str(error), served=served)
        except OSError as error:
            self._trouble = self._failed("it cannot be read or indexed", str(error), served=served)
        else:
            if last is not None:
                last.close()
            return made
        return None

    def _failed(self, what: str, why: str, *, served: bool) -> DirectoryError:
        outcome = "its last good state is used" if served else "no mail is taken, all of it stays unread"
        return DirectoryError(
            f"the directory {self.path}: {what}{f' ({why})' if why else ''}; {outcome}",
            hint="run: emailint check",
        )


def _told(refused: index.NotBuilt) -> str:
    more = len(refused.problems) - 1
    return f"{refused.problems[0]}{f' (and {more} more)' if more else ''}"


def _moment(changed: int | None) -> datetime | None:
    return None if changed is None else _EPOCH + timedelta(microseconds=changed)
