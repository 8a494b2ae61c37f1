"""The connection test of a Graph mailbox: what is wrong, named by the step at which it shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emailint.errors import FolderReadOnly
from emailint.graph_client.answers import Refused
from emailint.graph_client.client import GraphClient
from emailint.oauth.claims import roles_of
from emailint.sources.graph_folders import Folders
from emailint.sources.steps import run_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emailint.probe import Step
    from emailint.sources.graph import GraphSource

PATIENCE: Final = 10.0
"""Seconds that a connection test waits where Graph asks it to; longer, and that is what the test found."""
_MARKING: Final = frozenset({"Mail.ReadWrite", "Mail.ReadWrite.Shared"})


class Stages:
    """Each stage says what it found, or raises a SourceError."""

    def __init__(self, source: GraphSource) -> None:
        mailbox = replace(source.settings.mailbox, time_left=lambda: PATIENCE)
        self._settings = replace(source.settings, mailbox=mailbox)
        self._client = GraphClient(mailbox)
        self._source = type(source)(self._settings)

    def sign_in(self) -> str:
        """A token; and what will be wrong with the next ones soon."""
        tokens = self._settings.mailbox.tokens
        token = tokens.token()
        roles = roles_of(token)
        shown = ", ".join(sorted(roles)[:10]) if roles else "none named: RBAC for Applications, or opaque"
        return "; ".join([f"signed in (permissions in the token: {shown})", *tokens.warnings()])

    def find_mailbox(self) -> str:
        """The inbox, which every mailbox has."""
        mailbox = self._settings.mailbox
        try:
            self._client.get(self._client.folder("inbox"), {"$select": "id"})
        except Refused as refused:
            raise refused.explained(f"mailbox {mailbox.mailbox}") from None
        return f"{mailbox.mailbox} is reached at {mailbox.host}"

    def find_folder(self) -> str:
        """The folder that is swept."""
        Folders(self._client).check(self._settings.folder)
        return f"{self._settings.folder} is there"

    def check_marking(self) -> str:
        """A mail that is read already marked read again, which changes nothing; else the token's roles."""
        mailbox = self._settings.mailbox
        path = self._client.folder(Folders(self._client).name_in_path(self._settings.folder), "messages")
        read = {"$select": "id", "$filter": "isRead eq true", "$top": "1"}
        page = next(iter(self._client.pages(path, read)), [])
        if page:
            try:
                self._client.request("PATCH", self._client.message(str(page[0].get("id"))), {"isRead": True})
            except Refused as refused:
                if not refused.gone:
                    raise refused.explained(f"{mailbox.mailbox}: marking mail read", FolderReadOnly) from None
            return "mail may be marked read"
        roles = roles_of(mailbox.tokens.token())
        if roles and not _MARKING & roles:
            raise FolderReadOnly(
                f"{mailbox.mailbox}: the token has no Mail.ReadWrite, so mail cannot be marked read",
                hint="grant the app Mail.ReadWrite, with admin consent; Mail.Read does not suffice",
            )
        return (
            "not tried, since no mail in the folder is read" if not roles else "the token has Mail.ReadWrite"
        )

    def count_unread(self) -> str:
        """How many messages are unread."""
        with self._source as source:
            return source.count_unread()

    def close(self) -> None:
        """Close connections."""
        self._client.close()


def test_steps(source: GraphSource) -> Iterator[Step]:
    """The steps in order; the first failure ends them."""
    stages = Stages(source)
    steps: dict[str, Callable[[], str]] = {
        "sign-in": stages.sign_in,
        "mailbox": stages.find_mailbox,
        "folder": stages.find_folder,
        "mark read": stages.check_marking,
        "unread": stages.count_unread,
    }
    try:
        yield from run_steps(steps)
    finally:
        stages.close()
