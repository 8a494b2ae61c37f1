"""SMTP servers for tests: a real one (aiosmtpd) and a scripted one that misbehaves to the octet.

    with SmtpServer() as server:                      # STARTTLS, login ann@example.org / PASSWORD
        server.fault("RCPT", "550 5.1.1 no such user")     # for the next time only
    with Sink({"dot": [DROP]}) as sink:               # closes after the dot, once; then takes everything

Both listen on 127.0.0.1, on a port of the kernel's choice, and note what was said to them.
"""

# ruff: noqa: ARG002, N802 - names and signatures of the hooks are aiosmtpd's

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USER: Final = "ann@example.org"
PASSWORD: Final = "corréct horse 7$"
HOST: Final = "127.0.0.1"

Certificate = Literal["good", "expired", "self-signed", "other-host", "unknown-authority"]


@dataclass(frozen=True)
class Delivered:
    """One mail that a server took; `content` as it was before dot-stuffing."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


class Certificates:
    """An authority, and certificates good and bad; made once a test process."""

    def __init__(self) -> None:
        self.folder = Path(mkdtemp(prefix="emailint-smtp-"))
        authority, stranger = trustme.CA(), trustme.CA()
        self.ca_file = self.folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        yesterday = datetime.now(UTC) - timedelta(days=1)
        self._made = {
            "good": authority.issue_cert("localhost", HOST),
            "expired": authority.issue_cert("localhost", HOST, not_after=yesterday),
            "other-host": authority.issue_cert("elsewhere.example"),
            "unknown-authority": stranger.issue_cert("localhost", HOST),
        }
        self._stranger = stranger

    def context(self, kind: Certificate) -> ssl.SSLContext:
        """The server's side of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if kind == "self-signed":
            path = self.folder / "self.pem"
            path.write_bytes(self._stranger.private_key_pem.bytes() + self._stranger.cert_pem.bytes())
            context.load_cert_chain(path)
        else:
            self._made[kind].configure_cert(context)
        return context


@lru_cache(maxsize=1)
def certificates() -> Certificates:
    """Those of this process."""
    return Certificates()


