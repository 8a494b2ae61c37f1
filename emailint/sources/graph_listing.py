"""What lies in a folder of Exchange Online: ids whole, oldest first, with sizes where offered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from emailint.errors import FolderMissing
from emailint.graph_client.answers import Refused
from emailint.graph_client.batch import Part, ask
from emailint.sources.graph_messages import LISTED, SIZE_EXPANDED, received_at, size_of
from emailint.sources.locus import graph_account, graph_locus
from emailint.sources.protocol import MessageRef, Received
from emailint.sources.since import cutoff

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from emailint.errors import SourceError
    from emailint.graph_client.client import GraphClient
    from emailint.sources.graph import GraphSourceSettings
    from emailint.sources.graph_folders import Folders

A_SWEEP: Final = 2_000
"""Unknown ids that one sweep looks at; the oldest come first, and later sweeps take the others."""
AT_MOST: Final = 20_000
"""Ids that one sweep lists where the ledger knows most of them: done, and unread again."""
A_PAGE: Final = 500
"""Ids of one answer; 1,000 are allowed, and large pages were seen to end in 504."""
_NO_SIZES: Final = (400, 501)
_EVER: Final = datetime(1900, 1, 1, tzinfo=UTC)


class Listing:
    """The messages of one folder, asked for with sizes until Exchange refuses to give them."""

    def __init__(self, settings: GraphSourceSettings, client: GraphClient, folders: Folders) -> None:
        self._settings = settings
        self._client = client
        self._folders = folders
        self._account = graph_account(settings.mailbox.host, settings.mailbox.mailbox)
        self._sizes_offered = True

    def unread(self) -> dict[str, MessageRef]:
        """By locus, the oldest first: A_SWEEP of them, and those that are done besides, up to AT_MOST."""
        begin = cutoff(self._settings.since) or _EVER
        found: dict[str, MessageRef] = {}
        unknown = 0
        for page in self._pages(begin, " and isRead eq false"):
            # asked for again, in case that a server takes the filter less exactly than it is written
            refs = {
                ref.locus: ref
                for ref in map(self._ref, page)
                if ref is not None and (ref.received_at is None or ref.received_at >= begin)
            }
            known = self._settings.known(list(refs))
            fresh = [locus for locus in refs if locus not in known and locus not in found]
            beyond = set(fresh[A_SWEEP - unknown :])
            found.update({locus: ref for locus, ref in refs.items() if locus not in beyond})
            unknown += len(fresh) - len(beyond)
            if unknown >= A_SWEEP or len(found) >= AT_MOST:
                break
        return found

    def received(self, since: datetime) -> list[Received]:
        """All messages from then on, read or not, however many."""
        found = [
            (ref, message)
            for page in self._pages(since)
            for message in page
            if (ref := self._ref(message)) is not None
        ]
        return [
            Received(ref, read=message.get("isRead") is not False)
            for ref, message in found
            if ref.received_at is None or ref.received_at >= since
        ]

    def measured(self, identities: Mapping[str, str]) -> dict[str, MessageRef]:
        """Sizes and times of messages by locus, whose ids are given; those that have gone are left out.

        Where Graph does not tell of some, these come unmeasured: whose trouble it is shows in reading them.
        """
        size = f"&$expand={SIZE_EXPANDED}".replace(" ", "%20") if self._sizes_offered else ""
        asked = f"?$select={LISTED}{size}"
        parts = [Part("GET", self._client.message(identity) + asked) for identity in identities.values()]
        found: dict[str, MessageRef] = {}
        untold: dict[str, Refused] = {}
        for locus, (answer, refused) in zip(identities, ask(self._client, parts, one_mail=True), strict=True):
            if refused is None:
                ref = self._ref(answer.mapping())
                found[locus] = replace(ref, locus=locus) if ref else MessageRef(locus)
            elif refused.status in _NO_SIZES and self._sizes_offered:
                self._sizes_offered = False
                return self.measured(identities)
            elif not refused.gone:
                untold[locus] = refused
        if untold and not found:
            first = next(iter(untold.values()))
            raise first.explained(f"{self._settings.mailbox.mailbox}: asking for sizes")
        return found | {locus: MessageRef(locus) for locus in untold}

    def _ref(self, message: Mapping[str, Any]) -> MessageRef | None:
        identity = message.get("id")
        if not isinstance(identity, str):
            return None
        return MessageRef(graph_locus(self._account, identity), size_of(message), received_at(message))

    def _pages(self, begin: datetime, also: str = "") -> Iterator[list[dict[str, Any]]]:
        """Pages, oldest first. The order of the filter is one that Graph does not refuse."""
        client = self._client
        path = client.folder(self._folders.name_in_path(self._settings.folder), "messages")
        # every property of $orderby stands in $filter, and before all others (api/user-list-messages)
        parameters = {
            "$select": LISTED if also else f"{LISTED},isRead",
            "$filter": f"receivedDateTime ge {begin.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}{also}",
            "$orderby": "receivedDateTime asc",
            "$top": str(A_PAGE),
            **({"$expand": SIZE_EXPANDED} if self._sizes_offered else {}),
        }
        try:
            yield from client.pages(path, parameters)
        except Refused as refused:
            if refused.status not in _NO_SIZES or not self._sizes_offered:
                raise self._folder_error(refused) from None
            self._sizes_offered = False
        else:
            return
        yield from self._pages(begin, also)

    def _folder_error(self, refused: Refused) -> SourceError:
        mailbox, folder = self._settings.mailbox.mailbox, self._settings.folder
        if refused.gone:
            return refused.explained(f"{mailbox} has no folder {folder}", FolderMissing)
        return refused.explained(f"{mailbox}: listing the folder {folder}")
