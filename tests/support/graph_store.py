"""Mailboxes of the Graph double: folders, messages, drafts, and the MIME that Exchange makes of them."""

from __future__ import annotations

import itertools
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_BOUNDARY: Final = re.compile(rb'boundary="?([^";\r\n]+)"?', re.IGNORECASE)
_serial = itertools.count(1)

Recipients = list[dict[str, dict[str, str]]]


def new_id(kind: str = "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A") -> str:
    """Ids look like those of Exchange: long, case-sensitive, base64 for URLs."""
    return f"{kind}{secrets.token_urlsafe(18)}{next(_serial):06d}AAA="


@dataclass
class Item:
    """A message. `raw` is what was delivered, None for a draft that JSON has made."""

    raw: bytes | None
    folder: str
    received_at: datetime
    is_read: bool = False
    is_draft: bool = False
    flagged: bool = False
    answered: bool = False
    identity: str = field(default_factory=new_id)
    properties: dict[str, Any] = field(default_factory=dict)
    attachments: dict[str, str] = field(default_factory=dict)
    extended: dict[str, str] = field(default_factory=dict)
    due_at: datetime | None = None

    @property
    def size(self) -> int:
        return len(self.raw or b"")

    def mime(self) -> bytes:
        """Made anew at each download: other boundaries each time (graph/outlook-get-mime-message)."""
        raw = self.raw or self._mime_of_json()
        found = _BOUNDARY.search(raw.partition(b"\r\n\r\n")[0])
        return raw.replace(found[1], f"_000_{secrets.token_hex(8)}_".encode()) if found else raw

    def subject(self) -> str:
        return str(self.properties.get("subject", self._header("Subject")))

    def headers(self) -> list[dict[str, str]]:
        """internetMessageHeaders, values as they are, unfolded."""
        block = (self.raw or b"").partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
        unfolded = re.sub(r"\r\n[ \t]+", " ", block)
        pairs = (line.partition(":") for line in unfolded.split("\r\n") if ":" in line)
        own: list[dict[str, str]] = self.properties.get("internetMessageHeaders", [])
        return [{"name": name, "value": value.strip()} for name, _, value in pairs] + own

    def recipients(self, key: str) -> Recipients:
        if key in self.properties:
            found: Recipients = self.properties[key]
            return found
        header = {"toRecipients": "To", "ccRecipients": "Cc", "bccRecipients": "Bcc", "replyTo": "Reply-To"}[
            key
        ]
        return [
            {"emailAddress": {"name": name or address, "address": address}}
            for name, address in getaddresses([self._header(header)])
            if address
        ]

    def internet_message_id(self) -> str:
        return str(self.properties.get("internetMessageId") or self._header("Message-ID"))

    def _header(self, name: str) -> str:
        found = message_from_bytes(self.raw or b"").get(name)
        return str(found) if found is not None else ""

    def _mime_of_json(self) -> bytes:
        mail = EmailMessage(SMTP)
        mail["Subject"] = self.subject()
        mail["To"] = ", ".join(each["emailAddress"]["address"] for each in self.recipients("toRecipients"))
        mail["Message-ID"] = self.internet_message_id()
        for each in self.properties.get("internetMessageHeaders", []):
            mail[each["name"]] = each["value"]
        mail.set_content(str(self.properties.get("body", {}).get("content", "")))
        return mail.as_bytes()


@dataclass
class Folder:
    """A folder; `parent` is the identity of the one above."""

    name: str
    parent: str = "root"
    identity: str = field(default_factory=lambda: new_id("AQMkADAwATM0MDAAMS1iNTcwLWI2NTEt"))


WELL_KNOWN: Final = {
    "inbox": "Inbox",
    "drafts": "Entwürfe",
    "sentitems": "Gesendete Elemente",
    "deleteditems": "Gelöschte Elemente",
    "archive": "Archiv",
    "junkemail": "Junk-E-Mail",
}
"""Names are German here, so that nobody takes a display name for a well-known one."""


