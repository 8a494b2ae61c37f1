"""`outbound: none`: replies leave nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from emailint.errors import OutboundRefused
from emailint.probe import Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emailint.outbound.protocol import OutgoingMail


class NoOutbound:
    """An `Outbound` that takes nothing. No reply is decided for such an integration."""

    def __enter__(self) -> Self:
        """Nothing is connected."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Nothing is closed."""

    def send(self, mail: OutgoingMail, begin: Callable[[], None]) -> None:  # noqa: ARG002 - the verb of the port
        """Raises OutboundRefused."""
        raise OutboundRefused(
            f"reply {mail.message_id} has no way out: the integration says outbound: none",
            hint="give the integration an outbound",
        )

    def test(self, send_to: str | None = None) -> Iterator[Step]:
        """One step, skipped, or failed when a mail was asked for."""
        if send_to is None:
            yield Step("outbound", Outcome.SKIPPED, "none is configured; nobody is answered")
        else:
            yield Step("outbound", Outcome.FAILED, "none is configured", "give the integration an outbound")
