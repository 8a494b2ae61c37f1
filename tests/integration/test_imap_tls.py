"""No credential leaves before TLS is there and its certificate is checked; on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from emailint.errors import ConnectionFailed, TlsFailed
from emailint.probe import Outcome
from emailint.sources.imap_connection import tls_context
from tests.support.dovecot import EXPIRED, GOOD, NO_TLS, SELF_SIGNED, WRONG_HOST
from tests.support.sources import Password, dovecot_source

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.dovecot import Dovecot

REFUSED = [
    pytest.param(EXPIRED, "certificate has expired", "renew", id="expired"),
    pytest.param(SELF_SIGNED, "self-signed certificate", "ca_file", id="self-signed"),
    pytest.param(WRONG_HOST, "127.0.0.4", "as the certificate has it|not as an address", id="wrong-host"),
]


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize(("host", "reason", "cure"), REFUSED)
def test_a_certificate_that_is_not_right_is_refused(
    dovecot: Dovecot, tls: str, host: str, reason: str, cure: str
) -> None:
    mailbox = dovecot.create_user()
    password = Password(mailbox.password)
    port = dovecot.tls_port if tls == "implicit" else dovecot.port
    source = dovecot_source(dovecot, mailbox, host=host, tls=tls, port=port, password=password)
    with pytest.raises(TlsFailed, match=reason) as caught, source:
        pass
    assert "no password was sent" in str(caught.value)
    assert any(part in caught.value.hint for part in cure.split("|"))
    assert password.revealed == 0


def test_an_authority_that_nobody_knows_is_refused(dovecot: Dovecot) -> None:
    source = dovecot_source(dovecot, dovecot.create_user(), ca_file=None)
    with pytest.raises(TlsFailed, match="certificate") as caught, source:
        pass
    assert "ca_file" in caught.value.hint


def test_starttls_secures_the_connection(dovecot: Dovecot) -> None:
    mailbox = dovecot.create_user()
    mailbox.deliver(b"Subject: one\r\n\r\n")
    source = dovecot_source(dovecot, mailbox, tls="starttls", port=dovecot.port)
    with source:
        assert len(source.list_unread()) == 1
    tls = next(step for step in source.test() if step.name == "tls")
    assert tls.outcome is Outcome.OK
    assert tls.detail.startswith("TLSv1.")
    assert "good for" in tls.detail


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        pytest.param({"host": NO_TLS, "tls": "starttls", "port": "plain"}, "implicit", id="no-starttls"),
        pytest.param({"host": NO_TLS, "tls": "implicit", "port": "tls"}, "starttls", id="no-tls"),
        pytest.param({"host": GOOD, "tls": "implicit", "port": "plain"}, "starttls", id="wrong-port"),
    ],
)
def test_without_tls_there_is_no_login(dovecot: Dovecot, settings: dict[str, Any], hint: str) -> None:
    mailbox = dovecot.create_user()
    password = Password(mailbox.password)
    port = dovecot.port if settings["port"] == "plain" else dovecot.tls_port
    source = dovecot_source(dovecot, mailbox, **settings | {"port": port, "password": password})
    # Who expects no TLS may also just hang up.
    with pytest.raises((TlsFailed, ConnectionFailed), match="no password was sent") as caught, source:
        pass
    assert hint in caught.value.hint
    assert password.revealed == 0


@pytest.mark.parametrize("tls", ["starttls", "none"])
def test_a_port_that_waits_for_tls_is_told_by_its_silence(dovecot: Dovecot, tls: str) -> None:
    source = dovecot_source(dovecot, dovecot.create_user(), host=GOOD, tls=tls, timeout=0.3)
    with pytest.raises(ConnectionFailed, match="did not answer") as caught, source:
        pass
    assert "port: 993 with tls: implicit" in caught.value.hint


def test_clear_text_goes_nowhere_but_to_this_machine(dovecot: Dovecot) -> None:
    mailbox = dovecot.create_user()
    with dovecot_source(dovecot, mailbox, host=GOOD, tls="none", port=dovecot.port) as source:
        assert list(source.list_unread()) == []
    away = dovecot_source(dovecot, mailbox, host="192.0.2.1", tls="none", port=143)
    with pytest.raises(TlsFailed, match="clear text is only for this machine"), away:
        pass


def test_there_is_one_context_for_all_connections(dovecot: Dovecot) -> None:
    assert tls_context(dovecot.ca_file) is tls_context(dovecot.ca_file)
    assert tls_context(dovecot.ca_file) is not tls_context(None)


def test_a_ca_file_that_cannot_be_read_is_named(dovecot: Dovecot, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    for ca_file in (tmp_path / "missing.pem", empty):
        source = dovecot_source(dovecot, dovecot.create_user(), ca_file=ca_file)
        with pytest.raises(TlsFailed, match=ca_file.name), source:
            pass
