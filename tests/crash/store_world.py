"""A whole run over the store with a mailbox and an outbox of its own, to be killed at any of its calls.

The mailbox and the outbox are files beside the store, so that they outlive the process that dies.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from emailint.errors import StoreError
from emailint.message.model import Attachment
from emailint.store import RunLock, Store, open_store
from emailint.store.ledger_batch import SqliteBatch
from emailint.store.records import Disposition, Entry, Journal, Key, NewReply, Reply, ReplyState
from emailint.store.sqlite_ledger import SqliteLedger
from tests.unit.store.making import ACCOUNT, NOW, case_id, line, locus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emailint.store.ledger import Batch

DIED = 77
FULL = int(StoreError.exit_code)
BATCH = 3

MESSAGES: dict[int, tuple[str, str]] = {
    1: ("case", "one"),
    2: ("case", "two"),
    3: ("case", "one"),  # the twin of 1
    4: ("follow_up", "four"),  # of 1
    5: ("ignored", "five"),
    6: ("held", "six"),
    7: ("quarantined", "seven"),
    8: ("withheld", "eight"),
}
MOVED = {1, 2, 3, 8}

Undo = list[tuple[Any, str, Any]]
"""What was replaced: owner, name, the real function."""


class World:
    """Mailbox and outbox: message → read, folder; reply id → how often it was delivered."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            self._save({"mail": {str(n): [False, "INBOX"] for n in MESSAGES}, "out": {}})

    def state(self) -> dict[str, Any]:
        """Everything, as it is now."""
        state: dict[str, Any] = json.loads(self.path.read_text())
        return state

    def unread(self) -> list[int]:
        """Unread messages of the inbox."""
        mail = self.state()["mail"].items()
        return [int(n) for n, (read, folder) in mail if not read and folder == "INBOX"]

    def mark_read(self, numbers: list[int]) -> None:
        """One command."""
        state = self.state()
        for n in numbers:
            state["mail"][str(n)][0] = True
        self._save(state)

    def move(self, numbers: list[int], folder: str) -> None:
        """One command; those that were moved before are passed over."""
        state = self.state()
        for n in numbers:
            state["mail"][str(n)][1] = folder
        self._save(state)

    def deliver(self, message_id: str) -> None:
        """One more copy of a reply is in somebody's mailbox."""
        state = self.state()
        state["out"][message_id] = state["out"].get(message_id, 0) + 1
        self._save(state)

    def _save(self, state: dict[str, Any]) -> None:
        aside = self.path.with_suffix(".new")
        aside.write_text(json.dumps(state))
        aside.replace(self.path)


@dataclass
class Calls:
    """Counts the calls of a run, and lets something happen at one of them."""

    at: int = 0
    happen: Callable[[], None] = lambda: None
    count: int = 0

    def tick(self) -> None:
        """One call is about to be made."""
        self.count += 1
        if self.count == self.at:
            self.happen()

    def watch(self, owner: Any, *names: str) -> Undo:
        """Count the calls of these functions; returns what `unwatch` needs."""
        undo = []
        for name in names:
            real = getattr(owner, name)

            def counted(*given: Any, real: Any = real, **named: Any) -> Any:
                self.tick()
                return real(*given, **named)

            undo.append((owner, name, real))
            setattr(owner, name, counted)
        return undo


DISK = ("pwrite", "fsync", "rename", "mkdir", "link", "unlink", "chmod", "fchmod")
LEDGER = ("begin", "place", "projected", "marked", "moved", "recover_replies", "sending", "settle")
REMOTE = ("mark_read", "move", "deliver")


def unwatch(undo: Undo) -> None:
    """Put the real functions back."""
    for owner, name, real in undo:
        setattr(owner, name, real)


def run(folder: Path, world: World) -> None:
    """One sweep: the steps, what is new in batches, the steps after each, the replies."""
    with RunLock(folder).acquire(["payroll"], "c", 0.0), open_store(folder, reserve=0) as store:
        store.ledger.recover_replies()
        steps(store, world)
        done = store.ledger.done([locus(n) for n in MESSAGES])
        fresh = [n for n in world.unread() if locus(n) not in done]
        suspects = store.ledger.suspects([locus(n) for n in fresh])
        ordinary = [n for n in fresh if locus(n) not in suspects]
        alone = [[n] for n in fresh if locus(n) in suspects]
        for batch in [*alone, *(ordinary[at : at + BATCH] for at in range(0, len(ordinary), BATCH))]:
            take(store, batch)
            steps(store, world)


def take(store: Store, numbers: list[int]) -> None:
    """From in flight to the commit."""
    store.ledger.begin([locus(n) for n in numbers])
    for n in numbers:
        if MESSAGES[n][0] in {"held", "quarantined"}:
            kept = store.hold if MESSAGES[n][0] == "held" else store.quarantine
            kept.keep(key(n), f"raw {n}".encode())
    attachments = {
        key(n): [Attachment(f"{n}.pdf", "application/pdf", b"%d" % n)] for n in numbers if n % 2 == 0
    }
    store.attachments.save_many(attachments)
    with store.ledger.transaction() as batch:
        for n in numbers:
            known = batch.find(key(n))
            if known is not None:
                batch.add_locus(known, locus(n), ACCOUNT, "Done" if n in MOVED else None)
            else:
                batch.add(entry(n, batch))


