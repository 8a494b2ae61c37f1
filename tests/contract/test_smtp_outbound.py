"""SMTP to the octet: what is said in which order, and how each misbehaviour of a server ends."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from emailint.errors import (
    OutboundDeferred,
    OutboundError,
    OutboundRefused,
    OutboundUnavailable,
    OutcomeUnknown,
    SecretUnavailable,
)
from emailint.outbound import session
from emailint.outbound.smtp import SmtpOutbound, SmtpSettings
from emailint.outgoing import OutgoingMail
from emailint.probe import Outcome
from tests.support.smtp import (
    DRIBBLE,
    DROP,
    FLOOD,
    HOST,
    PASSWORD,
    STALL,
    USER,
    Certificate,
    Sink,
    SmtpServer,
    certificates,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.support.smtp import Act, Said

QUICK = 0.3
"""Seconds that a single answer may take where a test waits for it to be over."""


def mail(number: int = 1, recipient: str = "ann@example.com", envelope_from: str = "") -> OutgoingMail:
    message_id = f"<CS-{number:06d}.0123456789abcdef@example.org>"
    content = f"Message-ID: {message_id}\r\n\r\nHello\r\n.\r\n".encode()
    return OutgoingMail(message_id, envelope_from, recipient, content)


def settings(port: int, **changes: Any) -> SmtpSettings:
    return SmtpSettings(**{"host": HOST, "port": port, "tls": "none", "timeout": 5.0, **changes})


def with_login(server: SmtpServer, tls: str, **changes: Any) -> SmtpSettings:
    """Settings that serve: a trusted authority, the right password."""
    good = {"host": "localhost", "tls": tls, "username": USER, "password": lambda: PASSWORD}
    return settings(server.port, **{**good, "ca_file": certificates().ca_file, **changes})


def failure_of(outbound: SmtpOutbound, kind: type[OutboundError] = OutboundUnavailable) -> OutboundError:
    """How sending one mail fails, over a connection of its own."""
    with outbound, pytest.raises(kind) as caught:
        outbound.send(mail(), lambda: None)
    return caught.value


def seconds_of(outbound: SmtpOutbound, kind: type[OutboundError] = OutboundUnavailable) -> float:
    """How long sending one mail takes to fail."""
    started = time.monotonic()
    failure_of(outbound, kind)
    return time.monotonic() - started


class Begin:
    """Counts how often handing over began, and what the sink had heard by then."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.heard: list[list[str]] = []

    def __call__(self) -> None:
        self.heard.append(list(self.sink.verbs))


# What is said


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_one_connection_and_one_login_a_sweep_and_three_commands_a_mail(tls: Any) -> None:
    with SmtpServer(tls) as server:
        with SmtpOutbound(with_login(server, tls)) as outbound:
            for number in range(20):
                outbound.send(mail(number), lambda: None)
        counted = Counter(command.split()[0] for command in server.commands)
    assert server.connections == 1
    assert len(server.delivered) == 20
    assert counted == Counter(
        {"MAIL": 20, "RCPT": 20, "DATA": 20, "AUTH": 1, "QUIT": 1}
        | ({"EHLO": 1} if tls == "implicit" else {"EHLO": 2, "STARTTLS": 1})
    )


def test_nothing_is_connected_before_the_first_mail_and_nothing_at_all_without_one() -> None:
    with Sink() as sink, SmtpOutbound(settings(sink.port)):
        time.sleep(0.05)
        assert sink.conversations == []


def test_begin_is_called_after_the_recipient_and_before_data() -> None:
    with Sink() as sink:
        begin = Begin(sink)
        with SmtpOutbound(settings(sink.port)) as outbound:
            outbound.send(mail(), begin)
        assert begin.heard == [["EHLO", "MAIL", "RCPT"]]
        assert sink.verbs == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]
        assert sink.commands[1:3] == ["MAIL FROM:<>", "RCPT TO:<ann@example.com>"]
        assert sink.mails == [mail().content.replace(b"\r\n.\r\n", b"\r\n..\r\n")]


def test_sender_and_name_are_said_as_configured() -> None:
    with Sink() as sink, SmtpOutbound(settings(sink.port, hostname="desk.example.org")) as outbound:
        outbound.send(mail(envelope_from="payroll@example.org"), lambda: None)
        assert sink.commands[:2] == ["EHLO desk.example.org", "MAIL FROM:<payroll@example.org>"]


