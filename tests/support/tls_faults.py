"""Servers whose TLS is wrong in one way, and which note every octet that they are sent, within TLS or not."""

from __future__ import annotations

import atexit
import datetime as dt
import shutil
import socket
import ssl
import threading
import warnings
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final, Self

import trustme

if TYPE_CHECKING:
    from collections.abc import Callable

HOST: Final = "localhost"
IMAP_GREETING: Final = b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] ready\r\n"
SMTP_GREETING: Final = b"220 ready\r\n"


class Authorities:
    """A root that clients trust, one that they do not, and certificates of both."""

    def __init__(self) -> None:
        self.folder = Path(mkdtemp(prefix="emailint-tls-"))
        atexit.register(shutil.rmtree, self.folder)
        self.root, self.stranger = trustme.CA(), trustme.CA()
        self.middle = self.root.create_child_ca()
        self.ca_file = self.folder / "ca.pem"
        self.root.cert_pem.write_to_path(self.ca_file)
        day = dt.timedelta(days=1)
        now = dt.datetime.now(dt.UTC)
        self.certificates = {
            "good": self.root.issue_cert(HOST),
            "expired": self.root.issue_cert(HOST, not_before=now - 3 * day, not_after=now - day),
            "not yet valid": self.root.issue_cert(HOST, not_before=now + day, not_after=now + 3 * day),
            "another host": self.root.issue_cert("elsewhere.example"),
            "a wildcard of others": self.root.issue_cert("*.elsewhere.example"),
            "an address": self.root.issue_cert("127.0.0.9"),
            "unknown authority": self.stranger.issue_cert(HOST),
        }
        chained = self.middle.issue_cert(HOST)
        pem = self.folder / "leaf.pem"
        pem.write_bytes(chained.private_key_pem.bytes() + chained.cert_chain_pems[0].bytes())
        self.leaf_alone = pem
        itself = self.folder / "self.pem"
        itself.write_bytes(self.stranger.private_key_pem.bytes() + self.stranger.cert_pem.bytes())
        self.itself = itself

    def context(self, kind: str) -> ssl.SSLContext:
        """The server's side, with this fault."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if kind == "no chain":
            context.load_cert_chain(self.leaf_alone)
        elif kind == "self-signed":
            context.load_cert_chain(self.itself)
        else:
            self.certificates[kind if kind in self.certificates else "good"].configure_cert(context)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that these versions are old is the point
            if kind in OLD:
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = OLD[kind]
            if kind == "no certificate":
                context.set_ciphers("aNULL:@SECLEVEL=0")
                context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context


OLD: Final = {"TLS 1.0": ssl.TLSVersion.TLSv1, "TLS 1.1": ssl.TLSVersion.TLSv1_1}
CERTIFICATES: Final = (
    "expired",
    "not yet valid",
    "self-signed",
    "another host",
    "a wildcard of others",
    "an address",
    "unknown authority",
    "no chain",
    *OLD,
    "no certificate",
)


@lru_cache(maxsize=1)
def authorities() -> Authorities:
    """Those of this process."""
    return Authorities()


class Eavesdropper:
    """Listens on 127.0.0.1:`port`; `converse` is given each connection. `heard` is all that came."""

    def __init__(self, converse: Callable[[Line], None]) -> None:
        self._converse = converse
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard = bytearray()
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *given: object) -> None:
        thread = threading.Thread(target=target, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        line = Line(connection, self.heard, self._over)
        with suppress(OSError):
            self._converse(line)
            line.listen()
        with suppress(OSError):
            line.socket.close()


class Line:
    """One connection, seen from the server."""

    def __init__(self, connection: socket.socket, heard: bytearray, over: threading.Event) -> None:
        connection.settimeout(3.0)
        self.socket: socket.socket = connection
        self.over = over
        self._heard = heard

    def say(self, octets: bytes) -> None:
        """Send octets as they are."""
        self.socket.sendall(octets)

    def hear(self) -> bytes:
        """What comes next; b"" when nothing more does."""
        piece = self.socket.recv(65_536)
        self._heard += piece
        return piece

    def tag(self) -> bytes:
        """The tag of the command that comes next."""
        return self.hear().partition(b" ")[0]

    def secure(self, context: ssl.SSLContext) -> None:
        """TLS; what is heard from now on is what was within it."""
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def listen(self) -> None:
        """Answer everything as if all were well, so that whoever wants to tell a secret may."""
        while piece := self.hear():
            for command in piece.splitlines():
                tag = command.partition(b" ")[0]
                self.say(
                    tag + b" OK go on\r\n"
                    if len(tag) > 1 and not piece[:4].isalpha()
                    else b"250 AUTH PLAIN\r\n"
                )
