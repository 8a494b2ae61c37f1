"""What must hold of a month at any moment, and when it is over."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from emailint.store.records import Key
from emailint.store.upkeep.verify import verify
from tests.support.letters import POISON, fingerprint_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.month import Month

ATTEMPTS: Final = 3
PAUSE: Final = timedelta(minutes=66)  # longer than any
SCOPE: Final = "payroll@example.org"


@dataclass
class Invariants:
    """Those of one month.

    `written` are marks of mail of which a line was once seen, as some are pruned; `early` of what was marked
    read too early.
    """

    month: Month
    written: set[str] = field(default_factory=set)
    early: set[str] = field(default_factory=set)

    def note_lines(self) -> None:
        """Remember what was written, before some of it is pruned."""
        for _, line in self.month.stored.lines():
            self.written.add(line["message"]["fingerprint"])

    def note_marking(self, loci: Sequence[str]) -> None:
        """Look at what is about to be marked; a sweep that is told would take it for the server's trouble."""
        marked = {fingerprint_of(raw) for locus in loci if (raw := self.month.box.raw_of(locus)) is not None}
        self.note_lines()
        dispositions = dict(self.month.stored.rows("SELECT fingerprint, disposition FROM message"))
        self.early |= {mark for mark in marked if not self._durable(mark, dispositions.get(mark))}

    def _durable(self, mark: str, disposition: str | None) -> bool:
        if disposition in {"case", "follow_up", "quarantined"}:
            return mark in self.written
        return self._kept("hold", mark) if disposition == "held" else disposition is not None

    def check(self) -> None:
        """I1, I2, I3 and I5, at any moment."""
        stored, month = self.month.stored, self.month
        assert self.early == set(), "I1: marked before it was durable"
        self._lines()
        twice = "SELECT scope, fingerprint FROM message GROUP BY 1, 2 HAVING count(*) > 1"
        assert stored.rows(twice) == [], "I2: one mail, two rows"
        for message_id, times in month.outbound.handed.items():
            assert times <= 1 + month.orders[message_id], "I3: handed over twice"
        answered = "SELECT fingerprint FROM reply WHERE state = 'sent' GROUP BY 1 HAVING count(*) > 1"
        assert stored.rows(answered) == [], "I3: two replies to one mail"
        unknown = {case_id for case_id, _ in stored.replies("unknown")}
        assert unknown <= month.fate.doubted, "unknown, and nothing happened to it"

    def _lines(self) -> None:
        """Each case has one line, in order, and each mail too."""
        last: dict[str, str] = {}
        cases: Counter[str] = Counter()
        marks: Counter[str] = Counter()
        for name, line in self.month.stored.lines():
            if name.startswith("cases."):
                assert last.get(name, "") < line["case_id"], "I2: not in order"
                last[name] = line["case_id"]
                cases[line["case_id"]] += 1
            if line.get("matched_by") != "reread":
                marks[line["message"]["fingerprint"]] += 1
        assert set(cases.values()) <= {1}, "I2: a case twice"
        assert set(marks.values()) <= {1}, "I2: one mail, two lines"

    def quiet(self) -> None:
        """I4, I8, I9: without any more trouble, all comes to its end within two sweeps."""
        self.month.calm()
        for _ in range(2):
            self._well()
        self._nothing_left()
        for _ in range(ATTEMPTS):  # so often is poison read before it is put aside
            self._well()
        for _ in range(ATTEMPTS):  # and so often again where a person has read it
            self.month.adopt()
        self._well()
        self._books()
        self._nothing_open()
        self._nothing_new()
        self._still_answers()

    def _well(self) -> None:
        """A sweep that nothing disturbs, after every pause is over."""
        self.month.passes(PAUSE)
        result = self.month.sweep()
        assert result is not None
        assert all(each.error is None for each in result.integrations), f"a mailbox that stays ill: {result}"
        self.check()

    def _nothing_left(self) -> None:
        """I9."""
        waiting = [item.raw for item in self.month.box.inbox() if not item.seen and POISON not in item.raw]
        left = [raw for raw in waiting if fingerprint_of(raw) not in self._known()]
        assert left == [], "I9: left after two sweeps"

    def _known(self) -> set[str]:
        return {str(mark) for (mark,) in self.month.stored.rows("SELECT fingerprint FROM message")}

    def _kept(self, part: str, mark: str) -> bool:
        return self.month.stored.kept(part, Key(SCOPE, mark))

    def _books(self) -> None:
        """Each delivered mail is exactly once somewhere."""
        stored, known = self.month.stored, self._known()
        assert known <= set(self.month.delivered), "a mail that nobody sent"
        lost = {fingerprint_of(raw) for raw in self.month.box.everywhere()} - known
        assert lost == set(), "lost"
        self.note_lines()
        lines = stored.rows("SELECT fingerprint FROM message WHERE disposition IN ('case', 'follow_up')")
        assert {str(mark) for (mark,) in lines} <= self.written, "I2: a row and no line"
        kept = stored.rows(
            "SELECT disposition, fingerprint FROM message JOIN kept USING (row) WHERE settled = 0"
        )
        for disposition, mark in kept:
            assert self._kept("hold" if disposition == "held" else "quarantine", str(mark)), "not kept"
        found = verify(stored.folder).findings
        assert found.grave == 0, found.kept

    def _nothing_open(self) -> None:
        """I4, and no error is open of what is over."""
        stored = self.month.stored
        states = {str(state) for (state,) in stored.rows("SELECT state FROM reply")}
        assert states <= {"sent", "withheld", "failed", "unknown"}, f"I4: {states}"
        troubles = [error.trouble for error in self.month.world.open_errors()]
        listed = {trouble.case_id for trouble in troubles} | self.month.dismissed
        for state in ("failed", "unknown"):
            assert {case_id for case_id, _ in stored.replies(state)} <= listed, "I4: not listed"
        kinds = {trouble.kind for trouble in troubles if trouble.scope != "message"}
        assert kinds <= {"replies_stopped"}, f"still open: {kinds}"

    def _nothing_new(self) -> None:
        """I8."""
        before = self._all()
        self.month.passes(timedelta(minutes=1))
        self.month.sweep()
        after = self._all()
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        assert changed == set(), f"I8: {changed}"

    def _all(self) -> dict[str, object]:
        flags = [(item.raw, item.seen) for item in self.month.box.inbox()]
        return {"flags": flags, "effects": self.month.effects, **self.month.stored.contents()}

    def _still_answers(self) -> None:
        """Whatever the clock was, whoever was answered before is answered again a day later."""
        sender = Counter(self.month.outbound.recipients).most_common(1)
        chosen = int(sender[0][0][1]) if sender else 0
        answered = []
        for _ in range(2):  # the breaker may have stopped replies until the first
            before = len(self.month.outbound.ids)
            self.month.passes(timedelta(hours=25))
            self.month.arrive("person", chosen)
            self.month.sweep()
            answered.append(len(self.month.outbound.ids) - before)
        assert answered[-1] == 1, "blocked for ever"
