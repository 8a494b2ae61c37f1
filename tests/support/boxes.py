"""Mailboxes of three kinds, and what people do in them: as over IMAP, as over Graph, and a real Maildir."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Protocol

from emailint.sources.maildir import MaildirSettings, MaildirSource
from tests.support.memory import Mail, MemorySource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from emailint.sources.protocol import MailSource

DONE = "Done"


@dataclass(frozen=True)
class Item:
    """One mail that lies in the inbox."""

    handle: str
    raw: bytes
    seen: bool


class Box(Protocol):
    """A mailbox with an inbox, a folder `Done`, and a place where people put mail aside."""

    name: str

    def source(self) -> MailSource: ...

    def deliver(self, raw: bytes, at: datetime) -> None: ...

    def inbox(self) -> list[Item]: ...

    def raw_of(self, locus: str) -> bytes | None:
        """What lies at this place of the inbox."""
        ...

    def everywhere(self) -> list[bytes]: ...

    def flag(self, handle: str, *, seen: bool) -> None: ...

    def copy(self, handle: str) -> None: ...

    def expunge(self, handle: str) -> None: ...

    def put_aside(self, handle: str) -> None: ...

    def bring_back(self) -> None:
        """All that was put aside, and all of `Done`, comes back into the inbox."""
        ...

    def renumber(self) -> None:
        """UIDVALIDITY changes, where there is such a thing."""
        ...


@dataclass
class ImapBox(MemorySource):
    """UIDs are never given twice; what is moved gets another, and nobody says which."""

    name: str = "IMAP"
    aside: dict[int, Mail] = field(default_factory=dict)
    done: dict[int, Mail] = field(default_factory=dict)
    uids: Iterator[int] = field(default_factory=lambda: count(1))
    keeps_ids: bool = False

    def source(self) -> MailSource:
        return self

    def deliver(self, raw: bytes, at: datetime) -> None:  # type: ignore[override]  # always with its time
        self.mails[next(self.uids)] = Mail(raw, received_at=at)

    def inbox(self) -> list[Item]:
        return [Item(str(uid), mail.raw, mail.seen) for uid, mail in sorted(self.mails.items())]

    def raw_of(self, locus: str) -> bytes | None:
        mail = self._mail(locus)
        return mail.raw if mail else None

    def everywhere(self) -> list[bytes]:
        return [mail.raw for part in (self.mails, self.aside, self.done) for mail in part.values()]

    def flag(self, handle: str, *, seen: bool) -> None:
        self.mails[int(handle)].seen = seen

    def copy(self, handle: str) -> None:
        mail = self.mails[int(handle)]
        self.mails[next(self.uids)] = Mail(mail.raw, mail.seen, mail.size, mail.received_at)

    def expunge(self, handle: str) -> None:
        del self.mails[int(handle)]

    def put_aside(self, handle: str) -> None:
        self.aside[int(handle)] = self.mails.pop(int(handle))

    def bring_back(self) -> None:
        for part in (self.aside, self.done):
            for uid, mail in part.items():
                self.mails[uid if self.keeps_ids else next(self.uids)] = mail
            part.clear()

    def renumber(self) -> None:
        if not self.keeps_ids:
            self.validity += 1

    def move(self, loci: Sequence[str], folder: str) -> Mapping[str, str | None]:
        assert folder == DONE
        self._call("move")
        for locus in loci:
            if self._mail(locus) is not None:
                self.done[self._uid(locus)] = self.mails.pop(self._uid(locus))
        return {locus: locus if self.keeps_ids else None for locus in loci}


@dataclass
class GraphBox(ImapBox):
    """Ids stay what they are, wherever a mail is moved to."""

    name: str = "Graph"
    keeps_ids: bool = True


class MaildirBox:
    """Files; a mail keeps its unique name, and a copy gets another."""

    name = "Maildir"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names = count(1)
        for box in (folder, folder / f".{DONE}", folder / ".Aside"):
            for part in ("cur", "new", "tmp"):
                (box / part).mkdir(parents=True)

    def source(self) -> MailSource:
        return MaildirSource(MaildirSettings(self.folder, "payroll@example.org"))

    def deliver(self, raw: bytes, at: datetime) -> None:
        self._write(self.folder / "new" / f"{next(self._names)}.example", raw, at.timestamp())

    def inbox(self) -> list[Item]:
        return [Item(str(path), path.read_bytes(), path.name.endswith("S")) for path in self._files()]

    def raw_of(self, locus: str) -> bytes | None:
        unique = locus.rpartition("/")[2]
        found = [path for path in self._files() if path.name.partition(":")[0] == unique]
        return found[0].read_bytes() if found else None

    def everywhere(self) -> list[bytes]:
        return [path.read_bytes() for path in self.folder.rglob("*") if path.is_file()]

    def flag(self, handle: str, *, seen: bool) -> None:
        path = self.folder / handle
        unique = path.name.partition(":")[0]
        path.rename(self.folder / "cur" / f"{unique}:2,{'S' * seen}")

    def copy(self, handle: str) -> None:
        path = self.folder / handle
        _, colon, info = path.name.partition(":")
        name = f"{next(self._names)}.example{colon}{info}"
        self._write(path.with_name(name), path.read_bytes(), path.stat().st_mtime)

    def expunge(self, handle: str) -> None:
        (self.folder / handle).unlink()

    def put_aside(self, handle: str) -> None:
        path = self.folder / handle
        path.rename(self.folder / ".Aside" / "cur" / path.name)

    def bring_back(self) -> None:
        for name in (DONE, "Aside"):
            for path in (self.folder / f".{name}" / "cur").iterdir():
                path.rename(self.folder / "cur" / path.name)

    def renumber(self) -> None:
        pass

    def _files(self) -> list[Path]:
        return sorted(path for part in ("new", "cur") for path in (self.folder / part).iterdir())

    def _write(self, path: Path, raw: bytes, at: float) -> None:
        path.write_bytes(raw)
        os.utime(path, (at, at))
