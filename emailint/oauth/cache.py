"""Where the sign-in of a person is kept: one private file, locked, written only when something changed."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from emailint.errors import SecretUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 15.0
"""Seconds that another process may hold it."""

LARGEST = 4_000_000
"""Octets; a cache of one sign-in has some thousands."""


def read_key_file(path: Path, *, readable: bool = False) -> str:
    """A key that somebody has put there, by a link perhaps; raises SecretUnavailable, as below.

    `readable`: others may read it too.
    """
    what = f"the key file {path}"
    try:
        with path.open("rb") as file:
            if not readable and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise SecretUnavailable(
                    f"{what} can be read by others, so it was not used", hint=f"run: chmod 600 {path}"
                )
            return file.read(LARGEST).decode("utf-8", "replace")
    except OSError as error:
        raise SecretUnavailable(
            f"{what} cannot be read: {error.strerror}", hint="it must belong to the user who runs emailint"
        ) from None


class PrivateFile:
    """A file that only its owner may read. Raises SecretUnavailable, which never repeats what it holds."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else reads to write meanwhile; a lock of the kernel's, freed by any death.

        It is waited for `PATIENCE` seconds, since who holds it may wait for a server.
        """
        with self._failures("locked"):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            lock = os.open(self.path.with_name(self.path.name + ".lock"), flags, 0o600)
        try:
            with self._failures("locked"):
                self._lock(lock)
            yield
        finally:
            os.close(lock)

    def _lock(self, descriptor: int) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise SecretUnavailable(
                        f"the sign-in in {self.path} is held by another emailint; it was not used",
                        hint="the mail stays unread, and the next run tries again; see whether one hangs",
                    ) from None
                time.sleep(0.05)
            else:
                return

    def read(self) -> str:
        """What it holds, "" where there is none yet."""
        with self._failures("read"):
            try:
                descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                return ""
            with os.fdopen(descriptor, "rb") as file:
                mode = os.fstat(descriptor).st_mode
                if stat.S_IMODE(mode) & 0o077:
                    raise SecretUnavailable(
                        f"the sign-in in {self.path} can be read by others, so it was not used",
                        hint=f"run: chmod 600 {self.path}",
                    )
                return file.read(LARGEST).decode("utf-8", "replace")

    def write(self, text: str) -> None:
        """Whole and durable under its name, or not at all."""
        part = self.path.with_name(self.path.name + ".part")
        with self._failures("written"):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
            with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    @contextmanager
    def _failures(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            with suppress(OSError):
                self.path.with_name(self.path.name + ".part").unlink(missing_ok=True)
            raise SecretUnavailable(
                f"the sign-in in {self.path} cannot be {what}: {error.strerror}",
                hint="the file must belong to the user who runs emailint",
            ) from None
