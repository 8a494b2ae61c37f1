"""Who was told that the store is held by somebody else: `lock.told`, beside the lock.

Whoever does not get the lock may not write the ledger, and would speak each minute. This file is what such a
run remembers: written whole under another name and renamed, so that half of it is never read. It decides
nothing but what is said; two that write at once cost one telling more.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from emailint.case import stamp
from emailint.store import disk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAME: Final = "lock.told"
_LIMIT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Told:
    """One trouble with the lock: who met it (configuration and integrations asked for), and what was said.

    `since` is when it was first told of, `at` when last.
    """

    config: str
    integrations: frozenset[str]
    message: str
    hint: str
    since: datetime
    at: datetime


def read_told(folder: Path) -> tuple[Told, ...]:
    """What this store's file says; nothing where it is missing or cannot be read. Never raises."""
    try:
        with disk.folder(folder) as within, disk.held(disk.open_file(NAME, within)) as descriptor:
            said = json.loads(disk.read_at(descriptor, _LIMIT, 0))
        return tuple(map(_told, said["told"]))
    except (OSError, ValueError, TypeError, KeyError):
        return ()


def write_told(folder: Path, told: Sequence[Told]) -> None:
    """Replace the file, or remove it where nothing is left to say; private, best effort, never raises.

    Where it cannot be written, the same is told once more: the safe side.
    """
    aside = f".{NAME}.{os.getpid()}"
    with suppress(OSError), disk.folder(folder) as within:
        if not told:
            os.unlink(NAME, dir_fd=within)
            return
        content = json.dumps({"told": [_record(each) for each in told]}).encode() + b"\n"
        with suppress(FileNotFoundError):
            os.unlink(aside, dir_fd=within)
        try:
            disk.write_new(aside, within, content)
            os.rename(aside, NAME, src_dir_fd=within, dst_dir_fd=within)
        except OSError:
            os.unlink(aside, dir_fd=within)


def _record(told: Told) -> dict[str, Any]:
    return {
        "config": told.config,
        "integrations": sorted(told.integrations),
        "message": told.message,
        "hint": told.hint,
        "since": stamp(told.since),
        "at": stamp(told.at),
    }


def _told(said: dict[str, Any]) -> Told:
    return Told(
        str(said["config"]),
        frozenset(map(str, said["integrations"])),
        str(said["message"]),
        str(said["hint"]),
        datetime.fromisoformat(said["since"]),
        datetime.fromisoformat(said["at"]),
    )