def test_the_name_of_this_machine_is_one_that_rfc_5321_allows() -> None:
    assert re.fullmatch(r"[A-Za-z0-9.-]+\.[A-Za-z0-9.-]+|\[127\.0\.0\.1\]", session.ehlo_name())


def test_with_pipelining_sender_and_recipient_are_one_round_trip() -> None:
    with Sink({"RCPT": ["250 fine", "550 no such user"]}, offers=["PIPELINING"]) as sink:
        with SmtpOutbound(settings(sink.port)) as outbound:
            outbound.send(mail(1), lambda: None)
            with pytest.raises(OutboundRefused):
                outbound.send(mail(2), lambda: None)
            outbound.send(mail(3), lambda: None)
        (conversation,) = sink.conversations
    assert conversation.segments.count(b"MAIL FROM:<>\r\nRCPT TO:<ann@example.com>\r\n") == 2
    assert b"RSET\r\nMAIL FROM:<>\r\nRCPT TO:<ann@example.com>\r\n" in conversation.segments
    assert len(conversation.mails) == 2


# How each misbehaviour ends

BEFORE = OutboundUnavailable
FAULTS: list[tuple[dict[str, list[Said]], type[OutboundError], int, int]] = [
    # script, what it is, times begun, DATA said
    ({"greeting": ["554 no service"]}, BEFORE, 0, 0),
    ({"greeting": ["421 too busy"]}, BEFORE, 0, 0),
    ({"greeting": [DROP]}, BEFORE, 0, 0),
    ({"greeting": [STALL]}, BEFORE, 0, 0),
    ({"greeting": [DRIBBLE]}, BEFORE, 0, 0),
    ({"greeting": [FLOOD]}, BEFORE, 0, 0),
    ({"greeting": [b"HTTP/1.1 400 Bad Request\r\n\r\n"]}, BEFORE, 0, 0),
    ({"greeting": ["220-endless\r\n" * 300]}, BEFORE, 0, 0),
    ({"EHLO": ["502 what"]}, BEFORE, 0, 0),
    ({"EHLO": [DROP]}, BEFORE, 0, 0),
    ({"EHLO": [STALL]}, BEFORE, 0, 0),
    ({"MAIL": ["421 4.4.2 time out"]}, BEFORE, 0, 0),
    ({"MAIL": ["450 4.7.1 later"]}, OutboundDeferred, 0, 0),
    ({"MAIL": ["530 5.7.0 log in first"]}, BEFORE, 0, 0),
    ({"MAIL": ["354 what"]}, BEFORE, 0, 0),
    ({"MAIL": ["550 5.1.8 not this sender"]}, OutboundRefused, 0, 0),
    ({"MAIL": [DROP]}, BEFORE, 0, 0),
    ({"MAIL": [STALL]}, BEFORE, 0, 0),
    ({"RCPT": ["421 4.4.2 time out"]}, BEFORE, 0, 0),
    ({"RCPT": ["450 4.2.1 mailbox busy"]}, OutboundDeferred, 0, 0),
    ({"RCPT": ["451 greylisted"]}, OutboundDeferred, 0, 0),
    ({"RCPT": ["452 too many"]}, OutboundDeferred, 0, 0),
    ({"RCPT": ["550 5.1.1 no such user"]}, OutboundRefused, 0, 0),
    ({"RCPT": ["551 not local"]}, OutboundRefused, 0, 0),
    ({"RCPT": ["554 relay denied"]}, OutboundRefused, 0, 0),
    ({"RCPT": [DROP]}, BEFORE, 0, 0),
    ({"RCPT": [STALL]}, BEFORE, 0, 0),
    ({"RCPT": [b"\xff\xfe\r\n"]}, BEFORE, 0, 0),
    ({"DATA": ["421 going down"]}, BEFORE, 1, 1),
    ({"DATA": ["451 no space"]}, OutboundDeferred, 1, 1),
    ({"DATA": ["554 no valid recipients"]}, OutboundRefused, 1, 1),
    ({"DATA": ["250 what"]}, OutcomeUnknown, 1, 1),
    ({"DATA": [DROP]}, OutcomeUnknown, 1, 1),
    ({"DATA": [STALL]}, OutcomeUnknown, 1, 1),
    ({"body": [DROP]}, OutcomeUnknown, 1, 1),
    ({"dot": [DROP]}, OutcomeUnknown, 1, 1),
    ({"dot": [STALL]}, OutcomeUnknown, 1, 1),
    ({"dot": [DRIBBLE]}, OutcomeUnknown, 1, 1),
    ({"dot": [FLOOD]}, OutcomeUnknown, 1, 1),
    ({"dot": [b"!\r\n"]}, OutcomeUnknown, 1, 1),
    ({"dot": ["354 again"]}, OutcomeUnknown, 1, 1),
    ({"dot": ["421 going down"]}, BEFORE, 1, 1),
    ({"dot": ["450 later"]}, OutboundDeferred, 1, 1),
    ({"dot": ["452 no space"]}, OutboundDeferred, 1, 1),
    ({"dot": ["552 too large"]}, OutboundRefused, 1, 1),
    ({"dot": ["554 looks like spam"]}, OutboundRefused, 1, 1),
]


