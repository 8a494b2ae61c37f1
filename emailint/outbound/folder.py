"""Replies as `.eml` files in a folder: for trying things out, and for programs that do the sending."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Self

from emailint.errors import OutboundUnavailable, OutcomeUnknown
from emailint.outbound.gate import admit
from emailint.outbound.trial import Unusable, deliver_trial, steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from emailint.outbound.protocol import OutgoingMail
    from emailint.probe import Step

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """`path` is made when it is not there, private to its owner."""

    path: Path


class FolderOutbound:
    """An `Outbound` that writes files, each named for its Message-ID: `CS-000042.5f0c….eml`.

    A file appears whole and durable under its name, or not at all. The same mail again takes the place of
    the same file, so handing over twice is harmless.
    """

    def __init__(self, settings: FolderSettings, *, sender: str = "", envelope_from: str = "") -> None:
        self.settings = settings
        self._sender = sender
        self._envelope_from = envelope_from

    def __enter__(self) -> Self:
        """Nothing is opened yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open any more."""

    def send(self, mail: OutgoingMail, begin: Callable[[], None]) -> None:
        """As `Outbound.send`; `begin` is called when the file is durable, before it gets its name."""
        admit(mail)
        name = file_name(mail.message_id)
        with self._failures():
            folder = self._opened()
        try:
            self._write(folder, f".{name}.part", name, mail, begin)
        finally:
            os.close(folder)

    def test(self, send_to: str | None = None) -> Iterator[Step]:
        """The folder; and one file where `send_to` is given."""
        return steps(
            (
                ("outbound folder", self._writable),
                (
                    "outbound mail",
                    lambda: deliver_trial(self.send, self._sender, self._envelope_from, send_to),
                ),
            )
        )

    def _opened(self) -> int:
        self.settings.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(self.settings.path, os.O_RDONLY | os.O_DIRECTORY)

    def _write(
        self, folder: int, part: str, name: str, mail: OutgoingMail, begin: Callable[[], None]
    ) -> None:
        try:
            with self._failures():
                _durable(folder, part, mail.content)
            begin()
            with self._failures():
                os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            _remove(folder, part)
            raise
        try:
            os.fsync(folder)
        except OSError as error:
            raise OutcomeUnknown(
                f"{self.settings.path / name} was written, and the disk does not confirm it: "
                f"{error.strerror}; it is not written again",
                hint="look whether the file is there, and check the disk",
            ) from error

    def _writable(self) -> str:
        """Nothing is made, so this tells rights, and not whether the disk is full."""
        path = self.settings.path.absolute()
        there = next(each for each in (path, *path.parents) if os.path.lexists(each))
        failing = f"{path} cannot be {'written to' if there == path else 'made'}"
        if not there.is_dir():
            raise Unusable(f"{failing}: {there} is no folder", _CURE)
        if not os.access(there, os.W_OK | os.X_OK):
            raise Unusable(f"{failing}: this user may not write into {there}", _CURE)
        return f"{path} can be written to" if there == path else f"{path} will be made by the first reply"

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutboundUnavailable(
                f"the reply cannot be written into {self.settings.path}: {error.strerror}; it is tried again",
                hint=_CURE,
            ) from error


_CURE: Final = "check outbound.path, its permissions, and the space on its disk"


def file_name(message_id: str) -> str:
    """What stands before the at sign, by which our ids differ; with a digest where that is no plain name."""
    local = message_id.strip("<>").rpartition("@")[0]
    if _PLAIN.fullmatch(local):
        return f"{local}.eml"
    digest = sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{_UNSAFE.sub('-', local)[:50].strip('-')}-{digest}.eml".lstrip("-")


def _durable(folder: int, name: str, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(name, flags, 0o600, dir_fd=folder), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _remove(folder: int, name: str) -> None:
    with suppress(OSError):
        os.unlink(name, dir_fd=folder)
