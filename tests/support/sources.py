"""Mail sources as tests want them: short time-outs, and a password that knows how often it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emailint.sources.imap import ImapSettings, ImapSource

if TYPE_CHECKING:
    from tests.support.dovecot import Dovecot, Mailbox


@dataclass
class Password:
    """A secret, and how often it was revealed."""

    text: str = "correct horse"
    revealed: int = 0

    def __call__(self) -> str:
        self.revealed += 1
        return self.text


def imap_source(**settings: Any) -> ImapSource:
    """A source on loopback in clear text, unless said otherwise."""
    defaults: dict[str, Any] = {
        "host": "127.0.0.1",
        "tls": "none",
        "username": "desk",
        "password": Password(),
        "timeout": 5.0,
        "command_timeout": 10.0,
    }
    return ImapSource(ImapSettings(**defaults | settings))


def dovecot_source(server: Dovecot, mailbox: Mailbox, **settings: Any) -> ImapSource:
    """A source on a real mailbox, by TLS, unless said otherwise."""
    defaults: dict[str, Any] = {
        "host": "localhost",
        "tls": "implicit",
        "port": server.tls_port,
        "ca_file": server.ca_file,
        "username": mailbox.user,
        "password": Password(mailbox.password),
    }
    return imap_source(**defaults | settings)
