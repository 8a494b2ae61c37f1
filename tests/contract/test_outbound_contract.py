"""What every outbound promises: an SMTP server, a sendmail program, a folder, and the double of Graph."""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from emailint.errors import OutboundError, OutboundRefused, OutboundUnavailable, OutcomeUnknown
from emailint.outbound.folder import FolderOutbound, FolderSettings
from emailint.outbound.sendmail import SendmailOutbound, SendmailSettings
from emailint.outbound.smtp import SmtpOutbound, SmtpSettings
from emailint.outgoing import OutgoingMail
from emailint.probe import Outcome
from tests.support.graph import ADDRESS, graph_outbound, graph_settings
from tests.support.graph_double import Fault, GraphDouble
from tests.support.smtp import PASSWORD, USER, SmtpServer, certificates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from emailint.outbound.protocol import Outbound

SENDER = "payroll@example.org"


def mail(
    number: int = 1, body: str = "Hello\r\n", *, recipient: str = "ann@example.com", envelope_from: str = ""
) -> OutgoingMail:
    """A mail as composing makes them."""
    message_id = f"<CS-{number:06d}.0123456789abcdef@example.org>"
    content = f"From: {SENDER}\r\nTo: ann@example.com\r\nMessage-ID: {message_id}\r\n\r\n{body}"
    return OutgoingMail(message_id, envelope_from, recipient, content.encode())


@dataclass
class Outlet:
    """One outbound and the other side of it.

    `delivered` gives recipient and content (line feeds) of what arrived, in order. `break_` makes the next
    mails fail so, `mend` ends that; a kind that cannot fail so is left out of `faults`.
    """

    make: Callable[[], Outbound]
    delivered: Callable[[], list[tuple[str, bytes]]]
    faults: dict[type[OutboundError], Callable[[], object]]
    mend: Callable[[], object]


def smtp_outlet(folder: Path, stack: ExitStack) -> Outlet:
    """An aiosmtpd with TLS and login."""
    server = stack.enter_context(SmtpServer("implicit"))
    settings = SmtpSettings(
        "localhost",
        server.port,
        username=USER,
        password=lambda: PASSWORD,
        ca_file=certificates().ca_file,
        timeout=5,
    )
    return Outlet(
        make=lambda: SmtpOutbound(settings, sender=SENDER),
        delivered=lambda: [
            (each.recipients[0], each.content.replace(b"\r\n", b"\n")) for each in server.delivered
        ],
        faults={
            OutboundUnavailable: lambda: server.fault("RCPT", "451 4.3.0 later"),
            OutboundRefused: lambda: server.fault("RCPT", "550 5.1.1 no such user"),
        },
        mend=lambda: None,
    )


def sendmail_outlet(folder: Path, stack: ExitStack) -> Outlet:
    """A program that notes its arguments and its input, and ends as the file `status` says."""
    program, status = folder / "sendmail", folder / "status"
    program.write_text(
        "#!/bin/sh\n"
        f"cd {shlex.quote(str(folder))} || exit 78\n"
        'code=$(cat status)\n[ "$code" = kill ] && kill -9 $$\n[ "$code" = 0 ] || exit "$code"\n'
        "n=$(ls | grep -c ^mail)\nn=$(printf %03d $n)\n"
        'printf "%s\\n" "$@" > "args$n"\ncat > "mail$n"\n'
    )
    program.chmod(0o755)
    status.write_text("0")

    def delivered() -> list[tuple[str, bytes]]:
        return [
            ((folder / f"args{path.name[4:]}").read_text().splitlines()[-1], path.read_bytes())
            for path in sorted(folder.glob("mail*"))
        ]

    return Outlet(
        make=lambda: SendmailOutbound(SendmailSettings((str(program),), timeout=20), sender=SENDER),
        delivered=delivered,
        faults={
            OutboundUnavailable: lambda: status.write_text("75"),
            OutboundRefused: lambda: status.write_text("67"),
            OutcomeUnknown: lambda: status.write_text("kill"),
        },
        mend=lambda: status.write_text("0"),
    )


