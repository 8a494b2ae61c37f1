"""The files of one journal: the current one and those it was rotated into, packed or not."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

from emailint.errors import StoreError
from emailint.store import disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LONGEST_LINE = 256_000_000
"""A longer line is none of ours, and is looked at in pieces of so many octets."""

_PACKED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_UNREADABLE = (".zst", ".zip", ".lz4", ".7z", ".Z")


@dataclass(frozen=True, slots=True)
class Sibling:
    """One file. `size` is in octets, packed ones as they are."""

    name: str
    inode: int
    size: int
    modified: float

    @property
    def packed(self) -> bool:
        """Whether it is compressed."""
        return os.path.splitext(self.name)[1] in _PACKED  # noqa: PTH122  a name, no path


def siblings(folder: Path, journal: str) -> list[Sibling]:
    """All files of this journal that hold anything, oldest first, the current one last.

    Raises StoreError for one whose packing cannot be read.
    """
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(journal) and entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    found.append(Sibling(entry.name, status.st_ino, status.st_size, status.st_mtime))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise disk.store_error(f"the store {folder} cannot be read", error) from error
    for each in found:
        if each.name.endswith(_UNREADABLE):
            raise StoreError(
                f"{folder / each.name} is packed in a way that is not read; nothing was changed",
                hint="unpack it in place, or pack it with gzip, bzip2 or xz",
            )
    filled = [each for each in found if each.size]
    return sorted(filled, key=lambda each: (each.name == journal, each.modified, each.name))


def lines(folder: Path, sibling: Sibling) -> Iterator[bytes]:
    """Its lines with their line feeds; the last one may have none. Raises StoreError."""
    try:
        with opened(folder, sibling) as file:
            while line := file.readline(LONGEST_LINE):
                yield line
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:  # not that it is no packed file
            raise disk.store_error(f"{folder / sibling.name} cannot be read", error) from error
        raise StoreError(
            f"{folder / sibling.name} cannot be read: {error}",
            hint="a packed file must be whole: put it back from a backup, or move it out of the store",
        ) from error


def first_line(folder: Path, sibling: Sibling) -> bytes:
    """Its first line."""
    return next(lines(folder, sibling), b"")


@contextmanager
def opened(folder: Path, sibling: Sibling) -> Iterator[IO[bytes]]:
    """The file for reading, unpacked. Raises OSError."""
    with disk.folder(folder) as within:
        plain = os.fdopen(disk.open_file(sibling.name, within), "rb", buffering=1_000_000)
    with plain:
        if not sibling.packed:
            yield plain
            return
        with _PACKED[os.path.splitext(sibling.name)[1]](plain, "rb") as file:  # noqa: PTH122  as above
            yield cast("IO[bytes]", file)


@contextmanager
def rewritten(plain: IO[bytes], sibling: Sibling) -> Iterator[IO[bytes]]:
    """What is written is packed as the sibling is."""
    if not sibling.packed:
        yield plain
        return
    with _PACKED[os.path.splitext(sibling.name)[1]](plain, "wb") as file:  # noqa: PTH122  as above
        yield cast("IO[bytes]", file)
