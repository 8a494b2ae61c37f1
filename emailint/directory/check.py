"""What `emailint check` says of a directory file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.config.problems import Problem
from emailint.directory.columns import CONTACT, PersonRow
from emailint.directory.reading import Reading
from emailint.public_domains import is_public

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOST_NOTICES = 100


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file holds, what makes it useless (`problems`), and what has no effect (`notices`)."""

    employees: int
    contacts: int
    organisations: int
    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...]


def check(path: Path, public: Callable[[str], bool] = is_public) -> Inspection:
    """Read the whole file, without touching any index. `public` tells public mail domains. Never raises."""
    reading = Reading(path)
    counts = [0, 0, 0]
    notices: list[Problem] = []
    for line, row in reading.rows():
        if isinstance(row, PersonRow):
            counts[1 if row.kind == CONTACT else 0] += 1
            continue
        counts[2] += 1
        for domain in row.domains:
            if public(domain) and len(notices) < MOST_NOTICES:
                what = f"{domain} is a public mail domain, which never says where its mail belongs"
                notices.append(Problem(str(path), line, "domains", what, "list these people as contacts"))
    employees, contacts, organisations = counts
    return Inspection(employees, contacts, organisations, tuple(reading.problems), tuple(notices))
