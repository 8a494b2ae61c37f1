"""The connection test of a Graph mailbox: what is wrong, named by the step at which it shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emailint.errors import FolderReadOnly
from emailint.graph_client.answers import Refused
from emailint.graph_client.client import GraphClient
from emailint.oauth.claims import may, roles_of
from emailint.sources.graph_folders import Folders
from emailint.sources.steps import run_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emailint.errors import SourceError
    from emailint.probe import Step
    from emailint.sources.graph import GraphSource

PATIENCE: Final = 10.0
"""Seconds that a connection test waits where Graph asks it to; longer, and that is what the test found."""
_MARKING: Final = frozenset({"Mail.ReadWrite", "Mail.ReadWrite.Shared"})
_READING: Final = _MARKING | {"Mail.Read", "Mail.Read.Shared"}
_SCOPE: Final = (
    "put the mailbox into the scope of that role or access policy (Test-ServicePrincipalAuthorization in"
    " Exchange PowerShell shows it); changes take up to two hours"
)


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
            error = refused.explained(f"mailbox {mailbox.mailbox}")
            if "ErrorAccessDenied" in refused.codes:
                error = self._outside(error)
            raise error from None
        return f"{mailbox.mailbox} is reached at {mailbox.host}"

    def _outside(self, error: SourceError) -> SourceError:
        """The mailbox is forbidden: by what the token names, it is the permission or the scope."""
        if may(self._settings.mailbox.tokens.token(), _READING):
            return type(error)(
                f"{error}: the token has the permission, so the mailbox lies outside", hint=_SCOPE
            )
        return error

    def find_folder(self) -> str:
        """The folder that is swept."""
        Folders(self._client).check(self._settings.folder)
        return f"{self._settings.folder} is there"

    def check_marking(self) -> str:
        """A mail that is read already marked read again, which changes nothing; else the token's roles."""
        mailbox = self._settings.mailbox
        allowed = may(mailbox.tokens.token(), _MARKING)
        try:
            if self._marked_again():
                return "mail may be marked read"
        except Refused as refused:
            if allowed is not False:
                raise refused.explained(f"{mailbox.mailbox}: marking mail read", FolderReadOnly) from None
        if allowed is None:
            return "not tried, since no mail in the folder is read"
        if not allowed:
            raise FolderReadOnly(
                f"{mailbox.mailbox}: the token has no Mail.ReadWrite, so mail cannot be marked read",
                hint="grant the app Mail.ReadWrite, with admin consent; Mail.Read does not suffice",
            )
        return "the token has Mail.ReadWrite"

    def _marked_again(self) -> bool:
        """Whether there is a mail that is read, and is marked so once more; raises Refused."""
        folder = Folders(self._client).name_in_path(self._settings.folder)
        read = {"$select": "id", "$filter": "isRead eq true", "$top": "1"}
        page = next(iter(self._client.pages(self._client.folder(folder, "messages"), read)), [])
        try:
            for each in page:
                self._client.request("PATCH", self._client.message(str(each.get("id"))), {"isRead": True})
        except Refused as refused:
            if not refused.gone:
                raise
        return bool(page)

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
