"""The octets of mail that waits for a person: `quarantine/` and `hold/`, one .eml a message."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from emailint.errors import MessageError
from emailint.store import disk
from emailint.store.aside import make_aside
from emailint.store.digests import folder_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from emailint.store.records import Key

QUARANTINE = "quarantine"
HOLD = "hold"


class RawMail:
    """One such folder. Threads may share it."""

    def __init__(self, store: Path, name: str) -> None:
        """`store/name` exists."""
        self.folder = store / name

    def keep(self, key: Key, raw: bytes) -> Path:
        """Keep these octets; durable when it returns. What is kept already stays as it is.

        Raises StoreError when the disk is full or failing; the mail must then not be marked.
        """
        path = self.path(key)
        try:
            with disk.folder(self.folder) as within:
                if not _is_kept(path.name, within):
                    make_aside(within, path.name, lambda aside, name: disk.write_new(name, aside, raw))
                os.fsync(within)
        except OSError as error:
            raise disk.store_error(f"{path} cannot be written; its mail stays unread", error) from error
        return path

    def read(self, key: Key) -> bytes:
        """The octets that were kept. Raises MessageError when there are none."""
        try:
            with (
                disk.folder(self.folder) as within,
                disk.held(disk.open_file(self.path(key).name, within)) as descriptor,
            ):
                return disk.read_at(descriptor, os.fstat(descriptor).st_size, 0)
        except OSError as error:
            raise MessageError(f"{self.path(key)} cannot be read: {os.strerror(error.errno or 0)}") from error

    def remove(self, key: Key) -> None:
        """Forget these octets; harmless when there are none."""
        try:
            self.path(key).unlink(missing_ok=True)
        except OSError as error:
            raise disk.store_error(f"{self.path(key)} cannot be removed", error) from error

    def path(self, key: Key) -> Path:
        """Where the message of this key is kept, if it is."""
        return self.folder / f"{folder_name(key)}.eml"

    def files(self) -> Sequence[Path]:
        """All that is kept, in the order of names."""
        return sorted(self.folder.glob("*.eml"))


def _is_kept(name: str, within: int) -> bool:
    try:
        os.close(disk.open_file(name, within))
    except FileNotFoundError:
        return False
    return True
