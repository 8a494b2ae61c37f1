"""Graph sources and outbounds on the double, as tests want them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from imapclient.imap_utf7 import decode

from emailint.graph_client.client import GraphSettings
from emailint.oauth.entra import EntraApp, EntraTokens
from emailint.outbound.graph import GraphOutbound
from emailint.sources.graph import GraphSource, GraphSourceSettings
from emailint.sources.locus import graph_account, graph_id
from tests.support.entra_double import CLIENT, SECRET, TENANT
from tests.support.graph_double import given

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from emailint.oauth.tokens import Tokens
    from tests.support.graph_double import GraphDouble
    from tests.support.graph_store import DoubleMailbox

ADDRESS = "payroll@bigtmepeo.com"


def entra_app(double: GraphDouble, **changes: Any) -> EntraApp:
    """The app of the double's tenant, with its secret."""
    settings: dict[str, Any] = {
        "tenant": TENANT,
        "client_id": CLIENT,
        "scopes": (f"{double.root}/.default",),
        "secret": given(SECRET),
        "authority": double.root,
        "ca_file": double.ca_file,
        "name": "payroll",
    }
    return EntraApp(**settings | changes)


def graph_settings(double: GraphDouble, tokens: Tokens | None = None, **changes: Any) -> GraphSettings:
    """One mailbox of the double. Patience is short, so that what waits too long ends as an error."""
    settings: dict[str, Any] = {
        "mailbox": ADDRESS,
        "tokens": tokens or EntraTokens(entra_app(double)),
        "base_url": double.root,
        "app": CLIENT,
        "ca_file": double.ca_file,
        "time_left": lambda: 20.0,
    }
    return GraphSettings(**settings | changes)


def graph_source(double: GraphDouble, **changes: Any) -> GraphSource:
    """A source; `mailbox` changes what `graph_settings` says."""
    mailbox = changes.pop("mailbox", None) or graph_settings(double)
    return GraphSource(GraphSourceSettings(mailbox, **changes))


def graph_outbound(double: GraphDouble, settings: GraphSettings | None = None) -> GraphOutbound:
    """An outbound that finds what it answers in the same mailbox, and does not wait when it looks again."""
    found = settings or graph_settings(double)
    account = graph_account(found.host, found.mailbox)
    return GraphOutbound(
        found, sender=ADDRESS, answered=lambda locus: graph_id(account, locus), sleep=lambda _seconds: None
    )


@dataclass(frozen=True)
class MailboxOnDouble:
    """The double's mailbox with the verbs that tests use on a Maildir; flags stand in names as there."""

    mailbox: DoubleMailbox

    def deliver(
        self, raw: bytes, *, folder: str = "INBOX", seen: bool = False, received_at: datetime | None = None
    ) -> object:
        """Put one message into a folder."""
        return self.mailbox.add(raw, folder=self._folder(folder), seen=seen, received_at=received_at)

    def deliver_many(self, messages: Iterable[bytes]) -> object:
        """Put many messages into the inbox, in order."""
        return [self.deliver(raw) for raw in messages]

    def create_folder(self, folder: str) -> object:
        """Make a folder; its name is in modified UTF-7."""
        return self.mailbox.create_folder(decode(folder.encode("ascii")))

    def messages(self, folder: str = "INBOX") -> list[PurePath]:
        """All messages of a folder, named with their flags."""
        found = self.mailbox.folder(self._folder(folder))
        assert found is not None
        names = []
        for item in self.mailbox.in_folder(found):
            flags = ("F" if item.flagged else "") + ("R" if item.answered else "")
            names.append(PurePath(f"{item.identity}:2,{flags}{'S' if item.is_read else ''}"))
        return sorted(names)

    def unread(self, folder: str = "INBOX") -> list[PurePath]:
        """Those that are not read."""
        return [each for each in self.messages(folder) if "S" not in each.name.rpartition(":2,")[2]]

    def flag(self, subject: str, flags: str) -> None:
        """Another program changes flags: those given are on, the others off."""
        item = self.mailbox.by_subject(subject)
        item.flagged, item.answered, item.is_read = "F" in flags, "R" in flags, "S" in flags

    def _folder(self, name: str) -> str:
        if name == "INBOX":
            return "inbox"
        return next(each.identity for each in self.mailbox.folders.values() if each.name == name)
