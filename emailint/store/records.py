"""What the ledger keeps and is asked: frozen values, which know nothing of how they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class Disposition(StrEnum):
    """What became of a message."""

    CASE = "case"
    FOLLOW_UP = "follow_up"
    HELD = "held"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"


class Journal(StrEnum):
    """The JSON-lines file that a line belongs to; the value is the file name."""

    CASES = "cases.jsonl"
    FOLLOW_UPS = "followups.jsonl"


class ReplyState(StrEnum):
    """How far a reply has got. SENDING found at the start of a run becomes UNKNOWN, or is traced."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    WITHHELD = "withheld"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Key:
    """What a message is: `scope` (the mailbox, or "" for all) and the fingerprint."""

    scope: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Known:
    """A message that the ledger holds already."""

    row: int
    disposition: Disposition
    case_id: str | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Why nothing was made of a message: the rule and what it said, and when the message was received."""

    rule: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class KeptMail:
    """What is noted of mail whose octets wait for a person, so that it can be decided anew.

    `size` is what the server announced, in octets; `whole` is False where only the header block was
    fetched, `read` False where reading it failed.
    """

    received_at: datetime
    size: int | None = None
    whole: bool = True
    read: bool = True


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits for a person: held, or quarantined and not read since."""

    known: Known
    key: Key
    integration: str
    account: str
    locus: str
    kept: KeptMail


@dataclass(frozen=True, slots=True)
class NewReply:
    """The reply of a new row: pending, or withheld with its reason from the beginning."""

    message_id: str
    recipient: str
    state: ReplyState
    reason: str | None
    alias: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A new row: one message and what became of it.

    `journal` and `line` are None for what makes no line (ignored, held). `participants` are the lower-case
    addresses of From, To and Cc. `folder` is where the mail is to be moved, if anywhere. `kept` is there
    for what is held or quarantined, `ignored` for what is ignored.
    """

    key: Key
    disposition: Disposition
    integration: str
    account: str
    locus: str
    created_at: datetime
    case_id: str | None = None
    journal: Journal | None = None
    line: bytes | None = None
    message_id: str | None = None
    participants: Sequence[str] = ()
    folder: str | None = None
    reply: NewReply | None = None
    kept: KeptMail | None = None
    ignored: Ignored | None = None

    @property
    def message_ids(self) -> tuple[str, ...]:
        """The ids by which a later mail may refer to this one: its own, and our reply's; each once."""
        reply = self.reply.message_id if self.reply is not None else None
        return tuple(dict.fromkeys(each for each in (self.message_id, reply) if each is not None))


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What a follow-up is judged by: who takes part in the case, and when it began."""

    case_id: str
    created_at: datetime
    participants: frozenset[str]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a JSON-lines file; `file` and `offset` are set once its place is recorded."""

    row: int
    journal: Journal
    content: bytes
    file: str | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class JournalEnd:
    """Where the last line that is known durable ends: `file` as in Line, `offset` behind its line feed."""

    file: str
    offset: int


@dataclass(frozen=True, slots=True)
class Move:
    """A marked message that is still to be moved to `folder`."""

    locus: str
    folder: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply row. `line` is the stored JSON line of the case or follow-up that it answers.

    `attempts` counts the tries that ended before anything was handed over; `token` is what the
    outbound noted with `sending` (a Graph draft id, say), at `begun_at`.
    """

    row: int
    fingerprint: str
    state: ReplyState
    integration: str
    alias: str
    case_id: str
    message_id: str
    recipient: str
    received_at: datetime
    line: bytes
    attempts: int = 0
    reason: str | None = None
    token: str | None = None
    begun_at: datetime | None = None


class Hook(StrEnum):
    """A command of the owner's that is given lines; the values are keys of the configuration."""

    ON_CASE = "on_case"
    ON_FOLLOW_UP = "on_follow_up"
    ON_ERROR = "on_error"


@dataclass(frozen=True, slots=True)
class Call:
    """A line (with its line feed) that a command is still to be given; `attempts` failed before."""

    row: int
    hook: Hook
    line: bytes
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Calls:
    """How many lines wait for a command, and how many it failed on too often."""

    waiting: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Rates:
    """Replies begun to an address and to its domain within the last hour and day, and within a minute."""

    address_hour: int = 0
    address_day: int = 0
    domain_hour: int = 0


@dataclass(frozen=True, slots=True)
class Health:
    """How a mailbox has been doing: failures in a row, and when it may be tried again (None: now)."""

    failures: int = 0
    retry_at: datetime | None = None
    kind: str | None = None
    config: str | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """Mail that was taken and is still to be marked read, moved, answered; or decided by a person."""

    to_mark: int = 0
    to_move: int = 0
    replies: int = 0
    held: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that went wrong, before it is known whether it is new.

    `subject_key` tells troubles of one kind apart within a scope (a locus, a case id); the error id is made
    of kind, scope, integration and this key, never of the message text.
    """

    kind: str
    scope: str
    transient: bool
    message: str
    hint: str = ""
    subject_key: str = ""
    integration: str | None = None
    mailbox: str | None = None
    locus: str | None = None
    message_id: str | None = None
    subject: str | None = None
    case_id: str | None = None
    detail: str = ""
    attempt: int = 1

    @property
    def error_id(self) -> str:
        """`E-` and eight hexadecimal digits, the same for the same trouble."""
        parts = (self.kind, self.scope, self.integration or "", self.subject_key)
        named = (part.encode("utf-8", "surrogatepass") for part in parts)
        digest = sha256(b"".join(len(part).to_bytes(8, "big") + part for part in named))
        return f"E-{digest.hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class OpenError:
    """An error as the ledger keeps it; `told_at` is when standard error last spoke of it."""

    error_id: str
    trouble: Trouble
    opened_at: datetime
    last_at: datetime
    count: int
    closed_at: datetime | None = None
    told_at: datetime | None = None
