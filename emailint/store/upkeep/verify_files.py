"""Whether attachments and kept octets lie where the ledger says, and nothing else beside them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import time
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emailint.errors import StoreError
from emailint.store import aside, disk
from emailint.store.attachments import FOLDER as ATTACHMENTS
from emailint.store.digests import folder_name
from emailint.store.raw_mail import HOLD, QUARANTINE
from emailint.store.records import Disposition, Key
from emailint.store.upkeep.findings import Finding
from emailint.store.upkeep.parsed import names
from emailint.store.upkeep.verify_lines import REBUILD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emailint.store.upkeep.comparing import ComparingVerbs

_NAMED = re.compile(r"([0-9a-f]{64})(?:-\d+)?")
_NO_ATTACHMENTS = b'"attachments":[]'
_PIECE = 1_000_000
OCTETS_LEFT = "octets_left"
"""Mail that was decided: kept again when it came again, or left by a run that died."""

_BACKUP = "put it back from a backup; nothing else has it"
FOLDERS = {Disposition.HELD: HOLD, Disposition.QUARANTINED: QUARANTINE}


@dataclass(frozen=True, slots=True)
class Stray:
    """Something in a folder of the store that no row names: `path` relative to the store."""

    kind: str
    path: str
    what: str
    harmless: bool = False


class KnownFolders:
    """The folder names of all messages and those that records name: eight octets of each, being digests."""

    def __init__(self, ledger: ComparingVerbs) -> None:
        query = "SELECT scope, fingerprint FROM message"
        found = array("Q", (_short(folder_name(Key(*row))) for row in ledger.rows(query)))
        for _, attached in attached_records(ledger):  # a scope may have been another then
            for each in attached:
                name = _NAMED.fullmatch(str(each.get("path")).partition("/")[2].partition("/")[0])
                if name is not None:
                    found.append(_short(name[1]))
        self._sorted = array("Q", sorted(found))

    def __contains__(self, name: str) -> bool:
        found = _NAMED.fullmatch(name)
        if found is None:
            return False
        short = _short(found[1])
        at = bisect_left(self._sorted, short)
        return at < len(self._sorted) and self._sorted[at] == short


def _short(name: str) -> int:
    return int(name[:16], 16)


def attachment_findings(ledger: ComparingVerbs, folder: Path) -> Iterator[Finding]:
    """Each attachment that a record names is there, with its size and its digest, and nothing beside it."""
    for case_id, attached in attached_records(ledger):
        for each in attached:
            fault = _fault(folder, each)
            if fault:
                yield Finding("attachment", str(each.get("path")), f"{fault} (of {case_id})", _BACKUP)
        for stray in extra_files(folder, attached):
            yield Finding(stray.kind, stray.path, stray.what, REBUILD)


def attached_records(ledger: ComparingVerbs) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each record that has attachments: its case, and they. Raises StoreError for a line that is no JSON."""
    for (content,) in ledger.rows("SELECT content FROM line WHERE content <> x'' ORDER BY id"):
        attached = attachments_of(content)
        if attached:
            named = names(content)
            yield named.case_id if named else "a case", attached


def attachments_of(line: bytes) -> list[dict[str, Any]]:
    """What a line of ours says of its attachments. Raises StoreError for one that is no JSON."""
    if _NO_ATTACHMENTS in line:
        return []
    try:
        return list(json.loads(line).get("attachments") or ())
    except (ValueError, AttributeError) as error:
        raise StoreError("a line in the ledger is no JSON", hint="please report it as a bug") from error


def extra_files(folder: Path, attached: list[dict[str, Any]]) -> Iterator[Stray]:
    """Files within the folder of a message that its record does not name."""
    paths = {str(each.get("path")) for each in attached}
    for parent in sorted({path.rpartition("/")[0] for path in paths}):
        for entry in _entries(folder / parent):
            if f"{parent}/{entry.name}" not in paths:
                yield Stray("stray", f"{parent}/{entry.name}", "a file that no record names")


