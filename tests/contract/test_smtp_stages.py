"""Every refusal at every stage of an SMTP conversation, and servers that answer otherwise than they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emailint.errors import (
    OutboundDeferred,
    OutboundError,
    OutboundRefused,
    OutboundUnavailable,
    OutcomeUnknown,
)
from emailint.outbound.smtp import SmtpOutbound, SmtpSettings
from emailint.outgoing import OutgoingMail
from tests.support.smtp import (
    DROP,
    HOST,
    PASSWORD,
    RESET,
    STALL,
    USER,
    Sink,
    Slowly,
    certificates,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.smtp import Said

BEFORE_THE_MAIL = ("greeting", "EHLO", "STARTTLS", "AUTH")
BEFORE_DATA = (*BEFORE_THE_MAIL, "MAIL", "RCPT")
STAGES = (*BEFORE_DATA, "DATA", "dot")
CODES = (421, 450, 451, 452, 454, 500, 501, 502, 503, 521, 530, 535, 550, 551, 552, 553, 554, 555)
ABOUT_THE_LOGIN = {530, 535}


def mail(number: int, recipient: str = "ann@example.com") -> OutgoingMail:
    message_id = f"<CS-{number:06d}.0123456789abcdef@example.org>"
    return OutgoingMail(message_id, "", recipient, f"Message-ID: {message_id}\r\n\r\nHello\r\n".encode())


def secure(port: int) -> SmtpSettings:
    """All stages there are: STARTTLS, and a login."""
    return SmtpSettings(
        "localhost",
        port,
        tls="starttls",
        username=USER,
        password=lambda: PASSWORD,
        ca_file=certificates().ca_file,
    )


def plain(port: int) -> SmtpSettings:
    return SmtpSettings(HOST, port, tls="none")


def meaning(stage: str, code: int) -> type[OutboundError]:
    """What a refusal means: of the server's for all mail, or of this mail, now or for good."""
    if stage in BEFORE_THE_MAIL or code == 421 or code in ABOUT_THE_LOGIN:
        return OutboundUnavailable
    return OutboundDeferred if code < 500 else OutboundRefused


def outcome(
    outbound: SmtpOutbound, number: int, recipient: str = "ann@example.com"
) -> tuple[type[OutboundError] | None, int]:
    """How handing over one mail ends, None being well, and how often it was begun."""
    begun: list[None] = []
    try:
        outbound.send(mail(number, recipient), lambda: begun.append(None))
    except OutboundError as error:
        return type(error), len(begun)
    return None, len(begun)


def taken(sink: Sink) -> list[int]:
    """The numbers of the mails whose dot came, each as often as it did."""
    return [number for mail in sink.mails for number in (1, 2) if b"CS-00000%d" % number in mail]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    "form", ["{0} no", "{0}-first\r\n{0}-and\r\n{0} last", "{0}"], ids=["one", "many", "bare"]
)
def test_a_refusal_is_of_the_server_of_the_mail_now_or_for_good(stage: str, code: int, form: str) -> None:
    offers = ["STARTTLS", "AUTH PLAIN", "PIPELINING"][: 3 if code % 2 else 2]
    sink = Sink({stage: [form.format(code)]}, context=certificates().context("good"), offers=offers)
    with sink, SmtpOutbound(secure(sink.port)) as outbound:
        ended, begun = outcome(outbound, 1)
        assert (ended, begun) == (meaning(stage, code), int(stage not in BEFORE_DATA))
        assert outcome(outbound, 2) == (None, 1)
    assert taken(sink) == ([1, 2] if stage == "dot" else [2])


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("way", [DROP, RESET])
def test_a_server_that_goes_is_known_to_have_taken_nothing_before_data(stage: str, way: Said) -> None:
    sink = Sink({stage: [way]}, context=certificates().context("good"), offers=["STARTTLS", "AUTH PLAIN"])
    with sink, SmtpOutbound(secure(sink.port)) as outbound:
        ended, begun = outcome(outbound, 1)
        before = stage in BEFORE_DATA
        assert (ended, begun) == ((OutboundUnavailable, 0) if before else (OutcomeUnknown, 1))
        assert outcome(outbound, 2) == (None, 1)
    assert taken(sink) == ([1, 2] if stage == "dot" else [2])


def test_a_server_that_takes_the_mail_and_then_resets_has_taken_it() -> None:
    with Sink({"QUIT": [RESET]}) as sink:
        with SmtpOutbound(plain(sink.port)) as outbound:
            assert outcome(outbound, 1) == (None, 1)
        assert taken(sink) == [1]


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage not in {"STARTTLS", "AUTH"}])
def test_an_answer_that_comes_late_and_in_pieces_is_an_answer(stage: str) -> None:
    usual = {"greeting": "220 sink", "DATA": "354 go ahead"}.get(stage, "250 fine")
    with Sink({stage: [Slowly(usual, 0.3)]}) as sink:
        with SmtpOutbound(plain(sink.port)) as outbound:
            assert outcome(outbound, 1) == (None, 1)
        assert taken(sink) == [1]


