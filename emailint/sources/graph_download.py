"""Messages brought from Exchange Online: MIME by `$value`, two at a time, each in its own trouble."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from emailint.errors import ConnectionFailed, LoginRefused, ProtocolFailed, SourceError, Throttled
from emailint.graph_client.answers import AGAIN, Refused
from emailint.graph_client.client import query_of
from emailint.graph_client.limits import A_MAILBOX
from emailint.sources.graph_messages import HEADERS, header_block
from emailint.sources.protocol import RawMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from emailint.graph_client.client import GraphClient
    from emailint.sources.graph import GraphSourceSettings
    from emailint.sources.protocol import MessageRef

IN_A_ROW: Final = 2


class Download:
    """Messages by their ids."""

    def __init__(self, settings: GraphSourceSettings, client: GraphClient) -> None:
        self._settings = settings
        self._where = settings.mailbox.mailbox
        self._client = client

    def messages(
        self, wanted: Sequence[tuple[MessageRef, str]], *, headers_only: bool = False
    ) -> Iterator[RawMessage]:
        """In order; those that have gone are left out.

        A message that Graph does not give does not keep the others back: that is the last thing said, as an
        error that names it; at once where IN_A_ROW come one after another. A message that turns out larger
        than `max_message` comes without its body.
        """
        withheld = _Withheld()
        read = self._headers if headers_only else self._whole
        with ThreadPoolExecutor(A_MAILBOX, "graph") as pool:
            waiting: list[tuple[str, Future[RawMessage | None]]] = []
            try:
                for ref, identity in wanted:
                    waiting.append((ref.locus, pool.submit(self._one, read, ref, identity)))
                    if len(waiting) >= A_MAILBOX:
                        yield from withheld.handed_over(*waiting.pop(0))
                while waiting:
                    yield from withheld.handed_over(*waiting.pop(0))
            finally:
                for _, future in waiting:
                    future.cancel()
        withheld.tell()

    def _one(
        self, read: Callable[[MessageRef, str], RawMessage | None], ref: MessageRef, identity: str
    ) -> RawMessage | None:
        """None where it has gone. An error names it unless that is certainly about the mailbox."""
        try:
            return read(ref, identity)
        except Refused as refused:
            if refused.gone:
                return None
            raise _explained(refused, f"{self._where}: reading a mail", ref.locus) from None
        except (ConnectionFailed, ProtocolFailed) as error:
            error.loci = (ref.locus,)
            raise

    def _whole(self, ref: MessageRef, identity: str) -> RawMessage | None:
        client = self._client
        answer = client.request(
            "GET",
            client.message(identity, "$value"),
            headers={"Accept": "*/*"},
            limit=self._settings.max_message,
            one_mail=True,
        )
        return RawMessage(ref, answer.content) if answer.whole else self._headers(ref, identity)

    def _headers(self, ref: MessageRef, identity: str) -> RawMessage | None:
        client = self._client
        path = client.message(identity) + query_of({"$select": HEADERS})
        message = client.request("GET", path, one_mail=True).mapping()
        return RawMessage(ref, header_block(message, self._settings.max_header), whole=False)


class _Withheld:
    """Messages that Graph does not give. So many one after another are taken for the mailbox's trouble."""

    def __init__(self) -> None:
        self._loci: list[str] = []
        self._first: SourceError | None = None
        self._in_a_row = 0

    def handed_over(self, locus: str, future: Future[RawMessage | None]) -> Iterator[RawMessage]:
        """Hand one message over, or note that it is not given; raises what is not about it alone."""
        try:
            message = future.result()
        except SourceError as error:
            if not error.loci:
                raise
            self._loci.append(locus)
            self._first = self._first or error
            self._in_a_row += 1
            if self._in_a_row >= IN_A_ROW:
                self.tell()
            return
        self._in_a_row = 0
        if message is not None:
            yield message

    def tell(self) -> None:
        """Raise the first error, if any, in the name of all of them."""
        if self._first is not None:
            self._first.loci = tuple(self._loci)
            raise self._first


def _explained(refused: Refused, doing: str, locus: str) -> SourceError:
    """A refusal of one message. Whether it is about the mailbox shows with the next ones, but for some."""
    error = refused.explained(doing)
    if refused.status not in (403, 503):
        if isinstance(error, LoginRefused | Throttled):
            return error
        error = ProtocolFailed(str(error), hint=AGAIN, retry_after=error.retry_after)
    error.loci = (locus,)
    return error