def _fault(folder: Path, attached: dict[str, Any]) -> str:
    try:
        first, middle, name = str(attached["path"]).split("/")
        with (
            disk.folder(folder / first) as within,
            disk.folder(middle, within) as inner,
            disk.held(disk.open_file(name, inner)) as descriptor,
        ):
            if os.fstat(descriptor).st_size != attached["size"]:
                return f"the attachment has not the {attached['size']} octets that its record says"
            digest = hashlib.sha256()
            offset = 0
            while piece := disk.read_at(descriptor, _PIECE, offset):
                digest.update(piece)
                offset += len(piece)
    except (OSError, ValueError, KeyError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "odd path"
        return f"the attachment cannot be read: {reason}"
    return "" if digest.hexdigest() == attached["sha256"] else "the attachment is not what was stored"


def strays(
    ledger: ComparingVerbs, folder: Path, before: float, *, old: float = aside.OLD_SECONDS
) -> Iterator[Stray]:
    """What lies in the folders of the store and belongs to no row.

    What is as young as `before` (seconds since 1970) may be a sweep's that is running; what is unfinished
    counts once it is `old` (seconds).
    """
    known = KnownFolders(ledger)
    waiting = {name: {stem for stem, _ in waiting_rows(ledger, of)} for of, name in FOLDERS.items()}
    for name in (ATTACHMENTS, HOLD, QUARANTINE):
        for entry in _entries(folder / name):
            path = f"{name}/{entry.name}"
            if entry.name == aside.NAME:
                yield from _unfinished(folder, path, old)
            elif entry.stat(follow_symlinks=False).st_mtime >= before:
                continue
            elif name == ATTACHMENTS:
                yield from _attachment_stray(entry, path, known)
            else:
                yield from _octets_stray(entry, path, known, waiting[name])


def _unfinished(folder: Path, path: str, old: float) -> Iterator[Stray]:
    for entry in _entries(folder / path):
        if time.time() - entry.stat(follow_symlinks=False).st_mtime > old:
            yield Stray("unfinished", f"{path}/{entry.name}", "left by a run that died")


def _attachment_stray(entry: os.DirEntry[str], path: str, known: KnownFolders) -> Iterator[Stray]:
    if not stat.S_ISDIR(entry.stat(follow_symlinks=False).st_mode) or not _NAMED.fullmatch(entry.name):
        yield Stray("stray", path, "no folder of this store")
    elif entry.name not in known:
        yield Stray("stray", path, "attachments of no message that the ledger knows")


def _octets_stray(
    entry: os.DirEntry[str], path: str, known: KnownFolders, waiting: set[str]
) -> Iterator[Stray]:
    stem = entry.name.removesuffix(".eml")
    if not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode) or stem == entry.name:
        yield Stray("stray", path, "no mail that this store keeps")
    elif stem not in known:
        yield Stray("octets", path, "a mail that the ledger does not know")
    elif stem not in waiting:
        yield Stray(OCTETS_LEFT, path, "a mail that waits no more", harmless=True)


def waiting_rows(ledger: ComparingVerbs, disposition: Disposition) -> Iterator[tuple[str, int]]:
    """The names of what waits for a person, and their rows."""
    query = (
        "SELECT scope, fingerprint, row FROM message JOIN kept USING (row)"
        " WHERE settled = 0 AND disposition = ?"
    )
    for scope, fingerprint, row in ledger.rows(query, disposition):
        yield folder_name(Key(scope, fingerprint)), int(row)


def octet_findings(ledger: ComparingVerbs, folder: Path) -> Iterator[Finding]:
    """Rows that wait for a person, and whose mail is gone."""
    for disposition, name in FOLDERS.items():
        for stem, _row in waiting_rows(ledger, disposition):
            path = f"{name}/{stem}.eml"
            if not (folder / path).is_file():
                yield Finding("octets_missing", path, f"a mail that is {disposition} is gone", REBUILD)


def stray_findings(ledger: ComparingVerbs, folder: Path, before: float) -> Iterator[Finding]:
    """The same as `strays`, as findings."""
    for each in strays(ledger, folder, before):
        yield Finding(each.kind, each.path, each.what, REBUILD, harmless=each.harmless)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return
    except OSError as error:
        raise disk.store_error(f"{folder} cannot be read", error) from error
