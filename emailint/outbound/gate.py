"""What no outbound lets out, whoever composed it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from emailint.addresses import is_deliverable
from emailint.errors import OutboundRefused

if TYPE_CHECKING:
    from emailint.outbound.protocol import OutgoingMail

KEPT: Final = "the case is kept, and no reply was sent"
_BARE_LINE_END: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n")


def admit(mail: OutgoingMail) -> None:
    """Nothing that could be read as a command, an option, a pipe, a file, or as the end of the mail.

    Raises OutboundRefused for an address that is none, and for line ends other than CRLF (RFC 5321 section
    2.3.8; bare ones are what SMTP smuggling is made of).
    """
    if not is_deliverable(mail.recipient):
        raise OutboundRefused(f"not an address to send to: {mail.recipient[:100]!r}; {KEPT}")
    if mail.envelope_from and not is_deliverable(mail.envelope_from):
        raise OutboundRefused(f"not an address to send from: {mail.envelope_from[:100]!r}; {KEPT}")
    if _BARE_LINE_END.search(mail.content) or not mail.content.endswith(b"\r\n"):
        raise OutboundRefused(f"the reply to {mail.recipient} holds a bare line end; {KEPT}")
