"""Messages and aliases for tests of routing, with nothing in them but what a test is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emailint.message.model import Address, InboundMessage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emailint.directory.model import Organisation, Person


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


@dataclass(slots=True)
class People:
    """A directory in memory: address or domain to what stands there. It counts what it is asked."""

    employed: Mapping[str, Sequence[Person]] = field(default_factory=dict)
    contact: Mapping[str, Sequence[Person]] = field(default_factory=dict)
    domains: Mapping[str, Sequence[Organisation]] = field(default_factory=dict)
    numbers: Mapping[str, Sequence[Organisation]] = field(default_factory=dict)
    workspaces: frozenset[int | str] = frozenset()
    asked: list[str] = field(default_factory=list)

    def employees(self, address: str) -> Sequence[Person]:
        """As `Directory.employees`."""
        self.asked.append("employees")
        return self.employed.get(address.lower(), ())

    def contacts(self, address: str) -> Sequence[Person]:
        """As `Directory.contacts`."""
        self.asked.append("contacts")
        return self.contact.get(address.lower(), ())

    def organisations(self, domain: str) -> Sequence[Organisation]:
        """As `Directory.organisations`."""
        self.asked.append(f"organisations {domain}")
        return self.domains.get(domain.lower(), ())

    def clients(self, number: str) -> Sequence[Organisation]:
        """As `Directory.clients`."""
        return self.numbers.get(number, ())

    def has_workspace(self, workspace: int | str) -> bool:
        """As `Directory.has_workspace`."""
        return workspace in self.workspaces

    def knows(self, address: str) -> bool:
        """As `Directory.knows`."""
        return address.lower() in self.employed or address.lower() in self.contact