FAULTS_AND_OFFERS = [
    (*row, offers)
    for row in FAULTS
    for offers in ((), ("PIPELINING",))
    if not offers or {"MAIL", "RCPT"} & set(row[0])
]


@pytest.mark.parametrize(("script", "kind", "begun", "data", "offers"), FAULTS_AND_OFFERS, ids=str)
def test_faults(
    script: Mapping[str, Sequence[Said]],
    kind: type[OutboundError],
    begun: int,
    data: int,
    offers: Sequence[str],
) -> None:
    """The fault is what the table says; nothing is delivered twice; the next mail goes out."""
    endless = {STALL, DRIBBLE} & {said for answers in script.values() for said in answers}
    with Sink(script, offers=offers) as sink:
        begin = Begin(sink)
        seconds = QUICK if endless else 20
        with SmtpOutbound(settings(sink.port), seconds=60, time_left=lambda: seconds) as outbound:
            with pytest.raises(OutboundError) as caught:
                outbound.send(mail(1), begin)
            assert (type(caught.value), len(begin.heard)) == (kind, begun)
            assert sink.verbs.count("DATA") == data
            seconds = 20
            outbound.send(mail(2), lambda: None)
        taken = [number for number in (1, 2) if any(b"CS-00000%d" % number in each for each in sink.mails)]
    assert taken == ([1, 2] if "dot" in script else [2])
    assert sink.verbs.count("DATA") == data + 1
    assert "127.0.0.1" in str(caught.value)
    assert "sent" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("endless", [FLOOD, "220-endless\r\n" * 300])
def test_an_answer_without_end_is_not_waited_for(endless: Said) -> None:
    with Sink({"greeting": [endless]}) as sink:
        started = time.monotonic()
        assert "has no end" in str(failure_of(SmtpOutbound(settings(sink.port))))
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("moment", ["greeting", "EHLO", "MAIL", "RCPT", "dot"])
def test_a_dribbling_server_is_bounded_by_the_time_for_a_mail(moment: str) -> None:
    kind = OutcomeUnknown if moment == "dot" else OutboundUnavailable
    with Sink({moment: [DRIBBLE]}) as sink:
        assert seconds_of(SmtpOutbound(settings(sink.port), seconds=QUICK), kind) < QUICK + 1


def test_the_last_word_may_take_longer_than_other_answers() -> None:
    with Sink({"dot": [STALL]}) as sink:
        outbound = SmtpOutbound(settings(sink.port, timeout=0.1), seconds=2 * QUICK)
        assert seconds_of(outbound, OutcomeUnknown) > QUICK


@pytest.mark.parametrize("left", [0.0, -3.0])
def test_no_mail_begins_without_time(left: float) -> None:
    with Sink() as sink, SmtpOutbound(settings(sink.port), time_left=lambda: left) as outbound:
        with pytest.raises(OutboundUnavailable, match="no time is left"):
            outbound.send(mail(), lambda: None)
        assert sink.conversations == []


def test_the_end_of_the_sweep_ends_a_mail() -> None:
    with Sink({"MAIL": [STALL]}) as sink:
        outbound = SmtpOutbound(settings(sink.port), time_left=lambda: QUICK)
        assert QUICK / 2 < seconds_of(outbound) < QUICK + 1


def test_a_silent_server_is_given_up_after_the_time_for_one_answer() -> None:
    with Sink({"MAIL": [STALL]}) as sink:
        assert seconds_of(SmtpOutbound(settings(sink.port, timeout=QUICK))) < QUICK + 1


