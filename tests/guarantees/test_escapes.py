"""Nothing of a mail, or of what a server says, is alive on a terminal, in a pipe, or in a JSON document.

Every command that shows such text, over every such text, in every place that a stranger can write to.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from typing import TYPE_CHECKING

import pytest

from emailint.store.folder import open_store
from tests.support.dovecot import PASSWORD
from tests.support.hostile import mail
from tests.support.looking import Seen, on_a_pipe, on_a_terminal
from tests.support.scripted_imap import ScriptedImap
from tests.support.smtp import Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIVE = {
    "clipboard": "\x1b]52;c;eA==\x07",
    "clear": "\x1b[2J\x1b[H",
    "colour": "\x1b[5;31mred",
    "C1": "\x9b5m\x9d52;c;eA==\x9c",
    "link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "title": "\x1b]0;evil\x07",
    "device": "\x1bP$q\x1b\\\x1b[c\x1b[6n",
    "overwrite": "seen\rhidden\x08\x08",
    "bell": "\x07\x00\x7f",
    "breaks": "a\x0bb\x0cc\x85d\u2028e\u2029f",
    "bidi": "\u202egnp.exe\u202c \u2066x\u2069 \u200e\u200f\u061c",
    "zero width": "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00ad\u180e",
    "tags": "\U000e0041\U000e007f\U000e0001",
    "surrogate": "\ud83d \udc41",
}
MARKUP = ["[link=https://evil.example]x[/link]", "[/oops]", "[bold red]x[/]", ":smile: [@click=app.quit]y[/]"]
ALLOWED = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[lh]|[0-9]*[AK])|\r")
"""What rich writes for colours and its bar; no text of a stranger's above has any of it but colour 5."""
FORBIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def alive(text: str) -> list[str]:
    """Characters that steer or hide."""
    return sorted(
        {f"U+{ord(each):04X}" for each in text if each != "\n" and unicodedata.category(each) in FORBIDDEN}
    )


def assert_dead(seen: Seen, *, terminal: bool) -> None:
    shown = seen.out + seen.err
    if terminal:
        assert "\x1b[5" not in shown
        shown = ALLOWED.sub("", shown)
    assert alive(shown) == []


def encoded(text: str) -> str:
    return f"=?utf-8?B?{base64.b64encode(text.encode('utf-8', 'surrogatepass')).decode()}?="


def hostile_mails(to: str) -> Iterator[bytes]:
    """Each text in each place of a mail, raw and encoded."""
    for number, text in enumerate([*LIVE.values(), *MARKUP]):
        raw = re.sub(r"[\r\n\x0b\x0c]", "", text)
        for way, said in enumerate((encoded(text), raw)):
            whole = (
                f"From: {said} <p{number}{way}@example.com>\nTo: {said} <{to}>, {raw}@example.org\n"
                f"Subject: {number} {said}\nMessage-ID: <{number}{way}{raw}@example.com>\n"
                f"References: <{raw}@x>\nDate: {raw}\nX-Mailer: {raw}\n"
                f"Authentication-Results: {raw}; dmarc={raw}\n"
                "Content-Type: multipart/mixed; boundary=b\n\n"
                f"--b\nContent-Type: text/plain; charset={raw or 'x'}\n\nBody {raw}\n"
                f'--b\nContent-Type: {raw}/x; name="{said}.pdf"\n'
                f'Content-Disposition: attachment; filename="{raw}.pdf"\n\nx\n--b--\n'
            )
            yield whole.replace("\n", "\r\n").encode("utf-8", "surrogatepass")
    yield mail("Subject: =?utf-8?Q?=1B]52;c;x=07?=\nFrom: \x1b[2J\nReturn-Path: <>\n")


CONFIG = """store: data
integrations:
  - name: desk
    mailbox: desk@example.org
    protocol: maildir
    path: desk
    outbound: {{type: smtp, host: 127.0.0.1, port: {smtp}, tls: none, username: null}}
    aliases:
      - address: desk@example.org
        default: true
        case: {{subject: "About {{{{ message.subject }}}}", fields: {{who: "{{{{ sender.name }}}}"}}}}
  - name: strict
    mailbox: strict@example.org
    protocol: maildir
    path: strict
    outbound: {{type: folder, path: outbox}}
    aliases: [{{address: nobody@example.org}}]
  - name: far
    mailbox: far@example.org
    host: 127.0.0.1
    port: {imap}
    tls: none
    password: {password}
    reply: {{template: none}}
"""


def words_of_a_server() -> list[bytes]:
    texts = [re.sub(r"[\r\n\x0b\x0c\x00]", "", text) for text in [*LIVE.values(), *MARKUP]]
    return [text.encode("utf-8", "surrogatepass") for text in texts]


