"""Who is answered, who is not, and why: one row a rule, and the order of the rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.config.model import ReplyLimit, ReplySettings
from emailint.message.model import Address, Authentication, Automatic, InboundMessage, Kind, Signal
from emailint.reply.checks import is_automated
from emailint.reply.policy import (
    MINUTE,
    Due,
    PendingReply,
    ReplyContext,
    Respond,
    Wait,
    Withhold,
    decide,
    still_due,
)
from emailint.reply.reason import Reason

NOW = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
OWN = frozenset({"payroll@bigtmepeo.example", "payroll+urgent@bigtmepeo.example"})
ANN = Address("Ann Lee", "ann@example.com")
PLAIN = InboundMessage(
    fingerprint="1:0",
    raw_sha256="0",
    size=100,
    senders=(ANN,),
    sender=ANN,
    recipients={"To": (Address("", "payroll@bigtmepeo.example"),)},
)
CONTEXT = ReplyContext(settings=ReplySettings(), own_addresses=OWN, received_at=NOW, now=NOW)
FORM = Address("Web form", "noreply@forms.example.com")
FORM_MAIL = replace(
    PLAIN,
    senders=(FORM,),
    sender=FORM,
    reply_to=(ANN,),
    signals=(Signal("From", Automatic.AUTOMATED_SENDER),),
    kind=Kind.AUTO_REPLY,
)
TRUSTING = replace(CONTEXT, trust_reply_to={"NoReply@forms.example.com"})


def from_(*senders: Address) -> InboundMessage:
    """A mail with these in From, read as the message room reads them."""
    return replace(PLAIN, senders=senders, sender=senders[0] if len(senders) == 1 else None)


def with_reply_to(*addresses: str, dmarc: str | None = None) -> InboundMessage:
    return replace(
        PLAIN,
        reply_to=tuple(Address("", address) for address in addresses),
        authentication=Authentication(dmarc=dmarc),
    )


def signalled(reason: Automatic, source: str = "X") -> InboundMessage:
    return replace(PLAIN, signals=(Signal(source, reason),), kind=Kind.AUTO_REPLY)


def reason_of(message: InboundMessage, context: ReplyContext = CONTEXT) -> Reason | None:
    decision = decide(message, context)
    return decision.reason if isinstance(decision, Withhold) else None


def test_ordinary_mail_is_answered_to_its_sender() -> None:
    assert decide(PLAIN, CONTEXT) == Respond("ann@example.com")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (replace(PLAIN, return_path=""), Reason.NULL_SENDER),
        (signalled(Automatic.NULL_SENDER), Reason.NULL_SENDER),
        (signalled(Automatic.AUTOMATED_SENDER, "Return-Path"), Reason.AUTOMATED_SENDER),
        (from_(Address("", "MAILER-DAEMON@example.com")), Reason.AUTOMATED_SENDER),
        (with_reply_to("no-reply@example.com"), Reason.AUTOMATED_SENDER),
        (signalled(Automatic.AUTO_SUBMITTED), Reason.AUTO_SUBMITTED),
        (signalled(Automatic.REPORT), Reason.REPORT),
        (signalled(Automatic.LIST), Reason.LIST),
        (signalled(Automatic.SUPPRESSED), Reason.SUPPRESSED_BY_SENDER),
        (signalled(Automatic.MACHINE), Reason.MACHINE),
        (replace(PLAIN, kind=Kind.BOUNCE), Reason.MACHINE),
        (signalled(Automatic.OWN), Reason.OWN_ADDRESS),
        (from_(Address("", "Payroll@BigTmePeo.example")), Reason.OWN_ADDRESS),
        (from_(Address("", "payroll+anything@bigtmepeo.example")), Reason.OWN_ADDRESS),
        (with_reply_to("payroll+urgent@bigtmepeo.example"), Reason.OWN_ADDRESS),
        (replace(PLAIN, recipients={}), Reason.NOT_ADDRESSED),
        (replace(PLAIN, recipients={"To": (ANN,)}), Reason.NOT_ADDRESSED),
        (
            replace(PLAIN, recipients={"Delivered-To": PLAIN.recipients["To"], "To": (ANN,)}),
            Reason.NOT_ADDRESSED,
        ),
        (from_(), Reason.NO_SENDER),
        (from_(Address("undisclosed", "")), Reason.NO_SENDER),
        (from_(ANN, Address("", "bob@example.com")), Reason.SEVERAL_SENDERS),
        (from_(Address("a@trusted.example", "b@evil.example")), Reason.AMBIGUOUS_SENDER),
        (from_(Address("Ann (ann@trusted.example)", "b@evil.example")), Reason.AMBIGUOUS_SENDER),
        (from_(Address("'a@trusted.example'", "b@evil.example")), Reason.AMBIGUOUS_SENDER),
        (from_(Address("", "root")), Reason.MALFORMED_SENDER),
        (from_(Address("", "a@[127.0.0.1]")), Reason.MALFORMED_SENDER),
        (from_(Address("", "alice@example.org)bob@evil.example")), Reason.MALFORMED_SENDER),
        (from_(Address("", "-oQ/tmp@example.com")), Reason.MALFORMED_SENDER),
        (from_(Address("", "|/bin/sh@example.com")), Reason.MALFORMED_SENDER),
        (replace(PLAIN, sender=None), Reason.MALFORMED_SENDER),
    ],
)
def test_withheld(message: InboundMessage, reason: Reason) -> None:
    assert decide(message, CONTEXT) == Withhold(reason)


@pytest.mark.parametrize(
    "message",
    [
        from_(Address("ann@example.com", "Ann@Example.com")),
        from_(Address("'ann@example.com'", "ann@example.com")),
        from_(Address("Ann 'ann@example.com'", "ann@example.com")),
        from_(Address("Ann @ Payroll", "ann@example.com")),
        replace(PLAIN, return_path="ann@example.com"),
        replace(PLAIN, recipients={"Cc": (Address("", "PAYROLL+urgent@bigtmepeo.example"),)}),
        replace(PLAIN, recipients={"Resent-To": PLAIN.recipients["To"]}),
    ],
)
def test_answered(message: InboundMessage) -> None:
    decision = decide(message, CONTEXT)
    assert isinstance(decision, Respond)
    assert decision.to.lower() == "ann@example.com"


@pytest.mark.parametrize("name", ["o'neil@example.ie", "'o'neil@example.ie'", "O'Neil"])
def test_an_apostrophe_in_the_address_makes_the_name_no_other(name: str) -> None:
    assert reason_of(from_(Address(name, "o'neil@example.ie")), CONTEXT) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"settings": ReplySettings(require_dmarc=True)}, Reason.DMARC),
        ({"recent_cases": 1000}, Reason.BREAKER),
        ({"received_at": NOW - timedelta(days=2, seconds=1)}, Reason.OLD),
        ({"settings": ReplySettings(template=None)}, Reason.NO_TEMPLATE),
        ({"follow_up": True}, Reason.NO_TEMPLATE),
        ({"outbound": False}, Reason.NO_OUTBOUND),
        ({"recent_cases": 999}, None),
        ({"received_at": NOW - timedelta(days=2)}, None),
        ({"received_at": NOW + timedelta(days=400)}, None),
        ({"follow_up": True, "settings": ReplySettings(template=None, follow_up_template="thanks")}, None),
    ],
)
def test_circumstances(changes: dict[str, object], reason: Reason | None) -> None:
    assert reason_of(PLAIN, replace(CONTEXT, **changes)) == reason  # type: ignore[arg-type] # rows of several types


@pytest.mark.parametrize(
    ("verdict", "answered"), [("pass", True), ("fail", False), ("none", False), (None, False)]
)
def test_required_dmarc(verdict: str | None, answered: bool) -> None:
    strict = replace(CONTEXT, settings=ReplySettings(require_dmarc=True))
    message = replace(PLAIN, authentication=Authentication(dmarc=verdict))
    assert isinstance(decide(message, strict), Respond) is answered
    assert isinstance(decide(message, CONTEXT), Respond)


@pytest.mark.parametrize(
    ("message", "strict", "to"),
    [
        (with_reply_to("sales@example.com"), False, "sales@example.com"),
        (with_reply_to("sales@EXAMPLE.com"), False, "sales@EXAMPLE.com"),
        (with_reply_to("victim@elsewhere.example"), False, "ann@example.com"),
        (with_reply_to("victim@elsewhere.example", dmarc="fail"), False, "ann@example.com"),
        (with_reply_to("ann@private.example", dmarc="pass"), False, "ann@private.example"),
        (with_reply_to("ann@private.example", dmarc="pass"), True, "ann@example.com"),
        (with_reply_to("sales@example.com", dmarc="pass"), True, "sales@example.com"),
        (with_reply_to("a@example.com", "b@example.com"), False, "ann@example.com"),
        (with_reply_to("-x@example.com"), False, "ann@example.com"),
        (with_reply_to("x@sub.example.com"), False, "ann@example.com"),
    ],
)
def test_reply_to_is_never_followed_blindly(message: InboundMessage, strict: bool, to: str) -> None:
    context = replace(CONTEXT, settings=ReplySettings(require_dmarc=strict))
    assert decide(message, context) == Respond(to)


@pytest.mark.parametrize(
    ("message", "context", "outcome"),
    [
        (FORM_MAIL, TRUSTING, Respond("ann@example.com")),
        (FORM_MAIL, CONTEXT, Withhold(Reason.AUTOMATED_SENDER)),
        (replace(FORM_MAIL, reply_to=()), TRUSTING, Withhold(Reason.AUTOMATED_SENDER)),
        (replace(FORM_MAIL, reply_to=(ANN, FORM)), TRUSTING, Withhold(Reason.AUTOMATED_SENDER)),
        (
            replace(FORM_MAIL, reply_to=(ANN, Address("", "bob@example.com"))),
            TRUSTING,
            Withhold(Reason.SEVERAL_SENDERS),
        ),
        (
            replace(FORM_MAIL, reply_to=(Address("", "payroll@bigtmepeo.example"),)),
            TRUSTING,
            Withhold(Reason.OWN_ADDRESS),
        ),
        (
            replace(
                FORM_MAIL, signals=(*FORM_MAIL.signals, Signal("Auto-Submitted", Automatic.AUTO_SUBMITTED))
            ),
            TRUSTING,
            Withhold(Reason.AUTO_SUBMITTED),
        ),
        (replace(FORM_MAIL, return_path=""), TRUSTING, Withhold(Reason.NULL_SENDER)),
        (
            replace(FORM_MAIL, reply_to=(Address("", "root"),)),
            TRUSTING,
            Withhold(Reason.MALFORMED_SENDER),
        ),
    ],
)
def test_web_form(message: InboundMessage, context: ReplyContext, outcome: Respond | Withhold) -> None:
    assert decide(message, context) == outcome


def test_a_form_of_our_own_host_may_be_trusted_and_our_own_replies_not() -> None:
    own = Address("", "payroll@bigtmepeo.example")
    message = replace(
        PLAIN, senders=(own,), sender=own, reply_to=(ANN,), signals=(Signal("From", Automatic.OWN),)
    )
    context = replace(CONTEXT, trust_reply_to={own.address})
    assert decide(message, context) == Respond("ann@example.com")
    ours = replace(message, signals=(*message.signals, Signal("X-Emailint-Id", Automatic.OWN)))
    assert decide(ours, context) == Withhold(Reason.OWN_ADDRESS)


ORDER = (
    Reason.NULL_SENDER,
    Reason.AUTOMATED_SENDER,
    Reason.AUTO_SUBMITTED,
    Reason.REPORT,
    Reason.LIST,
    Reason.SUPPRESSED_BY_SENDER,
    Reason.MACHINE,
    Reason.OWN_ADDRESS,
    Reason.NOT_ADDRESSED,
    Reason.DMARC,
    Reason.NO_TEMPLATE,
    Reason.NO_OUTBOUND,
    Reason.BREAKER,
    Reason.OLD,
    Reason.NO_SENDER,
)
SIGNALS = dict(
    zip(
        ORDER[:8],
        (
            Automatic.NULL_SENDER,
            Automatic.AUTOMATED_SENDER,
            Automatic.AUTO_SUBMITTED,
            Automatic.REPORT,
            Automatic.LIST,
            Automatic.SUPPRESSED,
            Automatic.MACHINE,
            Automatic.OWN,
        ),
        strict=True,
    )
)


@given(st.sets(st.sampled_from(ORDER), min_size=1))
def test_the_first_rule_that_says_no_is_the_reason(wrong: set[Reason]) -> None:
    signals = tuple(Signal("X", SIGNALS[reason]) for reason in wrong if reason in SIGNALS)
    message = replace(PLAIN, signals=signals)
    if Reason.NOT_ADDRESSED in wrong:
        message = replace(message, recipients={})
    if Reason.NO_SENDER in wrong:
        message = replace(message, senders=(), sender=None)
    settings = ReplySettings(
        require_dmarc=Reason.DMARC in wrong,
        template=None if Reason.NO_TEMPLATE in wrong else "case-confirm",
    )
    context = replace(
        CONTEXT,
        settings=settings,
        recent_cases=1000 if Reason.BREAKER in wrong else 0,
        received_at=NOW - timedelta(days=9) if Reason.OLD in wrong else NOW,
        outbound=Reason.NO_OUTBOUND not in wrong,
    )
    assert decide(message, context) == Withhold(min(wrong, key=ORDER.index))


@pytest.mark.parametrize(
    "local",
    [
        "mailer-daemon",
        "MAILERDAEMON",
        "Postmaster",
        "noreply",
        "no-reply",
        "no_reply",
        "donotreply",
        "do-not-reply",
        "do_not_reply",
        "noreply-4711",
        "jobs-noreply",
        "news+no-reply",
        "owner-staff",
        "staff-request",
        "staff-bounces",
        "bounce+ann=example.com",
        "bounces",
        "listserv",
        "majordomo",
    ],
)
def test_addresses_of_programs(local: str) -> None:
    assert is_automated(f"{local}@example.com")


@pytest.mark.parametrize(
    "local",
    [
        "ann",
        "owner",
        "shop-owner",
        "requests",
        "noreplyann",
        "nor.eply",
        "postmasters",
        "bouncer",
        "listservice",
    ],
)
def test_addresses_of_people(local: str) -> None:
    assert not is_automated(f"{local}@example.com")


@dataclass(frozen=True)
class Begun:
    """Replies begun already, as a ledger counts them."""

    address_hour: int = 0
    address_day: int = 0
    domain_hour: int = 0


PENDING = PendingReply(recipient="ann@example.com", received_at=NOW)


@pytest.mark.parametrize(
    ("recipient", "begun", "outcome"),
    [
        ("ann@example.com", Begun(), Due()),
        ("ann@example.com", Begun(address_hour=4, address_day=19, domain_hour=99), Due()),
        ("ann@example.com", Begun(address_hour=5), Withhold(Reason.ADDRESS_HOUR)),
        ("ann@example.com", Begun(address_day=20), Withhold(Reason.ADDRESS_DAY)),
        ("ann@example.com", Begun(domain_hour=100), Withhold(Reason.DOMAIN_HOUR)),
        ("ann@gmail.com", Begun(domain_hour=100), Due()),
        ("ann@gmail.com", Begun(domain_hour=999), Due()),
        ("ann@GMAIL.com", Begun(domain_hour=1000), Withhold(Reason.DOMAIN_HOUR)),
    ],
)
def test_rates(recipient: str, begun: Begun, outcome: Due | Withhold) -> None:
    assert still_due(replace(PENDING, recipient=recipient), begun, ReplySettings(), NOW) == outcome


def test_over_the_limit_of_the_provider_it_waits() -> None:
    settings = ReplySettings(limit=ReplyLimit(per_minute=25))
    assert still_due(PENDING, Begun(), settings, NOW, begun_last_minute=24) == Due()
    assert still_due(PENDING, Begun(), settings, NOW, begun_last_minute=25) == Wait(NOW + MINUTE)
    assert still_due(PENDING, Begun(), ReplySettings(), NOW, begun_last_minute=9999) == Due()


@pytest.mark.parametrize(
    ("reply", "settings", "reason"),
    [
        (PENDING, ReplySettings(template=None), Reason.NO_TEMPLATE),
        (replace(PENDING, follow_up=True), ReplySettings(), Reason.NO_TEMPLATE),
        (replace(PENDING, follow_up=True), ReplySettings(follow_up_template="thanks"), None),
        (replace(PENDING, recipient="payroll+x@bigtmepeo.example"), ReplySettings(), Reason.OWN_ADDRESS),
        (PENDING, ReplySettings(require_dmarc=True), Reason.DMARC),
        (replace(PENDING, dmarc="pass"), ReplySettings(require_dmarc=True), None),
        (replace(PENDING, received_at=NOW - timedelta(days=3)), ReplySettings(), Reason.OLD),
        (
            replace(PENDING, received_at=NOW - timedelta(days=3)),
            ReplySettings(max_age=timedelta(days=4)),
            None,
        ),
    ],
)
def test_configuration_is_looked_at_again(
    reply: PendingReply, settings: ReplySettings, reason: Reason | None
) -> None:
    outcome = still_due(reply, Begun(), settings, NOW, own_addresses=OWN)
    assert outcome == (Due() if reason is None else Withhold(reason))


def test_two_machines_that_answer_each_other_end_at_the_cap() -> None:
    sent = 0
    for _ in range(1000):
        if isinstance(
            still_due(PENDING, Begun(address_hour=sent, address_day=sent), ReplySettings(), NOW), Due
        ):
            sent += 1
    assert sent == 5


def test_every_reason_says_what_it_rests_on() -> None:
    assert all(reason.citation and reason.text for reason in Reason)
    assert str(Reason.OLD) == "old"
