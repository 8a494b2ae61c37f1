"""Which workspace a case belongs to; every rule that was tried has its say in the trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.case import Trace

if TYPE_CHECKING:
    from emailint.config.model import Alias


@dataclass(frozen=True, slots=True)
class Workspace:
    """The workspace, the rule that gave it, and the rules tried on the way."""

    value: int | str | None
    rule: str | None
    trace: tuple[Trace, ...]


def find_workspace(alias: Alias) -> Workspace:
    """The first rule that answers: the alias's own workspace is the last of them."""
    if alias.workspace is None:
        return Workspace(None, None, (Trace("alias", "alias names no workspace"),))
    rule = "always_use_default_workspace" if alias.always_use_default_workspace else "alias"
    return Workspace(alias.workspace, rule, (Trace(rule, alias.workspace),))