def test_nobody_listens() -> None:
    with socket.create_server((HOST, 0)) as unused:
        port = unused.getsockname()[1]
    error = failure_of(SmtpOutbound(settings(port)))
    assert "Connection refused" in str(error)
    assert "host and port" in error.hint


def test_an_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    error = failure_of(SmtpOutbound(settings(25, host="nowhere.example")))
    assert "the host name is not known" in str(error)
    assert "DNS" in error.hint


# A connection that was kept


@pytest.mark.parametrize("said", [DROP, "421 4.4.2 idle for too long"])
def test_a_kept_connection_that_is_dead_is_made_anew_once(said: str | Act) -> None:
    with Sink({"MAIL": ["250 fine", said]}) as sink:
        with SmtpOutbound(settings(sink.port)) as outbound:
            outbound.send(mail(1), lambda: None)
            begin = Begin(sink)
            outbound.send(mail(2), begin)
        assert len(sink.conversations) == 2
        assert len(begin.heard) == 1
        assert len(sink.mails) == 2


def test_it_is_made_anew_only_once() -> None:
    with Sink({"MAIL": ["250 fine", DROP, DROP]}) as sink, SmtpOutbound(settings(sink.port)) as outbound:
        outbound.send(mail(1), lambda: None)
        with pytest.raises(OutboundUnavailable):
            outbound.send(mail(2), lambda: None)
        assert len(sink.conversations) == 2


def test_a_server_that_closes_between_two_mails_is_found_out() -> None:
    with Sink({"dot": ["250 taken\r\n421 closing now"], "RSET": [DROP]}) as sink:
        with SmtpOutbound(settings(sink.port)) as outbound:
            outbound.send(mail(1), lambda: None)
            outbound.send(mail(2), lambda: None)
        assert len(sink.conversations) == 2
        assert len(sink.mails) == 2


@pytest.mark.parametrize("said", ["502 no such command", DROP])
def test_a_transaction_left_open_is_reset_or_left_behind_with_its_connection(said: str | Act) -> None:
    scripts: list[tuple[dict[str, list[Said]], int]] = [({}, 1), ({"RSET": [said]}, 2)]
    for script, connections in scripts:
        with Sink({"RCPT": ["550 no"], **script}) as sink:
            with SmtpOutbound(settings(sink.port)) as outbound:
                with pytest.raises(OutboundRefused):
                    outbound.send(mail(1), lambda: None)
                outbound.send(mail(2), lambda: None)
            assert len(sink.conversations) == connections
            assert sink.verbs.count("RSET") == 1
            assert len(sink.mails) == 1


def test_what_begin_raises_leaves_no_transaction_behind() -> None:
    def full() -> None:
        raise OSError("no space left")

    with Sink() as sink, SmtpOutbound(settings(sink.port)) as outbound:
        with pytest.raises(OSError, match="no space left"):
            outbound.send(mail(1), full)
        assert "DATA" not in sink.verbs
        outbound.send(mail(2), lambda: None)
        assert sink.verbs == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"]
        assert len(sink.mails) == 1


def test_a_death_in_the_middle_of_data_leaves_no_mail_that_looks_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with Sink() as sink:
        with pytest.raises(Killed), SmtpOutbound(settings(sink.port)) as outbound:
            outbound.send(mail(1), lambda: monkeypatch.setattr(session.Session, "last_word", killed))
        monkeypatch.undo()
        time.sleep(0.05)
        assert "QUIT" not in sink.verbs


# TLS


@pytest.mark.parametrize(
    ("certificate", "says", "cure"),
    [
        ("expired", "certificate has expired", "renew"),
        ("self-signed", "self-signed certificate", "ca_file"),
        ("unknown-authority", "unable to get local issuer certificate", "ca_file"),
        ("other-host", "certificate is not valid for 'localhost'", "host name"),
    ],
)
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_no_credential_before_the_certificate_is_trusted(
    certificate: Certificate, says: str, cure: str, tls: Any
) -> None:
    login = {"username": USER, "password": lambda: PASSWORD, "ca_file": certificates().ca_file}
    context = certificates().context(certificate)
    with Sink(context=context, implicit=tls == "implicit", offers=["STARTTLS", "AUTH PLAIN"]) as sink:
        outbound = SmtpOutbound(settings(sink.port, host="localhost", tls=tls, **login))
        error = failure_of(outbound)
        failed = [step for step in outbound.test() if step.outcome is Outcome.FAILED]
    assert says in str(error)
    assert "no password was sent" in str(error)
    assert cure in error.hint
    assert set(sink.verbs) <= {"EHLO", "STARTTLS"}
    assert [(step.name, says in step.detail, cure in step.cure) for step in failed] == [
        ("outbound TLS", True, True)
    ]


