"""No credential before TLS is there and verified: the servers here write down all that they are told."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from emailint.config.load import load
from emailint.sweep.connect import outbound_for, source_for
from emailint.sweep.options import SweepOptions
from emailint.sweep.schedule import run_sweep
from tests.support.memory import letter
from tests.support.tls_faults import (
    CERTIFICATES,
    HOST,
    IMAP_GREETING,
    SMTP_GREETING,
    Eavesdropper,
    Line,
    authorities,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


PASSWORD = "sesame-Open-7"
USER = "ann.example"
CONFIG = """store: data
integrations:
  - name: desk
    mailbox: desk@example.org
    host: {host}
    port: {imap}
    tls: {imap_tls}
    ca_file: {ca}
    username: {user}
    password: {password}
    reply: {{template: none}}
  - name: local
    mailbox: local@example.org
    protocol: maildir
    path: maildir
    outbound:
      type: smtp
      host: {host}
      port: {smtp}
      tls: {smtp_tls}
      ca_file: {ca}
      username: {user}
      password: {password}
"""


@pytest.fixture(autouse=True)
def _no_patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that say nothing are not waited for as long as usual."""
    if "told" not in request.node.name:
        monkeypatch.setattr("emailint.sweep.connect.SLOWEST", 1.0)


def secrets() -> list[bytes]:
    """The password, the user, and both as SASL sends them."""
    plain = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
    return [
        PASSWORD.encode(),
        USER.encode(),
        plain,
        base64.b64encode(PASSWORD.encode()),
        base64.b64encode(USER.encode()),
    ]


def configured(folder: Path, **given: Any) -> Path:
    for part in ("cur", "new", "tmp"):
        (folder / "maildir" / part).mkdir(parents=True, exist_ok=True)
    raw = letter(1, to="local@example.org")
    (folder / "maildir" / "new" / "1.x").write_bytes(raw)
    settings = {"imap": 1, "smtp": 1, "imap_tls": "implicit", "smtp_tls": "implicit"}
    fixed = {"host": HOST, "ca": authorities().ca_file, "user": USER, "password": PASSWORD}
    path = folder / "integrations.yaml"
    path.write_text(CONFIG.format(**settings | fixed | given))
    path.chmod(0o600)
    return path


def told_nothing(folder: Path, server: Eavesdropper, **given: Any) -> str:
    """Sweep and test the connection: nothing secret was said to the server. Returns what was said of it."""
    config = load(configured(folder, **given))
    result = run_sweep(config, SweepOptions(deadline=8.0))
    words = [each.error or "" for each in result.integrations]
    for integration in config.integrations:
        steps = [*source_for(config, integration).test(), *outbound_for(config, integration).test()]
        words += [f"{step.detail} {step.cure}" for step in steps]
    heard = bytes(server.heard)
    assert not [secret for secret in secrets() if secret in heard]
    assert b"AUTH" not in heard.upper().replace(b"AUTH=PLAIN", b"")
    assert b"LOGIN" not in heard.upper()
    assert PASSWORD not in "".join(words)
    return " ".join(words)


def implicit(kind: str) -> Callable[[Line], None]:
    context = authorities().context(kind)
    return lambda line: line.secure(context)


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_imap_with_tls_from_the_start(tmp_path: Path, kind: str) -> None:
    with Eavesdropper(implicit(kind)) as server:
        said = told_nothing(tmp_path, server, imap=server.port)
    assert "no password was sent" in said


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_smtp_with_tls_from_the_start(tmp_path: Path, kind: str) -> None:
    with Eavesdropper(implicit(kind)) as server:
        said = told_nothing(tmp_path, server, smtp=server.port)
    assert "nothing was sent, and the reply is tried again" in said


def starttls(greeting: bytes, kind: str) -> Callable[[Line], None]:
    """A server that is right up to its certificate."""
    context = authorities().context(kind)

    def converse(line: Line) -> None:
        line.say(greeting)
        if greeting.startswith(b"220"):
            line.hear()
            line.say(b"250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n")
            line.hear()
            line.say(b"220 go ahead\r\n")
        else:
            line.say(line.tag() + b" OK begin\r\n")
        line.secure(context)

    return converse


