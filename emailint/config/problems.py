"""What is wrong with a configuration, in the form in which people are told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emailint.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

Location = tuple[str | int, ...]
"""Where a value stands in the document: keys and positions in lists."""

_CREDENTIALS: Final = re.compile(r"(//[^/\s:@]*:)\S+(?=@)")
"""The userinfo of an address (RFC 3986 section 3.2.1): its password is not for the mail that cron sends."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` counts from 1, and is 0 where no single line is to blame.

    A password in an address (`https://user:password@host`) is masked.
    """

    file: str
    line: int
    path: str
    what: str
    cure: str

    def __post_init__(self) -> None:
        for name in ("what", "cure"):
            object.__setattr__(self, name, _CREDENTIALS.sub(r"\1***", getattr(self, name)))

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}  {self.path}  {self.what}; {self.cure}"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong at a location; `about` are the locations that it is drawn from, if others."""

    location: Location
    what: str
    cure: str
    about: tuple[Location, ...] = ()


class Spoiled:
    """Locations that have been complained of already, so that nothing is said twice."""

    def __init__(self) -> None:
        self._marked: set[Location] = set()
        self._above: set[Location] = set()

    def mark(self, location: Location) -> None:
        """What stands at, above and below this location cannot be judged any more."""
        self._marked.add(location)
        self._above.update(location[:end] for end in range(len(location)))

    def touches(self, location: Location) -> bool:
        """Whether something at, above or below this location is marked."""
        if location in self._above:
            return True
        return any(location[:end] in self._marked for end in range(len(location) + 1))


class ConfigProblems(ConfigError):
    """The configuration is wrong; `problems` holds everything that was found, in the order of the lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line)))
        more = len(self.problems) - 1
        rest = f" (and {more} more problem{'s' if more > 1 else ''})" if more else ""
        super().__init__(f"{self.problems[0]}{rest}", hint="nothing was touched; run: emailint check")


def keys_at(place: Location, *names: str) -> tuple[Location, ...]:
    """The locations of some keys of one mapping."""
    return tuple((*place, name) for name in names)


class Wrong(ValueError):
    """A value that its grammar refuses: `what` goes on from the quoted value, `cure` says what to do."""

    def __init__(self, what: str, cure: str) -> None:
        super().__init__(what)
        self.what = what
        self.cure = cure


class Unset(Wrong):
    """A variable that is named and not set."""


def path_of(location: Location) -> str:
    """`integrations[0].aliases[1].workspace`; the whole file is `(file)`. Always one line."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_shown(part)}" for part in location)
    return text.removeprefix(".") or "(file)"


def _shown(key: str) -> str:
    return key if key.isprintable() and len(key) <= 60 else repr(key[:60])
