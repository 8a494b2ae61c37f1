"""Which secrets of a configuration are known before anybody connects, and texts without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emailint.config.secrets import GivenSecret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emailint.config.model import Config

SHORTEST_SECRET: Final = 4
"""Shorter texts are no passwords, and hiding them would make ordinary words unreadable."""


def secrets_of(config: Config) -> Iterator[str]:
    """The passwords that stand in the file or its environment; files and commands are read on connecting."""
    if isinstance(config.heartbeat, GivenSecret):
        yield config.heartbeat.text.disclose()
    for integration in config.integrations:
        sign_in = integration.sign_in
        by_oauth = (
            (sign_in.client_secret, sign_in.certificate_password, sign_in.refresh_token) if sign_in else ()
        )
        for source in (integration.password, integration.outbound.password, *by_oauth):
            if isinstance(source, GivenSecret):
                yield source.text.disclose()


def hidden(config: Config, text: str) -> str:
    """The text with each of these secrets replaced by `***`, the longest first."""
    for secret in sorted(secrets_of(config), key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text
