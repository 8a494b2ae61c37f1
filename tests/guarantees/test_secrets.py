"""Secrets are in no output, log, error, stack, ledger, or line, whatever fails while they are in hand.

After each failure every command is run, each way it can speak; then all that was said and all that was
written is searched for the secret in every form that it may have.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from emailint.graph_client.limits import forget_slots
from emailint.sources import imap_session
from tests.support.entra_double import CLIENT, TENANT, App
from tests.support.graph import ADDRESS
from tests.support.graph_double import Fault, GraphDouble
from tests.support.hostile import mail
from tests.support.looking import on_a_pipe
from tests.support.memory import letter
from tests.support.scripted_imap import Conversation, ScriptedImap
from tests.support.smtp import Sink, certificates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COMMANDS = [
    ["-vv", "process"],
    ["--log-format", "json", "-vv", "process", "--json", "--integration", "far"],
    ["test-connection", "--send-to", "me@example.com"],
    ["list-errors", "--all"],
    ["list-errors", "--all", "--json"],
    ["retry", "CS-000001"],
    ["audit", "--json"],
]
OTHERS = [
    ["process", "--plain", "--integration", "far"],
    ["process", "--dry-run", "--plain"],
    ["check"],
    ["list-cases", "--json"],
    ["explain", "one.eml", "--integration", "desk"],
    ["render-template", "case-confirm", "--message", "one.eml"],
    ["store", "verify"],
    ["authorize", "far"],
]
"""Run where nothing waits for a server."""
DESK = """
  - name: desk
    mailbox: desk@example.org
    protocol: maildir
    path: maildir
    outbound: {{type: smtp, host: 127.0.0.1, port: {smtp}, tls: none, username: ann, password: {secret}}}
"""
FAR = """
  - name: far
    mailbox: far@example.org
    host: 127.0.0.1
    port: {imap}
    tls: none
    username: ann
    password: {secret}
    reply: {{template: none}}
