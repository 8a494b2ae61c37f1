"""By what a reply of ours is known in Exchange, whichever of its marks Exchange keeps.

Each reply bears its keyed Message-ID three times: as internetMessageId (which Exchange may replace), as an
x- header (which it may drop), and as a named property of our own, which recipients never see
(learn.microsoft.com/graph/api/singlevaluelegacyextendedproperty-post-singlevalueextendedproperties).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emailint.graph_client.answers import Refused
from emailint.graph_client.properties import PROPERTIES, expanded, values_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from emailint.graph_client.client import GraphClient
    from emailint.outgoing import OutgoingMail

SUPPRESS: Final = "X-Auto-Response-Suppress"
MARKING: Final = "X-Emailint-Reply"
MESSAGE_ID: Final = "internetMessageId"
HEADERS: Final = "internetMessageHeaders"
NOT_KNOWN: Final = frozenset({400, 404, 405, 501})
"""Answers of a server that does not know how to do something."""

_PROPERTY: Final = "String {888c2774-618c-41f6-ab25-9b13d7329ad6} Name EmailintReply"
_MARKED: Final = expanded(_PROPERTY)
_LISTED: Final = f"id,isDraft,{MESSAGE_ID},{HEADERS}"
_A_PAGE: Final = 100
_DRAFTS: Final = 1_000
"""The newest drafts are looked through, and no more."""


def headers(mail: OutgoingMail) -> list[dict[str, str]]:
    """At most five, each beginning with x-, or Graph refuses them all (api/user-sendmail)."""
    case_id = mail.written.case_id if mail.written else ""
    named = {SUPPRESS: "All", "X-Emailint-Id": case_id, MARKING: mail.message_id}
    return [{"name": name, "value": value} for name, value in named.items()]


def properties(mail: OutgoingMail) -> list[dict[str, str]]:
    """The named property."""
    return [{"id": _PROPERTY, "value": mail.message_id}]


def is_ours(message: Mapping[str, Any], message_id: str) -> bool:
    """Whether a message that Graph shows bears this Message-ID of ours, by any of the three."""
    return bool(message_id) and message_id in _marks(message)


def read_marked(client: GraphClient, path: str, select: str) -> dict[str, Any]:
    """A message with its marks, as far as they are offered."""
    asked = {"$select": f"{select},{MESSAGE_ID},{HEADERS}"}
    try:
        return client.get(path, {**asked, "$expand": _MARKED})
    except Refused as refused:
        if refused.gone or refused.status not in NOT_KNOWN:
            raise
        return client.get(path, asked)


def in_folder(client: GraphClient, folder: str, *message_ids: str) -> str | None:
    """The id of a message of ours in a folder: by the Message-IDs that it may have, or by our property."""
    for message_id in dict.fromkeys(message_ids):
        found = _in_folder(client, folder, message_id) if message_id else None
        if found is not None:
            return found
    return None


class Leftovers:
    """Drafts that bear our marks: a sweep left them that died before it began to send.

    They are listed once, when the first is asked for, and again after `forget`.
    """

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._drafts: list[tuple[str, frozenset[str]]] | None = None

    def of(self, message_id: str) -> list[str]:
        """Ids of the drafts of this reply. Raises Refused and SourceErrors."""
        if self._drafts is None:
            self._drafts = [
                (str(each.get("id")), _marks(each))
                for each in _drafts(self._client)
                if each.get("isDraft") is True
            ]
        return [identity for identity, marks in self._drafts if message_id in marks]

    def forget(self) -> None:
        """Something went wrong with a draft: look anew the next time."""
        self._drafts = None


def _drafts(client: GraphClient) -> Iterator[dict[str, Any]]:
    """The drafts with their marks; none where a server does not know how to list them."""
    asked = {"$select": _LISTED, "$top": str(_A_PAGE)}
    path = client.folder("drafts", "messages")
    for parameters in ({**asked, "$expand": _MARKED}, asked):
        found: list[dict[str, Any]] = []
        try:
            for page in client.pages(path, parameters):
                found += page
                if len(found) >= _DRAFTS:
                    break
        except Refused as refused:
            if refused.status not in NOT_KNOWN:
                raise
        else:
            yield from found
            return


def _in_folder(client: GraphClient, folder: str, message_id: str) -> str | None:
    path = client.folder(folder, "messages")
    value = message_id.replace("'", "''")
    for page in client.pages(path, {"$select": f"id,{MESSAGE_ID}", "$filter": f"{MESSAGE_ID} eq '{value}'"}):
        for each in page:
            if is_ours(each, message_id):
                return str(each.get("id"))
    marked = f"{PROPERTIES}/any(ep: ep/id eq '{_PROPERTY}' and ep/value eq '{value}')"
    try:
        # the value is compared without case, and a server may take the filter less exactly than it is written
        for page in client.pages(path, {"$select": _LISTED, "$filter": marked, "$expand": _MARKED}):
            for each in page:
                if is_ours(each, message_id):
                    return str(each.get("id"))
    except Refused as refused:
        if refused.status not in NOT_KNOWN:
            raise
    return None


def _marks(message: Mapping[str, Any]) -> frozenset[str]:
    found = {str(message.get(MESSAGE_ID) or "")}
    for each in message.get(HEADERS) or ():
        if str(each.get("name")).lower() == MARKING.lower():
            found.add(str(each.get("value")).strip())
    return frozenset(found.union(values_of(message).values()) - {""})
