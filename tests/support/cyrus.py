"""A throw-away Cyrus for tests: a second real IMAP server, whose mail is reached by IMAP alone.

One instance a test process, as with Dovecot (dovecot.py), on loopback and on ports of the kernel's choice:
`port` speaks clear text and STARTTLS, `tls_port` TLS from the start, with a certificate for `localhost` and
127.0.0.1. As root it runs as `mail`, else as whoever starts it. A conftest.py makes the fixture known with

    from tests.support.cyrus import cyrus
"""

from __future__ import annotations

import imaplib
import itertools
import os
import pwd
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Self

import pytest
import trustme

from tests.support.one_server import OneServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

PASSWORD = "correct horse"
HOST = "127.0.0.1"
UNPACKED = Path(sys.prefix) / "cyrus"
"""Where `.ci/servers` has put Debian's packages: they cannot be installed beside Dovecot's."""
PROGRAMS = UNPACKED / "usr/lib/cyrus/bin"
_ADMIN = "admin"
_LETTERS = {"\\Flagged": "F", "\\Answered": "R", "\\Seen": "S"}
_serial = itertools.count(1)


@dataclass(frozen=True)
class CyrusMailbox:
    """A user, with the verbs that tests use on a Maildir; flags stand in names as there."""

    server: Cyrus
    user: str
    password: str

    def deliver(
        self, raw: bytes, *, folder: str = "INBOX", seen: bool = False, received_at: datetime | None = None
    ) -> None:
        """Put one message into a folder."""
        with self.session() as session:
            self._append(session, raw, folder, "\\Seen" if seen else "", received_at)

    def deliver_many(self, messages: Iterable[bytes]) -> None:
        """Put many messages into INBOX, in order."""
        with self.session() as session:
            for raw in messages:
                self._append(session, raw, "INBOX", "", None)

    def create_folder(self, folder: str) -> None:
        """Make a folder; its name is in modified UTF-7 where it is not ASCII."""
        with self.session() as session:
            _good(session.create(_quoted(folder)))

    def make_read_only(self, folder: str = "INBOX") -> None:
        """Leave the user the rights to look and to read (RFC 4314), none to change flags or move."""
        with self.server.administrator() as session:
            name = f"user/{self.user}" + ("" if folder == "INBOX" else f"/{folder}")
            _good(session.setacl(_quoted(name), self.user, "lr"))

    def messages(self, folder: str = "INBOX") -> list[PurePath]:
        """All messages of a folder, named by UID with their flags."""
        with self.session() as session:
            _good(session.select(_quoted(folder), readonly=True))
            _, found = session.uid("FETCH", "1:*", "(FLAGS)")
        return sorted(PurePath(_name(line)) for line in found if isinstance(line, bytes))

    def unread(self, folder: str = "INBOX") -> list[PurePath]:
        """Those that are not read."""
        return [each for each in self.messages(folder) if "S" not in each.name.rpartition(":2,")[2]]

    @contextmanager
    def session(self) -> Iterator[imaplib.IMAP4]:
        """Another mail program's connection."""
        with self.server.log_in(self.user, self.password) as session:
            yield session

    def _append(
        self, session: imaplib.IMAP4, raw: bytes, folder: str, flags: str, received_at: datetime | None
    ) -> None:
        date = imaplib.Time2Internaldate(received_at or time.time())
        _good(session.append(_quoted(folder), flags, date, raw))


