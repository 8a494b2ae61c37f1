"""Attachments: each message's in one folder that appears whole, under names that no sender chooses."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from emailint.case import StoredAttachment
from emailint.errors import AttachmentError
from emailint.store import disk
from emailint.store.aside import make_aside
from emailint.store.digests import folder_name
from emailint.store.extensions import extension

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from emailint.errors import EmailintError
    from emailint.message.model import Attachment
    from emailint.store.records import Key

FOLDER = "attachments"
_IN_THE_WAY = frozenset({errno.ELOOP, errno.ENOTDIR})
_TAKEN = frozenset({errno.EEXIST, errno.ENOTEMPTY})


@dataclass(frozen=True, slots=True)
class _Piece:
    file_name: str
    content: bytes
    stored: StoredAttachment


class AttachmentStore:
    """The folder `attachments/` of a store. Threads may share it; each call stands for itself."""

    def __init__(self, store: Path) -> None:
        """`store` and its `attachments/` exist."""
        self._store = store

    def save(
        self, key: Key, attachments: Sequence[Attachment], raw: bytes | None = None
    ) -> tuple[StoredAttachment, ...]:
        """Store the attachments of one message; durable when it returns."""
        return self.save_many({key: attachments}, {} if raw is None else {key: raw})[key]

    def save_many(
        self, messages: Mapping[Key, Sequence[Attachment]], raws: Mapping[Key, bytes] | None = None
    ) -> dict[Key, tuple[StoredAttachment, ...]]:
        """Store the attachments of many messages, with one sync of the parent folder for all.

        A message in `raws` is itself kept as its last attachment (.eml). Repeating it is harmless: an
        equal folder is left as it is. Raises StoreError when the disk is full or failing (what was
        unfinished is removed), AttachmentError when something that is no folder of this store is in the
        way; nothing may then be entered for any of these messages.
        """
        raws = raws or {}
        if not raws and not any(messages.values()):
            return dict.fromkeys(messages, ())
        try:
            with disk.folder(self._store / FOLDER) as folder:
                stored = {key: _put(folder, key, messages[key], raws.get(key)) for key in messages}
                os.fsync(folder)
        except OSError as error:
            raise self._failure(error) from error
        return stored

    def _failure(self, error: OSError) -> EmailintError:
        where = self._store / FOLDER
        if error.errno in _IN_THE_WAY:
            return AttachmentError(
                f"something that is no folder of this store is in the way under {where}"
                f" ({error.filename}); the mail stays unread",
                hint="remove it, and look who put it there",
            )
        return disk.store_error(f"attachments cannot be stored under {where}; their mail stays unread", error)


def _put(
    folder: int, key: Key, attachments: Sequence[Attachment], raw: bytes | None
) -> tuple[StoredAttachment, ...]:
    """Bring the files of one message into their folder; durable once `folder` is synced."""
    for final in _names(folder_name(key)):
        pieces = _pieces(attachments, raw, final)
        if not pieces or _is_equal(folder, final, pieces) or _move_in(folder, final, pieces):
            return tuple(piece.stored for piece in pieces)
    raise AssertionError("unreachable: names do not end")


def _names(name: str) -> Iterator[str]:
    """The name, and others for when it holds something else (an earlier version read the mail otherwise)."""
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1


def _pieces(attachments: Sequence[Attachment], raw: bytes | None, final: str) -> list[_Piece]:
    parts = [
        (part.name, part.content_type, part.content, part.inline, part.content_id) for part in attachments
    ]
    if raw is not None:
        parts.append(("message.eml", "message/rfc822", raw, False, None))
    pieces = []
    for number, (name, content_type, content, inline, content_id) in enumerate(parts, 1):
        digest = sha256(content).hexdigest()
        file_name = f"{number:03d}-{digest[:16]}.{extension(name, content_type)}"
        path = f"{FOLDER}/{final}/{file_name}"
        stored = StoredAttachment(name, path, content_type, len(content), digest, inline, content_id)
        pieces.append(_Piece(file_name, content, stored))
    return pieces


def _is_equal(folder: int, final: str, pieces: Sequence[_Piece]) -> bool:
    """Whether the folder is there with just these files; names hold digests, so sizes suffice beside them."""
    try:
        with disk.folder(final, folder) as descriptor, os.scandir(descriptor) as entries:
            found = {entry.name: entry.stat(follow_symlinks=False) for entry in entries}
    except FileNotFoundError:
        return False
    return {name: (status.st_size, stat.S_ISREG(status.st_mode)) for name, status in found.items()} == {
        piece.file_name: (len(piece.content), True) for piece in pieces
    }


def _move_in(folder: int, final: str, pieces: Sequence[_Piece]) -> bool:
    """Write the files aside, sync them, give the folder its name; False when the name is taken."""
    try:
        make_aside(folder, final, lambda aside, name: _write(aside, name, pieces))
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


def _write(aside: int, name: str, pieces: Sequence[_Piece]) -> None:
    os.mkdir(name, disk.FOLDER_MODE, dir_fd=aside)
    os.chmod(name, disk.FOLDER_MODE, dir_fd=aside)
    with disk.folder(name, aside) as folder:
        for piece in pieces:
            disk.write_new(piece.file_name, folder, piece.content)
        os.fsync(folder)
