"""The port through which replies leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from emailint.outgoing import OutgoingMail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from emailint.probe import Step

__all__ = ["Begin", "Clearing", "Outbound", "OutgoingMail", "Traceable"]


class Begin(Protocol):
    """What an outbound calls when handing over begins; it may say by what the mail is found again."""

    def __call__(self, token: str | None = None, message_id: str | None = None) -> None:
        """Commit that it begins. `token`: the outbound's own name of the mail (a draft's id).

        `message_id`: the Message-ID that the server gives it, where that may not be ours.
        """
        ...


@runtime_checkable
class Traceable(Protocol):
    """An outbound that can say later what became of a mail."""

    def was_sent(self, token: str, message_id: str, *, take_back: bool = False) -> bool | None:
        """Whether the mail went out whose token `begin` was given, and which we call `message_id`.

        False: it did not, and now never will; that is only said where it may be taken back. None: nobody can
        tell now. Raises OutboundError where nobody could be asked.
        """
        ...


@runtime_checkable
class Clearing(Protocol):
    """An outbound that can remove the copy that its server files of each mail it has sent."""

    def clear_away(self, token: str, message_id: str) -> bool:
        """Remove that copy for good, if it bears our `message_id`; harmless to repeat.

        False: it is not filed yet. Raises OutboundError.
        """
        ...


class Outbound(Protocol):
    """A server or place that takes replies; one connection between `__enter__` and `__exit__`.

    Connecting is lazy and again after a lost connection.
    """

    def __enter__(self) -> Self:
        """Nothing is connected yet."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close; never raises."""
        ...

    def send(self, mail: OutgoingMail, begin: Begin) -> None:
        """Hand over one mail; when it returns, the other side has taken responsibility for it.

        `begin` is called once, immediately before the first octet that may cause delivery (DATA for
        SMTP); what it commits is durable before that octet leaves. An exception of `begin` passes through,
        and nothing was sent.

        Raises OutboundUnavailable (nothing delivered, may be repeated: any failure before `begin`, or an
        explicit 4xx after it), OutboundRefused (explicit 5xx), OutcomeUnknown (no answer after `begin`; an
        OutcomePending where `Traceable.was_sent` may tell later).
        """
        ...

    def test(self, send_to: str | None = None) -> Iterator[Step]:
        """Connection test, step by step; sends one mail only when `send_to` is given."""
        ...
