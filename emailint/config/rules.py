"""Field rules of an alias, and what else a case's fields are decided by: resolved, frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import time

    from emailint.config.patterns import SenderPattern, TextPattern

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As `date.weekday` counts them."""
WORKSPACE_RULES: Final = ("token", "employee", "contact", "organisation", "alias")
"""In their usual order; `token` is `CLID=`, then `WSID=`."""


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """A time that counts neither weekends nor holidays."""

    days: int


@dataclass(frozen=True, slots=True)
class Hours:
    """From `begin` up to, and without, `end`; over midnight where `end` is not after `begin`."""

    begin: time
    end: time

    def hold(self, moment: time) -> bool:
        """Whether the time of day is among them."""
        if self.begin < self.end:
            return self.begin <= moment < self.end
        return moment >= self.begin or moment < self.end


@dataclass(frozen=True, slots=True)
class When:
    """What a mail must be for a rule: all of what is given, of each any one. Empty: whatever it is.

    `days` are numbers of `DAYS`; days and hours are those of the alias's time zone.
    """

    subject: tuple[TextPattern, ...] = ()
    body: tuple[TextPattern, ...] = ()
    sender: tuple[SenderPattern, ...] = ()
    has_attachment: bool | None = None
    kind: frozenset[str] = frozenset()
    workspace: frozenset[int | str] = frozenset()
    hours: tuple[Hours, ...] = ()
    days: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What cases of some mails get beside or in place of the alias's own fields.

    `case` holds values by the names of `CaseDefaults`, `reply` by those of `ReplySettings`; only what the
    rule sets stands there.
    """

    name: str
    when: When = When()
    case: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    reply: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
