"""Entra and Graph over TLS, for tests: strict, and able to fail in every way that a network knows.

    with GraphDouble() as double:
        double.mailbox("payroll@example.org").add(raw)
        double.fault("GET .*/\\$value", Fault(429, headers={"Retry-After": "2"}))   # once; times=n for more

One server is all hosts: `/v1.0/…` is Graph, `/token` is Google's, all else Entra. `graph.complaints` says
what a client did that no page of Microsoft's allows, and `most_at_once` how many requests were at work (a
batch counts as two), which with one mailbox is at most two.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
import uuid
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

from emailint.config.secrets import GivenSecret, SecretText
from tests.support.entra_double import Entra
from tests.support.google_double import Google
from tests.support.graph_routes import Reply, Request, Routes
from tests.support.graph_store import DoubleMailbox
from tests.support.smtp import certificates

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from emailint.config.secrets import SecretSource

HTML: Final = b"<html><body><h2>Our services aren't available right now</h2></body></html>"


@dataclass
class Fault:
    """What becomes of a request in place of its answer.

    `status` with `content`: that is the answer, and nothing is done. `drop`: the connection is reset,
    "before" anything is done, "after" it was done, or in the "middle" of the answer. `seconds`: it takes so
    long. `change`: the right answer, changed.
    """

    status: int = 0
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: str = ""
    seconds: float = 0.0
    change: Callable[[Reply], Reply] | None = None


def throttled(seconds: int = 1, code: str = "TooManyRequests") -> Fault:
    """429 with Retry-After (graph/throttling)."""
    error = {"error": {"code": code, "message": "Please retry after", "innerError": {"code": "429"}}}
    return Fault(429, error, {"Retry-After": str(seconds)})


def unavailable(seconds: int | None = None) -> Fault:
    """503 in HTML, as a gateway says it."""
    return Fault(503, HTML, {"Retry-After": str(seconds)} if seconds is not None else {})


class GraphDouble:
    """The servers. `requests` are method and path of what came to Graph, in order."""

    def __init__(self, context: ssl.SSLContext | None = None, root: str = "") -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.double = self
        self._server.socket = (context or certificates().context("good")).wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = self._server.server_port
        self.root = root or f"https://localhost:{self.port}"
        self.ca_file = certificates().ca_file
        self.entra = Entra(self.root, self.root)
        self.google = Google(f"{self.root}/token")
        self.graph = Routes(self.root)
        self.graph.part_fault = self.part_fault
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.most_at_once = 0
        self.clock_ahead = 0.0
        self._faults: list[tuple[re.Pattern[str], Fault, list[int]]] = []
        self._at_work = 0
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def mailbox(self, address: str, **options: Any) -> DoubleMailbox:
        """A mailbox of the tenant, made when it is first named."""
        return self.graph.mailboxes.setdefault(address.lower(), DoubleMailbox(address.lower(), **options))

    def fault(self, request: str, fault: Fault, times: int = 1) -> None:
        """The next requests that fit (a regular expression over method and path) fail so."""
        self._faults.append((re.compile(request), fault, [times]))

    def mend(self) -> None:
        """No faults any more."""
        self._faults.clear()

    @property
    def faults_left(self) -> int:
        """How many faults have not come to pass."""
        return sum(left[0] for *_, left in self._faults)

    def count(self, request: str) -> int:
        """How many requests to Graph fitted."""
        return sum(bool(re.search(request, each)) for each in self.requests)

    # One request

    def serve(self, handler: _Handler) -> None:
        """Answer one request, or do not."""
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length)
        path = handler.path
        line = f"{handler.command} {path}"
        fault = self._fault_for(line)
        if fault.drop == "before":
            self._note(handler)
            handler.reset()
            return
        if path.startswith("/v1.0/"):
            reply = self._graph(handler, body, fault)
        else:
            time.sleep(fault.seconds)
            reply = (
                Reply(fault.status, fault.content, fault.headers)
                if fault.status
                else self._entra(handler, body)
            )
        if fault.change is not None:
            reply = fault.change(reply)
        if fault.drop == "after":
            handler.reset()
            return
        handler.send(reply, cut=fault.drop == "middle")

    def part_fault(self, request: Request) -> Reply | None:
        """A fault for one part of a batch: `PART PATCH /users/…`."""
        fault = self._fault_for(f"PART {request.method} {request.path}")
        return Reply(fault.status, fault.content, fault.headers) if fault.status else None

    def _graph(self, handler: _Handler, body: bytes, fault: Fault) -> Reply:
        path = handler.path.removeprefix("/v1.0")
        weight = 2 if path == "/$batch" else 1
        with self._lock:
            self._note(handler)
            self._at_work += weight
            self.most_at_once = max(self.most_at_once, self._at_work)
        try:
            time.sleep(fault.seconds)
            if fault.status:
                return Reply(fault.status, fault.content, fault.headers)
            token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
            claims = self.entra.tokens.get(token)
            if claims is None or claims["exp"] < time.time():
                error = {"code": "InvalidAuthenticationToken", "message": "Lifetime validation failed."}
                return Reply(401, {"error": error})
            headers = {name.title(): value for name, value in handler.headers.items()}
            with self._lock:
                return self.graph.answer(Request(handler.command, path, headers, body, claims))
        finally:
            with self._lock:
                self._at_work -= weight

    def _note(self, handler: _Handler) -> None:
        if handler.path.startswith("/v1.0/"):
            self.requests.append(f"{handler.command} {handler.path.removeprefix('/v1.0')}")
            self.headers.append({name.title(): value for name, value in handler.headers.items()})
            self.times.append(time.monotonic())

    def _entra(self, handler: _Handler, body: bytes) -> Reply:
        path = urlsplit(handler.path).path
        if handler.command == "GET":
            return Reply(*self.entra.get(path))
        if path in ("/token", "/oauth2/get_token"):
            return Reply(*self.google.post(dict(parse_qsl(body.decode()))))
        return Reply(*self.entra.post(path, dict(parse_qsl(body.decode()))))

    def _fault_for(self, line: str) -> Fault:
        with self._lock:
            for pattern, fault, left in self._faults:
                if left[0] > 0 and pattern.search(line):
                    left[0] -= 1
                    return fault
        return Fault()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    double: GraphDouble

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or refuses the certificate, is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def _serve(self) -> None:
        self.server.double.serve(self)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - the standard library's names

    def send(self, reply: Reply, *, cut: bool) -> None:
        """The whole answer, or half of it and then a closed connection."""
        content = reply.content
        if reply.content is None:
            content = b""
        elif not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response_only(reply.status)
        self.send_header("Date", formatdate(time.time() + self.server.double.clock_ahead, usegmt=True))
        self.send_header("request-id", str(uuid.uuid4()))
        self.send_header("Content-Length", str(len(content)))
        if "Content-Type" not in reply.headers:
            kind = "text/html" if content.startswith(b"<") else "application/json"
            self.send_header("Content-Type", kind)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.wfile.flush()
        self.close_connection = cut

    def reset(self) -> None:
        """RST: what was sent is lost, and the client knows nothing."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Tests are quiet."""


def given(secret: str) -> SecretSource:
    """A secret as a configuration holds it."""
    return GivenSecret(SecretText(secret), literal=False)