def entry(n: int, batch: Batch) -> Entry:
    """What is made of message `n`; numbers are taken from the batch."""
    kind = MESSAGES[n][0]
    bare = Entry(
        key=key(n),
        disposition=Disposition.CASE if kind == "withheld" else Disposition(kind),
        integration="payroll",
        account=ACCOUNT,
        locus=locus(n),
        created_at=NOW,
        message_id=f"<{n}@example.com>",
        folder="Done" if n in MOVED else None,
    )
    if kind in {"ignored", "held"}:
        return bare
    if kind == "follow_up":
        number = batch.next_follow_up_number(case_id(1))
        content = b'{"schema":1,"case_id":"CS-000001","followup_id":"CS-000001-%d"}\n' % number
        return replace(bare, case_id=case_id(1), journal=Journal.FOLLOW_UPS, line=content)
    number = batch.next_case_number()
    state = ReplyState.PENDING if kind == "case" else ReplyState.WITHHELD
    reply = NewReply(f"<{case_id(number)}@host>", f"p{n}@example.com", state, None, "payroll@host", NOW)
    content = line(number, subject=f"mail {n}" * 50)
    return replace(bare, case_id=case_id(number), journal=Journal.CASES, line=content, reply=reply)


def key(n: int) -> Key:
    """Messages with the same text are the same message."""
    return Key(ACCOUNT, f"1:{sha256(MESSAGES[n][1].encode()).hexdigest()}")


def steps(store: Store, world: World) -> None:
    """Project, mark, move, send."""
    store.project()
    unmarked = store.ledger.unmarked(ACCOUNT)
    if unmarked:
        world.mark_read([number_of(place) for place in unmarked])
        store.ledger.marked(unmarked)
    moves = store.ledger.unmoved(ACCOUNT)
    if moves:
        world.move([number_of(move.locus) for move in moves], "Done")
        store.ledger.moved({move.locus: f"{move.locus}, moved" for move in moves})
    for reply in store.ledger.due_replies(NOW):
        store.ledger.sending(reply, NOW)
        world.deliver(reply.message_id)
        store.ledger.settle(reply, ReplyState.SENT)


def number_of(place: str) -> int:
    """The message at a locus."""
    return int(place.rpartition("=")[2])


def watch_all(calls: Calls, world: World) -> Undo:
    """Count the calls to disk, ledger, mailbox and outbox."""
    return [
        *calls.watch(os, *DISK),
        *calls.watch(SqliteLedger, *LEDGER),
        *calls.watch(SqliteBatch, "add", "finish"),
        *calls.watch(world, *REMOTE),
    ]


def watch_disk(calls: Calls, _world: World) -> Undo:
    """Count the calls to the disk alone."""
    return calls.watch(os, *DISK)


def run_in_child(folder: Path, world: World, before: Callable[[], object] = lambda: None) -> int:
    """One run in a process of its own; returns how that ended (negative: by this signal)."""
    child = os.fork()
    if child == 0:
        status = 70
        with suppress(BaseException):
            try:
                before()
                run(folder, world)
                status = 0
            except StoreError:
                status = FULL
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die() -> None:
    """No clean-up of any kind, like SIGKILL."""
    os._exit(DIED)


def fail(code: int) -> Callable[[], None]:
    """A call that ends with this error."""

    def failing() -> None:
        raise OSError(code, os.strerror(code))

    return failing


def end_state(folder: Path, world: World) -> dict[str, Any]:
    """What is the same however often a run died: files, mailbox, ledger; not which replies are in doubt."""
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in {"lock", "ledger.db", "secret.key"}
    }
    with open_store(folder, reserve=0) as store:
        ledger = store.ledger
        waiting = (
            ledger.unprojected(),
            ledger.unmarked(ACCOUNT),
            ledger.unmoved(ACCOUNT),
            replies(ledger)[0],
        )
        rows = ledger._database._connection.execute("SELECT fingerprint, disposition, case_id FROM message")
        in_flight = ledger._database._connection.execute("SELECT count(*) FROM in_flight").fetchone()
        return {
            "files": files,
            "mail": world.state()["mail"],
            "waiting": waiting,
            "rows": rows.fetchall(),
            "in_flight": in_flight,
        }


def replies(ledger: SqliteLedger) -> tuple[list[Reply], dict[str, str]]:
    """What is still due, and the state of each reply that is not withheld."""
    rows = ledger._database._connection.execute(
        "SELECT message_id, state FROM reply WHERE state <> 'withheld'"
    ).fetchall()
    return list(ledger.due_replies(NOW)), dict(rows)


def check(folder: Path, world: World, undisturbed: dict[str, Any], told: str) -> int:
    """Compare with the undisturbed end; returns how many replies are in doubt."""
    assert end_state(folder, world) == undisturbed, told
    delivered = world.state()["out"]
    with open_store(folder, reserve=0) as store:
        states = replies(store.ledger)[1]
    assert set(states) == {f"<{case_id(n)}@host>" for n in (1, 2)}, told
    for message_id, state in states.items():
        copies = delivered.get(message_id, 0)
        assert state in {"sent", "unknown"}, told
        assert copies == 1 if state == "sent" else copies <= 1, told
    return sum(state == "unknown" for state in states.values())