"""


def forms(secret: str) -> set[bytes]:
    """All that the secret may look like: as it is, escaped, quoted, in base64 as SASL sends it, in hex."""
    texts = {
        secret,
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        secret.encode("unicode_escape").decode(),
        quote(secret),
        quote(secret, safe=""),
        secret.encode().hex(),
        *(
            base64.b64encode(before + secret.encode() + after).decode().rstrip("=")
            for before, after in ((b"", b""), (b"\0ann\0", b""), (b"user=ann\1auth=Bearer ", b"\1\1"))
        ),
    }
    return {text.encode() for text in texts}


@dataclass
class Place:
    """A folder, a secret of its own for each test, and the files that may hold it."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    secret: str = field(default_factory=lambda: f"S3same$Öffne-{secrets.token_hex(8)}\"'")
    allowed: set[str] = field(default_factory=lambda: {"integrations.yaml", ".env", "secret.txt", "key.pem"})

    def configure(self, text: str, **given: Any) -> None:
        path = self.folder / "integrations.yaml"
        written = "'" + self.secret.replace("'", "''").replace("$", "$$") + "'"
        body = text.format(**{"secret": written, "imap": 1, "smtp": 1} | given)
        path.write_text(f"store: data\nintegrations:{body}", encoding="utf-8")
        path.chmod(0o600)

    def private(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        path.chmod(0o600)
        return path

    def run_all(self, needles: set[bytes] | None = None, commands: list[list[str]] = COMMANDS) -> str:
        """Commands; then nothing anywhere holds the secret."""
        said = ""
        for command in commands:
            seen = on_a_pipe(self.monkeypatch, *command)
            said += seen.out + seen.err
            assert seen.status != 70 or "bug" in seen.err
        wanted = needles or forms(self.secret)
        found = [form for form in wanted if form in said.encode()]
        assert found == [], [line for line in said.splitlines() if any(f.decode() in line for f in found)]
        self.nothing_written(wanted)
        return said

    def nothing_written(self, wanted: set[bytes]) -> None:
        """No file but those of its owner holds it."""
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name not in self.allowed:
                octets = path.read_bytes()
                assert [form for form in wanted if form in octets] == [], path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("EMAILINT_DEBUG", "1")
    monkeypatch.setattr("emailint.sweep.connect.SLOWEST", 1.0)
    for part in ("cur", "new", "tmp"):
        (tmp_path / "maildir" / part).mkdir(parents=True)
    (tmp_path / "maildir" / "new" / "1.x").write_bytes(letter(1, to="desk@example.org"))
    (tmp_path / "one.eml").write_bytes(mail("To: desk@example.org\n"))
    return Place(tmp_path, monkeypatch)


def echo(server: list[ScriptedImap], start: bytes) -> Callable[[Conversation, bytes], None]:
    """All that the client has said, word for word, in what is no success."""

    def repeat(talk: Conversation, tag: bytes) -> None:
        said = b" ".join(server[0].received) + "".join(talk_decoded(server[0])).encode()
        talk.send(start.replace(b"TAG", tag) + b" [ALERT] you said: " + said + b"\r\n")

    return repeat


def talk_decoded(server: ScriptedImap) -> Iterator[str]:
    """What stands in base64, decoded, as a helpful server would say it."""
    for line in server.received:
        try:
            yield base64.b64decode(line, validate=True).decode()
        except ValueError:
            continue


def challenge(talk: Conversation, tag: bytes) -> None:
    """AUTHENTICATE is taken up, and refused with all that was said."""
    talk.send(b"+ \r\n")
    line = talk.line()
    told = base64.b64decode(line) if line != b"*" else b""
    talk.send(tag + b" NO wrong: " + line + b" which is " + told.replace(b"\0", b" ") + b"\r\n")


@pytest.mark.parametrize(
    ("command", "start"),
    [
        ("LOGIN", b"TAG NO"),
        ("LOGIN", b"TAG BAD"),
        ("LOGIN", b"* BYE"),
        ("LOGIN", b"* OK [ALERT]"),
        ("LOGIN", b"what?"),
        ("SELECT", b"TAG NO"),
        ("UID SEARCH", b"TAG BAD"),
        ("EXAMINE", b"* BYE"),
    ],
)
def test_an_imap_server_repeats_the_password(place: Place, command: str, start: bytes) -> None:
    server: list[ScriptedImap] = []
    with ScriptedImap({command: echo(server, start)}) as imap, Sink() as smtp:
        server.append(imap)
        place.secret = f"S3same-open-{secrets.token_hex(8)}"  # in ASCII, so that LOGIN takes it
        place.configure(DESK + FAR, imap=imap.port, smtp=smtp.port)
        place.run_all()
        assert place.secret.encode() in b"".join(imap.received)


def test_an_imap_server_repeats_what_was_authenticated_with(place: Place) -> None:
    with ScriptedImap({"AUTHENTICATE": challenge}) as imap, Sink() as smtp:
        place.configure(DESK + FAR, imap=imap.port, smtp=smtp.port)
        assert "wrong" in place.run_all()
        assert any(base64.b64encode(place.secret.encode())[4:20] for _ in imap.received)


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        ("AUTH", "535"),
        ("AUTH", "421"),
        ("AUTH", "no number"),
        ("MAIL", "550"),
        ("RCPT", "550"),
        ("RCPT", "450"),
        ("DATA", "554"),
        ("dot", "999"),
    ],
)
def test_an_smtp_server_repeats_the_password(place: Place, moment: str, code: str) -> None:
    plain = base64.b64encode(f"\0ann\0{place.secret}".encode()).decode()
    said = f"{code} 5.7.8 you said {place.secret} or {plain}"
    offers = ["AUTH PLAIN LOGIN"]
    with Sink({moment: [said] * 9}, offers=offers) as smtp:
        place.configure(DESK + FAR, smtp=smtp.port)
        place.run_all()
        assert any(command.startswith("AUTH PLAIN") for command in smtp.commands)


@pytest.mark.parametrize("certificate", ["expired", "self-signed", "other-host", "unknown-authority"])
def test_tls_fails(place: Place, certificate: Any) -> None:
    text = DESK.replace("tls: none", "tls: implicit, ca_file: {ca}")
    with Sink(context=certificates().context(certificate), implicit=True) as smtp:
        place.configure(text + FAR, smtp=smtp.port, ca=certificates().ca_file)
        assert "certificate" in place.run_all()


