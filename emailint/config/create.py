"""Files of a first configuration: never over anything that is there, all of them or none."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from emailint.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


@dataclass
class Creation:
    """Within, files and folders are made; whatever ends it early takes away what was made, and nothing else.

    `kept` says afterwards what could not be taken away.
    """

    made: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Undo everything when something went wrong."""
        for path in reversed(self.made) if kind else ():
            try:
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
            except OSError:
                self.kept.append(path)

    def folder(self, path: Path, mode: int = 0o777) -> None:
        """A folder with what is above it; one that is there stays. Raises OSError."""
        missing = [each for each in (path, *path.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(mode=mode)
            self.made.append(each)

    def file(self, path: Path, content: bytes, mode: int = 0o600) -> None:
        """A new file, on disk when this returns. Raises UsageError where this name is taken, OSError else."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, mode)
        except FileExistsError:
            raise exists(path) from None
        self.made.append(path)
        with os.fdopen(descriptor, "wb") as stream:
            if mode & 0o077 == 0:
                os.fchmod(descriptor, mode)
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
        with suppress(OSError):  # some file systems cannot sync a folder
            _sync(path.parent)


def exists(path: Path) -> UsageError:
    """What is said of a file that is there and stays as it is."""
    return UsageError(
        f"{path} is there already and stays as it is; nothing was written", hint="name another file"
    )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
