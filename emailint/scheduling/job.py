"""What is to be run each minute, and by which names it knows its own again."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from emailint.config.model import Config


@dataclass(frozen=True, slots=True)
class Job:
    """`command` starts emailint, by a whole path; `config` is the whole path of the configuration.

    A sweep writes to the folders `writable`; those of them that are ours (the store, an outbox) are `own`.
    `privileged`: it starts programs that need rights of their own (sendmail's queue), which a service must
    not take away. `seconds` is the sweep's deadline.
    """

    command: tuple[str, ...]
    config: Path
    own: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    privileged: bool = False
    seconds: float = 50.0

    def __post_init__(self) -> None:
        for text in (*self.command, str(self.config), *map(str, self.writable)):
            if any(character < " " or character == "\x7f" for character in text):
                raise UsageError(
                    f"{text!r} holds a control character, which no crontab or unit can", hint="rename it"
                )

    @property
    def arguments(self) -> tuple[str, ...]:
        """One sweep."""
        return (*self.command, "-c", str(self.config), "process")


def job_of(config: Config, command: tuple[str, ...]) -> Job:
    """The sweeps of one configuration."""
    swept = [each for each in config.integrations if each.enabled]
    own = {config.store, *(each.outbound.path for each in swept if each.outbound.path)}
    maildirs = {each.path for each in swept if each.path}
    return Job(
        command=command,
        config=config.path,
        own=tuple(sorted(own)),
        writable=tuple(sorted(own | maildirs)),
        privileged=any(each.outbound.type == "sendmail" for each in swept),
        seconds=config.deadline,
    )


def difference(before: str, after: str, name: str) -> Iterable[str]:
    """What changes in a file, as lines of a unified diff; empty where nothing does."""
    lines = before.splitlines(), after.splitlines()
    return difflib.unified_diff(*lines, fromfile=name, tofile=f"{name} (new)", lineterm="", n=2)
