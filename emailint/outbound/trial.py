"""Connection tests of outbounds: stages one after the other, and the one mail that is sent when asked for."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from emailint.addresses import domain_of, is_deliverable
from emailint.errors import OutboundError
from emailint.outgoing import OutgoingMail
from emailint.probe import Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from emailint.outbound.protocol import Begin

Stage = tuple[str, "Callable[[], str]"]
"""A name, and what returns what was found or raises Unusable, Skipped or an OutboundError."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Unusable(Exception):
    """The way out cannot be used now: what is wrong, and what to do about it. It stays in this room."""

    def __init__(self, what: str, cure: str = "") -> None:
        super().__init__(what)
        self.cure = cure


class ConnectionLost(Unusable):
    """The server is gone, silent, or answers what is no SMTP; says which."""


class Skipped(Exception):
    """A stage that is not made, and why. It stays in this room."""


def steps(stages: Iterable[Stage]) -> Iterator[Step]:
    """Each stage in turn; after the first failure the others are skipped."""
    failed = ""
    for name, stage in stages:
        if failed:
            yield Step(name, Outcome.SKIPPED, f"since {failed} failed")
            continue
        step = _step(name, stage)
        failed = name if step.outcome is Outcome.FAILED else ""
        yield step


def _step(name: str, stage: Callable[[], str]) -> Step:
    try:
        return Step(name, Outcome.OK, stage())
    except Skipped as skipped:
        return Step(name, Outcome.SKIPPED, str(skipped))
    except Unusable as error:
        return Step(name, Outcome.FAILED, str(error), error.cure)
    except OutboundError as error:
        return Step(name, Outcome.FAILED, str(error), error.hint)


def deliver_trial(
    send: Callable[[OutgoingMail, Begin], None],
    sender: str,
    envelope_from: str,
    recipient: str | None,
) -> str:
    """The last stage of every test: one mail, where a recipient is given."""
    if recipient is None:
        raise Skipped("no address to send to was given")
    for address in (sender, recipient):
        if not (is_deliverable(address) and address.isascii()):
            raise Unusable(f"no test mail can have the address {address[:100]!r}", "give a plain address")
    send(trial_mail(sender, envelope_from, recipient), _nothing_to_note)
    return f"one mail to {recipient} was handed over"


def _nothing_to_note(token: str | None = None, message_id: str | None = None) -> None:
    """A test mail has no row."""


def trial_mail(
    sender: str,
    envelope_from: str,
    recipient: str,
    now: datetime | None = None,
    token: Callable[[], str] = secrets.token_hex,
) -> OutgoingMail:
    """A short mail to `recipient` that says what it is; both addresses are deliverable and ASCII."""
    moment = now or datetime.now(UTC)
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    message_id = f"<test.{token()}@{domain_of(sender)}>"
    lines = (
        f"From: {sender}",
        f"To: {recipient}",
        "Subject: emailint connection test",
        f"Date: {day}, {moment:%d} {month} {moment:%Y %H:%M:%S %z}",
        f"Message-ID: {message_id}",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "This mail was sent by `emailint test-connection` to show that replies leave.",
        "Nobody needs to do anything about it.",
        "",
    )
    return OutgoingMail(message_id, envelope_from, recipient, "\r\n".join(lines).encode("ascii"))
