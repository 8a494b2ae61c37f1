"""The negative control: append, reply, mark, for each unread mail, as such programs are mostly written.

It is given the very same ports, mail and faults as the real sweep. What the harness says of it shows that
the harness can see what goes wrong.
"""

from __future__ import annotations

import json
import os
import secrets
from typing import TYPE_CHECKING

from emailint.message.model import ReadSettings
from emailint.message.read import read_message
from emailint.outbound.protocol import OutgoingMail
from emailint.sweep import connect

if TYPE_CHECKING:
    from emailint.config.model import Config


def plain_loop(config: Config) -> None:
    """One case line, one reply, and then the flag, for each mail of the first mailbox."""
    (integration,) = config.integrations
    config.store.mkdir(exist_ok=True)
    with connect.source_for(config, integration) as source, connect.outbound_for(config, integration) as out:
        for raw in list(source.fetch(source.measure(source.list_unread()))):
            message = read_message(raw.raw, ReadSettings())
            _append(config, {"subject": message.subject, "message": {"locus": raw.ref.locus}})
            if message.sender is not None:
                out.send(_reply(integration.mailbox, message.sender.address), lambda *_about: None)
            source.mark_read([raw.ref.locus])


def _append(config: Config, case: dict[str, object]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    descriptor = os.open(config.store / "cases.jsonl", flags, 0o600)
    try:
        os.write(descriptor, json.dumps(case).encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reply(sender: str, recipient: str) -> OutgoingMail:
    message_id = f"<{secrets.token_hex(8)}@example.org>"
    content = f"From: {sender}\r\nTo: {recipient}\r\nMessage-ID: {message_id}\r\n\r\nThank you.\r\n"
    return OutgoingMail(message_id, sender, recipient, content.encode())
