"""A directory file as checked rows; what cannot be taken becomes a problem with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emailint.config.problems import Problem
from emailint.directory.columns import Refused, parse
from emailint.directory.formats import Unreadable, cells_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emailint.directory.columns import OrganisationRow, PersonRow

MOST_PROBLEMS: Final = 100
"""So many are told of one file; nothing is read after them."""


class Reading:
    """Reads one file once. `problems` is complete when the rows have been taken to their end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def rows(self) -> Iterator[tuple[int, PersonRow | OrganisationRow]]:
        """Line and row of all that can be taken. Never raises for what the file is or holds."""
        empty = True
        try:
            for line, cells in cells_of(self.path):
                empty = False
                try:
                    if isinstance(cells, Refused):
                        raise cells
                    yield line, parse(cells)
                except Refused as refused:
                    self._tell(line, refused.column, refused.what, refused.cure)
                if len(self.problems) >= MOST_PROBLEMS:
                    return
        except Unreadable as wrong:
            self._tell(wrong.line, "(file)", wrong.what, wrong.cure)
        except OSError as error:
            cure = "check `directory:`, and whether this user may read the file"
            self._tell(0, "(file)", f"cannot be read: {error.strerror}", cure)
        if empty and not self.problems:
            self._tell(0, "(file)", "holds nobody", "fill it, or take `directory:` out")

    def _tell(self, line: int, place: str, what: str, cure: str) -> None:
        self.problems.append(Problem(str(self.path), line, place, what, cure))
