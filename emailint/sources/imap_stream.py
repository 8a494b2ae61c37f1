"""The octets of one connection, read and sent within a budget; failures in our own errors."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from emailint.errors import ConnectionFailed
from emailint.sources.imap_budget import LINE

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from emailint.sources.imap_budget import Budget

_BUFFER = 65_536
_AGAIN = "the mail stays unread, and the next run tries again"


class Stream:
    """A connected socket, and a buffer of what came over it. All methods raise SourceErrors only."""

    def __init__(self, sock: socket.socket, budget: Budget) -> None:
        self.sock = sock
        self._budget = budget
        self._incoming = _Incoming(sock, budget)
        self._reader = io.BufferedReader(self._incoming, _BUFFER)

    def read(self, size: int) -> bytes:
        """Exactly so many octets, in one piece of memory."""
        data = self._receive(lambda: self._reader.read(size))
        if len(data) < size:
            raise ConnectionFailed(
                f"{self._budget.where} closed the connection in the middle of its answer", hint=_AGAIN
            )
        return data

    def readline(self) -> bytes:
        """One line, its end included."""
        line = self._receive(lambda: self._reader.readline(LINE + 1))
        self._budget.spend_line(len(line))
        if not line.endswith(b"\n"):
            raise ConnectionFailed(f"{self._budget.where} closed the connection", hint=_AGAIN)
        self._budget.heard = True
        return line

    def send(self, data: bytes) -> None:
        """Send all of it."""
        try:
            self.sock.settimeout(self._budget.wait())
            self.sock.sendall(data)
        except OSError as error:
            raise self._lost(error) from error

    def something_is_waiting(self) -> bool:
        """Whether anything more has come by now, without waiting for it."""
        self._incoming.waits = False
        try:
            return bool(self._receive(lambda: self._reader.peek(1)))
        finally:
            self._incoming.waits = True
            self.sock.settimeout(self._budget.wait())

    def close(self) -> None:
        """Close the connection; never raises."""
        try:
            self._reader.close()
            self.sock.close()
        except OSError:
            pass

    def _receive(self, read: Callable[[], bytes]) -> bytes:
        try:
            return read()
        except OSError as error:
            raise self._lost(error) from error

    def _lost(self, error: OSError) -> ConnectionFailed:
        slow = isinstance(error, TimeoutError)
        if slow:
            self._budget.wait()  # raises where it is the whole answer that has taken too long
        silent = f"did not answer for {self._budget.timeout:.3g} s"
        what = silent if slow else f"broke the connection: {error}"
        return ConnectionFailed(f"{self._budget.where} {what}", hint=_AGAIN)


class _Incoming(io.RawIOBase):
    """The receiving side of a socket; how long it waits is the budget's to say."""

    def __init__(self, sock: socket.socket, budget: Budget) -> None:
        self._sock = sock
        self._budget = budget
        self.waits = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._budget.wait() if self.waits else 0)
        try:
            return self._sock.recv_into(buffer)
        except BlockingIOError:
            return None