class DoubleMailbox:
    """One mailbox. `licensed` False is one that Exchange Online does not serve.

    `lag`: so long a mail that was sent lies in Drafts until Exchange has handed it on and files it
    (graph/outlook-things-to-know-about-send-mail); `says` is what it says of itself meanwhile: "sent" (it is
    no draft any more), "submitted" (a draft, but PidTagMessageFlags has mfSubmitted), or "nothing". With
    `stops_when_deleted` False a mail that is on its way leaves although its draft is deleted.
    """

    def __init__(self, address: str, *, licensed: bool = True) -> None:
        self.address = address
        self.licensed = licensed
        self.folders = {name: Folder(shown) for name, shown in WELL_KNOWN.items()}
        self.items: dict[str, Item] = {}
        self.sent: list[Item] = []
        self.purged: list[Item] = []
        self.lag = timedelta()
        self.says = "sent"
        self.stops_when_deleted = True
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._under_way: list[Item] = []

    def create_folder(self, name: str, parent: str = "root") -> Folder:
        """A folder beside the inbox, or below another."""
        folder = Folder(name, parent)
        self.folders[folder.identity] = folder
        return folder

    def folder(self, key: str) -> Folder | None:
        """By well-known name or identity."""
        if key.lower() in WELL_KNOWN:
            return self.folders[key.lower()]
        return next((each for each in self.folders.values() if each.identity == key), None)

    def add(
        self,
        raw: bytes,
        *,
        folder: str = "inbox",
        seen: bool = False,
        received_at: datetime | None = None,
    ) -> Item:
        """A message that has come in."""
        found = self.folder(folder)
        assert found is not None, folder
        item = Item(raw, found.identity, received_at or datetime.now(UTC), is_read=seen)
        self.items[item.identity] = item
        return item

    def in_folder(self, folder: Folder) -> list[Item]:
        return [item for item in self.items.values() if item.folder == folder.identity]

    def drafts(self) -> list[Item]:
        drafts = self.folders["drafts"].identity
        return [item for item in self.items.values() if item.is_draft and item.folder == drafts]

    def remove(self, subject: str) -> None:
        """Another program deletes a message for good."""
        del self.items[self.by_subject(subject).identity]

    def by_subject(self, subject: str) -> Item:
        return next(item for item in self.items.values() if item.subject() == subject)

    def reply_to(self, item: Item) -> Item:
        """createReply: addressed to their Reply-To, quoting their text, with their inline pictures."""
        to = item.recipients("replyTo") or [{"emailAddress": {"address": item._header("From")}}]
        body = (item.raw or b"").partition(b"\r\n\r\n")[2].decode("utf-8", "replace")
        draft = Item(None, self.folders["drafts"].identity, datetime.now(UTC), is_read=True, is_draft=True)
        draft.properties = {
            "subject": f"RE: {item.subject()}",
            "body": {"contentType": "html", "content": f"<hr>From: …<br>{body}"},
            "toRecipients": to,
            "ccRecipients": [],
            "bccRecipients": [],
            "replyTo": [],
            "internetMessageId": f"<{secrets.token_hex(8)}@DB9PR01MB1.eurprd01.prod.outlook.com>",
            "conversation": item.identity,
        }
        if b"cid:" in (item.raw or b""):
            draft.attachments[new_id()] = "image001.png"
        self.items[draft.identity] = draft
        return draft

    def send(self, item: Item) -> None:
        """The draft goes to Sent Items, under the same immutable id, at once or when it is handed on."""
        item.due_at = self.clock() + self.lag
        item.is_draft = self.says != "sent"
        self._under_way.append(item)
        self.hand_on()

    def hand_on(self) -> None:
        """What is due leaves, and is filed."""
        for item in [each for each in self._under_way if each.due_at and each.due_at <= self.clock()]:
            self._under_way.remove(item)
            kept = item.identity in self.items and item.folder != self.folders["deleteditems"].identity
            if kept or not self.stops_when_deleted:
                self.sent.append(item)
            if kept:
                item.is_draft = False
                item.folder = self.folders["sentitems"].identity

    def flags(self, item: Item) -> int:
        """PidTagMessageFlags (MS-OXCMSG section 2.2.1.6): mfRead, mfSubmitted, mfUnsent."""
        submitted = item in self._under_way and self.says == "submitted"
        return item.is_read * 0x1 | submitted * 0x4 | item.is_draft * 0x8

    def purge(self, item: Item) -> None:
        """permanentDelete: to where no program sees it."""
        self.purged.append(self.items.pop(item.identity))

    def delete(self, item: Item) -> None:
        """DELETE: to Deleted Items, and from there to where no program sees it."""
        deleted = self.folders["deleteditems"].identity
        if item.folder == deleted:
            self.purge(item)
        else:
            item.folder = deleted
