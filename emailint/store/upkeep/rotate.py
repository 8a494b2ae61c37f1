"""`store rotate`: files get dated names, and the next lines go to new ones."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.store import disk
from emailint.store.errors_log import NAME as ERRORS
from emailint.store.records import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

ROTATED = (*(str(journal) for journal in Journal), ERRORS)


@dataclass(frozen=True, slots=True)
class Rotation:
    """One file, what it is called from now on, and its size in octets."""

    name: str
    new_name: str
    size: int


def rotate(
    folder: Path, now: datetime, *, larger_than: int = 0, names: Sequence[str] = ROTATED
) -> list[Rotation]:
    """Rename each of these files that holds more than `larger_than` octets. The run lock is the caller's.

    The file stays what it is, so whoever reads it reads on; a place in it that the ledger has recorded is
    found by its inode. Each rename stands for itself: cut off, some files have their new names. Raises
    StoreError.
    """
    done = []
    try:
        with disk.folder(folder) as within:
            for name in names:
                size = _size(name, within)
                if size > larger_than:
                    new_name = _free(f"{name}.{now:%Y%m%dT%H%M%SZ}", within)
                    os.rename(name, new_name, src_dir_fd=within, dst_dir_fd=within)
                    done.append(Rotation(name, new_name, size))
            os.fsync(within)
    except OSError as error:
        raise disk.store_error(f"the files of {folder} could not be rotated", error) from error
    return done


def _size(name: str, within: int) -> int:
    try:
        return os.stat(name, dir_fd=within, follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0


def _free(name: str, within: int) -> str:
    """The name, or with a number after it: nothing is ever renamed over another file."""
    taken = set(os.listdir(within))
    found, count = name, 1
    while found in taken:
        count += 1
        found = f"{name}-{count}"
    return found
