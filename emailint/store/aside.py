"""Where files are written before they appear whole under their name: the folder `.unfinished` beside them."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from emailint.store import disk

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = ".unfinished"
OLD_SECONDS = 3600.0


def make_aside(within: int, name: str, write: Callable[[int, str], None]) -> None:
    """Have `write` make something aside, and rename it to `name`; on any failure nothing is left.

    `write` gets the descriptor of the folder aside and a name in it, and syncs what it makes. The new name
    is durable once `within` is synced. Raises OSError.
    """
    disk.make_folder(NAME, within)
    with disk.folder(NAME, within) as aside:
        unfinished = os.urandom(8).hex()
        try:
            write(aside, unfinished)
            os.rename(unfinished, name, src_dir_fd=aside, dst_dir_fd=within)
        except BaseException:
            _remove(aside, unfinished)
            raise


def clean(within: int) -> None:
    """Remove, as far as that goes, what runs that died left more than an hour ago."""
    with suppress(OSError), disk.folder(NAME, within) as aside:
        with os.scandir(aside) as entries:
            ages = {entry.name: time.time() - entry.stat(follow_symlinks=False).st_mtime for entry in entries}
        for name, age in ages.items():
            if age > OLD_SECONDS:
                _remove(aside, name)


def _remove(aside: int, name: str) -> None:
    """A file, or a folder that holds only files."""
    with suppress(OSError):
        os.unlink(name, dir_fd=aside)
    with suppress(OSError):
        with disk.folder(name, aside) as folder:
            for entry in os.listdir(folder):  # noqa: PTH208  by descriptor, so that no link is followed
                os.unlink(entry, dir_fd=folder)
        os.rmdir(name, dir_fd=aside)
