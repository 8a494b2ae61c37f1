"""IMAP and SMTP logins by token: XOAUTH2 and OAUTHBEARER to the octet, and what is done about refusals."""

from __future__ import annotations

import base64
import json
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from emailint.errors import LoginRefused, OutboundUnavailable, SourceError
from emailint.oauth.sasl import exchange, mechanisms, reason_in
from emailint.outbound.smtp import SmtpOutbound, SmtpSettings
from emailint.outgoing import OutgoingMail
from emailint.probe import Outcome
from tests.support.scripted_imap import Conversation, ScriptedImap
from tests.support.smtp import DROP, Act, Sink
from tests.support.sources import Password, imap_source

if TYPE_CHECKING:
    from tests.support.scripted_imap import Reply

USER = "payroll@bigtmepeo.com"
REASON = base64.b64encode(json.dumps({"status": "400", "schemes": "Bearer"}).encode())


@dataclass
class Tokens:
    """Tokens by number; `dead` are those that the server refuses."""

    given: list[str] = field(default_factory=lambda: ["tok3n-0"])
    renewals: int = 0

    def token(self) -> str:
        return self.given[-1]

    def renewed(self, dead: str) -> str:
        assert dead == self.given[-1]
        self.renewals += 1
        self.given.append(f"tok3n-{self.renewals}")
        return self.given[-1]

    def warnings(self) -> list[str]:
        return []

    def end(self) -> None:
        """Nobody knows."""


def server(
    mechanisms: str, good: str, *, hangs_up: bool = False, announced: bool = True, refuses_first: bytes = b""
) -> tuple[ScriptedImap, list[bytes]]:
    """An IMAP server that takes one token; the answers that it got are noted, decoded.

    Its mechanisms are `announced` in the greeting, or told when asked for. `refuses_first`: so the first
    AUTHENTICATE is answered, at once.
    """
    said: list[bytes] = []
    capability = " ".join(f"AUTH={name}" for name in mechanisms.split())

    def authenticate(talk: Conversation, tag: bytes) -> None:
        talk.send(b"+ \r\n")
        said.append(base64.b64decode(talk.line()))
        if good.encode() in said[-1]:
            talk.send(tag + b" OK [CAPABILITY IMAP4rev1] logged in\r\n")
            return
        talk.send(b"+ " + REASON + b"\r\n")
        said.append(base64.b64decode(talk.line()))
        talk.send(tag + b" NO AUTHENTICATE failed\r\n")
        if hangs_up:
            talk.close()

    greeting = f"* OK [CAPABILITY IMAP4rev1 {capability if announced else ''}] ready\r\n".encode()
    replies: dict[str, Reply | list[Reply]] = {
        "AUTHENTICATE": [b"TAG " + refuses_first + b"\r\n", authenticate] if refuses_first else authenticate,
        "CAPABILITY": f"* CAPABILITY IMAP4rev1 {capability}\r\nTAG OK done\r\n".encode(),
    }
    return ScriptedImap(replies, greeting=greeting), said


@pytest.mark.parametrize("mechanisms", ["PLAIN XOAUTH2", "XOAUTH2 OAUTHBEARER", "PLAIN OAUTHBEARER"])
def test_imap_logs_in_by_the_mechanism_that_is_offered(mechanisms: str) -> None:
    imap, said = server(mechanisms, "tok3n-0")
    password = Password()
    with imap, imap_source(port=imap.port, username=USER, tokens=Tokens(), password=password) as source:
        assert len(source.list_unread()) == 2
    if "XOAUTH2" in mechanisms:
        assert said == [f"user={USER}\1auth=Bearer tok3n-0\1\1".encode()]
    else:
        expected = f"n,a={USER},\1host=127.0.0.1\1port={imap.port}\1auth=Bearer tok3n-0\1\1"
        assert said == [expected.encode()]
    assert password.revealed == 0


@pytest.mark.parametrize(("mechanism", "answer"), [("XOAUTH2", b""), ("OAUTHBEARER", b"\1")])
def test_imap_tries_a_fresh_token_once(mechanism: str, answer: bytes) -> None:
    imap, said = server(mechanism, "tok3n-1")
    tokens = Tokens()
    with imap, imap_source(port=imap.port, username=USER, tokens=tokens) as source:
        source.list_unread()
    assert tokens.renewals == 1
    assert said[1] == answer
    assert len(said) == 3