class Place:
    """A folder with mailboxes full of hostile mail, and servers that say hostile things."""

    def __init__(self, folder: Path, imap: ScriptedImap, smtp: Sink) -> None:
        self.folder = folder
        for name in ("desk", "strict"):
            for part in ("cur", "new", "tmp"):
                (folder / name / part).mkdir(parents=True)
            for number, raw in enumerate(hostile_mails(f"{name}@example.org")):
                (folder / name / "new" / f"{number}.x").write_bytes(raw)
        config = folder / "integrations.yaml"
        config.write_text(CONFIG.format(smtp=smtp.port, imap=imap.port, password=PASSWORD.replace(" ", "")))
        config.chmod(0o600)
        (folder / "one.eml").write_bytes(next(iter(hostile_mails("desk@example.org"))))

    def ids(self) -> list[str]:
        with open_store(self.folder / "data", read_only=True) as store:
            return [error.error_id for error in store.ledger.errors()]

    def locus(self) -> str:
        path = next(iter(sorted((self.folder / "strict" / "cur").iterdir())))
        with open_store(self.folder / "data", read_only=True) as store:
            return next(e.trouble.locus for e in store.ledger.errors() if e.trouble.locus) or path.name


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    said = words_of_a_server()
    refusals = [b"550 5.1.1 no " + word for word in said]
    script = {"RCPT": [*refusals, *refusals], "EHLO": [], "dot": [b"250 ok " + said[0]]}
    listed = b"".join(
        b'* LIST () "/" "' + word.replace(b"\\", b"").replace(b'"', b"") + b'"\r\n' for word in said
    )
    replies: dict[str, bytes | list[bytes]] = {
        "LOGIN": [b"TAG NO [ALERT] " + word + b"\r\n" for word in said] + [b"TAG OK in\r\n"],
        "SELECT": [b"TAG NO [NONEXISTENT] no " + word + b"\r\n" for word in said],
        "LIST": listed + b"TAG OK done\r\n",
    }
    monkeypatch.chdir(tmp_path)
    with ScriptedImap(replies) as imap, Sink(script) as smtp:  # type: ignore[arg-type]  # lists of octets only
        yield Place(tmp_path, imap, smtp)


COMMANDS: list[Callable[[Place], list[str]]] = [
    lambda _: ["process", "--dry-run"],
    lambda _: ["-v", "process", "--dry-run", "--integration", "desk"],
    lambda _: ["process"],
    lambda _: ["-vv", "process", "--integration", "far"],
    lambda _: ["list-errors"],
    lambda _: ["list-errors", "--all", "--plain"],
    lambda _: ["list-cases", "--all"],
    lambda _: ["list-cases", "--all", "--plain"],
    lambda _: ["explain", "one.eml", "--integration", "desk"],
    lambda _: ["explain", "one.eml", "--integration", "desk", "--plain"],
    lambda place: ["explain", "--locus", place.locus()],
    lambda _: ["render-template", "case-confirm", "--message", "one.eml"],
    lambda _: ["render-template", "case-confirm", "--message", "one.eml", "--part", "subject"],
    lambda _: ["render-template", "case-confirm", "--message", "one.eml", "--part", "text"],
    lambda _: ["render-template", "case-confirm", "--message", "one.eml", "--part", "html"],
    lambda _: ["test-connection"],
    lambda _: ["test-connection", "far", "--plain"],
    lambda _: ["retry", "--held"],
    lambda _: ["retry", "--replies"],
    lambda _: ["retry", "CS-000001"],
    lambda _: ["audit"],
    lambda _: ["audit", "desk", "strict", "--plain"],
    lambda _: ["store", "verify"],
    lambda _: ["status"],
    lambda _: ["status", "--live", "--plain"],
    lambda place: ["dismiss", *place.ids()],
]
DOCUMENTS: list[Callable[[Place], list[str]]] = [
    lambda _: ["process", "--dry-run", "--json"],
    lambda _: ["process", "--json"],
    lambda _: ["list-errors", "--json"],
    lambda _: ["list-cases", "--json"],
    lambda _: ["explain", "one.eml", "--integration", "desk", "--json"],
    lambda _: ["retry", "--held", "--json"],
    lambda _: ["audit", "--json"],
    lambda _: ["status", "--live", "--json"],
    lambda _: ["test-connection", "--json"],
]


def test_nothing_is_alive_on_a_terminal(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = ""
    for command in COMMANDS:
        seen = on_a_terminal(monkeypatch, *command(place))
        assert seen.status in {0, 1}, seen
        assert_dead(seen, terminal=True)
        shown += seen.out
    assert "\\x1b]52" in shown
    assert "[link=https://evil.example]x" in ALLOWED.sub("", shown)
    assert "[/oops]" in ALLOWED.sub("", shown)


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_is_alive_in_a_pipe(place: Place, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    shown = ""
    for command in COMMANDS:
        seen = on_a_pipe(monkeypatch, "--log-format", form, *command(place))
        assert seen.status in {0, 1}, seen
        assert_dead(seen, terminal=False)
        shown += seen.out + seen.err
    assert "\\x1b]52" in shown


def test_documents_are_json_in_ascii(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in DOCUMENTS:
        seen = on_a_pipe(monkeypatch, "--log-format", "json", *command(place))
        assert seen.status in {0, 1}, seen
        assert seen.out.isascii()
        assert alive(seen.out) == []
        assert isinstance(json.loads(seen.out), dict)
        for line in seen.err.splitlines():
            assert isinstance(json.loads(line), dict)
    for path in (place.folder / "data").glob("*.jsonl"):
        assert all(0x20 <= octet < 0x7F or octet == 0x0A for octet in path.read_bytes())