def folder_outlet(folder: Path, stack: ExitStack) -> Outlet:
    """A folder; while it is broken, a file stands in its place."""
    path = folder / "outbox"
    aside = folder / "aside"

    def broken() -> None:
        if path.exists():
            path.rename(aside)
        path.write_text("no folder")

    def mended() -> None:
        if path.is_file():
            path.unlink()
        if aside.exists():
            aside.rename(path)

    return Outlet(
        make=lambda: FolderOutbound(FolderSettings(path), sender=SENDER),
        delivered=lambda: [
            ("ann@example.com", each.read_bytes().replace(b"\r\n", b"\n"))
            for each in sorted(path.glob("*.eml"))
        ],
        faults={OutboundUnavailable: broken},
        mend=mended,
    )


def graph_outlet(folder: Path, stack: ExitStack) -> Outlet:
    """The double of Exchange Online; mails that answer nothing go as drafts of their octets."""
    double = stack.enter_context(GraphDouble())
    mailbox = double.mailbox(ADDRESS)
    settings = graph_settings(double, time_left=lambda: 2.5)
    return Outlet(
        make=lambda: graph_outbound(double, settings),
        delivered=lambda: [
            (item.recipients("toRecipients")[0]["emailAddress"]["address"], _lines(item.mime()))
            for item in mailbox.sent
        ],
        faults={
            OutboundUnavailable: lambda: double.fault("POST .*/messages", Fault(drop="before"), 99),
            OutboundRefused: lambda: double.fault(
                "POST .*/send", Fault(400, {"error": {"code": "ErrorInvalidRecipients"}})
            ),
            OutcomeUnknown: lambda: double.fault("/send|GET .*isDraft,parent", Fault(drop="before"), 99),
        },
        mend=double.mend,
    )


def _lines(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")


OUTLETS = {"graph": graph_outlet, "smtp": smtp_outlet, "sendmail": sendmail_outlet, "folder": folder_outlet}


@pytest.fixture(params=sorted(OUTLETS))
def outlet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outlet]:
    with ExitStack() as stack:
        yield OUTLETS[request.param](tmp_path, stack)


def unnoted(token: str | None = None, message_id: str | None = None) -> None:
    """Handing over begins, and nobody notes it."""


class Begin:
    """Counts how often handing over began, and what had arrived by then."""

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet
        self.arrived: list[int] = []

    def __call__(self, token: str | None = None, message_id: str | None = None) -> None:
        self.noted = (token, message_id)
        self.arrived.append(len(self.outlet.delivered()))


def octets(*mails: OutgoingMail) -> list[tuple[str, bytes]]:
    return [(each.recipient, each.content.replace(b"\r\n", b"\n")) for each in mails]


def test_a_mail_arrives_once_and_begins_before_it_arrives(outlet: Outlet) -> None:
    begin = Begin(outlet)
    with outlet.make() as outbound:
        outbound.send(mail(), begin)
        assert outlet.delivered() == octets(mail())
    assert begin.arrived == [0]
    assert outlet.delivered() == octets(mail())


def test_several_mails_arrive_in_order(outlet: Outlet) -> None:
    mails = [mail(number) for number in range(1, 6)]
    begin = Begin(outlet)
    with outlet.make() as outbound:
        for each in mails:
            outbound.send(each, begin)
    assert outlet.delivered() == octets(*mails)
    assert begin.arrived == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "body", [".\r\n", "..\r\n.\r\n.a\r\n\r\n.\r\n", "From here\r\n", "\r\n\r\n", "x" * 990 + "\r\n"]
)
def test_the_content_arrives_as_it_was(outlet: Outlet, body: str) -> None:
    with outlet.make() as outbound:
        outbound.send(mail(body=body), unnoted)
    assert outlet.delivered() == octets(mail(body=body))


@pytest.mark.parametrize(
    "error", [ValueError("disk full"), KeyboardInterrupt(), OSError("no"), OutboundError("x")]
)
def test_what_begin_raises_passes_through_and_nothing_is_sent(outlet: Outlet, error: BaseException) -> None:
    def begin(token: str | None = None, message_id: str | None = None) -> None:
        raise error

    with outlet.make() as outbound:
        with pytest.raises(type(error)) as caught:
            outbound.send(mail(1), begin)
        assert caught.value is error
        assert outlet.delivered() == []
        outbound.send(mail(2), unnoted)
    assert outlet.delivered() == octets(mail(2))


