"""A reply as a draft in Exchange: made, held against what it should be, removed.

createReply ties the draft to the message that it answers, which JSON cannot do otherwise; all it brings along
(their text, their Reply-To, their inline pictures) is taken out again before anything is sent. See
docs/decisions/0030-graph-replies.md.
"""

from __future__ import annotations

import base64
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from emailint.errors import OutboundRefused, SourceError
from emailint.graph_client.answers import Refused
from emailint.outbound.gate import KEPT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from emailint.graph_client.client import GraphClient
    from emailint.outgoing import OutgoingMail, Written

_CHECKED: Final = (
    "id,internetMessageId,isDraft,toRecipients,ccRecipients,bccRecipients,replyTo,internetMessageHeaders"
)
_UNKNOWN: Final = frozenset({400, 404, 405, 501})
_SUPPRESS: Final = "X-Auto-Response-Suppress"


@dataclass(frozen=True, slots=True)
class Draft:
    """`identity` is its immutable id, `message_id` the Message-ID that it will be sent with."""

    identity: str
    message_id: str


def make_draft(client: GraphClient, mail: OutgoingMail, answered: str | None) -> Draft:
    """A draft that is exactly this mail, or none at all.

    `answered` is the id of the message that it answers in this mailbox, None where that is not known; then,
    and where that message has gone, the draft is made of the octets. Raises OutboundRefused where Exchange
    does not make of it what it should, Refused, and SourceErrors.
    """
    remove_left(client, mail.message_id)
    identity = _reply(client, mail, answered) if answered and mail.written else None
    if identity is None:
        return _from_octets(client, mail)
    try:
        _fill(client, identity, mail)
        _without_attachments(client, identity)
        return _checked(client, identity, mail)
    except BaseException:
        remove(client, identity)
        raise


def remove(client: GraphClient, identity: str) -> bool:
    """Delete a draft; whether it is certain that it is no longer there. Never raises SourceErrors."""
    try:
        client.request("DELETE", client.message(identity))
    except (Refused, SourceError):
        return False
    return True


def remove_left(client: GraphClient, message_id: str) -> None:
    """Delete drafts of this reply that a sweep left which died before it began to send."""
    escaped = message_id.replace("'", "''")
    asked = {"$select": "id,isDraft,internetMessageId", "$filter": f"internetMessageId eq '{escaped}'"}
    with _unless_unknown():
        for page in client.pages(client.folder("drafts", "messages"), asked):
            for each in page:
                if each.get("internetMessageId") == message_id and each.get("isDraft") is True:
                    remove(client, str(each["id"]))


def _reply(client: GraphClient, mail: OutgoingMail, answered: str) -> str | None:
    """The id of a new reply draft; None where the message that it answers has gone."""
    path = client.message(answered, "createReply")
    marked = {"message": {"internetMessageId": mail.message_id, "internetMessageHeaders": _headers(mail)}}
    try:
        try:
            made = client.request("POST", path, marked, repeat=False)
        except Refused as refused:
            if refused.status != 400:
                raise
            made = client.request("POST", path, repeat=False)
    except Refused as refused:
        if refused.gone:
            return None
        raise
    except SourceError:
        _remove_marked(client, mail)
        raise
    return _id(made.mapping())


def _remove_marked(client: GraphClient, mail: OutgoingMail) -> None:
    """An answer to createReply was lost: delete the draft that was made perhaps, known by its header."""
    asked = {"$select": "id,isDraft,internetMessageHeaders", "$top": "20"}
    ours = {(each["name"].lower(), each["value"]) for each in _headers(mail)}
    with suppress(Refused, SourceError):
        page = next(iter(client.pages(client.folder("drafts", "messages"), asked)), [])
        for each in page:
            named = each.get("internetMessageHeaders") or []
            marks = {(str(header.get("name")).lower(), str(header.get("value"))) for header in named}
            if each.get("isDraft") is True and ours <= marks:
                remove(client, str(each.get("id")))


def _from_octets(client: GraphClient, mail: OutgoingMail) -> Draft:
    """A draft of the MIME octets (learn.microsoft.com/graph/outlook-send-mime-message)."""
    path = f"{client.settings.home}/messages"
    octets = base64.b64encode(mail.content)
    made = client.request("POST", path, octets, headers={"Content-Type": "text/plain"}, repeat=False)
    identity = _id(made.mapping())
    try:
        return _checked(client, identity, mail)
    except BaseException:
        remove(client, identity)
        raise


