"""The units on disk, and `systemctl`."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emailint.errors import EmailintError, UsageError
from emailint.scheduling.units import MARK, Account, is_for, service, timer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emailint.scheduling.job import Job

_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Units:
    """A service and a timer of one name, in the folder where the account's units are."""

    job: Job
    account: Account
    name: str
    folder: Path

    @property
    def wanted(self) -> dict[Path, str]:
        """The two files."""
        return {
            self.folder / f"{self.name}.service": service(self.job, self.account),
            self.folder / f"{self.name}.timer": timer(self.job, self.name),
        }

    def there(self) -> dict[Path, str]:
        """Those that are there. Raises UsageError where one is not ours, or of another configuration."""
        found = {path: path.read_text(encoding="utf-8") for path in self.wanted if path.exists()}
        for path, text in found.items():
            if not is_for(text, self.job):
                whose = "of another configuration" if text.startswith(MARK) else "not made by emailint"
                raise UsageError(
                    f"{path} is there, and {whose}; nothing was changed", hint="give these another --name"
                )
        return found

    def install(self) -> None:
        """Write both, and start the timer. Raises EmailintError with what was there before put back."""
        before = self.there()
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            for path, text in self.wanted.items():
                _replace(path, text)
            self._systemctl("daemon-reload")
            self._systemctl("enable", "--now", f"{self.name}.timer")
        except (OSError, EmailintError):
            for path in self.wanted:
                _replace(path, before[path]) if path in before else path.unlink(missing_ok=True)
            raise

    def remove(self) -> None:
        """Stop the timer and delete both; nothing where they are not there. Raises EmailintError."""
        there = self.there()
        if not there:
            return
        if any(path.suffix == ".timer" for path in there):
            self._systemctl("disable", "--now", f"{self.name}.timer")
        for path in there:
            path.unlink()
        self._systemctl("daemon-reload")

    def _systemctl(self, *arguments: str) -> None:
        command = ["systemctl", *([] if self.account.system else ["--user"]), *arguments]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise UsageError(
                "there is no systemctl command on this machine; nothing was changed",
                hint="use cron: emailint schedule --install",
            ) from None
        except subprocess.TimeoutExpired:
            raise EmailintError(f"`{' '.join(command)}` was not done within {_SECONDS:g} s") from None
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise EmailintError(
                f"`{' '.join(command)}` failed: {said[0]}; nothing was changed",
                hint="systemd has to run here, for a user with a session; else: emailint schedule --install",
            )


def folder_of(account: Account, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the account's units are (systemd.unit(5)). Raises UsageError without a home folder."""
    if account.system:
        return Path("/etc/systemd/system")
    home = environ.get("XDG_CONFIG_HOME") or (f"{environ['HOME']}/.config" if environ.get("HOME") else "")
    if not home:
        raise UsageError("HOME is not set, so there is no folder for units; nothing was changed")
    return Path(home, "systemd", "user")


def _replace(path: Path, text: str) -> None:
    """Whole or not at all; others may read units, and they hold no secret."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.chmod(0o644)
    new.replace(path)
