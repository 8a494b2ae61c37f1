"""An `InboundMessage` as JSON: how the child hands it to its parent."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from emailint.message.model import (
    Address,
    Attachment,
    Authentication,
    Automatic,
    Bounce,
    InboundMessage,
    Kind,
    Limits,
    ReadSettings,
    Signal,
)


def to_json(message: InboundMessage) -> bytes:
    """One line of ASCII; attachments in base64."""
    record = asdict(message)
    record["date"] = message.date.astimezone(UTC).isoformat() if message.date else None
    for attachment in record["attachments"]:
        attachment["content"] = b64encode(attachment["content"]).decode("ascii")
    return json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def from_json(data: bytes) -> InboundMessage:
    """The same message again. Raises ValueError, KeyError or TypeError on anything else."""
    record = json.loads(data)
    return InboundMessage(
        **{
            **record,
            "in_reply_to": tuple(record["in_reply_to"]),
            "references": tuple(record["references"]),
            "date": datetime.fromisoformat(record["date"]) if record["date"] else None,
            "senders": _addresses(record["senders"]),
            "sender": Address(**record["sender"]) if record["sender"] else None,
            "reply_to": _addresses(record["reply_to"]),
            "recipients": {name: _addresses(value) for name, value in record["recipients"].items()},
            "attachments": tuple(
                Attachment(**{**item, "content": b64decode(item["content"])})
                for item in record["attachments"]
            ),
            "kind": Kind(record["kind"]),
            "signals": tuple(Signal(item["source"], Automatic(item["reason"])) for item in record["signals"]),
            "authentication": Authentication(**record["authentication"]),
            "bounces": tuple(Bounce(**item) for item in record["bounces"]),
            "defects": tuple(record["defects"]),
        }
    )


def _addresses(items: list[dict[str, str]]) -> tuple[Address, ...]:
    return tuple(Address(**item) for item in items)


def settings_to_json(settings: ReadSettings, **bounds: int) -> bytes:
    """The first line that the child reads: settings, and its bounds (`cpu` in s, `memory` in octets)."""
    record: dict[str, Any] = asdict(settings)
    record["own_addresses"] = sorted(settings.own_addresses)
    return json.dumps({**record, **bounds}, ensure_ascii=True).encode("ascii") + b"\n"


def settings_from_json(line: bytes) -> tuple[ReadSettings, dict[str, int]]:
    """The settings again, and the bounds."""
    record = json.loads(line)
    settings = ReadSettings(
        own_addresses=frozenset(record.pop("own_addresses", ())),
        authserv_id=record.pop("authserv_id", None),
        limits=Limits(**record.pop("limits", {})),
    )
    return settings, record
