"""The least that fetches mail over IMAP: what any client is measured against, and the bench's own hand."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

HOSTS = tuple(f"127.0.0.{last}" for last in range(11, 21))
"""Names of one server, as if they were ten: no client that is kind opens more than 10 connections to one."""


@dataclass(frozen=True, slots=True)
class Door:
    """How a client gets to a mailbox: in clear text, or with a `ca_file` by TLS from the start."""

    user: str
    port: int
    host: str = HOSTS[0]
    password: str = "correct horse"
    ca_file: Path | None = None


class Wire:
    """One connection without any check: several commands in one breath, literals taken by their length."""

    def __init__(self, door: Door) -> None:
        self._number = 0
        sock = socket.create_connection((door.host, door.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if door.ca_file:
            sock = secured(sock, door.host, door.ca_file)
        self._socket = sock
        self._reader = sock.makefile("rb", 1 << 20)
        self._reader.readline()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._reader.close()
        self._socket.close()

    def send(self, *commands: str) -> bytes:
        """Send commands at once; the tag of the last one."""
        text = ""
        for command in commands:
            self._number += 1
            text += f"t{self._number} {command}\r\n"
        self._socket.sendall(text.encode("ascii"))
        return b"t%d " % self._number

    def until(self, tag: bytes, take: Callable[[bytes], object] = len) -> Iterator[bytes]:
        """The untagged lines until that command is answered; `take` gets each literal."""
        while line := self._reader.readline():
            if line.endswith(b"}\r\n"):
                take(self._reader.read(int(line[line.rindex(b"{") + 1 : -3])))
            elif line.startswith(tag):
                if not line.startswith(tag + b"OK"):
                    raise RuntimeError(line.decode("ascii", "replace"))
                return
            elif line.startswith(b"* "):
                yield line
        raise EOFError("the server hung up")

    def run(self, *commands: str, take: Callable[[bytes], object] = len) -> list[bytes]:
        """Send commands at once and read all answers."""
        return list(self.until(self.send(*commands), take))


def secured(sock: socket.socket, host: str, ca_file: Path) -> ssl.SSLSocket:
    """TLS with this authority alone."""
    return ssl.create_default_context(cafile=ca_file).wrap_socket(sock, server_hostname=host)


def floor(door: Door, batch: int = 50) -> int:
    """Fetch and mark all unread mail, two batches asked for ahead, and throw the octets away."""
    count = 0

    def take(_octets: bytes) -> None:
        nonlocal count
        count += 1

    with Wire(door) as wire:
        parts = batches(_unread(wire, door), batch)
        asked = [(part, wire.send(_fetch(part))) for part in parts[:2]]
        marked = b""
        for number, part in enumerate(parts):
            for _ in wire.until(asked[number][1], take):
                pass
            marked = wire.send(f"UID STORE {_set(part)} +FLAGS.SILENT (\\Seen)")
            if number + 2 < len(parts):
                asked.append((parts[number + 2], wire.send(_fetch(parts[number + 2]))))
        if marked:
            list(wire.until(marked))
        wire.send("LOGOUT")
    return count


def look(door: Door) -> int:
    """How many mails are unread: all that an idle mailbox needs."""
    with Wire(door) as wire:
        return len(_unread(wire, door, "EXAMINE"))


def unmark(door: Door) -> None:
    """Make all mail of the folder unread."""
    with Wire(door) as wire:
        wire.run(_login(door), "SELECT INBOX", "STORE 1:* -FLAGS.SILENT (\\Seen)", "LOGOUT")


def batches(uids: Sequence[int], size: int) -> list[Sequence[int]]:
    """The UIDs in pieces."""
    return [uids[start : start + size] for start in range(0, len(uids), size)]


def _unread(wire: Wire, door: Door, select: str = "SELECT") -> list[int]:
    lines = wire.run(_login(door), f"{select} INBOX", "UID SEARCH UNSEEN")
    return [int(uid) for line in lines if line.startswith(b"* SEARCH") for uid in line.split()[2:]]


def _login(door: Door) -> str:
    return f'LOGIN "{door.user}" "{door.password}"'


def _fetch(uids: Sequence[int]) -> str:
    return f"UID FETCH {_set(uids)} (UID BODY.PEEK[])"


def _set(uids: Sequence[int]) -> str:
    """A range where there is no gap, and the mailboxes here have none."""
    return f"{uids[0]}:{uids[-1]}" if uids[-1] - uids[0] == len(uids) - 1 else ",".join(map(str, uids))
