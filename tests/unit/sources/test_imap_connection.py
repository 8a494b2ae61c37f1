"""Names, addresses and certificates, without a network."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, cast

import pytest

from emailint.errors import ConnectionFailed, TlsFailed
from emailint.sources.imap_connection import describe, dial, require_loopback, resolve, secure

if TYPE_CHECKING:
    from emailint.sources.imap_connection import Address


def address(text: str) -> Address:
    return socket.AF_INET, text, 143


@pytest.mark.parametrize("texts", [["127.0.0.1"], ["127.8.9.10"], ["::1", "127.0.0.1"]])
def test_clear_text_stays_on_this_machine(texts: list[str]) -> None:
    require_loopback([address(text) for text in texts], "localhost")


@pytest.mark.parametrize(
    "texts", [["192.0.2.1"], ["127.0.0.1", "192.0.2.1"], ["::2"], ["128.0.0.1"], ["0.0.0.0"]]
)
def test_clear_text_goes_nowhere_else(texts: list[str]) -> None:
    with pytest.raises(TlsFailed, match="nothing was sent"):
        require_loopback([address(text) for text in texts], "mail.example.org")


@pytest.mark.parametrize("host", ["", "x" * 64, "a..b", "\0"])
def test_names_that_are_none(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_more: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    if host in {"", "\0"}:
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ConnectionFailed, match="cannot be resolved") as caught:
        resolve(host, 993)
    assert "DNS" in caught.value.hint


def test_addresses_are_told_once_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 993, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 993)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 993, 0, 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
    assert [text for _, text, _ in resolve("localhost", 993)] == ["::1", "127.0.0.1"]


def test_time_for_connecting_is_shared_by_all_addresses() -> None:
    with pytest.raises(ConnectionFailed, match="no answer for 0 s"):
        dial([address("127.0.0.1")], "localhost", 0.0)


def test_a_certificate_is_described_by_version_issuer_and_days() -> None:
    class Secured:
        def getpeercert(self) -> dict[str, object]:
            return {
                "issuer": ((("countryName", "US"),), (("organizationName", "Let's Encrypt"),)),
                "notAfter": "Feb 22 12:00:00 2027 GMT",
            }

        def version(self) -> str:
            return "TLSv1.3"

    now = 1_803_038_400 - 60 * 86_400
    said = describe(cast("ssl.SSLSocket", Secured()), now=now)
    assert said.startswith("TLSv1.3, certificate by Let's Encrypt, good for ")


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        (
            ssl.SSLZeroReturnError(ssl.SSL_ERROR_ZERO_RETURN, "TLS/SSL connection has been closed (EOF)"),
            "143",
        ),
        (ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "EOF occurred in violation of protocol"), "143"),
        (ssl.SSLError(1, "no protocols available"), "TLS 1.2"),
    ],
)
def test_who_hangs_up_over_tls_may_speak_none(
    error: ssl.SSLError, cure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is raised for this, and whether it has a reason, differs between versions of OpenSSL."""

    vars(error)["reason"] = None  # as OpenSSL leaves it for these

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", fail)
    left, right = socket.socketpair()
    with left, right, pytest.raises(TlsFailed) as caught:
        secure(left, "mail.example.org", 993, None)
    assert cure in caught.value.hint
