"""Messages brought over IMAP: many in one command, and one by one where the server refuses that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emailint.errors import ProtocolFailed
from emailint.sources.imap_errors import GONE, Refused
from emailint.sources.imap_response import parse_fetch, uid_sets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from contextlib import AbstractContextManager

    from emailint.sources.imap_wire import Wire

MOST_REFUSED = 3
"""So many messages refused one after another are not the messages' trouble."""


class Reading:
    """Bodies over one connection; `edge` lets nothing but SourceErrors out."""

    def __init__(self, wire: Wire, edge: Callable[..., AbstractContextManager[None]]) -> None:
        self._wire = wire
        self._edge = edge

    def read(
        self, uids: Collection[int], limit: int, *, headers_only: bool, refused: dict[int, Refused]
    ) -> Iterator[tuple[int, bytes]]:
        """UID and octets of `BODY.PEEK[]` of those that are still there; it never marks.

        `limit` is how many octets a message may have; of headers, that many at most are asked for.
        A message that the server refuses does not keep the others back: they are asked for one by one, the
        refusals are put into `refused`, and the first is raised at the end; at once where MOST_REFUSED come
        one after another.
        """
        item = f"BODY.PEEK[HEADER]<0.{limit}>" if headers_only else "BODY.PEEK[]"
        for text, members in uid_sets(uids):
            left = set(members)
            refusal_of_all: dict[int, Refused] = {}
            for uid, octets in self._read(text, members, item, limit, refusal_of_all):
                if uid in left:
                    left.discard(uid)
                    yield uid, octets
            if len(members) == 1:
                refused |= refusal_of_all
            elif refusal_of_all:
                yield from self._one_by_one(sorted(left), item, limit, refused)
        with self._edge("reading mail", ProtocolFailed, "all mail that the server gives was read"):
            for refusal_of_one in refused.values():
                raise refusal_of_one

    def _one_by_one(
        self, uids: Sequence[int], item: str, limit: int, refused: dict[int, Refused]
    ) -> Iterator[tuple[int, bytes]]:
        in_a_row = 0
        for uid in uids:
            before = len(refused)
            yield from self._read(str(uid), [uid], item, limit, refused)
            in_a_row = in_a_row + 1 if len(refused) > before else 0
            if in_a_row >= MOST_REFUSED:
                with self._edge("reading mail", ProtocolFailed):
                    raise refused[uid]

    def _read(
        self, text: str, uids: Sequence[int], item: str, limit: int, refused: dict[int, Refused]
    ) -> Iterator[tuple[int, bytes]]:
        """What comes of these; a refusal is put under the first of them."""
        count = len(uids)
        with self._edge("reading mail", ProtocolFailed):
            try:
                for response in self._wire.fetch_each(text, f"(UID {item})", literals=count, literal=limit):
                    found = parse_fetch(response)
                    if found.uid is not None and found.body is not None:
                        yield found.uid, found.body
                    del response, found  # the next message may be as large
            except Refused as answer:
                if answer.answer.busy:
                    raise
                if answer.answer.code not in GONE:
                    refused[uids[0]] = answer
