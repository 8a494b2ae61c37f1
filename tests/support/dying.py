"""Runs sweeps that die: a child is forked for each, and ends without a word at a call of choice.

As a script it imports everything once and then takes an `Order` as a line of JSON on standard input, again
and again. For each it answers a line of JSON: what `Life` holds.

Mail with `POISON` in it kills every process that reads it; here it is only said to.
"""

from __future__ import annotations

import errno
import functools
import json
import os
import re
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emailint.config.load import load
from emailint.errors import EmailintError, MessageError
from emailint.message.read import read_message
from emailint.sweep.audit import AuditOptions, audit
from emailint.sweep.clock import SystemClock
from emailint.sweep.options import SweepOptions
from emailint.sweep.orders import Order
from emailint.sweep.retry import retry
from emailint.sweep.schedule import run_sweep
from tests.support.plain_loop import plain_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from emailint.config.model import Config

DIED = 9
POISON = b"X-Poison"
SEAMS: Final = {
    "emailint.store.lock.RunLock": "acquire",
    "emailint.store.sqlite_ledger.SqliteLedger": (
        "begin release attempt transaction place projected marked moved recover_replies sending settle"
        " postpone trouble close_errors told set_health forget note_error called call_failed"
    ),
    "emailint.store.ledger_batch.SqliteBatch": "add add_locus replace finish",
    "emailint.store.projection.Projection": "project",
    "emailint.store.attachments.AttachmentStore": "save_many",
    "emailint.store.raw_mail.RawMail": "keep remove",
    "emailint.sweep.mailbox": "fetch read read_alone quarantined",
    "emailint.sweep.command": "run",
    "emailint.message.child": "read_in_child",
    "emailint.message.parallel.Parallel": "__init__ begin results close",
    "emailint.sources.maildir.MaildirSource": "__enter__ list_unread list_received measure mark_read move",
    "emailint.sources.imap.ImapSource": "__enter__ list_unread measure mark_read move",
    "emailint.sources.graph.GraphSource": "__enter__ list_unread measure mark_read move",
    "emailint.graph_client.client.GraphClient": "request",
    "emailint.outbound.folder.FolderOutbound": "send",
    "emailint.outbound.smtp.SmtpOutbound": "send",
    "emailint.outbound.session.Session": "reach exchange command hand_over last_word",
    "emailint.outbound.graph.GraphOutbound": "send was_sent",
    "os": "fsync pwrite write rename replace link unlink mkdir rmdir ftruncate",
}
"""The ports, the ledger's verbs, the steps between them, and what is asked of the disk by this program."""

IMPORTED_ONCE: Final = (
    *(name.rpartition(".")[0] for name in SEAMS if "." in name and name != "emailint.sweep.mailbox"),
    "emailint.message.child",
    "emailint.message.read",
    "emailint.reply.compose",
    "emailint.reply.mime",
    "emailint.sweep.sign_in",
    "emailint.sweep.taking",
    "emailint.sweep.mailbox",
)
DEATHS: Final = ("before", "after")
ERRORS: Final = ("ENOSPC", "EIO", "EROFS")
FAULTS: Final = (*DEATHS, *ERRORS, "short")
"""Death before or after a call; an error in place of a call to the disk; half of a write, and death."""

_KNOWN: Final = re.compile(r"(cases|followups|errors)\.jsonl|attachments|hold|quarantine|\.unfinished|outbox")


@dataclass(frozen=True)
class Doom:
    """What is to be run, and what is to happen to it.

    `verb` is `sweep`, `beside` (a sweep that reads in processes beside it, as with much mail), `retry` (all
    held mail), `adopt` (what an audit finds) or `plain` (the control, see `plain_loop`). `at` is the number
    of a call (0: nothing happens), or the first call whose name matches this pattern; `fault` one of
    `FAULTS`; `minutes` how far the clock is ahead.
    """

    verb: str
    config: str
    at: int | str = 0
    fault: str = "before"
    minutes: int = 0


@dataclass(frozen=True)
class Life:
    """How a run went: exit status (`DIED`), its calls, where the fault came, and replies then under way.

    `begun`: case ids of replies certainly committed as `sending` and not settled when it died; `perhaps`:
    those that may be, because a commit was being made.
    """

    status: int
    calls: tuple[str, ...]
    at: str
    begun: frozenset[str]
    perhaps: frozenset[str]