class _Recording(SMTP):
    """aiosmtpd that notes commands and answers as it is told to."""

    def __init__(self, server: SmtpServer, **options: Any) -> None:
        self.server = server
        super().__init__(server, **options)
        server.connections += 1
        server.open.append(self)

    def abort(self) -> None:
        """Close at once. Of a transport that is closing, asyncio's TLS up to Python 3.11.2 has let go."""
        transport = self._original_transport or self.transport
        if isinstance(transport, asyncio.Transport) and not transport.is_closing():
            transport.abort()

    async def push(self, status: str | bytes) -> None:
        said = status.decode() if isinstance(status, bytes) else status
        await super().push(self.server.answer_for(said))

    async def _call(self, name: str, argument: str | None) -> None:
        self.server.commands.append(f"{name} {argument}" if argument else name)
        self.server.current = name
        await getattr(super(), f"smtp_{name}")(argument)

    async def smtp_EHLO(self, hostname: str) -> None:
        await self._call("EHLO", hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:
        await self._call("STARTTLS", arg)

    async def smtp_AUTH(self, arg: str) -> None:
        self.server.commands.append(f"AUTH {arg.split(maxsplit=1)[0]}")
        self.server.current = "AUTH"
        await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:
        await self._call("MAIL", arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        await self._call("RCPT", arg)

    async def smtp_DATA(self, arg: str) -> None:
        await self._call("DATA", arg)

    async def smtp_RSET(self, arg: str) -> None:
        await self._call("RSET", arg)

    async def smtp_QUIT(self, arg: str) -> None:
        await self._call("QUIT", arg)


class SmtpServer:
    """A real server in a thread. `delivered`, `commands` and `connections` tell what came.

    Its TLS is good; for handshakes that fail there is the sink, since asyncio leaves their sockets open.
    """

    def __init__(
        self,
        tls: Literal["implicit", "starttls", "none"] = "starttls",
        *,
        login: bool = True,
        utf8: bool = False,
    ) -> None:
        self.delivered: list[Delivered] = []
        self.commands: list[str] = []
        self.connections = 0
        self.open: list[_Recording] = []
        self.current = ""
        self._faults: dict[str, list[str]] = {}
        self._tls = tls
        self._context = None if tls == "none" else certificates().context("good")
        self._options = {
            "hostname": "localhost",
            "enable_SMTPUTF8": utf8,
            "tls_context": self._context if tls == "starttls" else None,
            "require_starttls": tls == "starttls",
            "authenticator": self._authenticate if login else None,
            "auth_require_tls": tls == "starttls",
        }
        self._login = login
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp server", daemon=True)
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *exc_info: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def fault(self, command: str, *answers: str) -> None:
        """Answer this command so, once for each; `DATA` is the answer to the dot."""
        self._faults.setdefault(command, []).extend(answers)

    def answer_for(self, said: str) -> str:
        """What is answered in place of this."""
        faults = self._faults.get(self.current)
        return faults.pop(0) if faults and said.startswith("2") else said

    async def handle_MAIL(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take nothing from whoever has not logged in."""
        if self._login and not session.authenticated:
            return "530 5.7.0 log in first"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 taken"

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Refuse where told so, else take."""
        if self._faults.get("RCPT"):
            return self._faults["RCPT"].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 taken"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        """Refuse where told so, else note what came."""
        if self._faults.get("DATA"):
            return self._faults["DATA"].pop(0)
        content = bytes(envelope.original_content)
        self.delivered.append(Delivered(envelope.mail_from, tuple(envelope.rcpt_tos), content))
        return "250 2.0.0 queued"

    def _authenticate(
        self, server: SMTP, session: Any, envelope: Any, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        good = data.login == USER.encode() and data.password == PASSWORD.encode()
        return AuthResult(success=good, handled=False)

    async def _listen(self) -> None:
        context = self._context if self._tls == "implicit" else None
        self._server = await self._loop.create_server(
            lambda: _Recording(self, loop=self._loop, **self._options),
            HOST,
            0,
            ssl=context,
            ssl_shutdown_timeout=1 if context else None,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        while any(connection.transport is not None for connection in self.open):
            for connection in self.open:
                connection.abort()
            await asyncio.sleep(0.01)


class Act:
    """What a sink does in place of an answer."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


DROP: Final = Act("drop")
"""Close the connection without a word."""
STALL: Final = Act("stall")
"""Say nothing until the sink ends."""
DRIBBLE: Final = Act("dribble")
"""Send a line without end, an octet each 20 ms."""
FLOOD: Final = Act("flood")
"""Send a line without end, as fast as it goes."""
RESET: Final = Act("reset")
"""Close the connection by RST."""


class Slowly(Act):
    """Say this after so many seconds, an octet at a time."""

    def __init__(self, text: str, seconds: float = 0.0) -> None:
        super().__init__(f"slowly {text}")
        self.text = text
        self.seconds = seconds


Said = str | bytes | Act


@dataclass
class Conversation:
    """One connection: commands as they came (the first word of AUTH's answers aside), mails, and reads."""

    commands: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    segments: list[bytes] = field(default_factory=list)


class Sink:
    """A scripted server.

    For each of greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, RSET, DATA, body, dot, QUIT a list of what to
    say, used up one by one; when it is empty, what a good server says. `body` is looked at when the first
    octets of a mail have come, before its dot. With `context` it has TLS, from the first octet on where
    `implicit` is true.
    """

    def __init__(
        self,
        script: Mapping[str, Sequence[Said]] | None = None,
        *,
        context: ssl.SSLContext | None = None,
        implicit: bool = False,
        offers: Sequence[str] = (),
    ) -> None:
        self.conversations: list[Conversation] = []
        self._script = {name: list(said) for name, said in (script or {}).items()}
        self._context = context
        self._implicit = implicit
        self._offers = offers
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    @property
    def commands(self) -> list[str]:
        """Of all connections, in order."""
        return [command for each in self.conversations for command in each.commands]

    @property
    def verbs(self) -> list[str]:
        """First words of the commands."""
        return [command.split()[0] for command in self.commands]

    @property
    def mails(self) -> list[bytes]:
        """Whole mails of all connections: those whose dot came."""
        return [mail for each in self.conversations for mail in each.mails]

    def _start(self, target: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            conversation = Conversation()
            self.conversations.append(conversation)
            self._start(self._serve, connection, conversation)

    def _serve(self, connection: socket.socket, conversation: Conversation) -> None:
        speaker = _Speaker(self, connection, conversation)
        with suppress(OSError, EOFError):
            try:
                speaker.speak()
            finally:
                speaker.connection.close()


class _Speaker:
    """One connection of a sink."""

    def __init__(self, sink: Sink, connection: socket.socket, conversation: Conversation) -> None:
        self.sink = sink
        self.connection = connection
        self.conversation = conversation
        self.received = b""

    def speak(self) -> None:
        if self.sink._implicit:
            self.secure()
        self.say("greeting", "220 sink ESMTP")
        while True:
            line = self.line()
            verb = line.split()[0].upper() if line.split() else ""
            self.conversation.commands.append(line)
            if verb == "DATA":
                self.data()
            elif verb == "AUTH":
                self.authenticate(line)
            elif verb == "STARTTLS":
                self.starttls()
            else:
                offers = "".join(f"250-{offer}\r\n" for offer in ["sink", *self.sink._offers])
                self.say(verb, f"{offers}250 fine" if verb == "EHLO" else "250 fine")
            if verb == "QUIT":
                raise EOFError

    def data(self) -> None:
        if not self.say("DATA", "354 go ahead").startswith("354"):
            return
        if self.sink._script.get("body"):
            self.more()
            self.say("body", "")
        while b"\r\n.\r\n" not in self.received:
            self.more()
        content, self.received = self.received.split(b"\r\n.\r\n", 1)
        self.conversation.mails.append(content + b"\r\n")
        self.say("dot", "250 taken")

    def authenticate(self, line: str) -> None:
        if line.split()[1].upper() == "LOGIN":
            for prompt in (b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n"):
                self.connection.sendall(prompt)
                self.line()
        self.say("AUTH", "235 welcome")

    def starttls(self) -> None:
        if self.say("STARTTLS", "220 go ahead").startswith("220"):
            self.secure()

    def secure(self) -> None:
        assert self.sink._context is not None, "a sink with TLS needs a context"
        self.connection = self.sink._context.wrap_socket(self.connection, server_side=True)
        self.received = b""

    def say(self, moment: str, usual: str) -> str:
        script = self.sink._script.get(moment)
        said = script.pop(0) if script else usual
        if isinstance(said, Slowly):
            self.sink._over.wait(said.seconds)
            for octet in f"{said.text}\r\n".encode():
                self.connection.sendall(bytes([octet]))
            return said.text
        if isinstance(said, Act):
            self.act(said)
        text = said.encode() if isinstance(said, str) else said
        assert isinstance(text, bytes)
        if text:
            self.connection.sendall(text if text.endswith(b"\n") else text + b"\r\n")
        return text.decode("latin-1")

    def act(self, act: Act) -> None:
        if act is STALL:
            self.sink._over.wait()
        if act is RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        while act in {DRIBBLE, FLOOD} and not self.sink._over.wait(0.02 if act is DRIBBLE else 0):
            self.connection.sendall(b"2" if act is DRIBBLE else b"2" * 10_000)
        raise EOFError

    def line(self) -> str:
        while b"\r\n" not in self.received:
            self.more()
        line, self.received = self.received.split(b"\r\n", 1)
        return line.decode("utf-8", "surrogateescape")

    def more(self) -> None:
        piece = self.connection.recv(65536)
        if not piece:
            raise EOFError
        self.conversation.segments.append(piece)
        self.received += piece