def _fill(client: GraphClient, identity: str, mail: OutgoingMail) -> None:
    """What the reply says; without our Message-ID where Exchange does not let it be set."""
    content = _content(client, mail)
    try:
        client.request("PATCH", client.message(identity), content)
    except Refused as refused:
        if refused.status != 400:
            raise
        del content["internetMessageId"]
        client.request("PATCH", client.message(identity), content)


@contextmanager
def _unless_unknown() -> Iterator[None]:
    """Tidying that a server does not know how to do holds up no reply."""
    try:
        yield
    except Refused as refused:
        if refused.status not in _UNKNOWN:
            raise


def _content(client: GraphClient, mail: OutgoingMail) -> dict[str, Any]:
    """Everything that the reply says, in place of what createReply has put there."""
    written = mail.written
    assert written is not None  # noqa: S101 - said to mypy; the caller has looked
    body = {"contentType": "html", "content": written.html} if written.html else _plain(written)
    content: dict[str, Any] = {
        "subject": written.subject,
        "body": body,
        "toRecipients": [_person(mail.recipient)],
        "ccRecipients": [],
        "bccRecipients": [],
        "replyTo": [_person(written.reply_to)] if written.reply_to else [],
        "internetMessageId": mail.message_id,
    }
    if written.sender.lower() != client.settings.mailbox.lower():
        content["from"] = _person(written.sender)  # needs Send As; else Exchange takes the mailbox
    return content


def _plain(written: Written) -> dict[str, str]:
    return {"contentType": "text", "content": written.text}


def _person(address: str) -> dict[str, dict[str, str]]:
    return {"emailAddress": {"address": address}}


def _headers(mail: OutgoingMail) -> list[dict[str, str]]:
    """At most five, each beginning with x-, or Graph refuses them all (api/user-sendmail)."""
    case_id = mail.written.case_id if mail.written else ""
    return [{"name": _SUPPRESS, "value": "All"}, {"name": "X-Emailint-Id", "value": case_id}]


def _without_attachments(client: GraphClient, identity: str) -> None:
    """Take out the pictures that the quoted text brought along."""
    with _unless_unknown():
        for page in client.pages(client.message(identity, "attachments"), {"$select": "id"}):
            for each in page:
                client.request("DELETE", client.message(identity, "attachments", str(each.get("id"))))


def _checked(client: GraphClient, identity: str, mail: OutgoingMail) -> Draft:
    """The draft as Exchange has it; raises OutboundRefused unless it goes to the one recipient alone."""
    made = client.get(client.message(identity), {"$select": _CHECKED})
    named = made.get("internetMessageHeaders") or []
    if mail.written and not any(str(each.get("name")).lower() == _SUPPRESS.lower() for each in named):
        with suppress(Refused):  # a wish to other machines; what keeps loops away does not lean on it
            client.request("PATCH", client.message(identity), {"internetMessageHeaders": _headers(mail)})
    to = [each.lower() for each in _addresses(made, "toRecipients")]
    others = [*_addresses(made, "ccRecipients"), *_addresses(made, "bccRecipients")]
    if to != [mail.recipient.lower()] or others:
        raise OutboundRefused(
            f"Exchange would send the reply to {mail.recipient} to {len(to) + len(others)} addresses in place"
            f" of that one; {KEPT}",
            hint="look for rules or add-ins that change drafts in this mailbox",
        )
    message_id = made.get("internetMessageId")
    return Draft(identity, message_id if isinstance(message_id, str) else "")


def _addresses(message: Mapping[str, Any], key: str) -> list[str]:
    people = message.get(key)
    return [
        str((each.get("emailAddress") or {}).get("address") or "")
        for each in (people if isinstance(people, list) else ())
        if isinstance(each, dict)
    ]


def _id(made: Mapping[str, Any]) -> str:
    identity = made.get("id")
    if not isinstance(identity, str) or not identity:
        raise OutboundRefused(f"Graph made a draft and did not say which; {KEPT}")
    return identity
