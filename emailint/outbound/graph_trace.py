"""What became of a draft: looked for, taken back where Exchange certainly does not send it, cleared away.

Exchange moves a draft to Sent Items only when it has handed it on (learn.microsoft.com/graph/
outlook-things-to-know-about-send-mail), so that for a while a mail may be on its way and lie in Drafts. It
unsets mfUnsent, which is isDraft, and sets mfSubmitted as soon as it has taken a mail to send it (MS-OXCMSG
section 2.2.1.6): where one of the two says so, nothing is taken back.
"""

from __future__ import annotations

from contextlib import suppress
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from emailint.graph_client.answers import Refused
from emailint.graph_client.properties import expanded, integer_of
from emailint.outbound.graph_marks import NOT_KNOWN, in_folder, is_ours, read_marked

if TYPE_CHECKING:
    from emailint.graph_client.client import GraphClient

_WHERE: Final = "id,isDraft,parentFolderId"
_FLAGS: Final = "Integer 0x0E07"  # PidTagMessageFlags
_SUBMITTED: Final = 0x4


class Whereabouts(Enum):
    """Where a draft is that was to be sent."""

    SENT = auto()
    STILL_A_DRAFT = auto()
    NOT_FOUND = auto()


def look(client: GraphClient, identity: str, *message_ids: str) -> Whereabouts:
    """By its immutable id, else in Sent Items by its Message-IDs. Raises Refused and SourceErrors."""
    message = _there(client, identity)
    if message is not None:
        return Whereabouts.SENT if message.get("isDraft") is False else Whereabouts.STILL_A_DRAFT
    sent = in_folder(client, "sentitems", *message_ids)
    return Whereabouts.NOT_FOUND if sent is None else Whereabouts.SENT


def take_back(client: GraphClient, identity: str, message_id: str) -> Whereabouts:
    """Delete a draft that Exchange has not begun to send, for good.

    NOT_FOUND: it is not there any more and not in Sent Items, so that it can never be sent. STILL_A_DRAFT:
    it was left alone, or nobody can tell. Raises Refused and SourceErrors; then nobody can tell.
    """
    try:
        draft = client.get(client.message(identity), {"$select": _WHERE, "$expand": expanded(_FLAGS)})
    except Refused as refused:
        if refused.gone or refused.status not in NOT_KNOWN:
            raise
        return Whereabouts.STILL_A_DRAFT
    if draft.get("isDraft") is False:
        return Whereabouts.SENT
    flags = integer_of(draft, _FLAGS)
    if flags is None or flags & _SUBMITTED:
        return Whereabouts.STILL_A_DRAFT
    erase(client, identity)
    left = _there(client, identity)
    if left is not None and left.get("isDraft") is False:
        return Whereabouts.SENT
    if left is not None and left.get("parentFolderId") == draft.get("parentFolderId"):
        return Whereabouts.STILL_A_DRAFT
    sent = in_folder(client, "sentitems", message_id)
    return Whereabouts.NOT_FOUND if sent is None else Whereabouts.SENT


def clear_away(client: GraphClient, identity: str, message_id: str) -> bool:
    """Delete a reply that was sent, for good; False where it is not filed yet.

    What does not bear its Message-ID is let be. Raises Refused and SourceErrors.
    """
    found: str | None = identity
    try:
        message = read_marked(client, client.message(identity), _WHERE)
    except Refused as refused:
        if not refused.gone:
            raise
        found = in_folder(client, "sentitems", message_id)
    else:
        if message.get("isDraft") is not False:
            return False
        if not is_ours(message, message_id):
            return True
    if found is None:
        return False
    erase(client, found)
    return True


def erase(client: GraphClient, identity: str) -> None:
    """Delete a message beyond Deleted Items; one that has gone is no error. Raises Refused, SourceErrors."""
    path = client.message(identity)
    try:
        client.request("POST", f"{path}/permanentDelete")
    except Refused as refused:
        if refused.status not in NOT_KNOWN:
            raise
        _delete(client, path)  # national clouds know no other way (api/message-permanentdelete)
    else:
        return
    if _there(client, identity) is not None:
        with suppress(Refused):  # it lay in Deleted Items, or lies where nobody sees it already
            _delete(client, path)


def _delete(client: GraphClient, path: str) -> None:
    try:
        client.request("DELETE", path)
    except Refused as refused:
        if not refused.gone:
            raise


def _there(client: GraphClient, identity: str) -> dict[str, Any] | None:
    try:
        return client.get(client.message(identity), {"$select": _WHERE})
    except Refused as refused:
        if not refused.gone:
            raise
        return None
