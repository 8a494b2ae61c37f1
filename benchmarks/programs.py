"""fetchmail, getmail and mbsync: what each is told so that it fetches all unread mail of a mailbox."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.wire import Door

PACKAGES = {"fetchmail": "fetchmail", "getmail": "getmail6", "mbsync": "isync"}
"""Each program, and the Debian package that has it."""

_GETMAIL = """\
[retriever]
type = SimpleIMAPRetriever
server = {door.host}
port = {door.port}
username = {door.user}
password = {door.password}
mailboxes = ("INBOX",)
imap_search = UNSEEN
imap_on_delete = (\\Seen)
[destination]
type = Maildir
path = {folder}/mail/
[options]
read_all = true
delete = true
verbose = 0
delivered_to = false
received = false
"""
_FETCHMAIL = """\
poll localhost via {door.host} with proto IMAP and port {door.port} auth password
  user "{door.user}" password "{door.password}" sslproto "" keep mda "/bin/cat > /dev/null"
"""
_MBSYNC = """\
IMAPAccount bench
Host {door.host}
Port {door.port}
User {door.user}
Pass "{door.password}"
SSLType None
AuthMechs LOGIN

IMAPStore far
Account bench

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX

Channel bench
Far :far:
Near :near:
Patterns INBOX
Sync Pull New
Create Near
SyncState *
"""


def fetchmail(door: Door, folder: Path) -> Sequence[str]:
    """All unread mail, each through a delivery agent that throws it away."""
    _write(folder / "rc", _FETCHMAIL.format(door=door))
    own = ("--pidfile", str(folder / "pid"), "--idfile", str(folder / "ids"))
    return ["fetchmail", "--fetchmailrc", str(folder / "rc"), *own, "--silent"]


def getmail(door: Door, folder: Path) -> Sequence[str]:
    """All unread mail into a Maildir."""
    for name in ("cur", "new", "tmp"):
        (folder / "mail" / name).mkdir(parents=True)
    _write(folder / "rc", _GETMAIL.format(door=door, folder=folder))
    command = ["getmail", "--getmaildir", str(folder), "--rcfile", str(folder / "rc")]
    if os.getuid() != 0:
        return command
    # It does not deliver as root.
    subprocess.run(["chown", "-R", "mail:mail", folder], check=True)
    return ["setpriv", "--reuid=mail", "--regid=mail", "--clear-groups", *command]


def mbsync(door: Door, folder: Path) -> Sequence[str]:
    """All mail of the folder into a Maildir; it knows no \"unread\", and marks nothing."""
    (folder / "mail").mkdir()
    _write(folder / "rc", _MBSYNC.format(door=door, folder=folder))
    return ["mbsync", "--quiet", "--config", str(folder / "rc"), "--all"]


def missing(program: str) -> bool:
    """Whether this machine has not got it."""
    return shutil.which(program) is None


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
