"""A transaction for `--dry-run`: it reads the ledger there is, and remembers what was decided before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from emailint.store.batch_rows import Added
    from emailint.store.ledger import Batch
    from emailint.store.records import CaseFacts, Entry, Key, Known

NO_ROW: Final = 0


@dataclass(slots=True)
class DryBatch:
    """A transaction that sees what this sweep decided before, and commits nothing."""

    batch: Batch
    made: Added
    taken: list[int]

    def find(self, key: Key) -> Known | None:
        """The row of this key, stored or only decided."""
        return self.made.known.get(key) or self.batch.find(key)

    def answered(self, fingerprint: str, *, besides: int | None = None) -> bool:
        """Whether a reply of this fingerprint is stored or decided."""
        return fingerprint in self.made.answered or self.batch.answered(fingerprint, besides=besides)

    def has_message_id(self, scope: str, message_id: str, *, before: int | None = None) -> bool:
        """Whether a stored or decided row of this scope has this Message-ID."""
        decided = (scope, message_id) in self.made.bearers
        return decided or self.batch.has_message_id(scope, message_id, before=before)

    def next_case_number(self) -> int:
        """The number that a real sweep would take, if nothing else came between."""
        self.taken.append(self.taken[-1] + 1 if self.taken else self.batch.next_case_number())
        return self.taken[-1]

    def next_follow_up_number(self, case_id: str) -> int:
        """The next follow-up number of this case."""
        return self.batch.next_follow_up_number(case_id)

    def case_facts(self, case_id: str) -> CaseFacts | None:
        """Facts of a stored case."""
        return self.batch.case_facts(case_id)

    def case_of(self, message_ids: Iterable[str]) -> str | None:
        """The stored case that one of these Message-IDs belongs to."""
        return self.batch.case_of(message_ids)

    def cases_since(self, account: str, moment: datetime) -> int:
        """How many cases of this mailbox were made since then."""
        return self.batch.cases_since(account, moment)

    def add(self, entry: Entry) -> None:
        """Remember the decision until the sweep ends."""
        self.made.note(entry, NO_ROW)

    def add_locus(self, known: Known, locus: str, account: str, folder: str | None) -> None:
        """Nothing to remember."""

    def replace(self, known: Known, entry: Entry) -> None:
        """Nothing is replaced."""

    def reread(self, known: Known, line: bytes) -> None:
        """Nothing is written."""