@pytest.mark.parametrize("hangs_up", [False, True])
def test_imap_gives_up_after_a_fresh_token_and_tells_no_token(hangs_up: bool) -> None:
    imap, _ = server("XOAUTH2", "never", hangs_up=hangs_up)
    tokens = Tokens()
    with imap, pytest.raises(LoginRefused, match=USER) as caught:
        imap_source(port=imap.port, username=USER, tokens=tokens).__enter__()
    assert tokens.renewals == 1
    assert caught.value.hint
    assert "tok3n" not in f"{caught.value} {''.join(traceback.format_exception(caught.value))}"


def test_a_server_that_knows_no_oauth_gets_no_token() -> None:
    imap, said = server("PLAIN LOGIN", "tok3n")
    with imap, pytest.raises(LoginRefused, match="neither XOAUTH2 nor OAUTHBEARER"):
        imap_source(port=imap.port, username=USER, tokens=Tokens()).__enter__()
    assert said == []
    assert not [command for command in imap.commands if "AUTHENTICATE" in command or "LOGIN" in command]


def test_a_server_that_knows_no_oauth_is_not_asked_with_another_token() -> None:
    imap, _ = server("PLAIN LOGIN", "tok3n")
    tokens = Tokens()
    with imap, pytest.raises(LoginRefused) as caught:
        imap_source(port=imap.port, username=USER, tokens=tokens).__enter__()
    assert tokens.renewals == 0
    assert caught.value.kind == "login_refused"


def test_imap_asks_what_there_is_where_the_greeting_does_not_say() -> None:
    imap, said = server("XOAUTH2", "tok3n-0", announced=False)
    with imap, imap_source(port=imap.port, username=USER, tokens=Tokens()) as source:
        source.list_unread()
    assert len(said) == 1


