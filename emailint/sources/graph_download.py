"""Messages brought from Exchange Online: MIME by `$value`, two at a time, each in its own trouble."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from emailint.errors import ConnectionFailed, LoginRefused, ProtocolFailed
from emailint.graph_client.answers import AGAIN, Refused
from emailint.graph_client.limits import A_MAILBOX
from emailint.sources.graph_messages import HEADERS, header_block
from emailint.sources.protocol import RawMessage

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from concurrent.futures import Future

    from emailint.errors import SourceError
    from emailint.graph_client.client import GraphClient
    from emailint.sources.graph import GraphSourceSettings
    from emailint.sources.protocol import MessageRef

_ABOUT_THE_MAILBOX: Final = frozenset({401, 403, 429, 503})


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
        error. A message that turns out larger than `max_message` comes without its body.
        """
        failure: SourceError | None = None
        read = self._headers if headers_only else self._whole
        with ThreadPoolExecutor(A_MAILBOX, "graph") as pool:
            waiting: list[Future[RawMessage | None]] = []
            try:
                for ref, identity in wanted:
                    waiting.append(pool.submit(read, ref, identity))
                    if len(waiting) >= A_MAILBOX:
                        failure = yield from _handed_over(waiting.pop(0), failure)
                while waiting:
                    failure = yield from _handed_over(waiting.pop(0), failure)
            finally:
                for future in waiting:
                    future.cancel()
        if failure is not None:
            raise failure

    def _whole(self, ref: MessageRef, identity: str) -> RawMessage | None:
        client = self._client
        try:
            answer = client.request(
                "GET",
                client.message(identity, "$value"),
                headers={"Accept": "*/*"},
                limit=self._settings.max_message,
            )
        except Refused as refused:
            if refused.gone:
                return None
            raise _of_one_mail(refused, f"{self._where}: reading a mail") from None
        if not answer.whole:
            return self._headers(ref, identity)
        return RawMessage(ref, answer.content)

    def _headers(self, ref: MessageRef, identity: str) -> RawMessage | None:
        client = self._client
        try:
            message = client.get(client.message(identity), {"$select": HEADERS})
        except Refused as refused:
            if refused.gone:
                return None
            raise _of_one_mail(refused, f"{self._where}: reading the headers of a mail") from None
        return RawMessage(ref, header_block(message, self._settings.max_header), whole=False)


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
