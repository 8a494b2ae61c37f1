"""The stored line that a reply answers, as templates and headers see it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME_LENGTH = 100
"""Characters of the sender's display name that a template gets."""


@dataclass(frozen=True, slots=True)
class StoredLine:
    """One line of `cases.jsonl` or `followups.jsonl`; `record` is all of it."""

    record: Mapping[str, Any]

    @classmethod
    def parse(cls, line: bytes) -> Self:
        """From the bytes that the ledger keeps; ValueError when they are no JSON object."""
        record = json.loads(line)
        if not isinstance(record, dict):
            msg = "a stored line is one JSON object"
            raise ValueError(msg)  # noqa: TRY004 - it is the content that is wrong, not a caller's type
        return cls(MappingProxyType(record))

    @property
    def case_id(self) -> str:
        """The case that the message made or belongs to."""
        return str(self.record["case_id"])

    @property
    def follow_up(self) -> bool:
        """Whether the message was added to a case that existed."""
        return "followup_id" in self.record

    @property
    def subject(self) -> str:
        """The sender's subject; that of the case where the line does not keep the sender's own."""
        return str(self.message.get("subject") or self.record.get("subject") or "")

    @property
    def message(self) -> Mapping[str, Any]:
        """The block `message`."""
        block = self.record.get("message")
        return block if isinstance(block, dict) else {}

    @property
    def language(self) -> str | None:
        """The language that the mail's own Content-Language named; None where it named none."""
        own = self.message.get("language")
        return own if isinstance(own, str) else None

    @property
    def dmarc(self) -> str | None:
        """The DMARC verdict, None where there was none."""
        verdicts = self.record.get("authentication")
        return verdicts.get("dmarc") if isinstance(verdicts, dict) else None

    @property
    def message_id(self) -> str | None:
        """The message's own id as it was written; None where it had none."""
        own = self.message.get("message_id")
        return str(own) if own else None

    @property
    def references(self) -> tuple[str, ...]:
        """The ids that the message referred to, as they were written."""
        return tuple(str(each) for each in self.message.get("references") or ())

    @property
    def sender(self) -> tuple[str, str]:
        """Display name and address of whoever is answered, as far as the line tells; either may be ""."""
        first = self.message.get("from") or {}
        name = self.record.get("reported_by") or first.get("name") or ""
        address = self.record.get("email_address") or first.get("address") or ""
        return str(name)[:NAME_LENGTH], str(address)
