"""Cases as other programs find them: whole lines of `cases.jsonl` and of the files it was rotated into.

Needs neither the ledger nor the run lock, and never holds more than one line.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from emailint.case import stamp
from emailint.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

NAME = "cases.jsonl"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases; None is any. `after` is a case number: only later ones."""

    since: datetime | None = None
    integration: str | None = None
    kind: str | None = None
    after: int | None = None

    def takes(self, case: Mapping[str, Any]) -> bool:
        """Whether this case is one of them. Stamps are UTC of one width, so they compare as text."""
        return (
            (self.since is None or str(case.get("created_at") or "") >= str(stamp(self.since)))
            and self.integration in {None, case.get("integration")}
            and self.kind in {None, case.get("kind")}
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
        raise StoreError(
            f"{path} cannot be read: {error}", hint="run it as the user who runs emailint process"
        ) from error


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
