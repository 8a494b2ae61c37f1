"""The steps project, mark and move: what is still to be done, and that it is done."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from emailint.store.ledger_part import LedgerPart
from emailint.store.records import Journal, JournalEnd, Line, Move
from emailint.store.schema import read_text, stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


LINES_AT_ONCE = 1_000
OCTETS_AT_ONCE = 16_000_000

_UNMARKED = (
    "SELECT locus FROM locus INDEXED BY locus_unmarked WHERE account = ? AND marked = 0"
    " AND NOT EXISTS (SELECT 1 FROM line WHERE line.row = locus.row AND line.projected = 0) ORDER BY row"
)
_ANY_UNMARKED = "SELECT 1 FROM locus INDEXED BY locus_unmarked WHERE marked = 0 LIMIT 1"
_ANY_UNMOVED = "SELECT 1 FROM locus INDEXED BY locus_unmoved WHERE folder IS NOT NULL LIMIT 1"


class StepVerbs(LedgerPart):
    """The states of lines and loci."""

    def unprojected(self) -> Sequence[Line]:
        """The first lines (bounded in number and octets) not yet known durable, in order."""
        self._database.refuse_within("writing lines")
        return self._database.unless_none("unprojected", self._unprojected)

    def _unprojected(self) -> list[Line]:
        lines: list[Line] = []
        octets = 0
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT id, journal, content, file, offset FROM line INDEXED BY line_unprojected"
                " WHERE projected = 0 ORDER BY id LIMIT ?",
                (LINES_AT_ONCE,),
            )
            for row, journal, content, file, offset in rows:
                lines.append(Line(row, Journal(journal), content, file, offset))
                octets += len(content)
                if octets >= OCTETS_AT_ONCE:
                    break
            rows.close()
        return lines

    def place(self, lines: Sequence[Line]) -> None:
        """Record file and offset of each line, before the bytes are written."""
        if lines:
            with self._database.writing() as connection:
                connection.executemany(
                    "UPDATE line SET file = ?, offset = ? WHERE id = ?",
                    [(line.file, line.offset, line.row) for line in lines],
                )

    def projected(self, lines: Sequence[Line]) -> None:
        """These lines are durable in their file."""
        ends = {
            line.journal: (line.journal, line.file, line.offset + len(line.content))
            for line in lines
            if line.offset is not None
        }
        if lines:
            with self._database.noting() as connection:
                connection.executemany(
                    "UPDATE line SET projected = 1 WHERE id = ?", [(line.row,) for line in lines]
                )
                connection.executemany("INSERT OR REPLACE INTO journal VALUES (?, ?, ?)", ends.values())

    def end_of(self, journal: Journal) -> JournalEnd | None:
        """Where the last line that is known durable ends."""
        with self._database.reading() as connection:
            query = 'SELECT file, "end" FROM journal WHERE name = ?'
            row = connection.execute(query, (journal,)).fetchone()
        return JournalEnd(row[0], row[1]) if row else None

    def unmarked(self, account: str) -> Sequence[str]:
        """Loci of this mailbox whose message is projected (or makes no line) and not yet marked read."""
        if not self._any(_ANY_UNMARKED):
            return []
        return [read_text(locus) for (locus,) in self._database.rows(_UNMARKED, account)]

    def marked(self, loci: Sequence[str]) -> None:
        """The server has confirmed that these are read (or they are gone)."""
        if loci:
            with self._database.noting() as connection:
                connection.executemany(
                    "UPDATE locus SET marked = 1 WHERE locus = ? AND marked = 0",
                    [(stored(locus),) for locus in loci],
                )

    def unmoved(self, account: str) -> Sequence[Move]:
        """Marked messages of this mailbox that are still to be moved."""
        query = (
            "SELECT locus, folder FROM locus INDEXED BY locus_unmoved"
            " WHERE account = ? AND folder IS NOT NULL AND marked = 1 ORDER BY row"
        )
        if not self._any(_ANY_UNMOVED):
            return []
        return [Move(read_text(locus), folder) for locus, folder in self._database.rows(query, account)]

    def _any(self, query: str) -> bool:
        """Whether anything waits in whatever mailbox: one look for thousands of them."""
        return bool(self._database.unless_none(query, partial(self._database.rows, query)))

    def moved(self, places: Mapping[str, str | None]) -> None:
        """Old locus → new locus (None: unknown or gone). The new one counts as done and marked."""
        if not places:
            return
        with self._database.writing() as connection:
            connection.executemany(
                "INSERT INTO locus (locus, row, account, marked)"
                " SELECT ?, row, account, 1 FROM locus WHERE locus = ?"
                " ON CONFLICT (locus) DO UPDATE SET marked = 1, folder = NULL",
                [(stored(new), stored(old)) for old, new in places.items() if new is not None],
            )
            connection.executemany(
                "UPDATE locus SET folder = NULL WHERE locus = ?", [(stored(old),) for old in places]
            )
