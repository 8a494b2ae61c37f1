"""A proxy that does harm: between a client and a server on loopback, after a given octet of either's.

    with FaultProxy(server.port) as proxy:
        proxy.fault = Fault("reset", "to client", 1_000)   # of each connection from now on

It looks at no octet, so TLS passes through it as clear text does. What it counts are the octets of one
connection in one direction. Without a fault it only passes on.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Self

if TYPE_CHECKING:
    from types import TracebackType

Kind = Literal["cut", "reset", "half-close", "stall", "garbage", "dribble", "slow"]
"""`cut` closes both sides, `reset` does so by RST, `half-close` ends what one side hears, `stall` passes on
no more of it, `garbage` puts octets in, `dribble` passes on one octet at a time, `slow` fifty a second."""
Way = Literal["to client", "to server"]

GARBAGE: Final = b"\x00\xff)}{9999\r\n* BYE\x1b[31m 220 354\r\n" * 3
_SLOW: Final = 0.02
_PIECE: Final = 65_536
_NO_LINGER: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens after so many octets; to each connection, or `once`."""

    kind: Kind
    way: Way
    after: int
    once: bool = False


class FaultProxy:
    """Listens on 127.0.0.1:`port`. `most` are the octets that any one connection has passed, by direction.

    `struck` is how often the fault has come about; `said` is what clients have said, `heard` what servers.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.fault: Fault | None = None
        self.struck = 0
        self.connections = 0
        self.most: dict[Way, int] = {"to client": 0, "to server": 0}
        self.said = bytearray()
        self.heard = bytearray()

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and end all connections."""
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive(), "a connection through the proxy did not end"

    def take_fault(self, way: Way) -> Fault | None:
        """The fault that a connection is to have in this direction."""
        fault = self.fault
        return fault if fault and fault.way == way and not (fault.once and self.struck) else None

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]  # any callable
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._start(self._connect, client)

    def _connect(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._target))
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(5)
        with client, server, suppress(OSError):
            directions = [
                _Direction(self, "to server", client, server),
                _Direction(self, "to client", server, client),
            ]
            while directions and not self._over.is_set():
                ready, _, _ = select.select([each.source for each in directions], [], [], 0.1)
                if not all(each.step() for each in directions if each.source in ready):
                    return
                directions = [each for each in directions if each.open]

    def note(self, way: Way, octets: bytes, passed: int) -> None:
        """Write down what was said, and how much has passed."""
        self.most[way] = max(self.most[way], passed)
        (self.said if way == "to server" else self.heard).extend(octets)

    def wait(self, seconds: float) -> bool:
        """Wait, unless the proxy ends; whether it does."""
        return self._over.wait(seconds)


@dataclass(slots=True)
class _Direction:
    """One direction of one connection."""

    proxy: FaultProxy
    way: Way
    source: socket.socket
    sink: socket.socket
    open: bool = True
    passed: int = 0
    state: Kind | None = None
    """What the fault has left of it, once it has come about."""
    fault: Fault | None = field(init=False)

    def __post_init__(self) -> None:
        self.fault = self.proxy.take_fault(self.way)

    def step(self) -> bool:
        """Pass on what has come; whether the connection goes on. Raises OSError where an end has gone."""
        octets = self.source.recv(_PIECE)
        if not octets:
            self.open = False
            with suppress(OSError):
                self.sink.shutdown(socket.SHUT_WR)
            return True
        self.passed += len(octets)
        self.proxy.note(self.way, octets, self.passed)
        fault = self.fault
        if fault is None or self.state is not None or self.passed <= fault.after:
            return self._send(octets)
        head = len(octets) - (self.passed - fault.after)
        self._send(octets[:head])
        return self._strike(fault.kind, octets[head:])

    def _strike(self, kind: Kind, rest: bytes) -> bool:
        if self.fault and self.fault.once and self.proxy.struck:
            self.fault = None  # another connection had it meanwhile
            return self._send(rest)
        self.proxy.struck += 1
        self.state = kind
        if kind == "garbage":
            rest = GARBAGE + rest
        elif kind == "half-close":
            self.sink.shutdown(socket.SHUT_WR)
        elif kind == "reset":
            for end in (self.source, self.sink):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        return kind not in {"cut", "reset"} and self._send(rest)

    def _send(self, octets: bytes) -> bool:
        if self.state in {"dribble", "slow"}:
            for octet in octets:
                self.sink.sendall(bytes([octet]))
                if self.state == "slow" and self.proxy.wait(_SLOW):
                    return False
        elif self.state not in {"stall", "half-close"}:
            self.sink.sendall(octets)
        return True