class Cyrus:
    """A running server."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ca_file = root / "ca.pem"
        self.port = 0
        self.tls_port = 0
        self._passwords = {_ADMIN: PASSWORD}
        self._user = pwd.getpwnam("mail") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        self._judge = _Judge(root / "judge", self._passwords)
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls) -> Self:
        """Start an instance; raises AssertionError when it does not come up."""
        if not (PROGRAMS / "imapd").exists():
            pytest.fail(f"these tests need Cyrus IMAP 3; get it with: .ci/servers {sys.prefix}")
        root = Path(tempfile.mkdtemp(prefix="cyrus-"))  # short: there are sockets below it
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
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._judge.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def create_user(self, user: str | None = None, password: str = PASSWORD) -> CyrusMailbox:
        """Add a user with an empty INBOX; the name is made up unless given, and new in any case."""
        user = user or f"user{next(_serial)}"
        self._passwords[user] = password
        with self.administrator() as session:
            _good(session.create(f"user/{user}"))
        return CyrusMailbox(self, user, password)

    @contextmanager
    def administrator(self) -> Iterator[imaplib.IMAP4]:
        """A connection of the administrator."""
        with self.log_in(_ADMIN, PASSWORD) as session:
            yield session

    @contextmanager
    def log_in(self, user: str, password: str) -> Iterator[imaplib.IMAP4]:
        """A connection in clear text."""
        with imaplib.IMAP4(HOST, self.port, timeout=20) as session:
            session.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # imaplib sends in morsels
            session.login(user, password)
            yield session

    def _prepare(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        certificate = authority.issue_cert("localhost", HOST)
        certificate.private_key_and_cert_chain_pem.write_to_path(self.root / "server.pem")
        for name in ("conf", "conf/socket", "spool"):
            (self.root / name).mkdir()
        for path in (self.root, *self.root.rglob("*")):
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _launch(self) -> None:
        for _attempt in range(5):  # another process may take a port between our look and Cyrus's
            self.port, self.tls_port = _free_ports()
            self._configure()
            self._process = subprocess.Popen(
                [*self._as_user(), PROGRAMS / "master", "-D", *self._files()],
                env={**os.environ, "CYRUS_USER": self._user.pw_name, "LD_LIBRARY_PATH": _libraries()},
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # when it ends, it ends all of its process group
            )
            if self._comes_up():
                return
        raise AssertionError("Cyrus did not come up; it tells why to syslog")

    def _as_user(self) -> list[str]:
        """The kernel ends Cyrus with us, even if we are killed; as root, it gives root up before."""
        if os.getuid() != 0:
            return ["setpriv", "--pdeathsig", "TERM"]
        ids = ["--reuid", str(self._user.pw_uid), "--regid", str(self._user.pw_gid), "--clear-groups"]
        return ["setpriv", *ids, "--pdeathsig", "TERM"]

    def _files(self) -> list[str]:
        root = self.root
        return ["-C", f"{root}/imapd.conf", "-M", f"{root}/cyrus.conf", "-p", f"{root}/conf/pid"]

    def _configure(self) -> None:
        given = {"root": self.root, "programs": PROGRAMS, "host": HOST, "admin": _ADMIN}
        (self.root / "imapd.conf").write_text(_IMAPD.format(**given), encoding="ascii")
        ports = {"port": self.port, "tls_port": self.tls_port}
        (self.root / "cyrus.conf").write_text(_CYRUS.format(**given, **ports), encoding="ascii")

    def _comes_up(self) -> bool:
        assert self._process is not None
        until = time.monotonic() + 20
        while time.monotonic() < until and self._process.poll() is None:
            with suppress(OSError), socket.create_connection((HOST, self.port), timeout=5) as connection:
                if connection.recv(100).startswith(b"* OK"):
                    return True
            time.sleep(0.02)
        self._process.kill()
        self._process.wait()
        return False


class _Judge:
    """Says who may log in, in the words of saslauthd: four counted strings in, one out."""

    def __init__(self, path: Path, passwords: dict[str, str]) -> None:
        self._passwords = passwords
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o777)
        self._listener.listen(100)
        threading.Thread(target=self._serve, name="cyrus logins", daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, suppress(OSError, struct.error):
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as incoming:
            said = [incoming.read(*struct.unpack("!H", incoming.read(2))) for _ in range(4)]
        user, password, _service, _realm = (word.decode() for word in said)
        verdict = b"OK" if self._passwords.get(user) == password else b"NO"
        connection.sendall(struct.pack("!H", len(verdict)) + verdict)


_IMAPD = """
configdirectory: {root}/conf
partition-default: {root}/spool
admins: {admin}
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: {root}/judge
sasl_mech_list: PLAIN LOGIN
allowplaintext: yes
failedloginpause: 0
unixhierarchysep: yes
altnamespace: yes
skiplist_unsafe: yes
tls_server_cert: {root}/server.pem
tls_server_key: {root}/server.pem
"""

_CYRUS = """
START {{
  recover cmd="{programs}/ctl_cyrusdb -C {root}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{programs}/imapd -U 1000 -C {root}/imapd.conf" listen="{host}:{port}" prefork=2
  imaps cmd="{programs}/imapd -s -U 1000 -C {root}/imapd.conf" listen="{host}:{tls_port}" prefork=2
}}
EVENTS {{
}}
"""


def _good(answer: tuple[str, object]) -> None:
    assert answer[0] == "OK", answer


def _quoted(folder: str) -> str:
    escaped = folder.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _name(fetched: bytes) -> str:
    words = fetched.decode("ascii").replace("(", " ").replace(")", " ").split()
    letters = "".join(sorted(_LETTERS.get(word, "") for word in words))
    return f"{int(words[words.index('UID') + 1]):09d}:2,{letters}"


def _libraries() -> str:
    return ":".join(str(path) for path in (UNPACKED / "usr/lib").glob("*-linux-gnu*"))


def _free_ports() -> tuple[int, int]:
    with socket.create_server((HOST, 0)) as one, socket.create_server((HOST, 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


_server = OneServer(Cyrus.start)


@pytest.fixture(scope="session")
def cyrus() -> Iterator[Cyrus]:
    """The one Cyrus of this test process."""
    yield from _server.lend()