def test_a_good_certificate_of_the_same_authority_is_trusted() -> None:
    with Sink(context=certificates().context("good"), implicit=True) as sink:
        secure = settings(sink.port, host="localhost", tls="implicit", ca_file=certificates().ca_file)
        with SmtpOutbound(secure) as outbound:
            outbound.send(mail(), lambda: None)
        assert len(sink.mails) == 1


INJECTED = b"220 go ahead\r\n250-AUTH PLAIN\r\n250 fine\r\n"


@pytest.mark.parametrize(
    ("script", "offers", "says"),
    [
        ({}, (), "does not offer STARTTLS"),
        ({}, ("AUTH PLAIN LOGIN",), "does not offer STARTTLS"),
        ({"STARTTLS": ["454 TLS not available"]}, ("STARTTLS",), "refused STARTTLS"),
        ({"STARTTLS": ["501 no"]}, ("STARTTLS",), "refused STARTTLS"),
        ({"STARTTLS": ["250 fine"]}, ("STARTTLS",), "refused STARTTLS"),
        ({"STARTTLS": [INJECTED]}, ("STARTTLS",), "slipped unprotected text in"),
        ({"STARTTLS": [DROP]}, ("STARTTLS",), "closed the connection"),
        ({"greeting": ["220 sink\r\n250 fine\r\n235 welcome"]}, ("AUTH PLAIN",), "does not offer STARTTLS"),
    ],
)
def test_starttls_or_nothing(script: Mapping[str, Sequence[Said]], offers: Sequence[str], says: str) -> None:
    asked: list[str] = []

    def ask() -> str:
        asked.append("asked")
        return PASSWORD

    login = {"username": USER, "password": ask}
    with Sink(script, context=certificates().context("good"), offers=offers) as sink:
        secure = settings(sink.port, tls="starttls", ca_file=certificates().ca_file, **login)
        with SmtpOutbound(secure) as outbound, pytest.raises(OutboundUnavailable, match=says):
            outbound.send(mail(), lambda: None)
        assert set(sink.verbs) <= {"EHLO", "STARTTLS"}
    assert asked == []


def test_a_server_without_tls_on_the_port_of_implicit_tls() -> None:
    with Sink() as sink:
        secure = settings(sink.port, tls="implicit", ca_file=certificates().ca_file, timeout=QUICK)
        with SmtpOutbound(secure) as outbound, pytest.raises(OutboundUnavailable) as caught:
            outbound.send(mail(), lambda: None)
        assert sink.commands == []
    assert "TLS failed" in str(caught.value)
    assert "465 is implicit" in caught.value.hint


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_an_imap_server_is_told_from_an_smtp_server(tls: Any) -> None:
    script = {"greeting": ["* OK [CAPABILITY IMAP4rev1] ready"] * 2}
    context = certificates().context("good")
    with Sink(script, context=context, implicit=tls == "implicit") as sink:
        secure = settings(sink.port, tls=tls, ca_file=certificates().ca_file)
        error = failure_of(SmtpOutbound(secure))
        steps = {step.name: step for step in SmtpOutbound(secure).test()}
    assert "no SMTP" in str(error)
    assert "993 and 143 are IMAP's" in error.hint
    assert steps["outbound TLS"].outcome is Outcome.FAILED


@pytest.mark.parametrize("said", [STALL, DROP])
def test_without_a_greeting_port_and_tls_are_doubted(said: Act) -> None:
    with Sink({"greeting": [said]}) as sink:
        error = failure_of(SmtpOutbound(settings(sink.port, timeout=QUICK)))
    assert "465 is tls: implicit" in error.hint


def test_what_was_offered_before_tls_does_not_count_after_it() -> None:
    script = {"EHLO": ["250-sink\r\n250-STARTTLS\r\n250 AUTH PLAIN", "250 fine"]}
    with Sink(script, context=certificates().context("good")) as sink:
        login = {"username": USER, "password": lambda: PASSWORD}
        secure = settings(sink.port, tls="starttls", ca_file=certificates().ca_file, **login)
        with SmtpOutbound(secure) as outbound, pytest.raises(OutboundUnavailable, match="no AUTH"):
            outbound.send(mail(), lambda: None)
        assert sink.verbs == ["EHLO", "STARTTLS", "EHLO"]


