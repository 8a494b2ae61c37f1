"""Rows of the ledger that say what cannot be, by the order in which everything is done."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from emailint.store import secret_key
from emailint.store.upkeep.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emailint.store.sqlite_ledger import SqliteLedger
    from emailint.store.upkeep.comparing import ComparingVerbs

BUG = "nothing is lost by it, but it should not be: please report it"

_CHECKS = {
    "marked_early": (
        "the mail was marked read before its line was written",
        """SELECT DISTINCT case_id FROM line JOIN message USING (row) JOIN locus USING (row)
        WHERE line.projected = 0 AND locus.marked = 1
        AND line.id = (SELECT min(id) FROM line AS first WHERE first.row = line.row)""",
    ),
    "answered_early": (
        "the reply was begun before the line of its case was written",
        """SELECT case_id FROM line JOIN message USING (row) JOIN reply USING (row)
        WHERE line.projected = 0 AND reply.begun_at IS NOT NULL
        AND line.id = (SELECT min(id) FROM line AS first WHERE first.row = line.row)""",
    ),
    "no_line": (
        "the row of a case or follow-up has no line",
        """SELECT coalesce(case_id, fingerprint) FROM message
        WHERE disposition IN ('case', 'follow_up', 'quarantined')
        AND NOT EXISTS (SELECT 1 FROM line WHERE line.row = message.row)""",
    ),
    "waits_for_nobody": (
        "a held mail of which is not noted that it waits",
        """SELECT fingerprint FROM message WHERE disposition = 'held'
        AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.row = message.row)""",
    ),
    "case_number": (
        "the number of the case may be given once more",
        """SELECT case_id FROM message WHERE CAST(substr(case_id, instr(case_id, '-') + 1) AS INTEGER)
        > (SELECT value FROM meta WHERE name = 'case_number')""",
    ),
}


def row_findings(ledger: ComparingVerbs) -> Iterator[Finding]:
    """Rows that are beyond their state."""
    for kind, (what, query) in _CHECKS.items():
        for (name,) in ledger.rows(query):
            yield Finding(kind, f"ledger.db {name}", what, BUG)


def age_findings(ledger: SqliteLedger, begun: int) -> Iterator[Finding]:
    """A ledger from a backup: sweeps noted that so many replies were begun, before it was put back."""
    known = ledger.replies_begun()
    if begun > known:
        what = f"it knows of {known} replies that were begun, and there were {begun}: it is an old one"
        yield Finding(
            "old_ledger", "ledger.db", what, "`emailint store rebuild`, before anything is sent again"
        )


def key_findings(ledger: ComparingVerbs, folder: Path) -> Iterator[Finding]:
    """The key by which answers to our replies are known again."""
    if not ledger.case_number():
        return
    name = secret_key.NAME
    try:
        status = (folder / name).stat(follow_symlinks=False)
    except FileNotFoundError:
        cure = "put it back from a backup; with a new one answers to earlier replies are known less surely"
        yield Finding("secret_key", name, "the key of our Message-IDs is missing", cure)
        return
    if stat.S_IMODE(status.st_mode) & 0o077:
        yield Finding("secret_key", name, "others may read the key of our Message-IDs", f"chmod 600 {name}")
    if status.st_size != secret_key.SIZE:
        yield Finding(
            "secret_key", name, "the key of our Message-IDs is damaged", "put it back from a backup"
        )