class Fate:
    """Counts calls, and lets a fault happen at one of them."""

    def __init__(self, doom: Doom, pipe: int) -> None:
        self.point = doom.at
        self.fault = doom.fault
        self.pipe = pipe
        self.calls: list[str] = []
        self.at = ""
        self.begun: set[str] = set()
        self.perhaps: set[str] = set()
        self._lock = threading.RLock()

    def watch(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def watched(*args: Any, **kwargs: Any) -> Any:
            mine = self.enter(name, args, kwargs)
            if mine and self.fault == "short" and name in {"os.pwrite", "os.write"}:
                call(args[0], bytes(args[1])[: len(args[1]) // 2], *args[2:])
            if mine and self.fault not in {"after", *ERRORS}:
                self.die()
            if mine and self.fault in ERRORS and name.startswith("os."):
                number = getattr(errno, self.fault)
                raise OSError(number, os.strerror(number))
            returned = False
            try:
                value = call(*args, **kwargs)
                returned = True
                return value
            finally:
                self.leave(name, args, returned=returned)
                if mine and self.fault == "after":
                    self.die()

        return watched

    def enter(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Count a call; True where the fault is due."""
        with self._lock:
            self.calls.append(name + _where(name, args, kwargs))
            mine = not self.at and self.due()
            if mine:
                self.at = self.calls[-1]
                if self.fault in {"before", "short"}:
                    self._lock.acquire()  # for good: no other thread begins anything now
                    return mine
            if name == "SqliteLedger.sending":
                self.perhaps.add(args[1].case_id)
            elif name in {"SqliteLedger.settle", "SqliteLedger.postpone"}:
                self.begun.discard(args[1].case_id)
            return mine

    def due(self) -> bool:
        """Whether the last call is the one."""
        if isinstance(self.point, str):
            return fnmatchcase(self.calls[-1], self.point)
        return len(self.calls) == self.point

    def leave(self, name: str, args: tuple[Any, ...], *, returned: bool) -> None:
        """A call has ended."""
        with self._lock:
            if name == "SqliteLedger.sending":
                (self.begun.add if returned else self.perhaps.discard)(args[1].case_id)
            elif name in {"SqliteLedger.settle", "SqliteLedger.postpone"} and returned:
                self.perhaps.discard(args[1].case_id)

    def die(self) -> None:
        """No clean-up of any kind, like SIGKILL; what was known until then goes through the pipe."""
        self._lock.acquire()
        self.tell()
        os._exit(DIED)

    def tell(self) -> None:
        """Say how it went."""
        said = {
            "calls": self.calls,
            "at": self.at,
            "begun": sorted(self.begun),
            "perhaps": sorted(self.perhaps),
        }
        with os.fdopen(self.pipe, "w", closefd=False) as pipe:
            json.dump(said, pipe)


def _where(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """What part of the store a call to the disk is about, where that is one of the known."""
    if name == "GraphClient.request":
        return f" {args[1]} {re.sub(r'[A-Za-z0-9_=-]{20,}|[^/]+@[^/]+', '*', str(args[2]).partition('?')[0])}"
    if not name.startswith("os.") or not args:
        return ""
    about = kwargs.get("dst_dir_fd", kwargs.get("dir_fd", args[0]))
    path = str(Path(f"/proc/self/fd/{about}").readlink()) if isinstance(about, int) else str(about)
    found = "/".join(each[0] for each in _KNOWN.finditer(path))
    return f" {found}" if found else ""


def main() -> None:
    """Serve until standard input ends."""
    for name in IMPORTED_ONCE:  # before the forks, and only where this runs as a script
        import_module(name)
    for line in sys.stdin:
        print(_fork(Doom(**json.loads(line))), flush=True)  # noqa: T201 - its answer


def _fork(doom: Doom) -> str:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        status = 70
        try:
            status = _live(doom, Fate(doom, writing))
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = json.loads(pipe.read() or "{}")
    return json.dumps(said | {"status": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])})


def _live(doom: Doom, fate: Fate) -> int:
    settings = load(Path(doom.config))
    _poison()
    for owner, names in SEAMS.items():
        target = _resolve(owner)
        for name in names.split():
            label = f"{owner.rpartition('.')[2]}.{name}"
            setattr(target, name, fate.watch(label, getattr(target, name)))
    try:
        trouble = _run(settings, doom.verb, Ahead(doom.minutes))
    except (EmailintError, OSError):
        trouble = True
    fate.tell()
    return int(trouble)


class Ahead(SystemClock):
    """The system's clock, so many minutes ahead."""

    def __init__(self, minutes: int) -> None:
        self._by = timedelta(minutes=minutes)

    def now(self) -> datetime:
        return super().now() + self._by


def _run(settings: Config, verb: str, clock: Ahead) -> bool:
    """One run of the verb; True where something is left to be told."""
    match verb:
        case "plain":
            plain_loop(settings)
            return False
        case "retry":
            return bool(retry(settings, Order(held=True)).left)
        case "adopt":
            adopting = AuditOptions((), datetime.now(UTC) - timedelta(days=7), adopt=True)
            return not audit(settings, adopting).accounted
        case "beside":
            readers = import_module("emailint.sweep.readers")
            setattr(readers, "MANY", 3)  # noqa: B010 - a module of no known type
            os.cpu_count = lambda: 2
            return _run(settings, "sweep", clock)
        case _:
            result = run_sweep(settings, SweepOptions(deadline=60, terminal=True), clock=clock)
            assert all(each.counts.balanced for each in result.integrations), result  # I10
            return result.trouble


def _poison() -> None:
    """Reading poison fails; a suspect is read here, as real children cost more than all the rest."""

    def killed(raw: bytes, settings: Any, *_more: Any) -> Any:
        if POISON in raw:
            raise MessageError("reading the mail was ended by signal 9")
        return read_message(raw, settings)

    import emailint.message as room  # noqa: PLC0415 - the room whose names are replaced
    from emailint.message import child  # noqa: PLC0415 - as above

    for owner, name in ((child, "read_in_child"), (room, "read_message")):
        setattr(owner, name, killed)


def _resolve(name: str) -> Any:
    if name in sys.modules:
        return sys.modules[name]
    module, _, attribute = name.rpartition(".")
    return getattr(sys.modules[module], attribute)


class Dying:
    """The script as a test uses it."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.dying"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def run(
        self, verb: str, config: Path, at: int | str = 0, fault: str = "before", *, minutes: int = 0
    ) -> Life:
        """One run in a fork of its own."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        doom = Doom(verb, str(config), at, fault, minutes)
        self._server.stdin.write(json.dumps(asdict(doom)) + "\n")
        self._server.stdin.flush()
        said = json.loads(self._server.stdout.readline())
        return Life(
            said["status"],
            tuple(said.get("calls", ())),
            said.get("at", ""),
            frozenset(said.get("begun", ())),
            frozenset(said.get("perhaps", ())),
        )

    def close(self) -> None:
        """End it."""
        self._server.communicate()


if __name__ == "__main__":
    main()