def test_a_template_fails(place: Place) -> None:
    (place.folder / "templates").mkdir()
    (place.folder / "templates" / "mine.j2").write_text(
        "{% extends 'case-confirm' %}{% block words %}{{ x.y }}{% endblock %}"
    )
    with Sink(offers=["AUTH PLAIN"]) as smtp:
        place.configure(DESK + FAR + "templates: templates\nreply: {{template: mine}}\n", smtp=smtp.port)
        assert "mine.j2" in place.run_all()


WRONG = {
    "unknown key": FAR.replace("password:", "pasword:"),
    "wrong shape": FAR.replace("{secret}", "{{fil: {secret}}}"),
    "a list": FAR.replace("{secret}", "[{secret}, {secret}]"),
    "a number beside": FAR.replace("{secret}", "{secret}\n    port: {secret}"),
    "twice": FAR.replace("{secret}", "{secret}\n    password: {secret}"),
    "unset name": FAR.replace("{secret}", "${{NO_SUCH_NAME_HERE}}"),
    "in the host": FAR.replace("host: 127.0.0.1", "host: {in_url}"),
    "in the mailbox": FAR.replace("far@example.org", "{in_url}"),
    "in the place of an outbound": FAR.replace("reply: {{template: none}}", "outbound: {secret}"),
    "in an unfinished text": FAR.replace("{secret}", '"{plain}'),
    "bad indentation": FAR.replace("    password: {secret}", "   password: {secret}"),
    "tag": FAR.replace("{secret}", "!secret {secret}"),
    "in graph": FAR.replace("tls: none", "tls: none\n    graph: {{base_url: {in_url}}}"),
    "in oauth": FAR.replace("password: {secret}", "oauth: {{client_secret: {secret}, token_url: {in_url}}}"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_the_configuration_is_wrong(place: Place, wrong: str) -> None:
    place.secret = f"S3same-open-{secrets.token_hex(8)}"
    place.configure(
        DESK + WRONG[wrong], in_url=f"https://ann:{place.secret}@mail.example.org", plain=place.secret
    )
    assert "integrations.yaml" in place.run_all(commands=[*COMMANDS, *OTHERS])


SOURCES = {
    "file": "{{file: secret.txt}}",
    "command": "{{command: [cat, secret.txt]}}",
    "environment": "${{FAR_PASSWORD}}",
    "env_file": "${{FAR_PASSWORD_OF_THE_FILE}}",
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_secret_from_elsewhere_is_repeated(place: Place, source: str) -> None:
    server: list[ScriptedImap] = []
    place.secret = f"S3same-open-{secrets.token_hex(8)}"
    place.private("secret.txt", place.secret + "\n")
    place.private(".env", f"FAR_PASSWORD_OF_THE_FILE={place.secret}\n")
    place.monkeypatch.setenv("FAR_PASSWORD", place.secret)
    with ScriptedImap({"LOGIN": echo(server, b"TAG NO")}) as imap:
        server.append(imap)
        text = FAR.replace("{secret}", SOURCES[source])
        place.configure(f"{text}env_file: .env\n", imap=imap.port)
        said = place.run_all()
        assert place.secret.encode() in b"".join(imap.received)
    assert "***" in said


@pytest.mark.parametrize(
    "code",
    [
        "import sys; print({0!r}); sys.exit(3)",
        "import sys; sys.exit({0!r})",
        "print({0!r} * 9000)",
        "1/len({0!r}[99:])",
    ],
)
def test_a_secret_command_fails_with_the_secret_on_its_lips(place: Place, code: str) -> None:
    script = place.private("secret.txt", code.format(place.secret))
    with ScriptedImap() as imap:
        command = f"{{{{command: [{sys.executable}, {script}]}}}}"
        place.configure(FAR.replace("{secret}", command), imap=imap.port)
        assert "secret command" in place.run_all()


@pytest.mark.parametrize("moment", ["log_in", "open_folder"])
def test_an_exception_has_the_password_in_its_hands(place: Place, moment: str) -> None:
    def fail(self: object, *given: object, **named: object) -> None:
        password = place.secret
        cause = ValueError(password)
        raise RuntimeError(f"{password} {given} {named}", password) from cause

    place.monkeypatch.setattr(imap_session.Session, moment, fail)
    with ScriptedImap() as imap:
        place.secret = f"S3same-open-{secrets.token_hex(8)}"
        place.configure(FAR, imap=imap.port)
        assert "RuntimeError" in place.run_all()


GRAPH = """
  - name: far
    mailbox: {address}
    provider: office365
    oauth: {{tenant: {tenant}, client_id: {client}, client_secret: {secret}, authority: "{root}"}}
    graph: {{base_url: "{root}"}}
    ca_file: {ca}
"""


@pytest.fixture
def double() -> Iterator[GraphDouble]:
    forget_slots()
    with GraphDouble() as running:
        running.mailbox(ADDRESS).add(letter(1, to=ADDRESS))
        yield running


@pytest.mark.parametrize("status", [200, 400, 401, 500])
@pytest.mark.parametrize("shape", ["json", "text"])
def test_a_token_endpoint_repeats_the_client_secret(
    place: Place, double: GraphDouble, status: int, shape: str
) -> None:
    place.secret = f"S3same~open-{secrets.token_hex(8)}"
    told: Any = {"error": "invalid_client", "error_description": f"AADSTS7000215: {place.secret} is wrong"}
    if shape == "text":
        told = f"<html>client_secret={place.secret}</html>".encode()
    double.fault("oauth2/v2.0/token", Fault(status, told), 99)
    place.configure(GRAPH, address=ADDRESS, tenant=TENANT, client=CLIENT, root=double.root, ca=double.ca_file)
    assert "sign" in place.run_all()


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_graph_repeats_the_access_token(place: Place, double: GraphDouble, status: int) -> None:
    double.entra.apps[CLIENT] = App(secret=place.secret)

    def repeat(reply: Any) -> Any:
        words = f"your token {double.headers[-1]['Authorization']} is no good"
        return type(reply)(status, {"error": {"code": "ErrorX", "message": words}}, {})

    double.fault("/v1.0/", Fault(change=repeat), 999)
    place.configure(GRAPH, address=ADDRESS, tenant=TENANT, client=CLIENT, root=double.root, ca=double.ca_file)
    said = place.run_all()
    assert "no good" in said
    tokens = {token.encode() for token in double.entra.tokens}
    assert tokens
    assert not [token for token in tokens if token in said.encode()]
    place.nothing_written(tokens)


def test_a_certificate_has_another_passphrase(place: Place, double: GraphDouble) -> None:
    place.private(
        "key.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nxx\n-----END ENCRYPTED PRIVATE KEY-----\n"
    )
    text = GRAPH.replace("client_secret: {secret}", "certificate: key.pem, certificate_password: {secret}")
    place.configure(text, address=ADDRESS, tenant=TENANT, client=CLIENT, root=double.root, ca=double.ca_file)
    place.run_all()


def test_a_proxy_with_a_password_does_not_answer(place: Place, double: GraphDouble) -> None:
    place.secret = f"S3same-open-{secrets.token_hex(8)}"
    place.monkeypatch.setenv("HTTPS_PROXY", f"http://ann:{place.secret}@127.0.0.1:1")
    place.configure(GRAPH, address=ADDRESS, tenant=TENANT, client=CLIENT, root=double.root, ca=double.ca_file)
    place.run_all()


def test_the_key_of_the_store_is_nowhere(place: Place) -> None:
    with Sink(offers=["AUTH PLAIN"]) as smtp:
        place.configure(DESK + FAR, smtp=smtp.port)
        place.run_all(commands=[*COMMANDS, *OTHERS])
        key = (place.folder / "data" / "secret.key").read_bytes()
        place.allowed.add("secret.key")
        needles = {key, key.hex().encode(), base64.b64encode(key), repr(key)[2:-1].encode()}
        place.run_all(needles)
        assert not any(needle in raw for raw in smtp.mails for needle in needles)
        assert len(smtp.mails) >= 1
