"""Runs sweeps that die: a child is forked for each, and ends without a word at a call of choice.

As a script it imports everything once and then takes lines `CONFIG VERB POINT SIDE` on standard input. VERB
is `sweep`, `retry` (all held mail) or `adopt` (what an audit finds), POINT the number of a call (0: die
nowhere), SIDE `before` or `after`. For each it answers `STATUS CALLS`: the exit status of the child (9: it
died) and how many calls it came to.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emailint.config.load import load
from emailint.sweep.audit import AuditOptions, audit
from emailint.sweep.options import SweepOptions
from emailint.sweep.orders import Order
from emailint.sweep.retry import retry
from emailint.sweep.schedule import run_sweep

if TYPE_CHECKING:
    from collections.abc import Callable

DIED = 9
IMPORTED_ONCE = (
    "emailint.message.read",
    "emailint.outbound.folder",
    "emailint.reply.compose",
    "emailint.reply.mime",
    "emailint.sources.maildir",
)
SEAMS = {
    "emailint.store.sqlite_ledger.SqliteLedger": (
        "begin release attempt transaction place projected marked moved recover_replies sending settle"
        " postpone trouble close_errors told set_health forget"
    ),
    "emailint.store.ledger_batch.SqliteBatch": "add add_locus replace finish",
    "emailint.store.projection.Projection": "project",
    "emailint.store.attachments.AttachmentStore": "save_many",
    "emailint.store.raw_mail.RawMail": "keep remove",
    "emailint.sources.maildir.MaildirSource": "__enter__ list_unread list_received measure mark_read move",
    "emailint.outbound.folder.FolderOutbound": "send",
    "os": "fsync pwrite rename replace link unlink mkdir rmdir ftruncate",
}


class Fate:
    """Counts calls, and ends the process at one of them."""

    def __init__(self, point: int, side: str) -> None:
        self.point = point
        self.side = side
        self.calls = 0

    def watch(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            mine = self.calls == self.point
            if mine and self.side == "before":
                os._exit(DIED)
            try:
                return call(*args, **kwargs)
            finally:
                if mine:
                    os._exit(DIED)

        return watched


def main() -> None:
    """Serve until standard input ends."""
    for name in IMPORTED_ONCE:  # before the forks, and only where this runs as a script
        import_module(name)
    for line in sys.stdin:
        config, verb, point, side = line.rsplit(" ", 3)
        print(*_fork(Path(config), verb, Fate(int(point), side.strip())), flush=True)  # noqa: T201 - its answer


def _fork(config: Path, verb: str, fate: Fate) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os._exit(_live(config, verb, fate, writing))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), int(said or 0)


def _live(config: Path, verb: str, fate: Fate, writing: int) -> int:
    settings = load(config)
    for owner, names in SEAMS.items():
        target = _resolve(owner)
        for name in names.split():
            setattr(target, name, fate.watch(getattr(target, name)))
    if verb == "retry":
        trouble = bool(retry(settings, Order(held=True)).left)
    elif verb == "adopt":
        adopting = AuditOptions((), datetime.now(UTC) - timedelta(days=7), adopt=True)
        trouble = not audit(settings, adopting).accounted
    else:
        trouble = run_sweep(settings, SweepOptions(deadline=60)).trouble
    os.write(writing, str(fate.calls).encode())
    return int(trouble)


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

    def sweep(self, config: Path, point: int = 0, side: str = "before") -> tuple[int, int]:
        """One sweep in a fork of its own; its exit status and its number of calls."""
        return self.run("sweep", config, point, side)

    def run(self, verb: str, config: Path, point: int = 0, side: str = "before") -> tuple[int, int]:
        """The same for any verb."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(f"{config} {verb} {point} {side}\n")
        self._server.stdin.flush()
        status, calls = self._server.stdout.readline().split()
        return int(status), int(calls)

    def close(self) -> None:
        """End it."""
        self._server.communicate()


if __name__ == "__main__":
    main()
