"""Files of the store: opened below a folder's descriptor, never through a link, private, written whole."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from emailint.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700

_CURES = {
    errno.ENOSPC: "free space on this disk; the next run takes it up again",
    errno.EDQUOT: "raise the quota or free space; the next run takes it up again",
    errno.EROFS: "the file system is mounted read-only: mount it writable (dmesg says why it is not)",
    errno.EACCES: "run emailint as the owner of the store, or give the store to this user with chown",
    errno.EPERM: "run emailint as the owner of the store, or give the store to this user with chown",
    errno.ELOOP: "a symbolic link is in the way: remove it, and look who put it there",
    errno.EIO: "the disk reports an error: look at dmesg, then run emailint again",
}


def store_error(what: str, error: OSError) -> StoreError:
    """`what` failed because of `error`; the hint says what to do about it."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return StoreError(f"{what}: {reason}", hint=_CURES.get(error.errno or 0, ""))


def out_of_space(error: OSError) -> bool:
    """Whether the disk or the quota is full, or a file has reached the process's limit."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def held(descriptor: int) -> Iterator[int]:
    """The descriptor, closed at the end."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def folder(name: str | Path, within: int | None = None) -> AbstractContextManager[int]:
    """A descriptor of a folder; below `within` a symbolic link is refused (ELOOP or ENOTDIR)."""
    follow = 0 if within is None else os.O_NOFOLLOW
    return held(os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | follow, dir_fd=within))


def make_folder(name: str, within: int) -> None:
    """A folder 0700, whatever the umask; durable. One that is there already is left as it is."""
    try:
        os.mkdir(name, FOLDER_MODE, dir_fd=within)
    except FileExistsError:
        return
    os.chmod(name, FOLDER_MODE, dir_fd=within)
    os.fsync(within)


def make_tree(path: Path) -> None:
    """The store folder 0700, with what is above it; one that is there stays. Raises StoreError."""
    try:
        if path.is_dir():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with folder(path.parent) as parent:
            make_folder(path.name, parent)
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    except OSError as error:
        raise store_error(f"the store {path} cannot be made; no mailbox was touched", error) from error


def create_file(name: str, within: int) -> int:
    """A new file 0600, whatever the umask; FileExistsError for anything that has this name, links too."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, FILE_MODE, dir_fd=within)
    try:
        os.fchmod(descriptor, FILE_MODE)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def write_new(name: str, within: int, content: bytes) -> None:
    """A new file with this content, synced; its name is durable once `within` is."""
    with held(create_file(name, within)) as descriptor:
        write_all(descriptor, content)
        os.fsync(descriptor)


def open_file(name: str, within: int, flags: int = os.O_RDONLY) -> int:
    """An existing regular file; links (ELOOP) and anything else that is no file are refused."""
    safe = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(name, flags | safe, dir_fd=within)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", name)
    return descriptor


def write_all(descriptor: int, content: bytes | memoryview, offset: int = 0) -> None:
    """Write at `offset` until nothing is left; a disk that fills up half-way raises OSError."""
    rest = memoryview(content)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        if written <= 0:
            raise OSError(errno.EIO, "nothing was written")
        offset += written
        rest = rest[written:]


def append(descriptor: int, content: bytes) -> None:
    """Write at the end, whoever else appends (O_APPEND); a disk that fills up half-way raises OSError."""
    if os.write(descriptor, content) < len(content):
        raise OSError(errno.ENOSPC, "written in part")


def read_at(descriptor: int, size: int, offset: int) -> bytes:
    """Up to `size` octets from `offset`; fewer only at the end of the file."""
    parts: list[bytes] = []
    while size > 0 and (part := os.pread(descriptor, size, offset)):
        parts.append(part)
        size -= len(part)
        offset += len(part)
    return b"".join(parts)
