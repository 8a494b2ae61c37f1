"""Where `store rebuild` puts what it takes away: `.before-rebuild-<moment>/` in the store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from emailint.store import disk

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

PREFIX = ".before-rebuild-"


class Aside:
    """The folder, made when the first thing goes there. Nothing in it is ever written over."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self._folder = folder
        self._name = f"{PREFIX}{now:%Y%m%dT%H%M%SZ}"
        self.taken: list[str] = []

    @property
    def path(self) -> Path:
        """Where it is, once anything was taken."""
        return self._folder / self._name

    def take(self, name: str) -> None:
        """Move this (relative to the store) there; durable when it returns. Raises OSError."""
        target = self._target(name)
        (self._folder / name).rename(target)
        _sync(target.parent, (self._folder / name).parent)

    def keep(self, name: str) -> None:
        """Keep a file there that is about to be replaced. Raises OSError."""
        target = self._target(name)
        target.hardlink_to(self._folder / name)
        _sync(target.parent)

    def place_for(self, name: str) -> Path:
        """A new, empty, private file there, to be written to. Raises OSError."""
        target = self._target(name)
        with disk.folder(target.parent) as within:
            os.close(disk.create_file(target.name, within))
        return target

    def _target(self, name: str) -> Path:
        parent = self._folder
        for part in (self._name, *name.split("/")[:-1]):
            with disk.folder(parent) as within:
                disk.make_folder(part, within)
            parent /= part
        last = name.rpartition("/")[2]
        target, count = parent / last, 1
        while os.path.lexists(target):
            count += 1
            target = parent / f"{last}.{count}"
        self.taken.append(name)
        return target


def _sync(*folders: Path) -> None:
    for each in folders:
        with disk.folder(each) as within:
            os.fsync(within)
