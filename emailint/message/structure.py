"""The tree of parts of a message (RFC 2046)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emailint.message import transfer
from emailint.message.headers import Headers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Part:
    """One part; the root part is the message itself and has its headers.

    `content_type` is in lower case, as read (a missing one is text/plain, or message/rfc822 in a digest).
    `params` are those of Content-Type, names in lower case. `disposition` is in lower case, None without
    the header. `filename` is the sender's, decoded, as data. `content_id` has no angle brackets.
    `encoding` is the transfer encoding in lower case, "" for none. `encoded` are the bytes as they stand.
    """

    content_type: str
    headers: Headers = field(default_factory=Headers)
    params: Mapping[str, str] = field(default_factory=dict)
    disposition: str | None = None
    filename: str | None = None
    content_id: str | None = None
    encoding: str = ""
    encoded: bytes = b""
    children: tuple[Part, ...] = ()
    depth: int = 0

    @property
    def body(self) -> bytes:
        """The bytes without transfer encoding; decoded anew at each call. Empty for a multipart."""
        return transfer.decode(self.encoded, self.encoding)

    @property
    def is_multipart(self) -> bool:
        """Whether it holds other parts."""
        return bool(self.children)

    def walk(self) -> Iterator[Part]:
        """This part and all below it, in the order of the mail."""
        yield self
        for child in self.children:
            yield from child.walk()