@pytest.mark.parametrize("kind", CERTIFICATES)
@pytest.mark.parametrize("protocol", ["imap", "smtp"])
def test_starttls(tmp_path: Path, protocol: str, kind: str) -> None:
    greeting = IMAP_GREETING if protocol == "imap" else SMTP_GREETING
    given: dict[str, Any] = {f"{protocol}_tls": "starttls"}
    with Eavesdropper(starttls(greeting, kind)) as server:
        told_nothing(tmp_path, server, **given | {protocol: server.port})


def plainly(greeting: bytes, *answers: bytes) -> Callable[[Line], None]:
    """A server that says these things in clear text, TAG for the tag of the command."""

    def converse(line: Line) -> None:
        line.say(greeting)
        for answer in answers:
            tag = line.tag()
            line.say(answer.replace(b"TAG", tag))

    return converse


IMAP_PLAIN = {
    "no STARTTLS": (
        b"* OK ready\r\n",
        b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nTAG OK\r\n",
        b"TAG BAD what\r\n",
    ),
    "NO": (IMAP_GREETING, b"TAG NO not now\r\n"),
    "BAD": (IMAP_GREETING, b"TAG BAD what\r\n"),
    "OK and then no TLS": (IMAP_GREETING, b"TAG OK go\r\n", b"TAG OK go\r\n"),
    "bytes injected": (IMAP_GREETING, b"TAG OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nTAG OK\r\n"),
    "an answer ahead": (IMAP_GREETING + b"A1 OK go\r\nA2 OK in\r\n",),
    "PREAUTH": (b"* PREAUTH [CAPABILITY IMAP4rev1] welcome\r\n", b"TAG OK go\r\n"),
    "BYE": (b"* BYE not today\r\n",),
    "nothing": (b"",),
}
SMTP_PLAIN = {
    "no STARTTLS": (SMTP_GREETING, b"250-here\r\n250 AUTH PLAIN LOGIN\r\n", b"502 what\r\n"),
    "refused": (SMTP_GREETING, b"250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", b"454 not now\r\n"),
    "go ahead and then no TLS": (
        SMTP_GREETING,
        b"250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n",
        b"220 go\r\n",
        b"250 AUTH PLAIN\r\n",
    ),
    "bytes injected": (
        SMTP_GREETING,
        b"250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n",
        b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n",
    ),
    "logged in already": (b"220 ready\r\n235 welcome\r\n", b"250 AUTH PLAIN\r\n"),
}


@pytest.mark.parametrize("said", IMAP_PLAIN.values(), ids=IMAP_PLAIN)
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_imap_in_clear_text(tmp_path: Path, tls: str, said: tuple[bytes, ...]) -> None:
    with Eavesdropper(plainly(*said)) as server:
        told_nothing(tmp_path, server, imap=server.port, imap_tls=tls)


@pytest.mark.parametrize("said", SMTP_PLAIN.values(), ids=SMTP_PLAIN)
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_smtp_in_clear_text(tmp_path: Path, tls: str, said: tuple[bytes, ...]) -> None:
    with Eavesdropper(plainly(*said)) as server:
        told_nothing(tmp_path, server, smtp=server.port, smtp_tls=tls)


@pytest.mark.parametrize("protocol", ["imap", "smtp"])
def test_a_handshake_that_stalls(tmp_path: Path, protocol: str) -> None:

    def stall(line: Line) -> None:
        line.hear()
        line.say(b"\x16\x03\x03\x40\x00")  # the beginning of a record that never comes
        line.over.wait(3)

    given: dict[str, Any] = {}
    with Eavesdropper(stall) as server:
        told_nothing(tmp_path, server, **given | {protocol: server.port})


def test_the_servers_hear_what_they_are_told(tmp_path: Path) -> None:
    """The control: with a good certificate the password comes, and is heard."""
    context = authorities().context("good")

    def converse(line: Line) -> None:
        line.secure(context)
        line.say(IMAP_GREETING)

    with Eavesdropper(converse) as server, pytest.raises(AssertionError):
        told_nothing(tmp_path, server, imap=server.port)
    assert PASSWORD.encode() in server.heard
