"""The kernel fails, or kills, a real process at its system calls; the next sweeps make it whole (I1-I10).

The command sweeps a mailbox of Dovecot and answers through an SMTP server. strace puts the fault in where
ptrace is to be had; limits of file size, which give true short writes, and full devices need nothing. With
EMAILINT_SOAK each call is tried with each fault, else one of so many. A write that lies about its length
(strace's `retval`) is only let say that it wrote nothing: more would be a kernel that loses octets silently.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import pytest

from tests.crash.scenes import MAILS, ImapScene, Tally, end_of, tally
from tests.crash.surviving import LATER, judge, mend, nothing_is_marked_too_early
from tests.e2e.conftest import Installation
from tests.support.dying import DIED, Life
from tests.support.figures import Row
from tests.support.injected import counted, injected
from tests.support.traced import need_ptrace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.crash.scenes import End
    from tests.support.dying import Dying

SOAK: Final = "EMAILINT_SOAK" in os.environ
BATCH: Final = MAILS[:-1]
"""Without the poison, which is none in a process of its own."""

CASES: Final = frozenset(f"CS-{number:06d}" for number in range(1, 6))
CHANGING: Final = ("pwrite64", "fsync", "fdatasync", "rename", "unlink")
FAULTS: Final = {
    "signal=SIGKILL": (*CHANGING, "write", "sendto"),
    "signal=SIGTERM": ("pwrite64", "fsync", "sendto"),
    "signal=SIGHUP": ("pwrite64", "fsync", "sendto"),
    "error=ENOSPC": ("pwrite64", "write", "rename"),
    "error=EIO": (*CHANGING, "write"),
    "error=EROFS": ("pwrite64", "rename", "unlink"),
    "error=ECONNRESET": ("sendto",),
    "retval=0": ("pwrite64",),
}
ENDINGS: Final = {0, 1, 70, 73, 74, 75, 128 + 1, 128 + 2, 128 + 15, -1, -9, -15}
"""130: threads count their calls apart, so that a second signal may come, which ends a sweep at once."""


def prepared(dying: Dying, imap: ImapScene) -> tuple[End, Installation]:
    """The end of an unhurt sweep over the batch."""
    config = imap.build(BATCH)
    assert dying.run("sweep", config).status == 1
    assert tally(imap) == Tally()
    return end_of(imap), Installation(imap.folder)


def points(calls: dict[str, int], fault: str) -> Iterator[tuple[str, int]]:
    """Which calls are tried."""
    every = [(name, when) for name in FAULTS[fault] for when in range(1, calls[name] + 1)]
    share = 1 if SOAK else max(1, len(every) // 3)
    return iter(every[share // 2 :: share])


def end_well(dying: Dying, imap: ImapScene, end: End, row: Row, told: str) -> None:
    """Sweep again, now and later, and compare; as one reply goes at a time, one may be in doubt."""
    row.points += 1
    before = row.unknown
    nothing_is_marked_too_early(imap, len(BATCH), told)
    mend(dying, imap, imap.folder / "integrations.yaml", told, later=LATER)
    judge(imap, end, Life(DIED, (), told, frozenset(), CASES), row, told)
    assert row.unknown - before <= 1, told


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_every_system_call(
    dying: Dying, imap: ImapScene, fault: str, figures: Callable[[Row], None]
) -> None:
    need_ptrace()
    end, installation = prepared(dying, imap)
    imap.build(BATCH)
    calls = counted(installation, "process")
    assert calls["pwrite64"] > 20
    assert calls["fdatasync"] > 5
    assert calls["sendto"] > 10
    row, came = Row(imap.name, f"system call: {fault.partition('=')[2]}"), 0
    for name, when in points(calls, fault):
        told = f"{name} {when}: {fault}"
        imap.build(BATCH)
        done, where = injected(installation, f"{name}:{fault}:when={when}", "process")
        assert done.returncode in ENDINGS, told + done.stderr
        assert "Traceback" not in done.stderr, told + done.stderr
        came += bool(where)
        end_well(dying, imap, end, row, told)
    figures(row)
    assert came > row.points // 2, "most faults came"


@pytest.mark.timeout(3600)
def test_no_file_may_grow_beyond_a_limit(
    dying: Dying, imap: ImapScene, figures: Callable[[Row], None]
) -> None:
    """RLIMIT_FSIZE, in blocks of 512 octets: writes are short, and then fail (EFBIG)."""
    end, installation = prepared(dying, imap)
    row = Row(imap.name, "file size limited (true short writes)")
    for blocks in (0, 1, 2, 8, 64, 120, 200, 300) if SOAK else (1, 64):
        imap.build(BATCH)
        done = _run(installation, ["sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh"])
        assert done.returncode in {1, 73}, done.stderr
        assert "Traceback" not in done.stderr
        end_well(dying, imap, end, row, f"{blocks} blocks")
    figures(row)


def test_nowhere_to_say_it(dying: Dying, imap: ImapScene, figures: Callable[[Row], None]) -> None:
    """Standard output and standard error are full devices: the sweep is made all the same."""
    end, installation = prepared(dying, imap)
    row = Row(imap.name, "output to /dev/full")
    for arguments in (["process"], ["process", "--json"]):
        imap.build(BATCH)
        _run(installation, ["sh", "-c", 'exec "$@" >/dev/full 2>/dev/full', "sh"], *arguments)
        assert end_of(imap) == end
        end_well(dying, imap, end, row, "/dev/full")
    assert row.unknown == 0
    figures(row)


@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_a_store_that_cannot_be_written_to(dying: Dying, imap: ImapScene, mode: int) -> None:
    """As an ordinary user, whom modes bind: nothing is touched, one line says so; then all is made."""
    with TemporaryDirectory() as name:  # pytest's own folders are closed to others
        Path(name).chmod(0o755)
        imap.folder = Path(name) / "here"
        refused_and_then_made(dying, imap, mode)


def refused_and_then_made(dying: Dying, imap: ImapScene, mode: int) -> None:
    """First with this mode of the store, and then with its own."""
    end, installation = prepared(dying, imap)
    imap.build([])
    dying.run("sweep", imap.folder / "integrations.yaml")
    assert imap.user is not None
    imap.user.deliver_many(BATCH)
    store = imap.folder / "data"
    with as_nobody(imap.folder) as prefix:
        store.chmod(mode)
        done = _run(installation, prefix)
        store.chmod(0o700)
        assert done.returncode == 73, done.stderr
        assert "Traceback" not in done.stderr
        assert len(imap.user.unread()) == len(BATCH)
        assert imap.replies() == {}
        assert (made := _run(installation, prefix)).returncode == 1, made.stderr
    assert end_of(imap) == end


class as_nobody:  # noqa: N801 - reads as what it does
    """Give a folder to the user nobody, where this is root; what to put before a command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> list[str]:
        if os.getuid() != 0:
            return []
        assert shutil.which("setpriv"), "setpriv is in util-linux"
        self._own(65534)
        return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

    def __exit__(self, *exc_info: object) -> None:
        if os.getuid() == 0:
            self._own(0)

    def _own(self, user: int) -> None:
        for path in [self.folder, *self.folder.rglob("*")]:
            os.chown(path, user, user)


def _run(installation: Installation, prefix: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, *installation.command(*(arguments or ("process",)))],
        cwd=installation.folder,
        env=installation.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
