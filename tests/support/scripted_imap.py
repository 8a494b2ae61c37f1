"""An IMAP server that says what a test tells it to, well or badly, and writes down what it was told.

    with ScriptedImap({"UID FETCH": b"* 1 FETCH (UID 1 BODY[] {2000000000}\r\n"}) as server:
        ...  # connect to 127.0.0.1, server.port, in clear text

A reply is octets, in which `TAG` stands for the command's tag; or a function that is given the
conversation and the tag; or a list of these, one for each time the command comes (the last one stays).
Its key is a command's name, or the beginning of the command. What is not scripted is answered as a good
server without extensions would, which holds two unread messages.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    Reply = bytes | Callable[["Conversation", bytes], None]

MESSAGES = {1: b"Subject: one\r\n\r\nHello\r\n", 2: b"Subject: two\r\n\r\nHello again\r\n"}


def fetch_response(uid: int, raw: bytes) -> bytes:
    """A FETCH response with the whole message as a literal."""
    return b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (uid, uid, len(raw), raw)


GOOD_GREETING = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n"
GOOD_REPLIES: dict[str, bytes] = {
    "CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nTAG OK done\r\n",
    "LOGIN": b"TAG OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] logged in\r\n",
    "AUTHENTICATE": b"+ \r\n",
    "SELECT": b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n"
    b"* OK [PERMANENTFLAGS (\\Seen \\Deleted)] ok\r\nTAG OK [READ-WRITE] selected\r\n",
    "EXAMINE": b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nTAG OK [READ-ONLY] examined\r\n",
    "UID SEARCH": b"* SEARCH 1 2\r\nTAG OK done\r\n",
    "UID FETCH": b"".join(fetch_response(uid, raw) for uid, raw in MESSAGES.items()) + b"TAG OK done\r\n",
    "UID STORE": b"TAG OK done\r\n",
    "UID COPY": b"TAG OK done\r\n",
    "NOOP": b"TAG OK done\r\n",
    "LIST": b'* LIST () "/" INBOX\r\nTAG OK done\r\n',
    "LOGOUT": b"* BYE bye\r\nTAG OK done\r\n",
}


class Conversation:
    """One connection, seen from the server."""

    def __init__(self, connection: socket.socket, transcript: list[bytes]) -> None:
        self._connection = connection
        self._incoming = connection.makefile("rb")
        self._transcript = transcript

    def send(self, octets: bytes) -> None:
        """Send octets as they are."""
        self._connection.sendall(octets)

    def line(self) -> bytes:
        """The next line of the client without its end, b"" when it has gone."""
        line = b"" if self._incoming.closed else self._incoming.readline().rstrip(b"\r\n")
        if line:
            self._transcript.append(line)
        return line

    def close(self) -> None:
        """Hang up."""
        self._incoming.close()
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


class ScriptedImap:
    """Listens on 127.0.0.1:`port`. `received` is every line that came, over all connections."""

    def __init__(
        self, replies: Mapping[str, Reply | list[Reply]] | None = None, *, greeting: bytes = GOOD_GREETING
    ) -> None:
        scripted: dict[str, Reply | list[Reply]] = {**GOOD_REPLIES, **(replies or {})}
        self._replies = {
            key: reply if isinstance(reply, list) else [reply] for key, reply in scripted.items()
        }
        self._greeting = greeting
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.received: list[bytes] = []

    def __enter__(self) -> Self:
        """Begin to listen."""
        thread = threading.Thread(target=self._accept, daemon=True)
        self._threads.append(thread)
        thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and wait until all conversations have ended."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive(), "a conversation did not end"

    @property
    def commands(self) -> list[str]:
        """The commands that came, without their tags."""
        return [line.partition(b" ")[2].decode("utf-8", "replace") for line in self.received]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._converse, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _converse(self, connection: socket.socket) -> None:
        talk = Conversation(connection, self.received)
        with suppress(OSError):
            talk.send(self._greeting)
            while line := talk.line():
                tag, _, command = line.partition(b" ")
                self._answer(talk, tag, command.decode("utf-8", "replace"))
                if command == b"LOGOUT":
                    break
        talk.close()

    def _answer(self, talk: Conversation, tag: bytes, command: str) -> None:
        fitting = [key for key in self._replies if command.upper().startswith(key)]
        if not fitting:
            talk.send(tag + b" BAD unknown command\r\n")
            return
        replies = self._replies[max(fitting, key=len)]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if callable(reply):
            reply(talk, tag)
        else:
            talk.send(reply.replace(b"TAG", tag))
