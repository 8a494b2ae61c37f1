"""Tables of the ledger, and the check of a ledger that is opened.

Whatever is still to be done is found by a partial index, so that the cost of an idle run does not depend
on what was done before. Moments are whole microseconds since 1970 in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

VERSION = 1

TABLES = """
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

-- One row a message; counted_at only where the message began a case (it may be set back, see add).
CREATE TABLE message (
    row INTEGER PRIMARY KEY,
    scope TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    disposition TEXT NOT NULL,
    integration TEXT NOT NULL,
    account TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    counted_at INTEGER,
    case_id TEXT,
    message_id TEXT,
    participants TEXT NOT NULL,
    UNIQUE (scope, fingerprint)
);
CREATE UNIQUE INDEX message_begins_case ON message (case_id) WHERE counted_at IS NOT NULL;
CREATE INDEX message_of_case ON message (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX message_breaker ON message (account, counted_at) WHERE counted_at IS NOT NULL;

-- Every id by which a later mail may refer to a message: its own, and our reply's.
CREATE TABLE reference (
    message_id TEXT NOT NULL,
    row INTEGER NOT NULL REFERENCES message,
    PRIMARY KEY (message_id, row)
) WITHOUT ROWID;

-- Where a message is or was; folder: where it is still to be moved.
CREATE TABLE locus (
    locus TEXT PRIMARY KEY,
    row INTEGER NOT NULL REFERENCES message,
    account TEXT NOT NULL,
    marked INTEGER NOT NULL DEFAULT 0,
    folder TEXT
) WITHOUT ROWID;
CREATE INDEX locus_unmarked ON locus (account, row) WHERE marked = 0;
CREATE INDEX locus_unmoved ON locus (account, row) WHERE folder IS NOT NULL;

-- What is needed to decide anew about mail whose octets are kept. settled: that was done, and the octets are
-- to be removed.
CREATE TABLE kept (
    row INTEGER PRIMARY KEY REFERENCES message,
    locus TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    size INTEGER,
    whole INTEGER NOT NULL,
    read INTEGER NOT NULL,
    settled INTEGER NOT NULL DEFAULT 0
);

-- Why nothing was made of a message.
CREATE TABLE IF NOT EXISTS ignored (
    row INTEGER PRIMARY KEY REFERENCES message,
    received_at INTEGER NOT NULL,
    rule TEXT NOT NULL
);

-- Lines that a command of the owner's is still to be given, and those it failed on too often. A line of
-- errors.jsonl is kept here itself, for it is of no message.
CREATE TABLE IF NOT EXISTS hook (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    line INTEGER REFERENCES line,
    content BLOB,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER,
    failed INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE in_flight (
    locus TEXT PRIMARY KEY,
    flying INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE line (
    id INTEGER PRIMARY KEY,
    row INTEGER NOT NULL REFERENCES message,
    journal TEXT NOT NULL,
    file TEXT,
    offset INTEGER,
    projected INTEGER NOT NULL DEFAULT 0,
    content BLOB NOT NULL
);
CREATE INDEX line_of_row ON line (row);
CREATE INDEX line_unprojected ON line (id) WHERE projected = 0;

-- Where the last line ends that is known durable in each file.
CREATE TABLE journal (
    name TEXT PRIMARY KEY,
    file TEXT NOT NULL,
    "end" INTEGER NOT NULL
) WITHOUT ROWID;

-- begun_at: when handing over began (it may be set back, see rates); address and domain are rate keys.
CREATE TABLE reply (
    row INTEGER PRIMARY KEY REFERENCES message,
    fingerprint TEXT NOT NULL,
    state TEXT NOT NULL,
    integration TEXT NOT NULL,
    alias TEXT NOT NULL,
    message_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    address TEXT NOT NULL,
    domain TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER,
    begun_at INTEGER,
    reason TEXT,
    token TEXT
);
CREATE UNIQUE INDEX reply_begun ON reply (fingerprint) WHERE begun_at IS NOT NULL;
CREATE INDEX reply_answered ON reply (fingerprint) WHERE state <> 'withheld';
CREATE INDEX reply_pending ON reply (row) WHERE state = 'pending';
CREATE INDEX reply_failed ON reply (row) WHERE state = 'failed';
CREATE INDEX reply_sending ON reply (row) WHERE state = 'sending';
CREATE INDEX reply_lately ON reply (begun_at, integration) WHERE begun_at IS NOT NULL;
CREATE INDEX reply_address ON reply (address, begun_at) WHERE begun_at IS NOT NULL;
CREATE INDEX reply_domain ON reply (domain, begun_at) WHERE begun_at IS NOT NULL;

CREATE TABLE error (
    error_id TEXT PRIMARY KEY,
    trouble TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    closed_at INTEGER,
    told_at INTEGER
) WITHOUT ROWID;
CREATE INDEX error_open ON error (opened_at) WHERE closed_at IS NULL;

CREATE TABLE health (
    account TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    retry_at INTEGER,
    kind TEXT,
    config TEXT
) WITHOUT ROWID;
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def create(connection: sqlite3.Connection, host: str) -> None:
    """Make the tables of an empty ledger, within the transaction that is open."""
    for statement in TABLES.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?)", [("schema", VERSION), ("host", host), ("case_number", 0)]
    )


def complete(connection: sqlite3.Connection) -> None:
    """Make what ledgers of this schema number did not have from their beginning; writes nothing else."""
    for statement in TABLES.split(";\n"):
        if "IF NOT EXISTS" in statement:
            connection.execute(statement)


def stored(text: str) -> str | bytes:
    """Text as it is stored: octets where lone surrogates (a file name that is no UTF-8) forbid text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def read_text(value: str | bytes) -> str:
    """The reverse of `stored`."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


def to_micros(moment: datetime) -> int:
    """An aware moment as stored."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    """The reverse of `to_micros`."""
    return _EPOCH + value * _MICROSECOND
