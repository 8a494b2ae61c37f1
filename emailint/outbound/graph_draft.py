"""A reply as a draft in Exchange: made, held against what it should be, removed.

createReply ties the draft to the message that it answers, which JSON cannot do otherwise; all it brings along
(their text, their Reply-To, their inline pictures) is taken out again before anything is sent. See
docs/decisions/0030-graph-replies.md.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from emailint.errors import OutboundRefused, SourceError
from emailint.graph_client.answers import Refused
from emailint.graph_client.properties import PROPERTIES
from emailint.outbound.gate import KEPT
from emailint.outbound.graph_marks import (
    HEADERS,
    MESSAGE_ID,
    NOT_KNOWN,
    SUPPRESS,
    headers,
    properties,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emailint.graph_client.answers import Answer
    from emailint.graph_client.client import GraphClient
    from emailint.outbound.graph_marks import Leftovers
    from emailint.outgoing import OutgoingMail, Written

_CHECKED: Final = f"id,{MESSAGE_ID},isDraft,toRecipients,ccRecipients,bccRecipients,replyTo,{HEADERS}"


@dataclass(frozen=True, slots=True)
class Draft:
    """`identity` is its immutable id, `message_id` the Message-ID that it will be sent with."""

    identity: str
    message_id: str


def make_draft(client: GraphClient, mail: OutgoingMail, answered: str | None, leftovers: Leftovers) -> Draft:
    """A draft that is exactly this mail, or none at all. `leftovers` of it are removed first.

    `answered` is the id of the message that it answers in this mailbox, None where that is not known; then,
    and where that message has gone, the draft is made of the octets. Raises OutboundRefused where Exchange
    does not make of it what it should, Refused, and SourceErrors.
    """
    _remove_left(client, leftovers, mail.message_id)
    try:
        identity = _reply(client, mail, answered) if answered and mail.written else None
    except SourceError:
        # the answer was lost: the draft was made perhaps
        leftovers.forget()
        with suppress(Refused, SourceError):
            _remove_left(client, leftovers, mail.message_id)
        raise
    if identity is None:
        return _from_octets(client, mail)
    try:
        _fill(client, identity, mail)
        if _without_attachments(client, identity):
            return _checked(client, identity, mail)
        remove(client, identity)
        return _from_octets(client, mail)
    except BaseException:
        leftovers.forget()
        remove(client, identity)
        raise


def remove(client: GraphClient, identity: str) -> bool:
    """Delete a draft; whether it is certain that it is no longer there. Never raises SourceErrors."""
    try:
        client.request("DELETE", client.message(identity))
    except (Refused, SourceError):
        return False
    return True


def _remove_left(client: GraphClient, leftovers: Leftovers, message_id: str) -> None:
    """Delete drafts of this reply that a sweep left which died before it began to send."""
    for identity in leftovers.of(message_id):
        remove(client, identity)


def _reply(client: GraphClient, mail: OutgoingMail, answered: str) -> str | None:
    """The id of a new reply draft; None where the message that it answers has gone."""
    path = client.message(answered, "createReply")
    named = {MESSAGE_ID: mail.message_id, HEADERS: headers(mail)}
    # each is allowed by a page of its own; that a reply may begin with them is said by none
    begun = ({"message": {**named, PROPERTIES: properties(mail)}}, {"message": named}, None)
    try:
        return _id(_first_allowed(client, "POST", path, begun).mapping())
    except Refused as refused:
        if refused.gone:
            return None
        raise


def _first_allowed(
    client: GraphClient, method: str, path: str, bodies: Sequence[Mapping[str, Any] | None]
) -> Answer:
    """The answer to the first body that is not refused as it is written (400)."""
    *others, last = bodies
    for body in others:
        try:
            return client.request(method, path, body, repeat=method != "POST")
        except Refused as refused:
            if refused.status != 400:
                raise
    return client.request(method, path, last, repeat=method != "POST")


def _from_octets(client: GraphClient, mail: OutgoingMail) -> Draft:
    """A draft of the MIME octets (learn.microsoft.com/graph/outlook-send-mime-message)."""
    path = f"{client.settings.home}/messages"
    octets = base64.b64encode(mail.content)
    made = client.request("POST", path, octets, headers={"Content-Type": "text/plain"}, repeat=False)
    identity = _id(made.mapping())
    try:
        with suppress(Refused):
            client.request("PATCH", client.message(identity), {PROPERTIES: properties(mail)})
        return _checked(client, identity, mail)
    except BaseException:
        remove(client, identity)
        raise


def _fill(client: GraphClient, identity: str, mail: OutgoingMail) -> None:
    """What the reply says; without those of our marks that Exchange does not let be set."""
    content = _content(client, mail)
    by_id, by_property = {MESSAGE_ID: mail.message_id}, {PROPERTIES: properties(mail)}
    bodies = [{**content, **by_id, **by_property}, {**content, **by_property}, {**content, **by_id}, content]
    _first_allowed(client, "PATCH", client.message(identity), bodies)


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
    }
    if written.sender.lower() != client.settings.mailbox.lower():
        content["from"] = _person(written.sender)  # needs Send As; else Exchange takes the mailbox
    return content


def _plain(written: Written) -> dict[str, str]:
    return {"contentType": "text", "content": written.text}


def _person(address: str) -> dict[str, dict[str, str]]:
    return {"emailAddress": {"address": address}}


def _without_attachments(client: GraphClient, identity: str) -> bool:
    """Take out the pictures that the quoted text brought along; False where a server does not know how to."""
    try:
        for page in client.pages(client.message(identity, "attachments"), {"$select": "id"}):
            for each in page:
                client.request("DELETE", client.message(identity, "attachments", str(each.get("id"))))
    except Refused as refused:
        if refused.status not in NOT_KNOWN:
            raise
        return False
    return True


def _checked(client: GraphClient, identity: str, mail: OutgoingMail) -> Draft:
    """The draft as Exchange has it; raises OutboundRefused unless it goes to the one recipient alone."""
    made = client.get(client.message(identity), {"$select": _CHECKED})
    named = made.get(HEADERS) or []
    if mail.written and not any(str(each.get("name")).lower() == SUPPRESS.lower() for each in named):
        with suppress(Refused):  # a wish to other machines; what keeps loops away does not lean on it
            client.request("PATCH", client.message(identity), {HEADERS: headers(mail)})
    to = [each.lower() for each in _addresses(made, "toRecipients")]
    others = [*_addresses(made, "ccRecipients"), *_addresses(made, "bccRecipients")]
    answers = {each.lower() for each in _addresses(made, "replyTo")}
    if mail.written and answers - _ours(client, mail.written):
        raise OutboundRefused(
            f"Exchange would have answers to the reply to {mail.recipient} sent elsewhere than here; {KEPT}",
            hint="look for rules or add-ins that change drafts in this mailbox",
        )
    if to != [mail.recipient.lower()] or others:
        raise OutboundRefused(
            f"Exchange would send the reply to {mail.recipient} to {len(to) + len(others)} addresses in place"
            f" of that one; {KEPT}",
            hint="look for rules or add-ins that change drafts in this mailbox",
        )
    message_id = made.get(MESSAGE_ID)
    return Draft(identity, message_id if isinstance(message_id, str) else "")


def _ours(client: GraphClient, written: Written) -> set[str]:
    """Where answers to a reply may go."""
    return {written.reply_to.lower(), written.sender.lower(), client.settings.mailbox.lower()}


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
