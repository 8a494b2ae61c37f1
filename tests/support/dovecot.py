"""A throw-away Dovecot for tests: its own certificates, users on demand, mail straight into the Maildir.

One instance a test process, started when the first test asks for the `dovecot` fixture and ended with the
session (or with the process, whatever ends it). It listens on loopback only, on ports of the kernel's
choice, and works as root and as an ordinary user. A conftest.py makes the fixture known with

    from tests.support.dovecot import dovecot

Each address of `Dovecot` is one way to be a server:

    address      plain port                         TLS port, certificate
    127.0.0.1    STARTTLS, and logins in clear      good, for `localhost` and 127.0.0.1
    127.0.0.2    STARTTLS                           expired
    127.0.0.3    STARTTLS                           self-signed
    127.0.0.4    STARTTLS                           good, for another host
    127.0.0.5    no STARTTLS                        (none)
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
import trustme

from tests.support.one_server import OneServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PASSWORD = "correct horse"
INSTALL = "apt-get install -y --no-install-recommends dovecot-imapd"
GOOD, EXPIRED, SELF_SIGNED, WRONG_HOST, NO_TLS = (f"127.0.0.{last}" for last in range(1, 6))
_serial = itertools.count(1)


@dataclass(frozen=True)
class Mailbox:
    """A user of the server, and the Maildir behind its INBOX."""

    user: str
    password: str
    maildir: Path
    owner: tuple[int, int]

    def deliver(
        self, raw: bytes, *, folder: str = "INBOX", seen: bool = False, received_at: datetime | None = None
    ) -> Path:
        """Put one message into a folder, as an MTA would; UIDs will follow the order of delivery."""
        number = next(_serial)
        name = f"{number}.M{number}P1.test"
        base = self.folder_path(folder)
        path = base / "cur" / f"{name}:2,S" if seen else base / "new" / name
        staged = base / "tmp" / name
        staged.write_bytes(raw)
        if received_at is not None:
            os.utime(staged, (received_at.timestamp(),) * 2)
        os.chown(staged, *self.owner)
        staged.rename(path)
        return path

    def deliver_many(self, messages: Iterable[bytes]) -> list[Path]:
        """Put many messages into INBOX, in order."""
        return [self.deliver(raw) for raw in messages]

    def folder_path(self, folder: str) -> Path:
        """Maildir of a folder; its name is in modified UTF-7 where it is not ASCII."""
        return self.maildir if folder == "INBOX" else self.maildir / f".{folder}"

    def create_folder(self, folder: str) -> Path:
        """Make a folder (a Maildir++ subfolder)."""
        return self._own(_make_maildir(self.folder_path(folder)))

    def make_read_only(self, folder: str = "INBOX") -> None:
        """Leave the user the rights to look and to read (RFC 4314), none to change flags or move."""
        acl = self.folder_path(folder) / "dovecot-acl"
        acl.write_text("owner lr\n", encoding="ascii")
        self._own(acl)

    def change_uid_validity(self, folder: str = "INBOX") -> None:
        """Make Dovecot forget UIDVALIDITY and all UIDs, as a restore from backup does."""
        for path in self.folder_path(folder).glob("dovecot[.-]*"):
            if path.name.startswith(("dovecot.index", "dovecot-uidlist")):
                path.unlink()

    def unread(self, folder: str = "INBOX") -> list[Path]:
        """The files of the messages that do not carry the flag S."""
        base = self.folder_path(folder)
        files = [path for part in ("new", "cur") for path in (base / part).iterdir()]
        return sorted(path for path in files if "S" not in path.name.rpartition(":2,")[2])

    def messages(self, folder: str = "INBOX") -> list[Path]:
        """All message files of a folder."""
        base = self.folder_path(folder)
        return sorted(path for part in ("new", "cur") for path in (base / part).iterdir())

    def _own(self, path: Path) -> Path:
        for each in [path, *path.rglob("*")]:
            os.chown(each, *self.owner)
        return path


class Dovecot:
    """A running server. `log()` is what it has written so far."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ca_file = root / "ca.pem"
        self.port = 0
        self.tls_port = 0
        self._mail_user = pwd.getpwnam("mail") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls) -> Self:
        """Start an instance; raises AssertionError with its log when it does not come up."""
        # Not under pytest's own folders: as root the mail processes run as `mail`, who cannot enter
        # those, and the path of a socket must be short.
        root = Path(tempfile.mkdtemp(prefix="dovecot-"))
        root.chmod(0o755)
        server = cls(root)
        try:
            server._prepare()
            server._launch()
        except BaseException:
            server.stop()
            raise
        return server

    def stop(self) -> None:
        """End the server and all its processes, and remove its files."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.root, ignore_errors=True)

    def create_user(self, user: str | None = None, password: str = PASSWORD) -> Mailbox:
        """Add a user with an empty INBOX; the name is made up unless given, and new in any case."""
        user = user or f"user{next(_serial)}"
        home = self.root / "mail" / user
        home.mkdir(mode=0o700)
        mailbox = Mailbox(user, password, home / "Maildir", (self._mail_user.pw_uid, self._mail_user.pw_gid))
        _make_maildir(mailbox.maildir)
        mailbox._own(home)
        # A file for each, since Dovecot looks at most once a second whether a file has changed.
        passwd = self.root / "passwd" / user
        passwd.write_text(f"{user}:{{PLAIN}}{password}::::::\n", encoding="utf-8")
        return mailbox

    def log(self) -> str:
        """Everything Dovecot has logged."""
        path = self.root / "dovecot.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _prepare(self) -> None:
        _write_certificates(self.root)
        for name in ("run", "mail", "passwd"):
            (self.root / name).mkdir()
        os.chown(self.root / "mail", self._mail_user.pw_uid, self._mail_user.pw_gid)

    def _launch(self) -> None:
        for _attempt in range(5):  # another process may take a port between our look and Dovecot's
            self.port, self.tls_port = _free_ports(2)
            config = self.root / "dovecot.conf"
            config.write_text(self._config(), encoding="utf-8")
            with (self.root / "stderr").open("ab") as errors:
                self._process = subprocess.Popen(  # the kernel ends Dovecot with us, even if we are killed
                    ["setpriv", "--pdeathsig", "TERM", _dovecot_binary(), "-F", "-c", config], stderr=errors
                )
            if self._comes_up():
                return
        said = (self.root / "stderr").read_text(encoding="utf-8", errors="replace")
        raise AssertionError(f"Dovecot did not come up.\n{said}\n{self.log()}")

    def _comes_up(self) -> bool:
        assert self._process is not None
        until = time.monotonic() + 20
        while time.monotonic() < until and self._process.poll() is None:
            if _greets(self.port):
                return True
            time.sleep(0.02)
        self._process.kill()
        self._process.wait()
        return False

    def _config(self) -> str:
        user = self._mail_user
        text = _CONFIG.format(
            root=self.root, port=self.port, tls_port=self.tls_port, uid=user.pw_uid, gid=user.pw_gid
        )
        if os.getuid() != 0:
            group = subprocess.check_output(["id", "-gn"], text=True).strip()
            text += _UNPRIVILEGED.format(user=user.pw_name, group=group)
        return text


_CONFIG = """
base_dir = {root}/run
state_dir = {root}/run
log_path = {root}/dovecot.log
listen = 127.0.0.1, 127.0.0.2, 127.0.0.3, 127.0.0.4, 127.0.0.5
protocols = imap
ssl = yes
ssl_cert = <{root}/good.pem
ssl_key = <{root}/good.key
local 127.0.0.2 {{
  ssl_cert = <{root}/expired.pem
  ssl_key = <{root}/expired.key
}}
local 127.0.0.3 {{
  ssl_cert = <{root}/self-signed.pem
  ssl_key = <{root}/self-signed.key
}}
local 127.0.0.4 {{
  ssl_cert = <{root}/wrong-host.pem
  ssl_key = <{root}/wrong-host.key
}}
local 127.0.0.5 {{
  ssl = no
}}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_username_chars =
auth_verbose = yes
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = username_format=%u {root}/passwd/%u
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}/mail/%u
}}
mail_location = maildir:~/Maildir
mail_fsync = never
mail_plugins = acl
plugin {{
  acl = vfile
}}
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 0
default_vsz_limit = 0
default_process_limit = 300
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
  service_count = 0
  process_limit = 1
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap {{
  service_count = 1000
  process_min_avail = 2
  process_limit = 256
}}
"""

_UNPRIVILEGED = """
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def _dovecot_binary() -> str:
    found = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.fail(f"these tests need Dovecot 2.3; install it with: {INSTALL}")
    version = subprocess.check_output([found, "--version"], text=True)
    if not version.startswith("2.3."):
        pytest.fail(f"these tests know the configuration of Dovecot 2.3, and this is {version.split()[0]}")
    return found


