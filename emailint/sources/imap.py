"""IMAP as a mail source (RFC 3501), over TLS that is always checked."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, Self

from emailint.errors import ConnectionFailed, FolderReadOnly, ProtocolFailed, SourceError
from emailint.sources.imap_response import parse_copy_uid
from emailint.sources.imap_stages import Stages
from emailint.sources.locus import ImapFolder, imap_account
from emailint.sources.protocol import MessageRef, RawMessage, Received
from emailint.sources.since import cutoff
from emailint.sources.steps import run_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path
    from types import TracebackType

    from emailint.oauth.tokens import Tokens
    from emailint.probe import Step
    from emailint.sources.imap_errors import Refused
    from emailint.sources.imap_session import Session

RECONNECTIONS = 10
"""So many times a sweep connects anew after an answer that broke off."""

_DAY = timedelta(days=1)
_ZONES = timedelta(days=2)  # the dates of one moment in two zones lie no further apart
Tls = Literal["implicit", "starttls", "none"]


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """One folder of one IMAP account.

    `password` is called when a connection logs in, never before, and its answer is not kept; it may
    raise SecretUnavailable. With `tokens` the login is by OAuth, and no password is asked for. `tls: none`
    is for loopback alone. A `ca_file` takes the place of the system's authorities. Mail received
    (INTERNALDATE) before `since` is not listed; a date begins at midnight of this machine. `read_only`
    opens the folder by EXAMINE.

    `timeout` is seconds without an octet, `command_timeout` seconds for one command's whole answer (for
    fetching: for one message); `time_left` says how many the sweep has. `max_message` and `max_header` are
    octets; a third more is let in for a message, since servers only estimate sizes, and what is larger is
    refused before it takes memory.
    """

    host: str
    username: str
    password: Callable[[], str] = field(repr=False)
    port: int = 993
    tls: Tls = "implicit"
    ca_file: Path | None = None
    folder: str = "INBOX"
    since: date | None = None
    read_only: bool = False
    timeout: float = 20.0
    command_timeout: float = 120.0
    max_message: int = 35_000_000
    max_header: int = 300_000
    tokens: Tokens | None = field(default=None, repr=False)
    time_left: Callable[[], float] = field(default=lambda: math.inf, repr=False)


class ImapSource:
    """A `MailSource` on an IMAP folder."""

    def __init__(self, settings: ImapSettings) -> None:
        self._settings = settings
        self._since = cutoff(settings.since)
        self._stages = Stages(settings)
        self._found: list[int] | None = None
        self._reconnections = 0

    @property
    def account(self) -> str:
        """`imap://user@host`, percent-encoded; with the port where it is not a standard one."""
        return imap_account(self._settings.host, self._settings.username, self._settings.port)

    def __enter__(self) -> Self:
        """Connect, log in, select the folder; the unread are asked for in the same breath."""
        self._reconnections = 0
        self._connect()
        return self

    def _connect(self) -> None:
        stages = self._stages
        try:
            for stage in (stages.name, stages.connect, stages.greet, stages.log_in):
                stage()
            stages.open_folder(self._unread())
            self._found = stages.session.searched()
        except BaseException:
            stages.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Log out and close."""
        self._stages.close()

    def list_unread(self) -> Sequence[MessageRef]:
        """Loci of all unread messages by UID, which is the order of arrival."""
        found, self._found = self._found, None
        unread = self._session.find(self._unread()) if found is None else found
        old = self._too_old() if unread else set[int]()
        locus = self._folder.locus
        return [MessageRef(locus(uid)) for uid in unread if uid not in old]

    def list_received(self, since: datetime) -> Sequence[Received]:
        """Two searches, for all and for the unread, and the measures of all, by UID."""
        days = ["SINCE", _criterion(since.date() - _ZONES)]
        unread = set(self._session.find(["UNSEEN", *days]))
        found = self._session.find(days)
        loci = {self._folder.locus(uid): uid for uid in found}
        measured = self.measure([MessageRef(locus) for locus in loci])
        return [
            Received(ref, read=loci[ref.locus] not in unread)
            for ref in measured
            if ref.received_at is None or ref.received_at >= since
        ]

    def measure(self, refs: Sequence[MessageRef]) -> Sequence[MessageRef]:
        """RFC822.SIZE and INTERNALDATE, by one command for as many as its line holds."""
        uids = self._folder.uids([ref.locus for ref in refs])
        found = {each.uid: each for each in self._session.measure(uids)}
        return [
            MessageRef(locus, found[uid].size, found[uid].received_at)
            for uid, locus in uids.items()
            if uid in found
        ]

    def fetch(self, refs: Sequence[MessageRef], *, headers_only: bool = False) -> Iterator[RawMessage]:
        """`BODY.PEEK[]`, in one command; each message is handed over when it is there.

        A message that the server refuses to give does not keep the others back: it is the last thing
        said, as an error.
        """
        by_locus = {ref.locus: ref for ref in refs}
        uids = self._folder.uids(list(by_locus))
        settings = self._settings
        limit = settings.max_header if headers_only else settings.max_message + settings.max_message // 3
        refused: dict[int, Refused] = {}
        try:
            for uid, raw in self._session.read(uids, limit, headers_only=headers_only, refused=refused):
                if uid in uids:
                    yield RawMessage(by_locus[uids[uid]], raw, whole=not headers_only)
        except SourceError as error:
            error.loci = tuple(uids[uid] for uid in refused)
            raise

    def mark_read(self, loci: Sequence[str]) -> None:
        """One `UID STORE +FLAGS.SILENT (\\Seen)` for all."""
        self._refuse_if_read_only()
        uids = self._folder.uids(list(loci))
        if uids:
            self._stages.check_marking()
            self._found = None
            self._session.mark(uids)

    def move(self, loci: Sequence[str], folder: str) -> Mapping[str, str | None]:
        """MOVE, or COPY, STORE and UID EXPUNGE; the folder must exist (FolderMissing).

        A server with neither MOVE nor UIDPLUS keeps the message in both folders, here flagged \\Deleted.
        """
        self._refuse_if_read_only()
        uids = self._folder.uids(list(loci))
        self._found = None
        moved: dict[str, str | None] = {}
        for members, code in self._session.move_to(uids, folder) if uids else ():
            copied = parse_copy_uid(code)
            if copied is None:
                moved.update((uids[uid], None) for uid in members)
                continue
            validity, new = copied
            target = ImapFolder(self.account, folder, validity)
            moved.update((uids[uid], target.locus(new[uid])) for uid in members if uid in new)
        return moved

    def test(self) -> Iterator[Step]:
        """Name, TCP, TLS, login, folder, right to mark, unread count; changes nothing."""
        stages = self._stages
        steps: dict[str, Callable[[], str]] = {
            "name": stages.name,
            "tcp": stages.connect,
            "tls": stages.greet,
            "login": stages.log_in,
            "folder": lambda: stages.find_folder(self._unread()),
            "mark read": stages.check_marking,
            "unread": self._count_unread,
        }
        try:
            yield from run_steps(steps)
        finally:
            stages.close()

    def _count_unread(self) -> str:
        self._found = self._session.searched()
        return f"{len(self.list_unread())} unread"

    @property
    def _session(self) -> Session:
        """The session; a new one where an answer broke off or could not be read, as mail can make it do."""
        if not self._stages.session.usable:
            self._reconnect()
        return self._stages.session

    def _reconnect(self) -> None:
        before = self._stages.selected.uid_validity
        self._stages.close()
        self._reconnections += 1
        if self._reconnections > RECONNECTIONS:
            raise ConnectionFailed(f"{self._settings.host} broke the connection {RECONNECTIONS} times")
        self._connect()
        if self._stages.selected.uid_validity != before:
            raise ProtocolFailed(f"{self._settings.host} gave {self._settings.folder} a new UIDVALIDITY")

    @property
    def _folder(self) -> ImapFolder:
        return ImapFolder(self.account, self._settings.folder, self._stages.selected.uid_validity)

    def _refuse_if_read_only(self) -> None:
        if self._settings.read_only:
            raise FolderReadOnly(f"{self._settings.folder} was opened read-only; nothing was changed")

    def _unread(self) -> list[str]:
        """Search keys for the unread; SINCE knows days only, in whatever zone, so it is asked generously."""
        if self._since is None:
            return ["UNSEEN"]
        return ["UNSEEN", "SINCE", _criterion(self._since.date() - _ZONES)]

    def _too_old(self) -> set[int]:
        """Those of the unread that SINCE lets in and the exact time does not."""
        since = self._since
        if since is None:
            return set()
        near = self._session.find([*self._unread(), "BEFORE", _criterion(since.date() + _ZONES + _DAY)])
        measured = self._session.measure(near)
        return {each.uid for each in measured if each.uid and each.received_at and each.received_at < since}


def _criterion(day: date) -> str:
    from imapclient.datetime_util import format_criteria_date  # noqa: PLC0415 - only where `since` is

    return str(format_criteria_date(day), "ascii")
