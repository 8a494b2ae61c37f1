"""An HTTPS proxy (CONNECT, RFC 9110 section 9.3.6) that leads every host to one port of this machine."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

import trustme


def production_context() -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS with the names of Microsoft's hosts, and the authority behind it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("graph.microsoft.com", "login.microsoftonline.com").configure_cert(context)
    ca_file = Path(mkdtemp(prefix="emailint-proxy-")) / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    return context, ca_file


class ConnectProxy:
    """`asked` are the hosts that clients wanted. With `refuse` it answers 403 to all."""

    def __init__(self, port: int, *, refuse: bool = False) -> None:
        self._to = port
        self._refuse = refuse
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(2)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            self.asked.append(head.split(b" ")[1].decode())
            if self._refuse:
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                client.close()
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            self._open.append(server)
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._start(self._pump, server, client)
            self._pump(client, server)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while octets := source.recv(65_536):
                target.sendall(octets)
            target.shutdown(socket.SHUT_WR)

    def _start(self, run: object, *arguments: socket.socket) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)  # type: ignore[arg-type]  # a method
        self._threads.append(thread)
        thread.start()
