"""What `store rebuild` would do, said before it does it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emailint.store.errors_log import NAME as ERRORS
from emailint.store.lock import read_lock
from emailint.store.records import Journal
from emailint.store.upkeep import siblings
from emailint.store.upkeep.compare import Comparison, Fault
from emailint.store.upkeep.comparing import LedgerState, ledger_state
from emailint.store.upkeep.ledger import UpkeepLedger
from emailint.store.upkeep.parsed import record
from emailint.store.upkeep.verify_files import attached_records, extra_files, octet_findings, strays
from emailint.store.upkeep.verify_lines import is_error_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from emailint.store.upkeep.compare import FileSeen
    from emailint.store.upkeep.restored import Mailboxes


@dataclass(frozen=True, slots=True)
class JournalPlan:
    """Which files of a journal stay and which go aside, and from which line on it is written again.

    `lines`: how many are not where they should be; `faults` why files go.
    """

    journal: Journal
    keep: tuple[str, ...] = ()
    go: tuple[str, ...] = ()
    after: int = 0
    lines: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def idle(self) -> bool:
        """Whether all is well with it."""
        return not self.go and not self.lines


@dataclass(frozen=True, slots=True)
class Plan:
    """What is amiss, and so what is to be done.

    `add`: lines whose rows the ledger lacks. `changed`: lines whose case another line is. `nameless`:
    integrations of such lines of which no mailbox is known, with a locus of each. `loose`: things in the
    folders of the store that no row names. `gone`: rows that wait for octets that are gone.
    `unknown_replies`: so many more were begun than a sound ledger knows of.
    """

    state: LedgerState
    why: str
    add: int
    changed: int
    journals: tuple[JournalPlan, ...]
    nameless: dict[str, str]
    loose: int
    gone: int
    bad_errors: tuple[str, ...]
    unknown_replies: int = 0

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self.steps()

    def steps(self) -> list[str]:
        """Each step as a sentence, in the order in which they are done."""
        return [*self._ledger_steps(), *self._line_steps(), *self._other_steps()]

    def _ledger_steps(self) -> list[str]:
        if self.state is LedgerState.MISSING and not self.add and not self.loose:
            return []
        rows = f"{self.add} line{'' if self.add == 1 else 's'} of the JSON lines"
        unsent = "replies of which it is not known that they went out are noted as unknown, and never sent"
        if self.state is LedgerState.SOUND:
            if self.add:
                return [
                    f"the ledger is older than the JSON lines: rows are added to it from {rows}; {unsent}"
                ]
            if self.unknown_replies:
                return [f"the ledger is older than {self.unknown_replies} replies that were begun; {unsent}"]
            return []
        damaged = f"the ledger is {self.state} ({self.why})"
        return [f"{damaged}: it is made anew from {rows} and what is kept of waiting mail; {unsent}"]

    def _line_steps(self) -> list[str]:
        steps = []
        for each in self.journals:
            if each.go:
                names = ", ".join(each.go)
                why = ", ".join(f"{count} {fault}" for fault, count in sorted(each.faults.items()))
                steps.append(
                    f"{names} {'goes' if len(each.go) == 1 else 'go'} aside ({why or 'lines are missing'});"
                    f" {each.journal} is written anew from the ledger"
                )
            elif each.lines:
                steps.append(f"{each.lines} lines that are missing are written to {each.journal}")
        return steps

    def _other_steps(self) -> list[str]:
        steps = []
        if self.loose:
            steps.append(
                f"attachments/, hold/ and quarantine/ hold {self.loose} more than rows name: mail of ours is"
                " held, the rest goes aside"
            )
        if self.gone:
            steps.append(f"{self.gone} rows that wait for mail which is gone: they wait no more")
        steps += [f"{name}: lines that tell of no error go aside" for name in self.bad_errors]
        return steps


def survey(folder: Path, mailboxes: Mailboxes) -> Plan:
    """Read everything and change nothing. Raises StoreError where something cannot be read at all."""
    state, why = ledger_state(folder)
    nameless: dict[str, str] = {}
    counts: Counter[Fault] = Counter()
    sound = state is LedgerState.SOUND
    with UpkeepLedger.open(folder, read_only=True) if sound else UpkeepLedger.empty() as ledger:
        plans = tuple(
            _survey_journal(ledger, folder, journal, mailboxes, nameless, counts) for journal in Journal
        )
        loose = _loose(ledger, folder) if sound else _kept_octets(folder)
        gone = sum(1 for _ in octet_findings(ledger, folder))
        begun = max(0, read_lock(folder).replies_begun - ledger.replies_begun()) if sound else 0
    bad = tuple(each.name for each in siblings.siblings(folder, ERRORS) if has_bad_lines(folder, each))
    add, changed = counts[Fault.NO_ROW], counts[Fault.CHANGED]
    return Plan(state, why, add, changed, plans, nameless, loose, gone, bad, begun)


def _survey_journal(
    ledger: UpkeepLedger,
    folder: Path,
    journal: Journal,
    mailboxes: Mailboxes,
    nameless: dict[str, str],
    counts: Counter[Fault],
) -> JournalPlan:
    comparison = Comparison(ledger, folder, journal)
    faults: Counter[str] = Counter()
    for odd in comparison.odd_lines():
        counts[odd.fault] += 1
        if odd.fault is not Fault.NO_ROW:
            faults[odd.fault.value] += 1
            continue
        said = record(odd.content, journal)
        if said is not None:
            name, locus = str(said["integration"]), str(said["message"]["locus"])
            if mailboxes.find(name, locus) is None:
                nameless.setdefault(name, locus)
    return journal_plan(journal, comparison.files, sum(1 for _ in comparison.missing()), faults)


def journal_plan(
    journal: Journal, files: Sequence[FileSeen], missing: int, faults: Counter[str]
) -> JournalPlan:
    """Files stay as long as they are well and in order; the current one only as the last of them."""
    keep: list[FileSeen] = []
    for seen in files:
        if not seen.well or (keep and keep[-1].sibling.name == journal):
            break
        keep.append(seen)
    if len(keep) < len(files) and keep and keep[-1].sibling.name == journal:
        keep.pop()
    go = files[len(keep) :]
    lines = missing + sum(seen.lines for seen in go)
    return JournalPlan(
        journal,
        tuple(seen.sibling.name for seen in keep),
        tuple(seen.sibling.name for seen in go),
        keep[-1].last if keep else 0,
        lines,
        faults,
    )


def has_bad_lines(folder: Path, sibling: siblings.Sibling) -> bool:
    """Whether there is a line in it that tells of no error."""
    return any(line != b"\n" and not is_error_line(line) for line in siblings.lines(folder, sibling))


def _loose(ledger: UpkeepLedger, folder: Path) -> int:
    count = sum(1 for _ in strays(ledger, folder, float("inf"), old=-1.0))
    return count + sum(1 for _, each in attached_records(ledger) for _ in extra_files(folder, each))


def _kept_octets(folder: Path) -> int:
    return sum(1 for name in ("hold", "quarantine") for _ in (folder / name).glob("*.eml"))
