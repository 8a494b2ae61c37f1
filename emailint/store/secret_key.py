"""The key by which our own Message-IDs are known again: 32 random octets, made once, private."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from emailint.errors import StoreError
from emailint.store import disk

if TYPE_CHECKING:
    from pathlib import Path

NAME = "secret.key"
SIZE = 32
_UNFINISHED = ".secret.key.unfinished"


def load_secret_key(folder: Path) -> bytes:
    """The key of this store; made and synced when there is none yet (under the run lock).

    Raises StoreError when it cannot be read or made, is of another size, or others may read it.
    """
    try:
        with disk.folder(folder) as within:
            try:
                return _read(within, folder)
            except FileNotFoundError:
                _make(within)
                return _read(within, folder)
    except OSError as error:
        raise disk.store_error(f"the key {folder / NAME} cannot be used", error) from error


def _read(within: int, folder: Path) -> bytes:
    with disk.held(disk.open_file(NAME, within)) as descriptor:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        key = disk.read_at(descriptor, SIZE + 1, 0)
    if mode & 0o077:
        raise StoreError(
            f"the key {folder / NAME} may be read by others (mode {mode:04o}); no mailbox was touched",
            hint=f"chmod 600 {folder / NAME}",
        )
    if len(key) != SIZE:
        raise StoreError(
            f"the key {folder / NAME} is damaged ({SIZE} octets were expected); no mailbox was touched",
            hint="put it back from a backup, or remove it: with a new one answers are known less well",
        )
    return key


def _make(within: int) -> None:
    """Written aside and renamed, so that it is never seen half-written. One run at a time gets here."""
    with suppress(FileNotFoundError):
        os.unlink(_UNFINISHED, dir_fd=within)
    disk.write_new(_UNFINISHED, within, os.urandom(SIZE))
    os.rename(_UNFINISHED, NAME, src_dir_fd=within, dst_dir_fd=within)
    os.fsync(within)
