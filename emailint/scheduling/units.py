"""A service that sweeps once, and a timer that starts it each minute, as texts (systemd.unit(5))."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from emailint.scheduling.job import Job

MARK: Final = "# emailint schedule: "
"""Begins the first line of a unit of ours; the configuration follows."""

_GRACE: Final = 60
"""Seconds beyond its deadline after which a sweep is ended from outside."""

_NEEDS_NO_PRIVILEGE: Final = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""
_NEEDS_TO_BE_THE_SYSTEMS: Final = """\
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
"""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose units: the user's own, or the system's; the latter run as `user`, where that is not root."""

    system: bool
    user: str | None = None


def service(job: Job, account: Account) -> str:
    """One sweep. The system's is closed in as far as a sweep allows; a user's, as far as users may."""
    lines = [
        f"{MARK}{job.config}",
        "[Unit]",
        f"Description=emailint: one sweep of the mailboxes of {_literal(str(job.config))}",
        "Documentation=man:emailint(1)",
        *_NETWORK[account.system],
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={' '.join(map(_argument, job.arguments))}",
        *([f"User={account.user}"] if account.user else []),
        f"TimeoutStartSec={round(job.seconds) + _GRACE}",
        "UMask=0077",
        *_closed_in(job, account),
        "",
    ]
    return "\n".join(lines)


def timer(job: Job, name: str) -> str:
    """Each minute. A sweep that is still running is not started again."""
    return f"""\
{MARK}{job.config}
[Unit]
Description=emailint: a sweep each minute
Documentation=man:emailint(1)

[Timer]
Unit={name}.service
OnCalendar=minutely
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
"""


def is_for(text: str, job: Job) -> bool:
    """Whether a unit that is there was made for this configuration."""
    return text.partition("\n")[0] == f"{MARK}{job.config}"


_NETWORK: Final = {True: ("Wants=network-online.target", "After=network-online.target"), False: ()}


def _closed_in(job: Job, account: Account) -> list[str]:
    if job.privileged:
        why = "# sendmail's queue needs rights of its own: NoNewPrivileges, and what implies it, is left out"
        return [why, *_files(job, "full")] if account.system else [why]
    if not account.system:
        why = "# what closes file systems works for services of the system alone (systemd.exec(5))"
        return [*_NEEDS_NO_PRIVILEGE.splitlines(), why]
    rights = "" if account.user else "CAP_DAC_OVERRIDE CAP_FOWNER"  # root's, to read what others own
    return [
        *_NEEDS_NO_PRIVILEGE.splitlines(),
        *_NEEDS_TO_BE_THE_SYSTEMS.splitlines(),
        f"CapabilityBoundingSet={rights}",
        *_files(job, "strict"),
    ]


def _files(job: Job, how: str) -> list[str]:
    """Nothing but these folders can be written to; one that is not there is the sweep's to complain of."""
    named = (job.config, *job.writable)
    shared = any(path.is_relative_to(temporary) for path in named for temporary in ("/tmp", "/var/tmp"))  # noqa: S108 - whether a path lies there
    return [
        f"ProtectSystem={how}",
        "ProtectHome=read-only",
        *([] if shared else ["PrivateTmp=yes"]),
        *(f"ReadWritePaths={_word(f'-{path}')}" for path in job.writable),
    ]


def _argument(text: str) -> str:
    """One word of a command: no specifier and no variable in it (systemd.service(5))."""
    return _word(text.replace("$", "$$"))


def _word(text: str) -> str:
    """One word of a list: quoted where it must be, with no specifier in it (systemd.syntax(7))."""
    literal = _literal(text)
    if re.fullmatch(r"[\w@%+=:,./$-]+", literal, re.ASCII):
        return literal
    quoted = literal.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


def _literal(text: str) -> str:
    return text.replace("%", "%%")
