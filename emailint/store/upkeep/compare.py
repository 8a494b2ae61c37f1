"""One journal against the ledger: which lines of the files are ours, which are not, and which are missing.

Linear where all is well, one look-up for each line that is not; a bit for each line of the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from emailint.store.upkeep import siblings
from emailint.store.upkeep.comparing import Expected, Known
from emailint.store.upkeep.parsed import names, number, record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from emailint.store.records import Journal
    from emailint.store.upkeep.comparing import ComparingVerbs, Listed
    from emailint.store.upkeep.siblings import Sibling


class Fault(StrEnum):
    """What is wrong with a line of a file."""

    FOREIGN = "foreign_line"
    TORN = "torn_line"
    CHANGED = "changed_line"
    NO_ROW = "line_without_row"
    PRUNED = "pruned_line"
    TWICE = "line_twice"
    ORDER = "line_out_of_order"


_FAULTS = {Known.NO_ROW: Fault.NO_ROW, Known.CHANGED: Fault.CHANGED, Known.PRUNED: Fault.PRUNED}


@dataclass(frozen=True, slots=True)
class Odd:
    """A line that does not stand where it should; `number` is that of the line in its file."""

    file: str
    number: int
    fault: Fault
    content: bytes

    @property
    def case_id(self) -> str | None:
        """The case that it names."""
        named = names(self.content)
        return named.case_id if named else None


@dataclass(slots=True)
class FileSeen:
    """A file that was read. `well`: it holds nothing but lines of ours, the next ones, each once.


    `last` is the last line of the ledger in it.
    """

    sibling: Sibling
    lines: int = 0
    well: bool = True
    last: int = 0


class Bits:
    """A set of small whole numbers."""

    def __init__(self) -> None:
        self._octets = bytearray()

    def __contains__(self, at: int) -> bool:
        return at >> 3 < len(self._octets) and bool(self._octets[at >> 3] >> (at & 7) & 1)

    def add(self, at: int) -> None:
        """Put it in."""
        if at >> 3 >= len(self._octets):
            self._octets.extend(bytes((at >> 3) + 1024 - len(self._octets)))
        self._octets[at >> 3] |= 1 << (at & 7)


class Comparison:
    """Reads the files once (`odd_lines`), then knows what is missing and which files are well."""

    def __init__(
        self,
        ledger: ComparingVerbs,
        folder: Path,
        journal: Journal,
        known_sizes: Mapping[int, int] | None = None,
    ) -> None:
        """`known_sizes`: of each inode, before the ledger was read; odd lines beyond belong to a sweep."""
        self.files: list[FileSeen] = []
        self.seen = Bits()
        self._ledger = ledger
        self._folder = folder
        self._journal = journal
        self._sizes = known_sizes
        self._next: Expected | None = None
        self._coming: Iterator[Expected] = iter(())
        self._last = 0

    def odd_lines(self) -> Iterator[Odd]:
        """What is wrong with the lines of the files, file by file."""
        self._go_behind(0)
        for sibling in self._in_order():
            seen = FileSeen(sibling)
            self.files.append(seen)
            yield from self._file(seen)

    def missing(self) -> Iterator[tuple[int, Listed]]:
        """Lines of the ledger that stand in no file, each with its place among all. Ask when all are read."""
        listed = enumerate(self._ledger.listed(self._journal))
        return ((place, each) for place, each in listed if each.line_id not in self.seen)

    def _file(self, seen: FileSeen) -> Iterator[Odd]:
        offset = 0
        known = None if self._sizes is None else self._sizes.get(seen.sibling.inode, 0)
        for line_number, line in enumerate(siblings.lines(self._folder, seen.sibling), 1):
            fault = self._judge(line, seen)
            if fault is None:
                seen.lines += 1
            elif known is None or seen.sibling.packed or offset < known:
                seen.well &= fault is Fault.NO_ROW  # its row can be made of it
                yield Odd(seen.sibling.name, line_number, fault, line)
            offset += len(line)

    def _judge(self, line: bytes, seen: FileSeen) -> Fault | None:
        coming = self._next
        if coming is not None and coming.content == line:
            self._take(coming.line_id, seen)
            self._next = next(self._coming, None)
            return None
        return self._look_up(line, seen)

    def _look_up(self, line: bytes, seen: FileSeen) -> Fault | None:
        """A line that is not the next one."""
        if not line.endswith(b"\n"):
            return Fault.TORN
        named = names(line)
        if named is None:
            return Fault.FOREIGN
        found = self._ledger.find_line(self._journal, named, line)
        if isinstance(found, Known):
            is_ours = found is not Known.NO_ROW or record(line, self._journal) is not None
            return _FAULTS[found] if is_ours else Fault.FOREIGN
        if found in self.seen:
            return Fault.TWICE
        out_of_order = found < self._last
        self._take(found, seen)
        if out_of_order:
            return Fault.ORDER
        seen.well = False  # something is missing before it
        self._go_behind(found)
        return None

    def _take(self, line_id: int, seen: FileSeen) -> None:
        self.seen.add(line_id)
        self._last = seen.last = max(self._last, line_id)

    def _go_behind(self, line_id: int) -> None:
        self._coming = self._ledger.expected(self._journal, line_id)
        self._next = next(self._coming, None)

    def _in_order(self) -> list[Sibling]:
        """By what their first lines are to the ledger; else by their case numbers and moments."""
        found = siblings.siblings(self._folder, self._journal)
        ranks = {each.name: self._rank(each) for each in found}
        return sorted(found, key=lambda each: ranks[each.name])

    def _rank(self, sibling: Sibling) -> tuple[int, int, str]:
        for count, line in enumerate(siblings.lines(self._folder, sibling)):
            named = names(line)
            if named is not None:
                found = self._ledger.find_line(self._journal, named, line)
                if not isinstance(found, Known):
                    return 0, found, ""
                said = record(line, self._journal)
                if said is not None:
                    by_number = 0 if named.followup_id else number(named.case_id) or 0
                    return 1, by_number, str(said["created_at"])
            if count == _LOOKED_AT:
                break
        return 2, 0, sibling.name


_LOOKED_AT = 100
