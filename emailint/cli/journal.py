"""Cases as other programs find them: whole lines of `cases.jsonl` and of the files it was rotated into.

Needs neither the ledger nor the run lock, and never holds more than one line.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any, Final

from emailint.case import stamp
from emailint.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

NAME = "cases.jsonl"
BLOCK: Final = 65_536
CLOCK: Final = timedelta(days=1)
"""As far as a clock may have been set back between two cases."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases; None is any. `after` is a case number: only later ones."""

    since: datetime | None = None
    integration: str | None = None
    kind: str | None = None
    after: int | None = None
    workspace: str | None = None
    alias: str | None = None

    def takes(self, case: Mapping[str, Any]) -> bool:
        """Whether this case is one of them. Stamps are UTC of one width, so they compare as text."""
        return (
            (self.since is None or str(case.get("created_at") or "") >= str(stamp(self.since)))
            and self.integration in {None, case.get("integration")}
            and self.kind in {None, case.get("kind")}
            and self.workspace in {None, str(case.get("workspace"))}
            and self.alias in {None, str(case.get("alias") or "").lower()}
            and (self.after is None or (number_of(str(case.get("case_id"))) or 0) > self.after)
        )


def number_of(case_id: str) -> int | None:
    """42 for `CS-000042`; None for what is no case id."""
    found = re.fullmatch(r"[A-Za-z][A-Za-z0-9]*-(\d{1,18})", case_id)
    return int(found[1]) if found else None


def read(store: Path, wanted: Wanted) -> Iterator[tuple[bytes, Mapping[str, Any]]]:
    """Each wanted case, oldest first: its line as stored, and what it says.

    Lines that are no case (another program's, or one that is being written) are passed over. Raises
    StoreError for a file that cannot be read.
    """
    for path in _files(store):
        for line, case in _cases(path):
            if wanted.takes(case):
                yield line, case


def newest(store: Path, wanted: Wanted) -> Iterator[tuple[bytes, Mapping[str, Any]]]:
    """The same cases, newest first: of a large file the last lines alone are read, as far as they are taken.

    Where `since` is given it ends a day before that: cases stand in the order of their numbers, and a clock
    may have been set back. Compressed files are read whole, and held while their cases are taken.
    """
    for path in reversed(_files(store)):
        cases = reversed(list(_cases(path))) if path.suffix == ".gz" else _backwards(path)
        for line, case in cases:
            if wanted.since is not None and _before(case, wanted.since - CLOCK):
                return
            if wanted.takes(case):
                yield line, case


def _before(case: Mapping[str, Any], moment: datetime) -> bool:
    created = case.get("created_at")
    return isinstance(created, str) and created < str(stamp(moment))


def _backwards(path: Path) -> Iterator[tuple[bytes, Mapping[str, Any]]]:
    try:
        with path.open("rb") as file:
            for line in _lines_backwards(file):
                case = _parsed(line)
                if case is not None:
                    yield line, case
    except OSError as error:
        raise _unreadable(path, error) from error


def _lines_backwards(file: IO[bytes]) -> Iterator[bytes]:
    """Lines with their line feeds, the last one first; never more than a line and a block in memory."""
    position = file.seek(0, os.SEEK_END)
    end = b""  # the last line may have no line feed yet
    pieces: list[bytes] = []  # of a line whose beginning is not read yet, its last piece first
    while position:
        size = min(BLOCK, position)
        position -= size
        file.seek(position)
        first, *others = file.read(size).split(b"\n")
        for line in reversed(others):
            yield line + b"".join(reversed(pieces)) + end
            pieces.clear()
            end = b"\n"
        pieces.append(first)
    yield b"".join(reversed(pieces)) + end


def _files(store: Path) -> list[Path]:
    """The file and its rotated siblings, in the order of the cases in them."""
    siblings = [path for path in store.glob(f"{NAME}*") if path.is_file()]
    return sorted(siblings, key=_first_number)


def _first_number(path: Path) -> int:
    first = next(_cases(path), None)
    return (number_of(str(first[1]["case_id"])) or 0) if first else 0


def _cases(path: Path) -> Iterator[tuple[bytes, Mapping[str, Any]]]:
    try:
        with _open(path) as file:
            for line in file:
                case = _parsed(line)
                if case is not None:
                    yield line, case
    except (OSError, EOFError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> StoreError:
    return StoreError(f"{path} cannot be read: {error}", hint="run it as the user who runs emailint process")


def _open(path: Path) -> IO[bytes] | gzip.GzipFile:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    return path.open("rb")


def _parsed(line: bytes) -> Mapping[str, Any] | None:
    if not line.endswith(b"\n") or not line.isascii():
        return None
    try:
        case = json.loads(line)
    except ValueError:
        return None
    return case if isinstance(case, dict) and "case_id" in case else None
