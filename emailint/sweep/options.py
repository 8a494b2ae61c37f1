"""What a sweep is asked to do, and what it tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emailint.sweep.result import MessageResult


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """`integrations` empty means all enabled ones; `limit` counts messages over all of them.

    `deadline` is in seconds (None: none). `terminal` says that a person is watching: the sweep waits for
    one that is running, and mailboxes that back off are tried at once. `command` is what the lock says.
    `adopting`: the mail was left alone by sweeps, and came long ago perhaps.
    """

    integrations: tuple[str, ...] = ()
    dry_run: bool = False
    limit: int | None = None
    replies: bool = True
    deadline: float | None = None
    terminal: bool = False
    command: str = "process"
    adopting: bool = False


@dataclass(frozen=True, slots=True)
class MailboxStarted:
    """A mailbox is being connected."""

    name: str


@dataclass(frozen=True, slots=True)
class MailboxListed:
    """So many unread messages are to be looked at."""

    name: str
    unread: int


@dataclass(frozen=True, slots=True)
class MessageDone:
    """One message came to its end in this sweep (or failed)."""

    name: str
    result: MessageResult


@dataclass(frozen=True, slots=True)
class MailboxDone:
    """A mailbox is through; `error` is one line when it failed or was left out."""

    name: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another sweep holds the store; this one waits for it."""

    holder: str


Event = MailboxStarted | MailboxListed | MessageDone | MailboxDone | Waiting
