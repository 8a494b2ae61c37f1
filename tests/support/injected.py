"""The command with a fault of the kernel in it: strace answers a system call of choice in the kernel's place.

    run = injected(installation, "pwrite64:error=ENOSPC:when=7", "process")

Threads count their calls apart, so that one such fault may come to several threads.
"""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.e2e.conftest import Installation

CALLS: Final = (
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "unlink",
    "unlinkat",
    "sendto",
)
_STARTED: Final = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\(")


def injected(
    installation: Installation, fault: str, *arguments: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """How the command ended, and the lines in which strace says where the fault came."""
    done, log = _traced(installation, ["-e", f"inject={fault}"], fault.partition(":")[0], *arguments)
    came = [line for line in log if "(INJECTED)" in line or ("--- SIG" in line and "SIGCHLD" not in line)]
    return done, came if done.returncode != -signal.SIGKILL else [*came, "killed"]


def counted(installation: Installation, *arguments: str) -> Counter[str]:
    """How often the thread that makes each call most often makes it."""
    _, log = _traced(installation, [], ",".join(CALLS), *arguments)
    by_thread = Counter(found.group("pid", "name") for found in map(_STARTED.match, log) if found)
    most: Counter[str] = Counter()
    for (_, name), count in by_thread.items():
        most[name] = max(most[name], count)
    return most


def _traced(
    installation: Installation, options: list[str], calls: str, *arguments: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    with tempfile.NamedTemporaryFile("r", prefix="emailint-inject-", errors="replace") as log:
        command = ["strace", "-f", "-qq", "-s", "16", "-e", f"trace={calls}", *options]
        if not any("signal=" in option for option in options):
            command.append("--seccomp-bpf")  # quicker; but strace 6.1 then delivers no signals
        done = subprocess.run(
            [*command, "-o", log.name, *installation.command(*arguments)],
            cwd=installation.folder,
            env=installation.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        return done, log.read().splitlines()
