"""Who is known, as rules ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

Workspace = int | str
"""All digits: a number; anything else a name. As in the configuration."""


@dataclass(frozen=True, slots=True)
class Person:
    """An employee of a client, or a contact at one. `changed_at` is None where the file does not say."""

    id: str
    name: str
    workspace: Workspace
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Organisation:
    """A client, and the workspace of mail from its domains."""

    id: str
    name: str
    workspace: Workspace


class Directory(Protocol):
    """What rules may ask. Addresses and domains are compared without case.

    Every verb may raise DirectoryError when there is nothing to look in; it is never empty by mistake.
    """

    def employees(self, address: str) -> Sequence[Person]:
        """All employees with this work or private address, the one changed last first.

        Of equal changes the one that stands later in the file comes first.
        """
        ...

    def contacts(self, address: str) -> Sequence[Person]:
        """All contacts with this address, in the same order."""
        ...

    def organisations(self, domain: str) -> Sequence[Organisation]:
        """All organisations with exactly this mail domain, in the order of the file."""
        ...

    def clients(self, number: str) -> Sequence[Organisation]:
        """All organisations with this client number (their id where they have none), in the same order."""
        ...

    def has_workspace(self, workspace: Workspace) -> bool:
        """Whether anybody belongs to this workspace."""
        ...

    def knows(self, address: str) -> bool:
        """Whether an employee or a contact has this address."""
        ...


class Nobody:
    """The directory of those who have none."""

    def employees(self, address: str) -> Sequence[Person]:  # noqa: ARG002 - a verb of the port
        """None."""
        return ()

    def contacts(self, address: str) -> Sequence[Person]:  # noqa: ARG002 - a verb of the port
        """None."""
        return ()

    def organisations(self, domain: str) -> Sequence[Organisation]:  # noqa: ARG002 - a verb of the port
        """None."""
        return ()

    def clients(self, number: str) -> Sequence[Organisation]:  # noqa: ARG002 - a verb of the port
        """None."""
        return ()

    def has_workspace(self, workspace: Workspace) -> bool:  # noqa: ARG002 - a verb of the port
        """No."""
        return False

    def knows(self, address: str) -> bool:  # noqa: ARG002 - a verb of the port
        """No."""
        return False


NOBODY: Final = Nobody()