def _make_maildir(path: Path) -> Path:
    for name in ("tmp", "new", "cur"):
        (path / name).mkdir(parents=True)
    return path


def _free_ports(count: int) -> list[int]:
    with_sockets = [socket.create_server((GOOD, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in with_sockets]
    for each in with_sockets:
        each.close()
    return ports


def _greets(port: int) -> bool:
    try:
        with socket.create_connection((GOOD, port), timeout=5) as connection:
            return connection.recv(100).startswith(b"* OK")
    except OSError:
        return False


def _write_certificates(root: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(root / "ca.pem")
    past = datetime.now(UTC) - timedelta(days=2)
    certificates = {
        "good": authority.issue_cert("localhost", GOOD),
        "expired": authority.issue_cert(EXPIRED, not_before=past - timedelta(days=1), not_after=past),
        "wrong-host": authority.issue_cert("elsewhere.example"),
    }
    for name, certificate in certificates.items():
        certificate.private_key_pem.write_to_path(root / f"{name}.key")
        for pem in certificate.cert_chain_pems:
            pem.write_to_path(root / f"{name}.pem", append=True)
    # trustme signs everything with its authority; only openssl makes one that signs itself.
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-days", "2", "-nodes"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-subj", "/CN=self-signed", "-addext", f"subjectAltName=IP:{SELF_SIGNED}"),
            *("-keyout", root / "self-signed.key", "-out", root / "self-signed.pem"),
        ],
        check=True,
        capture_output=True,
    )


_server = OneServer(Dovecot.start)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """The one Dovecot of this test process."""
    yield from _server.lend()
