"""Each oddity of real mail: a message in `tests/data/messages`, and beside it what must be read from it.

The expected fields are those of `InboundMessage`; addresses stand as they are written. `…_contains` and
`…_lacks` list parts of a field; of `defects` each entry must be part of some defect, and an empty list means
that there is none; of an attachment only the keys given are compared.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emailint.case import json_line, message_block
from emailint.message import read_message, wire
from emailint.message.model import ReadSettings

if TYPE_CHECKING:
    from emailint.message.model import Attachment, InboundMessage

MAILS = Path(__file__).parents[2] / "data" / "messages"
TRAPS = sorted(path.stem for path in MAILS.glob("*.json"))


def shown(message: InboundMessage) -> dict[str, Any]:
    return {
        "subject": message.subject,
        "senders": [[sender.name, sender.address] for sender in message.senders],
        "sender": message.sender.address if message.sender else None,
        "recipients": {
            name: [address.address for address in addresses] for name, addresses in message.recipients.items()
        },
        "reply_to": [address.address for address in message.reply_to],
        "date": message.date.isoformat() if message.date else None,
        "message_id": message.message_id,
        "in_reply_to": list(message.in_reply_to),
        "references": list(message.references),
        "return_path": message.return_path,
        "language": message.language,
        "text": message.text,
        "quoted": message.quoted,
        "html": message.html,
        "kind": message.kind.value,
        "signals": [[signal.source, signal.reason.value] for signal in message.signals],
        "bounces": [
            [bounce.recipient, bounce.status, bounce.diagnostic, bounce.original_message_id]
            for bounce in message.bounces
        ],
    }


def shown_file(attachment: Attachment) -> dict[str, Any]:
    return {
        "name": attachment.name,
        "content_type": attachment.content_type,
        "size": len(attachment.content),
        "starts": attachment.content[:4].decode("latin-1"),
        "text": attachment.content.decode("utf-8", "replace"),
        "inline": attachment.inline,
        "content_id": attachment.content_id,
    }


def read(trap: str) -> InboundMessage:
    return read_message((MAILS / f"{trap}.eml").read_bytes(), ReadSettings())


@pytest.mark.parametrize("trap", TRAPS)
def test_the_mail_is_read_as_expected(trap: str) -> None:
    expected = json.loads((MAILS / f"{trap}.json").read_text(encoding="utf-8"))
    message = read(trap)
    fields = shown(message)
    for key, value in expected.items():
        match key.partition("_")[2], key:
            case "contains", _:
                assert [part for part in value if part not in (fields[key.split("_")[0]] or "")] == []
            case "lacks", _:
                assert [part for part in value if part in (fields[key.split("_")[0]] or "")] == []
            case _, "defects":
                assert [part for part in value if not any(part in defect for defect in message.defects)] == []
                assert value or message.defects == ()
            case _, "attachments":
                files = [shown_file(attachment) for attachment in message.attachments]
                assert len(files) == len(value), files
                assert [
                    {name: file[name] for name in wanted} for file, wanted in zip(files, value, strict=True)
                ] == value
            case _, "sender_problem":
                assert (value is None) == (message.sender_problem is None)
                assert (value or "") in (message.sender_problem or "")
            case _:
                assert fields[key] == value


@pytest.mark.parametrize("trap", TRAPS)
def test_any_reader_takes_the_record(trap: str) -> None:
    message = read(trap)
    line = json_line(
        {
            **message_block(message, "locus", None),
            **shown(message),
            "names": [attachment.name for attachment in message.attachments],
            "defects": list(message.defects),
        }
    )
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert json.loads(line)["subject"] == message.subject
    for text in (message.subject, message.text, message.quoted, message.html or "", *message.defects):
        text.encode()
    assert not any(ord(letter) < 32 or letter in "\x85\u2028\u2029" for letter in message.subject)
    assert wire.from_json(wire.to_json(message)) == message
