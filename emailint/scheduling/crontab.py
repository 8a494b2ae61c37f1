"""A line of the user's crontab: printed, put in, taken out; other lines stay as they are, octet for octet."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING, Final

from emailint.errors import EmailintError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from emailint.scheduling.job import Job

MARK: Final = "# emailint schedule"
"""Ends a line of ours. To the shell that cron starts it is a comment."""

_SECONDS: Final = 30.0


def line(job: Job) -> str:
    """Each minute, found without a PATH. `%` is a line end to cron unless it is escaped (crontab(5))."""
    return f"* * * * *  {_escaped(job.arguments)}  {MARK}"


def with_line(crontab: bytes, job: Job) -> bytes:
    """The crontab with our line: in the place of one for the same configuration, else at the end."""
    ours = os.fsencode(line(job)) + b"\n"
    lines = crontab.splitlines(keepends=True)
    at = [number for number, each in enumerate(lines) if _is_ours(each, job.config)]
    kept = [each for number, each in enumerate(lines) if number not in at[1:]]
    if at:
        kept[at[0]] = ours
        return b"".join(kept)
    ending = b"\n" if crontab and not crontab.endswith(b"\n") else b""
    return crontab + ending + ours


def without_line(crontab: bytes, config: Path) -> bytes:
    """The crontab without our line for this configuration."""
    return b"".join(each for each in crontab.splitlines(keepends=True) if not _is_ours(each, config))


def names_a_reader(crontab: bytes) -> bool:
    """Whether a MAILTO says who gets what cron has to tell."""
    return any(each.lstrip().startswith(b"MAILTO") for each in crontab.splitlines())


def read() -> bytes:
    """The user's crontab; empty where there is none. Raises EmailintError."""
    done = _run(["-l"])
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode(errors="replace")
    if "no crontab" in said.lower() or "no such file" in said.lower():
        return b""
    raise EmailintError(f"the crontab cannot be read: {_first(said)}; nothing was changed", hint=_HINT)


def write(crontab: bytes) -> None:
    """Put this crontab in the place of the user's. Raises EmailintError where it is not taken as it is."""
    done = _run(["-"], crontab)
    if done.returncode != 0:
        said = _first(done.stderr.decode(errors="replace"))
        raise EmailintError(f"the crontab was refused: {said}; the old one stays", hint=_HINT)
    if read() != crontab:
        raise EmailintError("the crontab is not what was written", hint="look at it: crontab -l")


_HINT: Final = "try `crontab -l` by hand; /etc/cron.allow and cron.deny say who may have one"


def _is_ours(text: bytes, config: Path) -> bool:
    ending = os.fsencode(f" {_escaped(('-c', str(config), 'process'))}  {MARK}")
    return text.rstrip().endswith(ending)


def _escaped(words: tuple[str, ...]) -> str:
    return shlex.join(words).replace("%", "\\%")


def _run(arguments: list[str], given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["crontab", *arguments],
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            env={**os.environ, "LC_ALL": "C"},  # what it says of an empty one is looked at
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise UsageError(
            "there is no crontab command on this machine; nothing was changed",
            hint="install cron, or use a timer: emailint schedule --systemd",
        ) from None
    except subprocess.TimeoutExpired:
        raise EmailintError(f"crontab was not done within {_SECONDS:g} s", hint=_HINT) from None


def _first(text: str) -> str:
    return next((each.strip() for each in text.splitlines() if each.strip()), "it said nothing")
