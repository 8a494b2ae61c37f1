"""Names that a list is asked for: an empty list is no answer to one that is misspelt."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from emailint import errors
from emailint.errors import EmailintError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from emailint.config.model import Config


def require_integration(name: str | None, config: Config, stored: Iterable[str | None]) -> None:
    """Raise UsageError for an integration that neither the configuration nor the store knows.

    The store is looked at last, and only as far as needed: it may know one that was removed or renamed.
    """
    _require(name, "integration", [integration.name for integration in config.integrations], stored)


def require_kind(name: str | None, known: Collection[str], stored: Iterable[str | None]) -> None:
    """Raise UsageError for a kind that is neither one of ours nor in the store."""
    _require(name, "kind", known, stored)


def error_kinds() -> list[str]:
    """All kinds of errors."""
    kinds: set[str] = set()
    waiting: list[type[EmailintError]] = [EmailintError]
    while waiting:
        found = [each for each in waiting.pop().__subclasses__() if each.__module__ == errors.__name__]
        kinds.update(each("").kind for each in found)
        waiting += found
    return sorted(kinds)


def _require(name: str | None, what: str, known: Collection[str], stored: Iterable[str | None]) -> None:
    if name is None or name in known or name in stored:
        return
    near = difflib.get_close_matches(name, known, n=1)
    raise UsageError(
        f"there is no {what} {name!r}, and nothing of it in the store",
        hint=f"did you mean {near[0]}?" if near else f"there are: {', '.join(known) or 'none'}",
    )
