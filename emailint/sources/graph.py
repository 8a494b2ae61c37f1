"""Microsoft Graph as a mail source: Exchange Online, by HTTPS, with an app's or a person's token.

Unread ids are listed whole before anything is marked, since marking shifts the pages that are still to come.
Ids are immutable ones (learn.microsoft.com/graph/outlook-immutable-id): a move within the mailbox keeps them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from emailint.errors import (
    ConnectionFailed,
    FolderMissing,
    FolderReadOnly,
    LoginRefused,
    ProtocolFailed,
    SourceError,
)
from emailint.graph_client.answers import AGAIN, Answer, Refused
from emailint.graph_client.batch import Part, run_batch
from emailint.graph_client.client import GraphClient
from emailint.graph_client.limits import A_MAILBOX
from emailint.sources.graph_folders import Folders
from emailint.sources.graph_messages import (
    HEADERS,
    LISTED,
    SIZE_EXPANDED,
    header_block,
    received_at,
    size_of,
)
from emailint.sources.locus import graph_account, graph_id, graph_locus
from emailint.sources.protocol import MessageRef, RawMessage
from emailint.sources.since import cutoff

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from datetime import date
    from types import TracebackType

    from emailint.graph_client.client import GraphSettings
    from emailint.probe import Step

A_SWEEP: Final = 2_000
"""Unknown ids that one sweep looks at; the oldest come first, and later sweeps take the others."""
AT_MOST: Final = 20_000
"""Ids that one sweep lists where the ledger knows most of them: done, and unread again."""
A_PAGE: Final = 500
"""Ids of one answer; 1,000 are allowed, and large pages were seen to end in 504."""
_ABOUT_THE_MAILBOX: Final = frozenset({401, 403, 429, 503})
_EVER: Final = datetime(1900, 1, 1, tzinfo=UTC)


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


class GraphSource:
    """A `MailSource` on a folder of an Exchange Online mailbox."""

    def __init__(self, settings: GraphSourceSettings) -> None:
        self.settings = settings
        self._client: GraphClient | None = None
        self._folders: Folders | None = None
        self._listed: dict[str, MessageRef] = {}
        self._sizes_offered = True

    @property
    def account(self) -> str:
        """`graph://graph.microsoft.com/payroll@example.org`."""
        return graph_account(self.settings.mailbox.host, self.settings.mailbox.mailbox)

    def __enter__(self) -> Self:
        """Sign in, and find the folder where it has to be looked for."""
        self._client = GraphClient(self.settings.mailbox)
        self._folders = Folders(self._client)
        try:
            self.settings.mailbox.tokens.token()
            self._folders.name_in_path(self.settings.folder)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close connections."""
        if self._client is not None:
            self._client.close()
        self._client = self._folders = None
        self._listed = {}

    def list_unread(self) -> Sequence[MessageRef]:
        """The oldest unread messages with size (where offered) and receivedDateTime.

        A_SWEEP of them, and those that are done besides, up to AT_MOST.
        """
        begin = cutoff(self.settings.since) or _EVER
        found: dict[str, MessageRef] = {}
        unknown = 0
        for page in self._unread(begin):
            # asked for again, in case that a server takes the filter less exactly than it is written
            refs = {
                ref.locus: ref
                for ref in map(self._ref, page)
                if ref is not None and (ref.received_at is None or ref.received_at >= begin)
            }
            known = self.settings.known(list(refs))
            fresh = [locus for locus in refs if locus not in known and locus not in found]
            beyond = set(fresh[A_SWEEP - unknown :])
            found.update({locus: ref for locus, ref in refs.items() if locus not in beyond})
            unknown += len(fresh) - len(beyond)
            if unknown >= A_SWEEP or len(found) >= AT_MOST:
                break
        self._listed = found
        return list(found.values())

    def measure(self, refs: Sequence[MessageRef]) -> Sequence[MessageRef]:
        """As listed; the others are asked for. Size is None where Exchange does not say."""
        unknown = [ref.locus for ref in refs if ref.locus not in self._listed]
        asked = self._measured(unknown)
        found = {**self._listed, **asked}
        return [found[ref.locus] for ref in refs if ref.locus in found]

    def fetch(self, refs: Sequence[MessageRef], *, headers_only: bool = False) -> Iterator[RawMessage]:
        """MIME by `$value`, two at a time, in order.

        A message that Graph does not give does not keep the others back: that is the last thing said, as an
        error. A message that turns out larger than `max_message` comes without its body.
        """
        mine = [(ref, identity) for ref in refs if (identity := self._id(ref.locus)) is not None]
        failure: SourceError | None = None
        read = self._headers if headers_only else self._whole
        client = self._connected
        with ThreadPoolExecutor(A_MAILBOX, "graph") as pool:
            waiting: list[Future[RawMessage | None]] = []
            try:
                for ref, identity in mine:
                    waiting.append(pool.submit(read, client, ref, identity))
                    if len(waiting) >= A_MAILBOX:
                        failure = yield from _handed_over(waiting.pop(0), failure)
                while waiting:
                    failure = yield from _handed_over(waiting.pop(0), failure)
            finally:
                for future in waiting:
                    future.cancel()
        if failure is not None:
            raise failure

    def mark_read(self, loci: Sequence[str]) -> None:
        """PATCH isRead, by `$batch` for more than one; 404 is a message that has gone."""
        self._refuse_if_read_only()
        identities = self._ids(loci)
        path = self._connected.message
        parts = [Part("PATCH", path(identity), {"isRead": True}) for identity in identities.values()]
        for _, refused in self._done(parts):
            if refused is not None and not refused.gone:
                raise refused.explained(
                    f"{self._where}: marking mail read", FolderReadOnly, "the app needs Mail.ReadWrite"
                )

    def move(self, loci: Sequence[str], folder: str) -> Mapping[str, str | None]:
        """Move to a folder that must exist (FolderMissing). What lies there already is left alone."""
        self._refuse_if_read_only()
        identities = self._ids(loci)
        if not identities:
            return {}
        target = self._known_folders.id_of(folder)
        client = self._connected
        there, moving = self._parted(identities, target)
        parts = {
            locus: Part("POST", client.message(identity, "move"), {"destinationId": target})
            for locus, identity in moving.items()
        }
        moved: dict[str, str | None] = {locus: locus for locus in there}
        for locus, (answer, refused) in zip(parts, self._done(list(parts.values())), strict=True):
            if refused is None:
                new = answer.mapping().get("id")
                moved[locus] = graph_locus(self.account, new) if isinstance(new, str) else None
            elif not refused.gone:
                raise refused.explained(f"{self._where}: moving mail to {folder}", FolderReadOnly)
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
    def _connected(self) -> GraphClient:
        if self._client is None:
            raise ProtocolFailed(f"the mailbox {self._where} is not open")
        return self._client

    @property
    def _known_folders(self) -> Folders:
        if self._folders is None:
            raise ProtocolFailed(f"the mailbox {self._where} is not open")
        return self._folders

    def _refuse_if_read_only(self) -> None:
        if self.settings.read_only:
            raise FolderReadOnly(f"{self._where} was opened read-only; nothing was changed")

    def _id(self, locus: str) -> str | None:
        return graph_id(self.account, locus)

    def _ids(self, loci: Sequence[str]) -> dict[str, str]:
        return {locus: identity for locus in loci if (identity := self._id(locus)) is not None}

    def _ref(self, message: Mapping[str, Any]) -> MessageRef | None:
        identity = message.get("id")
        if not isinstance(identity, str):
            return None
        return MessageRef(graph_locus(self.account, identity), size_of(message), received_at(message))

    def _unread(self, begin: datetime) -> Iterator[list[dict[str, Any]]]:
        """Pages, oldest first. The order of the filter is one that Graph does not refuse."""
        client = self._connected
        path = client.folder(self._known_folders.name_in_path(self.settings.folder), "messages")
        # every property of $orderby stands in $filter, and before all others (api/user-list-messages)
        parameters = {
            "$select": LISTED,
            "$filter": f"receivedDateTime ge {begin.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} and isRead eq false",
            "$orderby": "receivedDateTime asc",
            "$top": str(A_PAGE),
            **({"$expand": SIZE_EXPANDED} if self._sizes_offered else {}),
        }
        try:
            yield from client.pages(path, parameters)
        except Refused as refused:
            if refused.status not in (400, 501) or not self._sizes_offered:
                raise self._folder_error(refused) from None
            self._sizes_offered = False
        else:
            return
        yield from self._unread(begin)

    def _folder_error(self, refused: Refused) -> SourceError:
        folder = self.settings.folder
        if refused.gone:
            return refused.explained(f"{self._where} has no folder {folder}", FolderMissing)
        return refused.explained(f"{self._where}: listing the folder {folder}")

    def _measured(self, loci: Sequence[str]) -> dict[str, MessageRef]:
        client = self._connected
        identities = self._ids(loci)
        size = f"&$expand={SIZE_EXPANDED}".replace(" ", "%20") if self._sizes_offered else ""
        asked = f"?$select={LISTED}{size}"
        parts = [Part("GET", client.message(identity) + asked) for identity in identities.values()]
        found: dict[str, MessageRef] = {}
        for locus, (answer, refused) in zip(identities, self._done(parts), strict=True):
            if refused is None:
                ref = self._ref(answer.mapping())
                found[locus] = MessageRef(locus, ref.size, ref.received_at) if ref else MessageRef(locus)
            elif refused.status in (400, 501) and self._sizes_offered:
                self._sizes_offered = False
                return self._measured(loci)
            elif not refused.gone:
                raise refused.explained(f"{self._where}: asking for sizes")
        return found

    def _parted(self, identities: Mapping[str, str], target: str) -> tuple[list[str], dict[str, str]]:
        """Loci of messages that lie in the target already, and those still to be moved."""
        client = self._connected
        parts = [
            Part("GET", f"{client.message(identity)}?$select=id,parentFolderId")
            for identity in identities.values()
        ]
        there: list[str] = []
        moving: dict[str, str] = {}
        for locus, (answer, refused) in zip(identities, self._done(parts), strict=True):
            if refused is None and answer.mapping().get("parentFolderId") == target:
                there.append(locus)
            elif refused is None:
                moving[locus] = identities[locus]
            elif not refused.gone:
                raise refused.explained(f"{self._where}: looking for mail to move")
        return there, moving

    def _done(self, parts: Sequence[Part]) -> Iterator[tuple[Answer, Refused | None]]:
        """Each part's answer, and its refusal if it is one: one request alone, more in batches."""
        client = self._connected
        if len(parts) == 1:
            (part,) = parts
            try:
                yield client.request(part.method, part.path, part.body), None
            except Refused as refused:
                yield Answer(refused.status, {}, b""), refused
            return
        try:
            for _, answer in run_batch(client, parts):
                yield answer, Refused(answer) if answer.status >= 300 else None
        except Refused as refused:
            raise refused.explained(self._where) from None

    def _whole(self, client: GraphClient, ref: MessageRef, identity: str) -> RawMessage | None:
        try:
            answer = client.request(
                "GET",
                client.message(identity, "$value"),
                headers={"Accept": "*/*"},
                limit=self.settings.max_message,
            )
        except Refused as refused:
            if refused.gone:
                return None
            raise _of_one_mail(refused, f"{self._where}: reading a mail") from None
        if not answer.whole:
            return self._headers(client, ref, identity)
        return RawMessage(ref, answer.content)

    def _headers(self, client: GraphClient, ref: MessageRef, identity: str) -> RawMessage | None:
        try:
            message = client.get(client.message(identity), {"$select": HEADERS})
        except Refused as refused:
            if refused.gone:
                return None
            raise _of_one_mail(refused, f"{self._where}: reading the headers of a mail") from None
        return RawMessage(ref, header_block(message, self.settings.max_header), whole=False)


def _handed_over(
    future: Future[RawMessage | None], failure: SourceError | None
) -> Generator[RawMessage, None, SourceError | None]:
    """Hand one message over. What is wrong with it alone is returned (the first of such), else raised."""
    try:
        message = future.result()
    except ProtocolFailed as error:
        return failure or error
    except (ConnectionFailed, LoginRefused) as error:
        if isinstance(failure, type(error)):  # the second: it is not about one message
            raise
        return error
    if message is not None:
        yield message
    return failure


def _of_one_mail(refused: Refused, doing: str) -> SourceError:
    """A refusal of one message: it holds up no other, unless it is about the mailbox."""
    error = refused.explained(doing)
    if refused.status in _ABOUT_THE_MAILBOX:
        return error
    return ProtocolFailed(str(error), hint=AGAIN)
