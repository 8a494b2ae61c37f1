"""The files of one Maildir folder: opened, looked up, renamed, never through a symbolic link."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from emailint.sources.locus import maildir_account, maildir_locus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARTS = ("new", "cur")  # in this order, so that a mail that goes from one to the other is seen
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GONE = {errno.ENOENT, errno.ELOOP, errno.ENXIO}
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Entry:
    """A message file: the directory it is in (`new` or `cur`), and its name there."""

    part: str
    name: str

    @property
    def unique(self) -> str:
        """The name without its flags: what stays the same for as long as the message lives."""
        return self.name.partition(":")[0]

    @property
    def flags(self) -> str:
        """The letters after `:2,`."""
        return self.name.partition(":2,")[2]

    @property
    def seen(self) -> bool:
        """Whether the message counts as read."""
        return "S" in self.flags

    def flagged(self, *more: str) -> Entry:
        """The same message in `cur/`, with these flags too; flags stand in ASCII order."""
        return Entry("cur", f"{self.unique}:2,{''.join(sorted({*self.flags, *more}))}")


class Folder:
    """An open Maildir folder. Methods raise OSError; a file that is gone is None to them.

    The constructor raises OSError when a part of the folder is missing or cannot be entered.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.account = maildir_account(str(path))
        self.entries: dict[str, Entry] = {}
        self._may_be_stale = True
        self._descriptors: dict[str, int] = {}
        with ExitStack() as closing:
            # The Maildir itself may be reached through links, as its owner likes; nothing below it.
            root = _open_folder(closing, path, _FOLDER_FLAGS)
            for part in PARTS:
                flags = _FOLDER_FLAGS | os.O_NOFOLLOW
                self._descriptors[part] = _open_folder(closing, part, flags, within=root)
            self._closing = closing.pop_all()

    def close(self) -> None:
        """Close what is open."""
        self._closing.close()

    def scan(self) -> None:
        """Look again which files there are."""
        found: dict[str, Entry] = {}
        for part in PARTS:
            with os.scandir(self._descriptors[part]) as files:
                for file in files:
                    if not file.name.startswith("."):
                        entry = Entry(part, file.name)
                        found[maildir_locus(self.account, entry.unique)] = entry
        self.entries = found

    def begin(self) -> None:
        """From here on, one more scan may be spent on messages that are not where they were."""
        self._may_be_stale = True

    def apply(self, locus: str, action: Callable[[Entry], _Result | None]) -> _Result | None:
        """What `action` makes of the message's file; None when it is gone.

        Other programs rename files at any time, so a message that is not found is looked for again,
        with one scan for all messages since `begin`.
        """
        entry = self.entries.get(locus)
        result = action(entry) if entry else None
        if result is None and self._may_be_stale:
            self._may_be_stale = False
            self.scan()
            entry = self.entries.get(locus)
            result = action(entry) if entry else None
        return result

    def stat(self, entry: Entry) -> os.stat_result | None:
        """None when the file is gone, or is no regular file."""
        try:
            found = os.stat(entry.name, dir_fd=self._descriptors[entry.part], follow_symlinks=False)
        except FileNotFoundError:
            return None
        return found if stat.S_ISREG(found.st_mode) else None

    def read(self, entry: Entry, limit: int = -1) -> bytes | None:
        """The first `limit` octets (all, if negative); None when the file is gone, or no regular one."""
        try:
            descriptor = os.open(entry.name, _FILE_FLAGS, dir_fd=self._descriptors[entry.part])
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise
        with os.fdopen(descriptor, "rb") as file:
            return file.read(limit) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None

    def rename(self, entry: Entry, other: Folder, target: Entry) -> Entry | None:
        """Rename, here or into another folder; None when the file is gone.

        Raises FileExistsError rather than replace another file: that would lose a message.
        """
        if other.stat(target) is not None:
            if self.stat(entry) is None:
                return None
            raise FileExistsError(errno.EEXIST, "two files have this name", target.name)
        try:
            os.rename(
                entry.name,
                target.name,
                src_dir_fd=self._descriptors[entry.part],
                dst_dir_fd=other._descriptors[target.part],
            )
        except FileNotFoundError:
            return None
        return target

    def sync(self) -> None:
        """Make all renames durable."""
        for descriptor in self._descriptors.values():
            os.fsync(descriptor)


def _open_folder(closing: ExitStack, path: str | Path, flags: int, within: int | None = None) -> int:
    descriptor = os.open(path, flags, dir_fd=within)
    closing.callback(os.close, descriptor)
    return descriptor
