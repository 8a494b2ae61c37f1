"""Maildir as a mail source: mail that an MTA delivers to this machine.

Unread is what carries no flag `S`, in `new/` or `cur/`; marking is a rename into `cur/`. Subfolders are
those of Maildir++ (`.Name` beside `cur/`); they must exist, none is ever created.
"""

from __future__ import annotations

import errno
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from emailint.errors import (
    ConnectionFailed,
    FolderForbidden,
    FolderMissing,
    FolderReadOnly,
    ProtocolFailed,
    SourceError,
)
from emailint.sources.locus import maildir_account
from emailint.sources.maildir_folder import PARTS, Entry, Folder
from emailint.sources.protocol import MessageRef, RawMessage, Received
from emailint.sources.since import cutoff
from emailint.sources.steps import run_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date
    from types import TracebackType

    from emailint.probe import Step

_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}
_END_OF_HEADERS = re.compile(rb"(?:\A|\n)\r?\n")


@dataclass(frozen=True, slots=True)
class MaildirSettings:
    """One folder of one Maildir.

    `path` is the Maildir itself (it holds `cur`, `new` and `tmp`), `mailbox` the address it is known
    by, `folder` a Maildir++ subfolder (`INBOX` is the Maildir itself). Mail received (by its
    modification time) before `since` is not listed. `max_header` bounds, in octets, what is read
    when headers alone are asked for.
    """

    path: Path
    mailbox: str
    folder: str = "INBOX"
    since: date | None = None
    read_only: bool = False
    max_header: int = 300_000