# Servers that do otherwise than they say


@pytest.mark.parametrize(
    "script",
    [
        pytest.param({"RCPT": [STALL]}, id="the-second-is-forgotten"),
        pytest.param({"MAIL": ["250 fine"], "RCPT": [DROP]}, id="it-goes-after-the-first"),
        pytest.param({"MAIL": ["503 one at a time"], "RCPT": [STALL]}, id="it-wants-one-at-a-time"),
    ],
)
def test_pipelining_that_is_no_pipelining_sends_nothing(script: Mapping[str, Sequence[Said]]) -> None:
    with Sink(script, offers=["PIPELINING"]) as sink:
        seconds = 0.4
        with SmtpOutbound(plain(sink.port), time_left=lambda: seconds) as outbound:
            ended, begun = outcome(outbound, 1)
            assert (ended, begun) == (OutboundUnavailable, 0)
            seconds = 20
            assert outcome(outbound, 2) == (None, 1)
        assert taken(sink) == [2]


def test_an_answer_before_the_mail_is_none_to_the_mail() -> None:
    """Taken in advance, refused in truth: nobody may call that sent."""
    with Sink({"DATA": [b"354 go ahead\r\n250 taken\r\n"], "dot": ["554 no"]}) as sink:
        with SmtpOutbound(plain(sink.port)) as outbound:
            assert outcome(outbound, 1) == (OutcomeUnknown, 1)
            assert outcome(outbound, 2) == (OutboundRefused, 1)
        assert taken(sink) == [2]


@pytest.mark.parametrize("offers", [[], ["PIPELINING"]])
@pytest.mark.parametrize(
    "surplus", ["250 taken\r\n250 and again", "250 taken\r\n354 more", "250 taken\r\n550 no"]
)
def test_what_is_said_between_two_mails_is_no_answer_to_the_second(surplus: str, offers: list[str]) -> None:
    with Sink({"dot": [surplus]}, offers=offers) as sink:
        with SmtpOutbound(plain(sink.port)) as outbound:
            assert outcome(outbound, 1) == (None, 1)
            assert outcome(outbound, 2) == (None, 1)
        assert len(sink.conversations) == 2
        assert taken(sink) == [1, 2]


@pytest.mark.parametrize(
    ("offers", "recipient", "ended"),
    [
        pytest.param([], "ann@example.com", None, id="nothing"),
        pytest.param(["SIZE 10"], "ann@example.com", None, id="a-small-size"),
        pytest.param(["8BITMIME"], "jörg@example.com", OutboundRefused, id="no-smtputf8"),
        pytest.param(["8BITMIME", "SMTPUTF8"], "jörg@example.com", None, id="smtputf8"),
        pytest.param(["SMTPUTF8"], "jörg@example.com", None, id="smtputf8-without-8bitmime"),
        pytest.param(["X-NONSENSE \x01 [", "=", "250"], "ann@example.com", None, id="nonsense"),
    ],
)
def test_what_is_not_offered_is_not_used(
    offers: list[str], recipient: str, ended: type[OutboundError] | None
) -> None:
    with Sink(offers=offers) as sink:
        with SmtpOutbound(plain(sink.port)) as outbound:
            assert outcome(outbound, 1, recipient)[0] is ended
        said = "\n".join(sink.commands)
    assert ("SMTPUTF8" in said) == ("SMTPUTF8" in offers)
    assert "SIZE=" not in said
    assert taken(sink) == ([] if ended else [1])


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "dot"])
def test_a_mail_too_large_is_refused_for_good(stage: str) -> None:
    with (
        Sink({stage: ["552 5.3.4 message size exceeds fixed limit"]}, offers=["SIZE 10"]) as sink,
        SmtpOutbound(plain(sink.port)) as outbound,
    ):
        assert outcome(outbound, 1)[0] is OutboundRefused


@pytest.mark.parametrize("kind", ["stripped", "refused", "injected"])
def test_no_login_goes_over_a_starttls_that_did_not_come_about(kind: str) -> None:
    answers: dict[str, Said] = {"refused": "454 not now", "injected": b"220 go\r\n235 welcome\r\n"}
    script = {"STARTTLS": [answers[kind]]} if kind in answers else {}
    offers = ["AUTH PLAIN"] if kind == "stripped" else ["STARTTLS", "AUTH PLAIN"]
    with Sink(script, context=certificates().context("good"), offers=offers) as sink:
        with SmtpOutbound(secure(sink.port)) as outbound:
            assert outcome(outbound, 1) == (OutboundUnavailable, 0)
        assert set(sink.verbs) <= {"EHLO", "STARTTLS", "QUIT"}
