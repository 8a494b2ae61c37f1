"""A relay before a real server: it counts round trips, and cuts the connection where it is told to."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Relay:
    """Passes octets between 127.0.0.1:`port` and a server on loopback.

    `round_trips` counts what a far client would wait for: the connect, and each time that the client
    speaks after the server has spoken or for the first time. With `cut_after`, a connection is cut when
    the server has sent so many octets. `from_client` holds what clients sent, all connections together;
    `moments` says when each connection came, by `time.perf_counter`.
    """

    def __init__(self, target: int, *, cut_after: int | None = None) -> None:
        self._target = target
        self._cut_after = cut_after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._server_spoke = True
        self.port: int = self._listener.getsockname()[1]
        self.round_trips = 0
        self.connections = 0
        self.moments: list[float] = []
        self.from_client = bytearray()

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and wait until all connections have ended."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive(), "a relayed connection did not end"

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]  # any callable
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.moments.append(time.perf_counter())
                self.connections += 1
                self.round_trips += 1
                server = socket.create_connection(("127.0.0.1", self._target))
                self._start(self._to_server, client, server)
                self._start(self._to_client, server, client)

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while octets := client.recv(65_536):
                with self._lock:
                    self.round_trips += self._server_spoke
                    self._server_spoke = False
                    self.from_client += octets
                server.sendall(octets)
            server.shutdown(socket.SHUT_WR)

    def _to_client(self, server: socket.socket, client: socket.socket) -> None:
        left = self._cut_after
        with suppress(OSError):
            while octets := server.recv(65_536):
                if left is not None:
                    octets = octets[:left]
                    left -= len(octets)
                with self._lock:
                    self._server_spoke = True
                client.sendall(octets)
                if left == 0:
                    break
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