class MaildirSource:
    """A `MailSource` on a Maildir folder."""

    def __init__(self, settings: MaildirSettings) -> None:
        self._settings = settings
        self._root = Path(os.path.abspath(settings.path))  # noqa: PTH100 - resolve() would follow links
        self._opened: Folder | None = None

    @property
    def account(self) -> str:
        """`maildir:/absolute/path`, percent-encoded."""
        return maildir_account(str(self._root))

    def __enter__(self) -> Self:
        """Open the folder; raises FolderMissing (also where it is no Maildir) or FolderForbidden."""
        self._opened = self._open(self._settings.folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the folder."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def list_unread(self) -> Sequence[MessageRef]:
        """All unread messages, measured, by modification time and then by name."""
        listed = self._listed(cutoff(self._settings.since), lambda entry: not entry.seen)
        return [each.ref for each in listed]

    def list_received(self, since: datetime) -> Sequence[Received]:
        """All messages of that time, measured, by modification time and then by name."""
        return self._listed(since, lambda _entry: True)

    def measure(self, refs: Sequence[MessageRef]) -> Sequence[MessageRef]:
        """Size and modification time of those that are still there."""
        folder = self._folder
        folder.begin()
        with self._translated("measured"):
            found = [(ref.locus, folder.apply(ref.locus, folder.stat)) for ref in refs]
        return [_ref(locus, about) for locus, about in found if about]

    def fetch(self, refs: Sequence[MessageRef], *, headers_only: bool = False) -> Iterator[RawMessage]:
        """The files as they are, line ends included.

        A file that cannot be read does not keep the others back: it is the last thing said, as an error.
        """
        folder = self._folder
        folder.begin()
        failures: dict[str, OSError] = {}
        for ref in refs:
            try:
                raw = folder.apply(ref.locus, self._read_headers if headers_only else folder.read)
            except OSError as error:
                failures[ref.locus] = error
                continue
            if raw is not None:
                yield RawMessage(ref, raw, whole=not headers_only)
        try:
            with self._translated("read"):
                for failure in failures.values():
                    raise failure
        except SourceError as error:
            error.loci = tuple(failures)
            raise

    def mark_read(self, loci: Sequence[str]) -> None:
        """Rename into `cur/` with the flag S; durable when it returns."""
        folder = self._writable()
        folder.begin()
        with self._translated("marked"):
            for locus in loci:
                folder.apply(locus, self._mark)
            folder.sync()

    def move(self, loci: Sequence[str], folder: str) -> Mapping[str, str | None]:
        """Rename into `cur/` of a Maildir++ subfolder; durable when it returns.

        What an earlier call has moved is found there. Raises FolderMissing when there is no such folder.
        """
        source = self._writable()
        source.begin()
        target = self._open(folder)
        try:
            with self._translated("moved"):
                target.scan()
                moved = {locus: _move(locus, source, target) for locus in loci}
                target.sync()
                source.sync()
        finally:
            target.close()
        return {old: new for old, new in moved.items() if new is not None}

    def test(self) -> Iterator[Step]:
        """Folder, right to mark, unread count; changes nothing."""
        steps: dict[str, Callable[[], str]] = {
            "folder": self._test_folder,
            "mark read": self._test_marking,
            "unread": lambda: f"{len(self.list_unread())} unread",
        }
        try:
            yield from run_steps(steps)
        finally:
            self.__exit__(None, None, None)

    def _listed(self, since: datetime | None, wanted: Callable[[Entry], bool]) -> list[Received]:
        folder = self._folder
        with self._translated("listed"):
            folder.scan()
            entries = [(locus, entry) for locus, entry in folder.entries.items() if wanted(entry)]
            found = [
                (about.st_mtime_ns, locus, entry, about)
                for locus, entry in entries
                if (about := folder.stat(entry))
            ]
        begin = since.timestamp() * 1e9 if since else float("-inf")
        found.sort(key=lambda each: each[:2])
        return [
            Received(_ref(locus, about), read=entry.seen)
            for mtime, locus, entry, about in found
            if mtime >= begin
        ]

    def _test_folder(self) -> str:
        self.__enter__()
        return f"{self._folder.path} is a Maildir"

    def _test_marking(self) -> str:
        closed = [part for part in PARTS if not os.access(self._folder.path / part, os.W_OK | os.X_OK)]
        if closed:
            raise FolderReadOnly(
                f"files in {' and '.join(closed)}/ of {self._folder.path} cannot be renamed", hint=_OWNER_HINT
            )
        return "mail may be marked read"

    @property
    def _folder(self) -> Folder:
        if self._opened is None:
            raise ConnectionFailed(f"the Maildir {self._root} is not open")
        return self._opened

    def _writable(self) -> Folder:
        if self._settings.read_only:
            raise FolderReadOnly(f"the Maildir {self._root} was opened read-only; nothing was changed")
        return self._folder

    def _open(self, folder: str) -> Folder:
        path = self._root if folder.upper() == "INBOX" else self._root / _subfolder(folder)
        try:
            return Folder(path)
        except PermissionError as error:
            raise FolderForbidden(
                f"the Maildir {path} may not be opened: {error.strerror}", hint=_OWNER_HINT
            ) from error
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "its name holds a NUL"
            raise FolderMissing(
                f"{path} is not a Maildir that can be opened: {reason}",
                hint=f"it needs the folders cur, new and tmp: mkdir -p {path}/{{cur,new,tmp}}",
            ) from error

    def _read_headers(self, entry: Entry) -> bytes | None:
        raw = self._folder.read(entry, self._settings.max_header)
        end = _END_OF_HEADERS.search(raw) if raw else None
        return raw[: end.end()] if raw and end else raw

    def _mark(self, entry: Entry) -> Entry | None:
        return entry if entry.seen else self._folder.rename(entry, self._folder, entry.flagged("S"))

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except FileExistsError as error:
            raise ProtocolFailed(
                f"{self._root}: mail was not {what}, two files have one name: {error.filename}",
                hint="rename one of the two files",
            ) from error
        except OSError as error:
            kind = (
                FolderReadOnly
                if error.errno in _REFUSED and what in {"marked", "moved"}
                else ConnectionFailed
            )
            raise kind(f"{self._root}: mail was not {what}: {error.strerror}", hint=_OWNER_HINT) from error


_OWNER_HINT = (
    "the Maildir must belong to the user that runs emailint, who must be let into the folders above it,"
    " and its disk must be writable"
)


def _subfolder(folder: str) -> str:
    """Maildir++ name of a subfolder: levels parted by dots, modified UTF-7 where it is not ASCII."""
    if not folder.isascii():
        from imapclient.imap_utf7 import encode  # noqa: PLC0415 - only for such names, since it costs 60 ms

        folder = str(encode(folder), "ascii")
    levels = folder.replace("/", ".").split(".")
    if "" in levels:
        raise FolderMissing(f"{folder!r} cannot be the name of a folder in a Maildir")
    return "." + ".".join(levels)


def _move(locus: str, source: Folder, target: Folder) -> str | None:
    def rename(entry: Entry) -> Entry | None:
        return source.rename(entry, target, entry.flagged())

    unique = locus.removeprefix(f"{source.account}/")
    there = f"{target.account}/{unique}"
    if locus == unique or there in target.entries:
        return there if locus != unique else None
    return there if source.apply(locus, rename) else None


def _ref(locus: str, about: os.stat_result) -> MessageRef:
    return MessageRef(locus, about.st_size, _time(about.st_mtime))


def _time(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):  # a modification time before year 1 or after 9999
        return None