def test_a_ca_file_that_is_not_there(tmp_path: Path) -> None:
    with Sink() as sink:
        secure = settings(sink.port, tls="implicit", ca_file=tmp_path / "none.pem")
        assert "No such file" in str(failure_of(SmtpOutbound(secure)))


def test_clear_text_to_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[bytes] = []

    class Far:
        def getpeername(self) -> tuple[str, int]:
            return ("192.0.2.1", 25)

        def sendall(self, octets: bytes) -> None:
            said.append(octets)

        def close(self) -> None:
            pass

    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: Far())
    error = failure_of(SmtpOutbound(settings(25, host="mail.example.org")))
    assert "192.0.2.1 is not on it" in str(error)
    assert said == []


# The login


@pytest.mark.parametrize("offers", ["AUTH PLAIN LOGIN", "AUTH LOGIN", "AUTH=LOGIN"])
def test_login_by_what_is_offered(offers: str) -> None:
    with Sink(offers=[offers]) as sink:
        login = {"username": USER, "password": lambda: PASSWORD}
        with SmtpOutbound(settings(sink.port, **login)) as outbound:
            outbound.send(mail(), lambda: None)
        assert len(sink.mails) == 1
        assert sink.commands[1].startswith("AUTH PLAIN " if "PLAIN" in offers else "AUTH LOGIN")


@pytest.mark.parametrize("offers", [(), ("AUTH CRAM-MD5 XOAUTH2",)])
def test_no_login_that_fits(offers: Sequence[str]) -> None:
    with Sink(offers=offers) as sink:
        login = {"username": USER, "password": lambda: PASSWORD}
        error = failure_of(SmtpOutbound(settings(sink.port, **login)))
        assert "offers no login with a password" in str(error)
        assert sink.verbs == ["EHLO"]


def secrets_in(text: str) -> bool:
    return any(word in text for word in (PASSWORD, "corréct", "Y29ycsOpY3Q", "corr"))


@pytest.mark.parametrize(
    "answer",
    [
        "535 5.7.8 wrong",
        f"535 5.7.8 wrong: {PASSWORD}",
        "535 5.7.8 wrong: AGFubkBleGFtcGxlLm9yZwBjb3Jyw6ljdCBob3JzZSA3JA==",
        "535 5.7.8 wrong: Y29ycsOpY3QgaG9yc2UgNyQ=",
        "535 5.7.8 \x1b]52;c;x\x07\x1b[2J wrong\u202e",
    ],
)
def test_a_refused_login_tells_no_secret_and_no_control_character(answer: str) -> None:
    with Sink({"AUTH": [answer, answer]}, offers=["AUTH PLAIN"]) as sink:
        login = {"username": USER, "password": lambda: PASSWORD}
        outbound = SmtpOutbound(settings(sink.port, **login))
        with (
            outbound,
            pytest.raises(OutboundUnavailable, match=r"refused the login of ann@example\.org") as caught,
        ):
            outbound.send(mail(), lambda: None)
        steps = list(outbound.test())
        assert "MAIL" not in sink.verbs
    said = f"{caught.value} {caught.value.hint} {steps!r} {outbound.settings!r}"
    assert not secrets_in(said)
    assert str(caught.value).isprintable()
    assert "username and password" in caught.value.hint


def test_a_secret_echoed_later_is_hidden_too() -> None:
    with Sink({"RCPT": [f"550 no {PASSWORD}"]}, offers=["AUTH PLAIN"]) as sink:
        login = {"username": USER, "password": lambda: PASSWORD}
        error = failure_of(SmtpOutbound(settings(sink.port, **login)), OutboundRefused)
        assert "550 no ***" in str(error)


def test_a_wrong_password_on_a_real_server() -> None:
    with SmtpServer("starttls") as server:
        wrong = with_login(server, "starttls", password=lambda: "wrong")
        with SmtpOutbound(wrong) as outbound, pytest.raises(OutboundUnavailable, match="535"):
            outbound.send(mail(), lambda: None)
        assert server.delivered == []


