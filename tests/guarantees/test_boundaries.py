"""No text of a mail in IMAP commands, SQL, the source of templates, paths, or the arguments of programs."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from emailint.config.model import Alias, CaseDefaults
from tests.guarantees.test_escapes import hostile_mails
from tests.support.memory import letter
from tests.support.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.support.desk import Desk
    from tests.support.dovecot import Dovecot
    from tests.support.world import World

MARK = "Zq9mark"


def marked() -> Iterator[bytes]:
    """Hostile mails, and one that has the mark in whatever a stranger writes."""
    yield from hostile_mails("payroll@example.org")
    for injection in (
        "'; DROP TABLE message; --",
        '" OR 1=1',
        "%s %(x)s {0}",
        "{{ 7*7 }}",
        "../../",
        "$(id)",
        "\\0",
    ):
        text = f"{MARK}{injection}"
        yield (
            f"Return-Path: <{MARK}@example.com>\r\nFrom: {text} <{MARK}@example.com>\r\n"
            f"To: {MARK}{injection} <payroll@example.org>, {MARK}@example.net\r\nSubject: {text}\r\n"
            f"Message-ID: <{MARK}{injection}@x>\r\nIn-Reply-To: <{text}@x>\r\nReferences: <{text}@y>\r\n"
            f"Content-Type: multipart/mixed; boundary={MARK}\r\n\r\n"
            f"--{MARK}\r\nContent-Type: text/plain; charset={MARK}\r\n\r\n{text} CLID={MARK}\r\n"
            f'--{MARK}\r\nContent-Type: application/{MARK}; name="{text}.{MARK}"\r\n\r\nx\r\n--{MARK}--\r\n'
        ).encode()


MAILS = list(marked())
HARMLESS = [letter(number, sender=f"p{number}@example.com") for number in range(len(MAILS))]


def transcript(desk: Desk, dovecot: Dovecot, mails: Iterable[bytes]) -> list[str]:
    """The commands of a sweep over a mailbox with these mails, numbers and tags left out."""
    desk.mailbox = dovecot.create_user()
    desk.mailbox.create_folder("Done")
    desk.mailbox.deliver_many(mails)
    with Relay(dovecot.port) as relay:
        login = f"{desk.mailbox.user}\n    move_to: Done"
        desk.configure(host="127.0.0.1", port=relay.port, tls="none", ca=None, user=login)
        result = desk.sweep()
        assert result.totals.listed == len(MAILS)
        said = bytes(relay.from_client).decode("ascii")
    commands = [line.partition(" ")[2].replace(desk.mailbox.user, "USER") for line in said.split("\r\n")]
    return [re.sub(r"\d+", "N", command) for command in commands]


def test_imap_commands_are_the_same_whatever_the_mails_say(desk: Desk, dovecot: Dovecot) -> None:
    harmless = transcript(desk, dovecot, HARMLESS)
    assert any(command.startswith("UID MOVE") for command in harmless)
    hostile = transcript(desk, dovecot, MAILS)
    assert sorted(set(hostile)) == sorted(set(harmless))
    assert [command.split()[:2] for command in hostile] == [command.split()[:2] for command in harmless]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The text of every SQL statement, without its values."""
    heard: set[str] = set()

    class Recording(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            heard.add(statement)
            return super().execute(statement, *values)

        def executemany(self, statement: str, *values: Any) -> sqlite3.Cursor:
            heard.add(statement)
            return super().executemany(statement, *values)

        def executescript(self, script: str) -> sqlite3.Cursor:
            heard.add(script)
            return super().executescript(script)

        def cursor(self, *_args: Any, **_named: Any) -> Any:
            raise AssertionError("statements are heard at the connection alone")

    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *given, **named: connect(*given, factory=Recording, **named)
    )
    return heard


def swept(world: World, mails: Iterable[bytes]) -> None:
    fields = CaseDefaults(subject="About {{ message.subject }}", fields={"who": "{{ sender.name }}"})
    world.change(aliases=(Alias("payroll@example.org", default=True, case=fields),), move_to="Done")
    for raw in mails:
        world.source.deliver(raw)
    world.sweep()
    world.sweep()


def test_sql_is_the_same_whatever_the_mails_say(world: World, statements: set[str]) -> None:
    swept(world, MAILS)
    assert len(world.lines()) + len(world.lines("followups.jsonl")) == len(MAILS)
    first = set(statements)
    assert len(first) > 20
    assert not [text for text in first if MARK in text or not text.isascii()]
    statements.clear()
    world.folder = world.folder / "other"
    world.folder.mkdir()
    world.source.folders.clear()
    world.source.validity = 2
    swept(world, [raw.replace(MARK.encode(), b"Other'1").replace(b"evil", b"good") for raw in MAILS])
    assert statements == first


def test_template_sources_are_the_owners(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import jinja2  # noqa: PLC0415 - only here

    compiled: list[str] = []
    compile_source = jinja2.Environment.compile

    def noting(self: jinja2.Environment, source: Any, *given: Any, **named: Any) -> Any:
        compiled.append(str(source))
        return compile_source(self, source, *given, **named)

    monkeypatch.setattr(jinja2.Environment, "compile", noting)
    swept(world, MAILS)
    assert any(MARK in mail.content.decode("latin-1") for mail in world.outbound.sent)
    assert not [source for source in compiled if MARK in source or "7*7" in source]


def test_paths_and_arguments_are_ours(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    popen = subprocess.Popen.__init__

    def noting(self: Any, arguments: Any, *given: Any, **named: Any) -> None:
        started.append(str(arguments))
        popen(self, arguments, *given, **named)

    monkeypatch.setattr(subprocess.Popen, "__init__", noting)
    with_suspects(world)
    swept(world, MAILS)
    names = [str(path.relative_to(world.folder)) for path in world.folder.rglob("*")]
    assert len(names) > len(MAILS)
    assert not [name for name in names if MARK in name or not re.fullmatch(r"[a-zA-Z0-9._/-]+", name)]
    assert started
    assert not [arguments for arguments in started if MARK in arguments]


def with_suspects(world: World) -> None:
    """As after a death: the first mails are read alone, in child processes."""
    from emailint.store.folder import open_store  # noqa: PLC0415 - only here

    with open_store(world.folder / "data") as store:
        store.ledger.begin([world.source.locus(uid) for uid in (1, 2, len(MAILS))])