@pytest.mark.parametrize("kind", [OutboundUnavailable, OutboundRefused, OutcomeUnknown])
def test_a_failure_says_what_it_is_and_ends_with_the_mail(outlet: Outlet, kind: type[OutboundError]) -> None:
    if kind not in outlet.faults:
        # this outbound has no such answer; the tests of its own have what else can happen to it
        assert kind is not OutboundUnavailable
        return
    begin = Begin(outlet)
    with outlet.make() as outbound:
        outbound.send(mail(1), unnoted)
        outlet.faults[kind]()
        with pytest.raises(OutboundError) as caught:
            outbound.send(mail(2), begin)
        assert isinstance(caught.value, kind)
        outlet.mend()
        outbound.send(mail(3), unnoted)
    assert outlet.delivered() == octets(mail(1), mail(3))
    assert len(begin.arrived) <= 1
    assert caught.value.hint or kind is OutboundUnavailable
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("recipient", "envelope_from"),
    [
        ("-oQ/tmp@example.com", ""),
        ("|/bin/sh@example.com", ""),
        ("ann@example.com>\r\nRCPT TO:<bob@example.com", ""),
        ("ann@example.com, bob@example.com", ""),
        ("", ""),
        ("root", ""),
        ("ann@example.com", "-f@example.com"),
        ("ann@example.com", "a@example.com> SIZE=1\r\nRSET"),
    ],
)
def test_no_address_that_could_be_something_else(outlet: Outlet, recipient: str, envelope_from: str) -> None:
    begin = Begin(outlet)
    with outlet.make() as outbound, pytest.raises(OutboundRefused):
        outbound.send(mail(recipient=recipient, envelope_from=envelope_from), begin)
    assert begin.arrived == []
    assert outlet.delivered() == []


@pytest.mark.parametrize("body", ["a\n.\nb\r\n", "a\r.\r\n", "no end"])
def test_no_bare_line_end_is_let_out(outlet: Outlet, body: str) -> None:
    begin = Begin(outlet)
    with outlet.make() as outbound, pytest.raises(OutboundRefused, match="bare line end"):
        outbound.send(mail(body=body), begin)
    assert begin.arrived == []
    assert outlet.delivered() == []


def test_a_connection_test_is_all_well_and_sends_nothing(outlet: Outlet) -> None:
    steps = list(outlet.make().test())
    assert [step.outcome for step in steps[:-1]] == [Outcome.OK] * (len(steps) - 1)
    assert (steps[-1].name, steps[-1].outcome) == ("outbound mail", Outcome.SKIPPED)
    assert all(step.detail for step in steps)
    assert outlet.delivered() == []


def test_a_connection_test_sends_one_mail_where_it_is_told_to(outlet: Outlet) -> None:
    steps = list(outlet.make().test("ann@example.com"))
    assert [step.outcome for step in steps] == [Outcome.OK] * len(steps)
    ((recipient, content),) = outlet.delivered()
    assert recipient == "ann@example.com"
    assert b"\nSubject: emailint connection test\n" in content
    assert b"\nTo: ann@example.com\n" in content


@pytest.mark.parametrize("send_to", ["root", "-x@example.com", "a@b\r\nBcc: c@d", "ä@example.com"])
def test_a_connection_test_sends_to_decent_addresses_alone(outlet: Outlet, send_to: str) -> None:
    steps = list(outlet.make().test(send_to))
    assert steps[-1].outcome is Outcome.FAILED
    assert outlet.delivered() == []


def test_a_connection_test_never_raises_and_names_cause_and_cure(outlet: Outlet) -> None:
    outlet.faults[OutboundUnavailable]()
    steps = list(outlet.make().test("ann@example.com"))
    failed = [step for step in steps if step.outcome is Outcome.FAILED]
    assert len(failed) == 1
    assert failed[0].detail
    after = steps[steps.index(failed[0]) + 1 :]
    assert all(step.outcome is Outcome.SKIPPED for step in after)
    assert outlet.delivered() == []


def test_leaving_is_harmless_twice_and_before_anything(outlet: Outlet) -> None:
    outbound = outlet.make()
    with outbound:
        pass
    with outbound:
        outbound.send(mail(1), unnoted)
    outbound.__exit__(None, None, None)
    with outbound:
        outbound.send(mail(2), unnoted)
    assert outlet.delivered() == octets(mail(1), mail(2))
