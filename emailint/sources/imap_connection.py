"""From a host name to a socket that is secured: name, TCP, TLS. No credential is known here."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, cast

from emailint.errors import ConnectionFailed, TlsFailed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Address = tuple[socket.AddressFamily, str, int]

# X509_V_ERR_… of OpenSSL: what to do about each.
_CURES = {
    9: "set this machine's clock, or ask the server's operator: the certificate is not valid yet",
    10: "ask the server's operator to renew the certificate; check this machine's clock",
    18: "if the server is yours, name its certificate as ca_file",
    19: "if the server is yours, name its authority's certificate as ca_file",
    20: "if the server has its own authority, name that authority's certificate as ca_file",
    21: "if the server has its own authority, name that authority's certificate as ca_file",
    62: "write the host as the certificate has it",
    64: "write the host as a name that the certificate has, not as an address",
}
_NOT_TLS_CURE = "the port may not speak TLS from the start: use port 993, or tls: starttls with port 143"
_NOT_TLS = {"WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"}


def resolve(host: str, port: int) -> list[Address]:
    """The addresses of a host, in the system's order of preference; raises ConnectionFailed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no host name"
        raise ConnectionFailed(
            f"the host name {host} cannot be resolved: {reason}",
            hint="check the spelling of host, and this machine's DNS",
        ) from error
    return list(dict.fromkeys((family, str(where[0]), port) for family, *_, where in found))


def require_loopback(addresses: Sequence[Address], host: str) -> None:
    """Raise TlsFailed unless all addresses are this machine: what is sent in clear text stays here."""
    if not all(address.startswith("127.") or address == "::1" for _, address, _ in addresses):
        raise TlsFailed(
            f"{host} is not this machine, and clear text is only for this machine; nothing was sent",
            hint="use tls: implicit (port 993) or tls: starttls (port 143)",
        )


def dial(addresses: Sequence[Address], host: str, timeout: float) -> socket.socket:
    """A connected socket, from the first address that answers; raises ConnectionFailed.

    `timeout` is seconds for all addresses together.
    """
    until = time.monotonic() + timeout
    failure: OSError = TimeoutError(f"no answer for {timeout:g} s")
    for family, address, port in addresses:
        left = until - time.monotonic()
        if left <= 0:
            break
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(left)
            sock.connect((address, port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    refused = isinstance(failure, ConnectionRefusedError)
    reason = "connection refused" if refused else failure.strerror or str(failure)
    raise ConnectionFailed(
        f"no connection to {host}:{addresses[0][2]}: {reason}",
        hint="check port and tls: 993 is implicit, 143 starttls"
        if refused
        else "check host, port and firewall",
    ) from failure


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """One context for all connections of the process; certificates and names are always checked.

    A `ca_file` takes the place of the system's authorities. Raises TlsFailed when it cannot be read.
    """
    with _contexts_lock:  # else a hundred threads that begin at once read the authorities each
        if ca_file not in _contexts:
            try:
                _contexts[ca_file] = ssl.create_default_context(cafile=ca_file)
            except OSError as error:
                raise TlsFailed(
                    f"the certificates in {ca_file} cannot be read: {error.strerror or error}",
                    hint="ca_file must be a PEM file of certificates",
                ) from error
        return _contexts[ca_file]


_contexts: dict[Path | None, ssl.SSLContext] = {}
_contexts_lock = threading.Lock()


def secure(sock: socket.socket, host: str, port: int, ca_file: Path | None) -> ssl.SSLSocket:
    """TLS over a connected socket; raises TlsFailed with the reason, or ConnectionFailed."""
    context = tls_context(ca_file)
    where = f"{host}:{port}"
    try:
        return context.wrap_socket(sock, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise TlsFailed(
            f"the certificate of {where} is refused: {error.verify_message}; no password was sent",
            hint=_CURES.get(error.verify_code, "ask the server's operator"),
        ) from error
    except ssl.SSLError as error:
        raise TlsFailed(
            f"TLS with {where} failed: {error.reason or error}; no password was sent",
            hint=_NOT_TLS_CURE if _hung_up(error) else "the server must offer TLS 1.2 or newer",
        ) from error
    except OSError as error:
        raise ConnectionFailed(
            f"TLS with {where} broke off: {error.strerror or error}; no password was sent", hint=_NOT_TLS_CURE
        ) from error


def _hung_up(error: ssl.SSLError) -> bool:
    """Whether the other side made nothing of TLS; where it closes, OpenSSL may give no reason."""
    return error.reason in _NOT_TLS or isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)


def describe(sock: ssl.SSLSocket, *, now: float | None = None) -> str:
    """Version of TLS, issuer of the certificate, days it is still good for."""
    certificate = sock.getpeercert() or {}
    names = cast("tuple[tuple[tuple[str, str], ...], ...]", certificate.get("issuer", ()))
    issuer = {key: value for part in names for key, value in part}
    name = issuer.get("organizationName") or issuer.get("commonName") or "an unnamed authority"
    seconds = ssl.cert_time_to_seconds(str(certificate["notAfter"])) - (time.time() if now is None else now)
    return f"{sock.version()}, certificate by {name}, good for {seconds / 86_400:.0f} days"
