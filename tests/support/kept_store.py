"""A store as sweeps leave it, with one of everything, to be damaged and put right again."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from emailint.config.load import load
from emailint.message import own_ids
from emailint.message.fingerprint import fingerprint
from emailint.store.folder import open_store
from emailint.store.records import Disposition, Entry, Journal, KeptMail, Key, NewReply, ReplyState
from emailint.sweep import upkeep
from emailint.sweep.options import SweepOptions
from emailint.sweep.schedule import run_sweep
from tests.support import mixed_mail
from tests.support.memory import letter
from tests.unit.store.making import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from emailint.config.model import Config
    from emailint.store.upkeep.rebuild import Rebuilt

CONFIG = (
    """
store: data
integrations:
  - name: payroll
    mailbox: payroll@example.org
    protocol: maildir
    path: maildir
    outbound: {type: folder, path: outbox}"""
    + mixed_mail.ALIASES
)
MAILS = [
    *mixed_mail.MAILS,
    letter(7, sender="bob@example.com", headers="In-Reply-To: <2@example.com>\n"),
    letter(8, sender="ann@example.com", headers="References: <1@example.com>\n"),
]
CASES, FOLLOW_UPS = 5, 2
UNREADABLE = b"From: dan@example.com\nMessage-ID: <bad@example.com>\nSubject: Bad\n\nbad\n"


def build(folder: Path) -> Config:
    """Sweep a Maildir with these mails, and quarantine one that cannot be read; its case is the last one."""
    for part in ("cur", "new", "tmp"):
        (folder / "maildir" / part).mkdir(parents=True)
    for number, raw in enumerate(MAILS):
        deliver(folder, number, raw)
    path = folder / "integrations.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    config = load(path)
    sweep(config)
    _quarantine(folder / "data", f"maildir:{folder}/maildir")
    return config


def deliver(folder: Path, number: int, raw: bytes) -> None:
    """Put one mail into the Maildir."""
    (folder / "maildir" / "new" / f"{number}.example").write_bytes(raw)


def unread_all(folder: Path) -> None:
    """A person marks everything unread."""
    for path in (folder / "maildir" / "cur").iterdir():
        path.rename(folder / "maildir" / "new" / path.name.partition(":")[0])


def sweep(config: Config) -> Any:
    """One sweep; its result."""
    return run_sweep(config, SweepOptions(deadline=60, terminal=True))


def rebuild(config: Config, **given: Any) -> Rebuilt:
    """`store rebuild --yes`."""
    return upkeep.rebuild(config, confirm=lambda _plan: True, **given)


def tables(store: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What a ledger knows, without what depends on how it came to know it."""
    connection = sqlite3.connect(store / "ledger.db")
    try:
        return {
            name: sorted(connection.execute(query).fetchall(), key=repr) for name, query in _TABLES.items()
        }
    finally:
        connection.close()


_TABLES = {
    "message": "SELECT scope, fingerprint, disposition, integration, account, case_id, message_id,"
    " participants FROM message",
    "line": "SELECT fingerprint, journal, projected, content FROM line JOIN message USING (row)",
    "locus": "SELECT locus, fingerprint, locus.account FROM locus JOIN message USING (row)",
    "reply": "SELECT fingerprint, state, integration, alias, message_id, recipient, address, domain, reason"
    " FROM reply",
    "reference": "SELECT reference.message_id, fingerprint FROM reference JOIN message USING (row)",
    "kept": "SELECT fingerprint, settled FROM kept JOIN message USING (row)",
    "meta": "SELECT name, value FROM meta",
}


def content(store: Path) -> dict[str, bytes]:
    """Every file that other programs read, and mail that waits."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file()
        and not path.relative_to(store).parts[0].startswith((".", "ledger", "lock", "errors"))
    }


def _quarantine(store: Path, account: str) -> None:
    import json  # noqa: PLC0415 - only here

    key = Key("payroll@example.org", fingerprint(UNREADABLE))
    case_id = f"CS-{CASES:06d}"
    line = json.dumps(
        {
            "schema": 1, "case_id": case_id, "created_at": "2026-11-24T18:00:05Z", "integration": "payroll",
            "alias": "payroll@example.org", "email_address": "dan@example.com", "attachments": [],
            "message": {
                "message_id": "<bad@example.com>", "received_at": "2026-11-24T18:00:05Z",
                "from": {"name": "", "address": "dan@example.com"}, "to": [], "cc": [],
                "size": len(UNREADABLE), "locus": f"{account}/bad", "fingerprint": key.fingerprint,
            },
            "defects": ["parse_failed: signal 9"], "reply": {"decision": "withhold", "reason": "not_read"},
        },
        separators=(",", ":"),
    ).encode()  # fmt: skip
    with open_store(store, reserve=0) as opened:
        opened.quarantine.keep(key, UNREADABLE)
        with opened.ledger.transaction() as batch:
            batch.next_case_number()
            batch.add(
                Entry(
                    key=key,
                    disposition=Disposition.QUARANTINED,
                    integration="payroll",
                    account=f"{account}/INBOX",
                    locus=f"{account}/bad",
                    created_at=NOW,
                    case_id=case_id,
                    journal=Journal.CASES,
                    line=line + b"\n",
                    message_id="<bad@example.com>",
                    participants=("dan@example.com",),
                    kept=KeptMail(NOW, len(UNREADABLE), read=False),
                    reply=NewReply(
                        own_ids.make(case_id, opened.own_key, "example.org"),
                        "",
                        ReplyState.WITHHELD,
                        "not_read",
                        "payroll@example.org",
                        NOW,
                    ),
                )
            )
        opened.project()