def test_a_secret_that_cannot_be_had() -> None:
    def locked() -> str:
        raise SecretUnavailable("the secret file x cannot be read", hint="chmod")

    with SmtpServer("implicit") as server:
        error = failure_of(SmtpOutbound(with_login(server, "implicit", password=locked)))
    assert "the secret file x cannot be read" in str(error)
    assert error.hint == "chmod"


# Addresses beyond ASCII


def test_utf8_addresses_where_the_server_takes_them() -> None:
    with SmtpServer("none", login=False, utf8=True) as server:
        with SmtpOutbound(settings(server.port)) as outbound:
            outbound.send(mail(recipient="дарья@пример.example"), lambda: None)
        assert [each.recipients for each in server.delivered] == [("дарья@пример.example",)]
        assert "MAIL FROM:<> BODY=8BITMIME SMTPUTF8" in server.commands


def test_utf8_addresses_where_it_does_not() -> None:
    with Sink() as sink:
        begin = Begin(sink)
        with SmtpOutbound(settings(sink.port)) as outbound:
            with pytest.raises(OutboundRefused, match="takes no address beyond ASCII"):
                outbound.send(mail(recipient="дарья@пример.example"), begin)
            outbound.send(mail(2), lambda: None)
        assert begin.heard == []
        assert sink.verbs == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


# The connection test


def names_and_outcomes(outbound: SmtpOutbound, send_to: str | None = None) -> list[tuple[str, str]]:
    return [(step.name.removeprefix("outbound "), step.outcome.value) for step in outbound.test(send_to)]


def test_the_steps_of_a_connection_test() -> None:
    with SmtpServer("implicit") as server:
        outbound = SmtpOutbound(with_login(server, "implicit"), sender="payroll@example.org")
        steps = {step.name.removeprefix("outbound "): step for step in outbound.test()}
        assert {name: step.outcome.value for name, step in steps.items()} == {
            "name": "ok",
            "connection": "ok",
            "TLS": "ok",
            "login": "ok",
            "sender": "ok",
            "mail": "skipped",
        }
        assert re.fullmatch(r"TLSv1\.\d, certificate valid for \d+ more days", steps["TLS"].detail)
        assert "127.0.0.1" in steps["name"].detail
        assert server.commands[-2:] == ["MAIL FROM:<>", "QUIT"]
    assert server.delivered == []


@pytest.mark.parametrize(
    ("script", "failed"),
    [
        ({"greeting": ["554 no"]}, "TLS"),
        ({"EHLO": [DROP]}, "TLS"),
        ({"AUTH": ["535 no"]}, "login"),
        ({"MAIL": ["550 not this sender"]}, "sender"),
        ({"RCPT": ["550 no such user"]}, "mail"),
        ({"dot": [DROP]}, "mail"),
    ],
)
def test_the_first_failure_is_named_and_the_rest_is_skipped(
    script: Mapping[str, Sequence[Said]], failed: str
) -> None:
    login = {"username": USER, "password": lambda: PASSWORD}
    with Sink(script, offers=["AUTH PLAIN"]) as sink:
        outbound = SmtpOutbound(settings(sink.port, **login), sender="payroll@example.org")
        found = names_and_outcomes(outbound, "ann@example.com")
    names = ["name", "connection", "TLS", "login", "sender", "mail"]
    position = names.index(failed)
    assert found == [
        *((name, "ok") for name in names[:position]),
        (failed, "failed"),
        *((name, "skipped") for name in names[position + 1 :]),
    ]


def test_a_connection_test_of_a_name_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    found = names_and_outcomes(SmtpOutbound(settings(25, host="nowhere.example")))
    assert found[0] == ("name", "failed")
    assert {outcome for _, outcome in found[1:]} == {"skipped"}


def test_without_a_login_the_step_is_skipped() -> None:
    with Sink() as sink:
        assert ("login", "skipped") in names_and_outcomes(SmtpOutbound(settings(sink.port)))


def test_a_test_that_is_left_early_closes_its_connection() -> None:
    with Sink() as sink:
        steps = SmtpOutbound(settings(sink.port)).test()
        assert [next(steps).name for _ in range(3)][-1] == "outbound TLS"
        steps.close()  # type: ignore[attr-defined] # it is a generator
        time.sleep(0.05)
        assert sink.verbs[-1] == "QUIT"


def test_importing_the_outbound_does_not_import_smtplib() -> None:
    program = "import sys, emailint.outbound.smtp; print('smtplib' in sys.modules, 'ssl' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"
