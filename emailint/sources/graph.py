"""Microsoft Graph as a mail source: Exchange Online, by HTTPS, with an app's or a person's token.

Unread ids are listed whole before anything is marked, since marking shifts the pages that are still to come.
Ids are immutable ones (learn.microsoft.com/graph/outlook-immutable-id): a move within the mailbox keeps them.
Listing is in `graph_listing`, bringing mail in `graph_download`, the connection test in `graph_stages`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from emailint.errors import FolderReadOnly, ProtocolFailed
from emailint.graph_client.batch import Part, ask
from emailint.graph_client.client import GraphClient
from emailint.sources.graph_download import Download
from emailint.sources.graph_folders import Folders
from emailint.sources.graph_listing import A_SWEEP, Listing
from emailint.sources.locus import graph_account, graph_id, graph_locus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import date, datetime
    from types import TracebackType

    from emailint.graph_client.answers import Refused
    from emailint.graph_client.client import GraphSettings
    from emailint.probe import Step
    from emailint.sources.protocol import MessageRef, RawMessage, Received


@dataclass(frozen=True, slots=True)
class GraphSourceSettings:
    """One folder of one mailbox.

    `folder` is a well-known name (INBOX is one), a path of display names, or an id. Mail received before
    `since` is not listed. `max_message` and `max_header` are octets: of a larger message only the headers are
    handed over, whatever was announced. `known` says which loci are done; they do not keep the others back.
    """

    mailbox: GraphSettings
    folder: str = "INBOX"
    since: date | None = None
    read_only: bool = False
    max_message: int = 35_000_000
    max_header: int = 300_000
    known: Callable[[Sequence[str]], Collection[str]] = lambda _loci: ()


@dataclass(frozen=True, slots=True)
class _Opened:
    """What serves a mailbox while it is open."""

    client: GraphClient
    folders: Folders
    listing: Listing
    download: Download


class GraphSource:
    """A `MailSource` on a folder of an Exchange Online mailbox."""

    def __init__(self, settings: GraphSourceSettings) -> None:
        self.settings = settings
        self._opened: _Opened | None = None
        self._listed: dict[str, MessageRef] = {}
        self._marks = False

    @property
    def account(self) -> str:
        """`graph://graph.microsoft.com/payroll@example.org`."""
        return graph_account(self.settings.mailbox.host, self.settings.mailbox.mailbox)

    def __enter__(self) -> Self:
        """Sign in, and find the folder where it has to be looked for."""
        client = GraphClient(self.settings.mailbox)
        folders = Folders(client)
        self._opened = _Opened(
            client, folders, Listing(self.settings, client, folders), Download(self.settings, client)
        )
        try:
            self.settings.mailbox.tokens.token()
            folders.name_in_path(self.settings.folder)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close connections."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.client.close()
        self._listed = {}

    def list_unread(self) -> Sequence[MessageRef]:
        """As `Listing.unread`: with receivedDateTime, and size where offered."""
        self._listed = self._here.listing.unread()
        return list(self._listed.values())

    def list_received(self, since: datetime) -> Sequence[Received]:
        """As `Listing.received`: all of that time, page by page."""
        return self._here.listing.received(since)

    def measure(self, refs: Sequence[MessageRef]) -> Sequence[MessageRef]:
        """As listed; the others are asked for. Size is None where Exchange does not say."""
        unknown = [ref.locus for ref in refs if ref.locus not in self._listed]
        asked = self._here.listing.measured(self._ids(unknown))
        found = {**self._listed, **asked}
        return [found[ref.locus] for ref in refs if ref.locus in found]

    def fetch(self, refs: Sequence[MessageRef], *, headers_only: bool = False) -> Iterator[RawMessage]:
        """As `Download.messages`: whole where one is not too large, in order, and troubles at the end."""
        wanted = [(ref, identity) for ref in refs if (identity := self._id(ref.locus)) is not None]
        gone = {ref.locus for ref in refs}
        for message in self._here.download.messages(wanted, headers_only=headers_only):
            gone.discard(message.ref.locus)
            yield message
        for locus in gone:
            self._listed.pop(locus, None)

    def mark_read(self, loci: Sequence[str]) -> None:
        """PATCH isRead, by `$batch` for more than one; 404 is a message that has gone.

        What Graph does not mark keeps no other back: that is the last thing said, as an error that names it.
        """
        self._refuse_if_read_only()
        identities = self._ids(loci)
        client = self._here.client
        parts = [Part("PATCH", client.message(each), {"isRead": True}) for each in identities.values()]
        left: dict[str, Refused] = {}
        answers = ask(client, parts, one_mail=True, served=self._marks)
        for locus, (_, refused) in zip(identities, answers, strict=True):
            self._marks = self._marks or refused is None
            if refused is not None and not refused.gone:
                left[locus] = refused
        _tell(left, f"{self._where}: marking mail read", "the app needs Mail.ReadWrite")

    def move(self, loci: Sequence[str], folder: str) -> Mapping[str, str | None]:
        """Move to a folder that must exist (FolderMissing). What lies there already is left alone."""
        self._refuse_if_read_only()
        identities = self._ids(loci)
        if not identities:
            return {}
        target = self._here.folders.id_of(folder)
        client = self._here.client
        there, moving = self._parted(identities, target)
        parts = {
            locus: Part("POST", client.message(identity, "move"), {"destinationId": target})
            for locus, identity in moving.items()
        }
        moved: dict[str, str | None] = {locus: locus for locus in there}
        left: dict[str, Refused] = {}
        for locus, (answer, refused) in zip(
            parts, ask(client, list(parts.values()), one_mail=True), strict=True
        ):
            if refused is None:
                new = answer.mapping().get("id")
                moved[locus] = graph_locus(self.account, new) if isinstance(new, str) else None
            elif not refused.gone:
                left[locus] = refused
        _tell(left, f"{self._where}: moving mail to {folder}")
        return moved

    def test(self) -> Iterator[Step]:
        """Sign-in, mailbox, folder, right to mark, unread count; changes nothing."""
        from emailint.sources.graph_stages import test_steps  # noqa: PLC0415 - a sweep does not need it

        return test_steps(self)

    # Below that

    def count_unread(self) -> str:
        """How many are unread, as the connection test says it."""
        count = len(self.list_unread())
        return f"{count} unread" if count < A_SWEEP else f"{count} unread or more"

    @property
    def _where(self) -> str:
        return self.settings.mailbox.mailbox

    @property
    def _here(self) -> _Opened:
        if self._opened is None:
            raise ProtocolFailed(f"the mailbox {self._where} is not open")
        return self._opened

    def _refuse_if_read_only(self) -> None:
        if self.settings.read_only:
            raise FolderReadOnly(f"{self._where} was opened read-only; nothing was changed")

    def _id(self, locus: str) -> str | None:
        return graph_id(self.account, locus)

    def _ids(self, loci: Sequence[str]) -> dict[str, str]:
        return {locus: identity for locus in loci if (identity := self._id(locus)) is not None}

    def _parted(self, identities: Mapping[str, str], target: str) -> tuple[list[str], dict[str, str]]:
        """Loci of messages that lie in the target already, and those still to be moved."""
        client = self._here.client
        parts = [
            Part("GET", f"{client.message(identity)}?$select=id,parentFolderId")
            for identity in identities.values()
        ]
        there: list[str] = []
        moving: dict[str, str] = {}
        left: dict[str, Refused] = {}
        for locus, (answer, refused) in zip(identities, ask(client, parts, one_mail=True), strict=True):
            if refused is None and answer.mapping().get("parentFolderId") == target:
                there.append(locus)
            elif refused is None:
                moving[locus] = identities[locus]
            elif not refused.gone:
                left[locus] = refused
        _tell(left, f"{self._where}: looking for mail to move")
        return there, moving


def _tell(left: Mapping[str, Refused], doing: str, hint: str = "") -> None:
    """Raise the first refusal, if any, in the name of all of them."""
    for refused in left.values():
        error = refused.explained(doing, FolderReadOnly, hint)
        error.loci = tuple(left)
        raise error