def test_what_imap_says_after_the_login_counts_where_it_was_asked_before_too() -> None:
    def authenticate(talk: Conversation, tag: bytes) -> None:
        talk.send(b"+ \r\n")
        talk.line()
        talk.send(tag + b" OK [CAPABILITY IMAP4rev1 MOVE] logged in\r\n")

    replies: dict[str, Reply | list[Reply]] = {
        "AUTHENTICATE": authenticate,
        "CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\nTAG OK done\r\n",
        "UID MOVE": b"TAG OK done\r\n",
    }
    imap = ScriptedImap(replies, greeting=b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
    with imap, imap_source(port=imap.port, username=USER, tokens=Tokens()) as source:
        source.move([ref.locus for ref in source.list_unread()], "Done")
    assert 'UID MOVE 1:2 "Done"' in imap.commands
    assert not [command for command in imap.commands if "STORE" in command]


@pytest.mark.parametrize(
    "no", [b"NO [CANNOT] Authentication mechanism not supported.", b"BAD Command syntax error"]
)
def test_imap_takes_the_other_mechanism_where_the_first_is_refused_by_name(no: bytes) -> None:
    """No token is sent to a mechanism that there is not, and none is asked for anew."""
    imap, said = server("XOAUTH2 OAUTHBEARER", "tok3n-0", refuses_first=no)
    tokens = Tokens()
    with imap, imap_source(port=imap.port, username=USER, tokens=tokens) as source:
        source.list_unread()
    assert tokens.renewals == 0
    assert [each.startswith(b"n,a=") for each in said] == [True]


@pytest.mark.parametrize("hangs_up", [False, True])
def test_imap_tells_the_reason_of_a_refusal(hangs_up: bool) -> None:
    imap, _ = server("XOAUTH2", "never", hangs_up=hangs_up)
    with imap, pytest.raises(LoginRefused, match="of the token it says: status 400, schemes Bearer"):
        imap_source(port=imap.port, username=USER, tokens=Tokens()).__enter__()


ORDERS = {
    "imap.mail.yahoo.com": ("OAUTHBEARER", "XOAUTH2"),
    "smtp.aol.com": ("OAUTHBEARER", "XOAUTH2"),
    "imap.gmail.com": ("XOAUTH2", "OAUTHBEARER"),
    "notyahoo.com": ("XOAUTH2", "OAUTHBEARER"),
}


@pytest.mark.parametrize("host", ORDERS)
def test_the_mechanism_that_a_provider_documents_is_tried_first(host: str) -> None:
    assert mechanisms({"PLAIN", "OAUTHBEARER", "XOAUTH2"}, host) == ORDERS[host]
    assert mechanisms({"PLAIN", "OAUTHBEARER"}, host) == ("OAUTHBEARER",)


REASONS = {
    "no JSON": (b"go away", "go away"),
    "no object": (b"[1]", "[1]"),
    "nested": (b'{"status": "401", "more": {"a": 1}, "code": 7}', "status 401, code 7"),
    "empty": (b"", ""),
    "no text": (b"\xff", "\ufffd"),
}


@pytest.mark.parametrize("case", REASONS)
def test_a_reason_is_read_however_it_is_written(case: str) -> None:
    challenge, expected = REASONS[case]
    assert reason_in(challenge) == expected


def test_a_server_that_echoes_the_token_does_not_make_it_known() -> None:
    first = base64.b64encode(f"user={USER}\1auth=Bearer tok3n-0\1\1".encode())

    def echo(talk: Conversation, tag: bytes) -> None:
        talk.send(b"+ \r\n")
        talk.line()
        talk.send(tag + b" NO you said " + first + b" tok3n-0\r\n")

    greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready\r\n"
    tokens = Tokens()
    tokens.renewed = lambda dead: dead  # type: ignore[method-assign]  # the same token once more
    replies: dict[str, Reply | list[Reply]] = {"AUTHENTICATE": echo}
    with ScriptedImap(replies, greeting=greeting) as imap, pytest.raises(SourceError) as caught:
        imap_source(port=imap.port, username=USER, tokens=tokens).__enter__()
    assert "tok3n" not in str(caught.value)
    assert first.decode() not in str(caught.value)


def test_the_connection_test_names_the_way_in() -> None:
    imap, _ = server("XOAUTH2", "tok3n-0")
    with imap:
        steps = {
            step.name: step for step in imap_source(port=imap.port, username=USER, tokens=Tokens()).test()
        }
    assert steps["login"].detail == f"logged in as {USER} by OAuth"


# SMTP


def mail() -> OutgoingMail:
    content = b"From: payroll@bigtmepeo.com\r\nTo: ann@example.com\r\n\r\nHello\r\n"
    return OutgoingMail("<1@bigtmepeo.com>", USER, "ann@example.com", content)


def unnoted(token: str | None = None, message_id: str | None = None) -> None:
    """Handing over begins, and nobody notes it."""


def outbound(sink: Sink, tokens: Tokens) -> SmtpOutbound:
    settings = SmtpSettings("127.0.0.1", sink.port, tls="none", username=USER, tokens=tokens, timeout=5)
    return SmtpOutbound(settings, sender=USER, envelope_from=USER)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("mechanisms", ["AUTH LOGIN PLAIN XOAUTH2", "AUTH OAUTHBEARER"])
def test_smtp_logs_in_by_the_mechanism_that_is_offered(mechanisms: str) -> None:
    with Sink(offers=[mechanisms]) as sink, outbound(sink, Tokens()) as sending:
        sending.send(mail(), unnoted)
    assert len(sink.mails) == 1
    (login,) = [each for each in sink.commands if each.startswith("AUTH")]
    if "XOAUTH2" in mechanisms:
        assert login == f"AUTH XOAUTH2 {encoded(f'user={USER}{chr(1)}auth=Bearer tok3n-0{chr(1)}{chr(1)}')}"
    else:
        assert login.startswith("AUTH OAUTHBEARER ")


def refusing(times: int) -> Sink:
    """A server that refuses so many tokens, each with a challenge before."""
    refusals = ["535 5.7.3 Authentication unsuccessful"] * times
    challenges = [f"334 {REASON.decode()}"] * times
    return Sink({"AUTH": challenges, "": refusals}, offers=["AUTH XOAUTH2"])


@pytest.mark.parametrize(("times", "renewals"), [(1, 1), (2, 1)])
def test_smtp_tries_a_fresh_token_once(times: int, renewals: int) -> None:
    tokens = Tokens()
    with refusing(times) as sink, outbound(sink, tokens) as sending:
        if times == 1:
            sending.send(mail(), unnoted)
        else:
            with pytest.raises(OutboundUnavailable, match="by OAuth") as caught:
                sending.send(mail(), unnoted)
            assert "tok3n" not in str(caught.value)
            assert "SMTP" in caught.value.hint
    assert tokens.renewals == renewals
    assert len(sink.mails) == (1 if times == 1 else 0)


def test_smtp_without_oauth_gets_no_token() -> None:
    with Sink(offers=["AUTH PLAIN LOGIN"]) as sink:
        steps = list(outbound(sink, Tokens()).test())
    (failed,) = [step for step in steps if step.outcome is Outcome.FAILED]
    assert "neither XOAUTH2 nor OAUTHBEARER" in failed.detail
    assert "AUTH" not in sink.verbs


def test_smtp_takes_the_other_mechanism_where_the_first_is_not_known() -> None:
    """RFC 4954 section 4: 504."""
    script = {"AUTH": ["504 5.5.4 Unrecognized authentication type"]}
    with Sink(script, offers=["AUTH XOAUTH2 OAUTHBEARER"]) as sink, outbound(sink, Tokens()) as sending:
        sending.send(mail(), unnoted)
    names = [each.split()[1] for each in sink.commands if each.startswith("AUTH")]
    assert names == ["XOAUTH2", "OAUTHBEARER"]


def test_smtp_sends_a_long_token_by_itself() -> None:
    """Microsoft's are some 2,000 octets, and a command line has 512 (RFC 5321 section 4.5.3.1.4)."""
    first = encoded(f"user={USER}\1auth=Bearer {'x' * 2_000}\1\1")
    script = {"AUTH": ["334 "], first.upper(): ["235 2.7.0 in"]}
    with Sink(script, offers=["AUTH XOAUTH2"]) as sink, outbound(sink, Tokens(["x" * 2_000])) as sending:
        sending.send(mail(), unnoted)
    said = sink.commands.index("AUTH XOAUTH2")
    assert sink.commands[said + 1] == first
    assert len(sink.mails) == 1


def test_smtp_tells_the_reason_of_a_refusal_without_the_token() -> None:
    reason = encoded('{"status": "401", "scope": "smtp.send", "said": "tok3n-1"}')
    script = {"AUTH": [f"334 {reason}"] * 2, "": ["535 5.7.3 no"] * 2}
    with Sink(script, offers=["AUTH XOAUTH2"]) as sink:
        (failed,) = [step for step in outbound(sink, Tokens()).test() if step.outcome is Outcome.FAILED]
    assert "535 5.7.3 no (status 401, scope smtp.send, said ***)" in failed.detail


def test_smtp_keeps_the_refusal_of_a_server_that_hangs_up_after_it() -> None:
    script: dict[str, list[str | Act]] = {"AUTH": [f"334 {REASON.decode()}", DROP], "": ["535 5.7.3 no"]}
    with Sink(script, offers=["AUTH XOAUTH2"]) as sink:
        (failed,) = [step for step in outbound(sink, Tokens()).test() if step.outcome is Outcome.FAILED]
    assert "535 5.7.3 no (status 400, schemes Bearer)" in failed.detail


EXCHANGES = {
    "an equals sign and a comma": ("a=b,c@d.e", "n,a=a=3Db=2Cc@d.e,\1host=h\1port=993\1auth=Bearer t\1\1"),
    "a plain one": ("a@d.e", "n,a=a@d.e,\1host=h\1port=993\1auth=Bearer t\1\1"),
}  # fmt: skip


@pytest.mark.parametrize("case", EXCHANGES)
def test_names_are_escaped_as_rfc_5801_says(case: str) -> None:
    user, expected = EXCHANGES[case]
    said = exchange("OAUTHBEARER", user, "t", "h", 993)
    assert said.first.decode() == expected
    assert "Bearer" not in repr(said)
