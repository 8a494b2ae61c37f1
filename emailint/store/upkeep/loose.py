"""What lies in the folders of the store without a row: mail of ours is held, everything else goes aside."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from emailint.errors import Scope
from emailint.message.fingerprint import fingerprint
from emailint.store.digests import folder_name
from emailint.store.raw_mail import HOLD
from emailint.store.records import Disposition, Entry, KeptMail, Key, Trouble
from emailint.store.upkeep.verify_files import FOLDERS, attached_records, extra_files, strays, waiting_rows

if TYPE_CHECKING:
    from pathlib import Path

    from emailint.store.upkeep.ledger import UpkeepLedger
    from emailint.store.upkeep.rebuild import Rebuilt
    from emailint.store.upkeep.restored import Mailbox, Mailboxes
    from emailint.store.upkeep.set_aside import Aside
    from emailint.store.upkeep.verify_files import Stray

_HINT = (
    "change the configuration or the directory, then `emailint retry` with the id of this error, or with"
    " --held for all that is held"
)


def settle_loose(
    ledger: UpkeepLedger, folder: Path, mailboxes: Mailboxes, aside: Aside, result: Rebuilt, now: datetime
) -> None:
    """Rows for octets, no rows without octets, nothing else beside them. Raises OSError and StoreError."""
    for stray in _strays(ledger, folder):
        if stray.kind.startswith("octets"):
            _hold(ledger, folder, mailboxes, stray.path, now, result)
    _release(ledger, folder, result)
    for stray in _strays(ledger, folder):  # what belongs to mail that is held now is none any more
        aside.take(stray.path)
    for _, attached in attached_records(ledger):
        for stray in extra_files(folder, attached):
            aside.take(stray.path)


def _strays(ledger: UpkeepLedger, folder: Path) -> list[Stray]:
    return list(strays(ledger, folder, float("inf"), old=-1.0))


def _hold(
    ledger: UpkeepLedger, folder: Path, mailboxes: Mailboxes, path: str, now: datetime, result: Rebuilt
) -> None:
    """Make a row for octets that are provably those of a mail to one of our mailboxes."""
    file = folder / path
    raw = file.read_bytes()
    key = _key(ledger, mailboxes, fingerprint(raw), file.name)
    if key is None:
        return
    kept = KeptMail(datetime.fromtimestamp(file.stat().st_mtime, UTC), len(raw), read=False)
    name, mailbox = _mailbox(mailboxes, key, raw)
    as_now = Key(mailbox.scope, key.fingerprint)
    with ledger.restoring() as restorer:
        known = restorer.find(key) or restorer.find(as_now)
        if known is not None:
            if known.disposition is Disposition.HELD and path.startswith(f"{HOLD}/"):
                restorer.keep(known.row, _locus(key), kept)
            return
    file.rename(folder / HOLD / f"{folder_name(as_now)}.eml")
    entry = Entry(
        key=as_now,
        disposition=Disposition.HELD,
        integration=name,
        account=mailbox.place,
        locus=_locus(as_now),
        created_at=now,
        kept=kept,
    )
    with ledger.restoring() as restorer:
        restorer.hold(entry)
        ledger.trouble(_trouble(entry), now)
    result.held += 1


def _key(ledger: UpkeepLedger, mailboxes: Mailboxes, digest: str, file_name: str) -> Key | None:
    """What these octets are, if the name of their file proves it."""
    scopes = [*mailboxes.scopes, *(str(row[0]) for row in ledger.rows("SELECT DISTINCT scope FROM message"))]
    keys = (Key(scope, digest) for scope in scopes)
    return next((key for key in keys if f"{folder_name(key)}.eml" == file_name), None)


def _locus(key: Key) -> str:
    """Of mail of which only the octets are left; no mailbox has such a place."""
    return f"hold:{folder_name(key)}"


def _mailbox(mailboxes: Mailboxes, key: Key, raw: bytes) -> tuple[str, Mailbox]:
    """The mailbox of this scope; of several the one that the mail names."""
    fitting = [
        (name, each) for name, each in mailboxes.by_name.items() if key.scope in {each.scope, *each.addresses}
    ]
    head = raw[:65_536].lower()
    named = [(name, each) for name, each in fitting if any(one.encode() in head for one in each.addresses)]
    return next(iter([*named, *fitting, *mailboxes.by_name.items()]))


def _trouble(entry: Entry) -> Trouble:
    """The error that lists it, as the sweep that held it would have opened it."""
    return Trouble(
        kind=Disposition.HELD.value,
        scope=Scope.MESSAGE.value,
        transient=False,
        message="a mail is held: its octets were found in the store when the ledger was rebuilt",
        hint=_HINT,
        subject_key=entry.locus,
        integration=entry.integration,
        locus=entry.locus,
    )


def _release(ledger: UpkeepLedger, folder: Path, result: Rebuilt) -> None:
    """Rows that wait for mail which is gone."""
    gone = [
        (disposition, stem, row)
        for disposition, name in FOLDERS.items()
        for stem, row in waiting_rows(ledger, disposition)
        if not (folder / name / f"{stem}.eml").is_file()
    ]
    for disposition, stem, row in gone:
        if disposition is Disposition.HELD:
            ledger.forget_held(row)
            result.lost.append(
                f"a held mail ({stem[:16]}…): its octets are gone; set unread, it is taken again"
            )
        else:
            ledger.wait_no_more(row)
            result.lost.append(f"the quarantined octets {stem[:16]}…: the case keeps them as an attachment")
