"""Messages and aliases for tests of routing, with nothing in them but what a test is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emailint.message.model import Address, InboundMessage

if TYPE_CHECKING:
    from collections.abc import Mapping


def addresses(*found: str) -> tuple[Address, ...]:
    """`ann@example.com` or `Ann Lee <ann@example.com>`, as they stand."""
    return tuple(_address(each) for each in found)


def _address(text: str) -> Address:
    name, angle, rest = text.partition("<")
    return Address(name.strip(), rest.removesuffix(">")) if angle else Address("", text)


def message(sender: str = "ann@client.example", **given: Any) -> InboundMessage:
    """A mail of one sender; `to` and `recipients` are addresses in short."""
    to: Mapping[str, tuple[str, ...]] = given.pop(
        "recipients", {"To": (given.pop("to", "desk@example.org"),)}
    )
    values: dict[str, Any] = {
        "fingerprint": "1:00",
        "raw_sha256": "00",
        "size": 100,
        "senders": addresses(sender) if sender else (),
        "recipients": {header: addresses(*found) for header, found in to.items()},
    }
    return InboundMessage(**(values | given))
