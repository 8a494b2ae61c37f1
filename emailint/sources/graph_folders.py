"""Which folder a name means: a well-known one, a path of display names, or an id."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from unicodedata import normalize

from emailint.errors import FolderMissing
from emailint.graph_client.answers import Refused
from emailint.oauth.http import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emailint.graph_client.client import GraphClient

# learn.microsoft.com/graph/api/resources/mailfolder; these work in place of an id, in every language.
WELL_KNOWN: Final = frozenset(
    {
        "archive",
        "clutter",
        "conversationhistory",
        "deleteditems",
        "drafts",
        "inbox",
        "junkemail",
        "msgfolderroot",
        "outbox",
        "sentitems",
    }
)
_ID: Final = re.compile(r"[A-Za-z0-9_=+/-]{60,}")
_NAMES_SHOWN: Final = 20
_LIST: Final = {"$select": "id,displayName", "$top": "100"}


class Folders:
    """The folders of a mailbox, looked up once each. Raises FolderMissing and other SourceErrors."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._found: dict[str, str] = {}

    def name_in_path(self, name: str) -> str:
        """What stands for a folder in a path: its well-known name or its id."""
        if name.lower() in WELL_KNOWN:
            return name.lower()
        if name not in self._found:
            self._found[name] = self._look_up(name)
        return self._found[name]

    def id_of(self, name: str) -> str:
        """The id of a folder, to compare a message's parentFolderId with."""
        found = self.name_in_path(name)
        if found not in WELL_KNOWN:
            return found
        key = f"{found} "  # no folder's name ends with a blank
        if key not in self._found:
            self._found[key] = str(self._read(found, name)["id"])
        return self._found[key]

    def check(self, name: str) -> int:
        """Raise FolderMissing unless it is there; its count of unread mail."""
        return int(self._read(self.name_in_path(name), name).get("unreadItemCount") or 0)

    def _read(self, identity: str, name: str) -> dict[str, Any]:
        client = self._client
        try:
            return client.get(client.folder(identity), {"$select": "id,displayName,unreadItemCount"})
        except Refused as refused:
            if refused.gone or refused.status == 400:
                raise self._missing(name, ()) from None
            raise refused.explained(f"folder {name}") from None

    def _look_up(self, name: str) -> str:
        """By the whole name, by the levels of a path, below the inbox, and at last as an id."""
        top = self._children(f"{self._client.settings.home}/mailFolders", name)
        found = _named(top, name) or self._walk(top, name.split("/"), name, WELL_KNOWN)
        if found is None:
            inbox = self._children(self._client.folder("inbox", "childFolders"), name)
            found = self._walk(inbox, name.split("/"), name)
        if found is None and _ID.fullmatch(name):
            found = str(self._read(name, name)["id"])
        if found is None:
            raise self._missing(name, [str(folder.get("displayName")) for folder in top])
        return found

    def _walk(
        self,
        level: Sequence[dict[str, Any]],
        path: Sequence[str],
        name: str,
        known: frozenset[str] = frozenset(),
    ) -> str | None:
        """Level by level; as a display name may hold slashes, a step takes one part of the path or more."""
        for length in range(1, len(path) + 1):
            step, rest = "/".join(path[:length]), path[length:]
            found = step.lower() if rest and step.lower() in known else _named(level, step)
            if found is not None and rest:
                below = self._children(self._client.folder(found, "childFolders"), name)
                found = self._walk(below, rest, name)
            if found is not None:
                return found
        return None

    def _children(self, path: str, name: str) -> list[dict[str, Any]]:
        try:
            return [folder for page in self._client.pages(path, _LIST) for folder in page]
        except Refused as refused:
            if refused.gone:
                return []
            raise refused.explained(f"looking for the folder {name}") from None

    def _missing(self, name: str, there: Sequence[str]) -> FolderMissing:
        names = sorted(clean(each) for each in there)
        more = ", …" if len(names) > _NAMES_SHOWN else ""
        hint = f"there are these folders: {', '.join(names[:_NAMES_SHOWN])}{more}" if names else ""
        return FolderMissing(
            f"{self._client.settings.mailbox} has no folder {name}",
            hint=hint or "write its path (Inbox/Payroll), its well-known name (inbox, archive) or its id",
        )


def _named(folders: Sequence[dict[str, Any]], name: str) -> str | None:
    """By its display name, exactly or else without case; None where that is not one folder."""
    shown = [(normalize("NFC", str(each.get("displayName"))), each["id"]) for each in folders if "id" in each]
    exact = [identity for display, identity in shown if display == normalize("NFC", name)]
    alike = [
        identity for display, identity in shown if display.casefold() == normalize("NFC", name).casefold()
    ]
    found = exact or alike
    return str(found[0]) if len(found) == 1 else None
