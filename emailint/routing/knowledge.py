"""What decisions know besides the message: who is in the directory, and what the configuration names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.addresses import domain_of
from emailint.directory.model import NOBODY, Directory, Organisation, Workspace
from emailint.public_domains import is_public

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emailint.config.model import Alias, Config


@dataclass(frozen=True, slots=True)
class Knowledge:
    """A directory, further public mail domains, and the workspaces of the configuration's own aliases.

    Whatever asks the directory may raise DirectoryError.
    """

    directory: Directory = NOBODY
    public_domains: frozenset[str] = frozenset()
    workspaces: frozenset[Workspace] = frozenset()

    def is_public(self, domain: str) -> bool:
        """Whether anybody can have an address at this domain."""
        return is_public(domain) or domain.lower() in self.public_domains

    def has_workspace(self, workspace: Workspace) -> bool:
        """Whether somebody in the directory, or an alias, belongs to this workspace."""
        return workspace in self.workspaces or self.directory.has_workspace(workspace)

    def organisations(self, address: str, *, subdomains: bool) -> tuple[str, Sequence[Organisation]]:
        """The domain of an address and the organisations that have it; never for public domains.

        With `subdomains` the parents of the domain are asked too, the nearest first, and the domain is the
        one that was found.
        """
        domain = asked = domain_of(address)
        while asked and not self.is_public(asked):
            found = self.directory.organisations(asked)
            parent = asked.partition(".")[2]
            if found or not subdomains or "." not in parent:
                return (asked, found) if found else (domain, ())
            asked = parent
        return domain, ()

    def knows(self, address: str, alias: Alias) -> bool:
        """Whether the sender is an employee or contact, or of an organisation's domain."""
        if not address:
            return False
        return self.directory.knows(address) or bool(
            self.organisations(address, subdomains=alias.subdomains)[1]
        )


def knowledge_of(config: Config, directory: Directory = NOBODY) -> Knowledge:
    """What decisions under this configuration know."""
    aliases = (alias for integration in config.integrations for alias in integration.aliases)
    named = frozenset(alias.workspace for alias in aliases if alias.workspace is not None)
    return Knowledge(directory, config.public_domains, named)
