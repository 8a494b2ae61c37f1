"""What Graph v1.0 answers, request by request, as its pages say; what they do not allow is refused.

Pages, below learn.microsoft.com/graph: api/user-list-messages (filter and order), api/message-update (what
may be patched), api/message-createreply, api/message-send, api/message-move, outlook-get-mime-message,
outlook-send-mime-message, outlook-immutable-id, json-batching, errors, and
api/singlevaluelegacyextendedproperty-get.
"""

from __future__ import annotations

import base64
import binascii
import json
import random
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from tests.support.graph_store import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.graph_store import DoubleMailbox

PATCHABLE: Final = frozenset(
    {
        "bccRecipients",
        "body",
        "categories",
        "ccRecipients",
        "flag",
        "from",
        "importance",
        "internetMessageId",
        "isRead",
        "replyTo",
        "sender",
        "singleValueExtendedProperties",
        "subject",
        "toRecipients",
    }
)
DRAFTS_ONLY: Final = frozenset({"body", "internetMessageId", "replyTo", "subject"})
SELECTABLE: Final = frozenset(
    {
        "bccRecipients",
        "ccRecipients",
        "from",
        "id",
        "internetMessageHeaders",
        "internetMessageId",
        "isDraft",
        "isRead",
        "parentFolderId",
        "receivedDateTime",
        "replyTo",
        "sentDateTime",
        "subject",
        "toRecipients",
    }
)
RECIPIENTS: Final = ("toRecipients", "ccRecipients", "bccRecipients", "replyTo")
OPTIONS: Final = frozenset({"$select", "$filter", "$orderby", "$top", "$expand", "$skip"})
_ID: Final = re.compile(r"[A-Za-z0-9_=-]{20,}")
_MARKED: Final = re.compile(
    r"singleValueExtendedProperties/any\(ep: ep/id eq '([^']+)' and ep/value eq '(.+)'\)", re.IGNORECASE
)


@dataclass
class Request:
    """One request, or one part of a batch. `path` begins after `/v1.0`."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    claims: Mapping[str, Any] = field(default_factory=dict)

    @property
    def steps(self) -> list[str]:
        return [unquote(step) for step in urlsplit(self.path).path.strip("/").split("/")]

    @property
    def options(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))

    def json(self) -> dict[str, Any]:
        if self.headers.get("Content-Type", "").partition(";")[0] != "application/json":
            raise No(415, "UnsupportedMediaType", "a body needs its Content-Type")
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


@dataclass
class Reply:
    """An answer; `content` is JSON unless it is bytes."""

    status: int
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class No(Exception):
    """A refusal: status, error.code, text."""

    def __init__(self, status: int, code: str, text: str = "") -> None:
        super().__init__(code)
        self.reply = Reply(status, {"error": {"code": code, "message": text or code, "innerError": {}}})


class Routes:
    """Answers for the mailboxes of one tenant. `allowed`: which an access policy lets in, None: all."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.mailboxes: dict[str, DoubleMailbox] = {}
        self.allowed: set[str] | None = None
        self.offers_sizes = True
        self.keeps_message_ids = True
        self.keeps_headers = True
        self.keeps_properties = True
        self.shows_flags: bool | None = True
        self.knows_permanent_delete = True
        self.part_fault: Callable[[Request], Reply | None] = lambda _request: None
        self.complaints: list[str] = []

    def answer(self, request: Request) -> Reply:
        """The reply to one request; what no page allows is also noted in `complaints`."""
        if 'IdType="ImmutableId"' not in request.headers.get("Prefer", ""):
            self.complaints.append(f"without immutable ids: {request.method} {request.path}")
        try:
            if request.steps == ["$batch"]:
                return self._batch(request)
            mailbox, steps = self._mailbox(request)
            return self._in_mailbox(mailbox, request, steps)
        except No as refusal:
            return refusal.reply

    def _mailbox(self, request: Request) -> tuple[DoubleMailbox, list[str]]:
        match request.steps:
            case ["me", *rest] if "scp" in request.claims:
                address = next(iter(self.mailboxes))
            case ["users", address, *rest]:
                pass
            case _:
                raise No(400, "BadRequest", "no such resource")
        found = self.mailboxes.get(address.lower())
        if found is None:
            raise No(404, "ErrorInvalidUser", f"The requested user '{address}' is invalid.")
        if not found.licensed:
            raise No(404, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, …")
        if self.allowed is not None and found.address not in self.allowed:
            raise No(403, "ErrorAccessDenied", "Access to OData is disabled.")
        found.hand_on()
        return found, rest

    def _in_mailbox(self, mailbox: DoubleMailbox, request: Request, steps: list[str]) -> Reply:
        match request.method, steps:
            case "GET", ["mailFolders"] | ["mailFolders", _, "childFolders"]:
                return self._folders(mailbox, request, steps)
            case "GET", ["mailFolders", folder]:
                return self._folder(mailbox, request, folder)
            case "GET", ["mailFolders", folder, "messages"]:
                return self._list(mailbox, request, folder)
            case "POST", ["messages"]:
                return self._new_draft(mailbox, request)
            case _, ["messages", identity, *rest]:
                return self._message(mailbox, request, self._item(mailbox, identity), rest)
        raise No(400, "BadRequest", f"{request.method} {'/'.join(steps)} is not in v1.0")

    def _message(self, mailbox: DoubleMailbox, request: Request, item: Item, rest: list[str]) -> Reply:
        match request.method, rest:
            case "GET", []:
                return self._one(mailbox, request, item)
            case "GET", [part]:
                return self._part_of(request, item, part)
            case "PATCH", []:
                return self._patch(request, item)
            case "DELETE", _:
                return self._delete(mailbox, request, item, rest)
            case "POST", [verb]:
                return self._act(mailbox, request, item, verb)
        raise No(400, "BadRequest", f"{request.method} {rest} is not in v1.0")

    def _part_of(self, request: Request, item: Item, part: str) -> Reply:
        _need(request, "Mail.Read")
        if part == "$value":
            return Reply(200, item.mime(), {"Content-Type": "text/plain"})
        if part == "attachments":
            return Reply(200, {"value": [{"id": each} for each in item.attachments]})
        raise No(400, "BadRequest", f"{part} is not in v1.0")

    def _delete(self, mailbox: DoubleMailbox, request: Request, item: Item, rest: list[str]) -> Reply:
        _need(request, "Mail.ReadWrite")
        if rest:
            del item.attachments[rest[1]]
        else:
            mailbox.delete(item)
        return Reply(204)

    def _act(self, mailbox: DoubleMailbox, request: Request, item: Item, verb: str) -> Reply:
        match verb:
            case "move":
                return self._move(mailbox, request, item)
            case "createReply":
                return self._create_reply(mailbox, request, item)
            case "send":
                return self._send(mailbox, request, item)
            case "permanentDelete" if self.knows_permanent_delete:
                _need(request, "Mail.ReadWrite")
                mailbox.purge(item)
                return Reply(204)
        raise No(400, "BadRequest", f"{verb} is not in v1.0")

    def _item(self, mailbox: DoubleMailbox, identity: str) -> Item:
        if not _ID.fullmatch(identity):
            raise No(400, "ErrorInvalidIdMalformed", "Id is malformed.")
        if identity not in mailbox.items:
            raise No(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        return mailbox.items[identity]

    # Folders

    def _folders(self, mailbox: DoubleMailbox, request: Request, steps: list[str]) -> Reply:
        _need(request, "Mail.Read")
        above = mailbox.folder(steps[1]) if len(steps) > 1 else None
        if len(steps) > 1 and above is None:
            raise No(404, "ErrorItemNotFound")
        parent = above.identity if above else "root"
        found = [each for each in mailbox.folders.values() if each.parent == parent]
        return self._page(request, [{"id": each.identity, "displayName": each.name} for each in found], 10)

    def _folder(self, mailbox: DoubleMailbox, request: Request, key: str) -> Reply:
        _need(request, "Mail.Read")
        folder = mailbox.folder(key)
        if folder is None:
            # a display name is no id (api/resources/mailfolder)
            raise No(404, "ErrorItemNotFound") if _ID.fullmatch(key) else No(400, "ErrorInvalidIdMalformed")
        unread = sum(not item.is_read for item in mailbox.in_folder(folder))
        return Reply(200, {"id": folder.identity, "displayName": folder.name, "unreadItemCount": unread})

    # Lists

    def _list(self, mailbox: DoubleMailbox, request: Request, key: str) -> Reply:
        _need(request, "Mail.Read")
        folder = mailbox.folder(key)
        if folder is None:
            raise No(404, "ErrorItemNotFound")
        options = request.options
        self._check_options(options)
        items = [item for item in mailbox.in_folder(folder) if _fits(item, options.get("$filter", ""))]
        if options.get("$orderby"):
            items.sort(key=lambda item: item.received_at, reverse="desc" in options["$orderby"])
        else:
            items.reverse()
        return self._page(request, [self._shown(mailbox, item, options) for item in items], 10)

    def _check_options(self, options: Mapping[str, str]) -> None:
        unknown = options.keys() - OPTIONS
        if unknown:
            self.complaints.append(f"query options that are not in v1.0: {sorted(unknown)}")
            raise No(400, "BadRequest", "unknown query option")
        order, filtered = options.get("$orderby", "").split(" ")[0], options.get("$filter", "")
        if order and filtered and not filtered.startswith(f"{order} "):
            raise No(400, "InefficientFilter", "The restriction or sort order is too complex")
        if not 1 <= int(options.get("$top", "10")) <= 1_000:
            raise No(400, "ErrorInvalidUrlQuery")

    def _page(self, request: Request, entries: list[dict[str, Any]], usual: int) -> Reply:
        """One page, and how to get the next: $skip counts over what the filter gives at that time."""
        options = request.options
        skip, top = int(options.get("$skip", "0")), int(options.get("$top", str(usual)))
        content: dict[str, Any] = {"value": entries[skip : skip + top]}
        if len(entries) > skip + top:
            query = urlencode({**options, "$skip": str(skip + top)})
            content["@odata.nextLink"] = f"{self.root}/v1.0{urlsplit(request.path).path}?{query}"
        return Reply(200, content)

    def _one(self, mailbox: DoubleMailbox, request: Request, item: Item) -> Reply:
        _need(request, "Mail.Read")
        self._check_options(request.options)
        return Reply(200, self._shown(mailbox, item, request.options))

    def _shown(self, mailbox: DoubleMailbox, item: Item, options: Mapping[str, str]) -> dict[str, Any]:
        names = set(options["$select"].split(",")) if "$select" in options else set(SELECTABLE)
        if names - SELECTABLE:
            raise No(400, "RequestBroker--ParseUri", f"Could not find a property named {names - SELECTABLE}")
        every: dict[str, Any] = {
            "id": item.identity,
            "receivedDateTime": f"{item.received_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "isRead": item.is_read,
            "isDraft": item.is_draft,
            "subject": item.subject(),
            "parentFolderId": item.folder,
            "internetMessageId": item.internet_message_id(),
            **{key: item.recipients(key) for key in RECIPIENTS},
            "from": None,
            "sentDateTime": None,
        }
        if "internetMessageHeaders" in names:  # returned only where $select asks for it
            every["internetMessageHeaders"] = item.headers()
        shown = {name: value for name, value in every.items() if name in names}
        if options.get("$expand"):
            shown["singleValueExtendedProperties"] = self._expanded(mailbox, item, options["$expand"])
        return shown

    def _expanded(self, mailbox: DoubleMailbox, item: Item, expand: str) -> list[dict[str, str]]:
        """The one property that is named, as far as the message has it; tags come back without zeros."""
        found = re.fullmatch(r"singleValueExtendedProperties\(\$filter=id eq '([^']+)'\)", expand)
        match found and found[1]:
            case "Integer 0x0E08" if self.offers_sizes:
                return [{"id": "Integer 0xe08", "value": str(item.size)}]
            case "Integer 0x0E07" if self.shows_flags is not False:
                shown = [{"id": "Integer 0xe07", "value": str(mailbox.flags(item))}]
                return shown if self.shows_flags else []
            case str(name) if name.startswith("String {") and self.keeps_properties:
                return [{"id": name, "value": item.extended[name]}] if name in item.extended else []
        raise No(400, "ErrorInvalidProperty", "cannot be expanded")

    # Changes

    def _patch(self, request: Request, item: Item) -> Reply:
        _need(request, "Mail.ReadWrite")
        asked = request.json()
        if asked.keys() - PATCHABLE or (not item.is_draft and asked.keys() & DRAFTS_ONLY):
            raise No(400, "ErrorInvalidPropertySet", f"not updatable: {sorted(asked.keys() - PATCHABLE)}")
        if "isRead" in asked:
            item.is_read = asked.pop("isRead") is True
        self._set(item, asked)
        return Reply(200, {"id": item.identity})

    def _set(self, item: Item, asked: dict[str, Any]) -> None:
        """Properties of a draft, without those that Exchange may choose not to keep."""
        marks = asked.pop("singleValueExtendedProperties", ())
        if marks and not self.keeps_properties:
            raise No(400, "ErrorInvalidProperty", "no extended properties here")
        item.extended.update({each["id"]: each["value"] for each in marks})
        if not self.keeps_message_ids:
            asked.pop("internetMessageId", None)
        if not self.keeps_headers:
            asked.pop("internetMessageHeaders", None)
        item.properties.update(asked)

    def _move(self, mailbox: DoubleMailbox, request: Request, item: Item) -> Reply:
        _need(request, "Mail.ReadWrite")
        target = mailbox.folder(str(request.json().get("destinationId")))
        if target is None:
            raise No(404, "ErrorItemNotFound", "no such folder")
        item.folder = target.identity
        return Reply(201, {"id": item.identity, "parentFolderId": target.identity})

    def _create_reply(self, mailbox: DoubleMailbox, request: Request, item: Item) -> Reply:
        _need(request, "Mail.ReadWrite")
        asked = request.json() if request.body else {}
        message = dict(asked.get("message") or {})
        if "comment" in asked and "body" in message:
            raise No(400, "ErrorInvalidRequest", "either comment or body")
        _check_headers(message)
        if "singleValueExtendedProperties" in message and not self.keeps_properties:
            raise No(400, "ErrorInvalidProperty", "no extended properties here")
        draft = mailbox.reply_to(item)
        self._set(draft, message)
        return Reply(201, {"id": draft.identity, "isDraft": True})

    def _new_draft(self, mailbox: DoubleMailbox, request: Request) -> Reply:
        _need(request, "Mail.ReadWrite")
        if request.headers.get("Content-Type") != "text/plain":
            raise No(400, "BadRequest", "this double takes MIME alone")
        try:
            raw = base64.b64decode(request.body, validate=True)
        except binascii.Error:
            raise No(400, "ErrorMimeContentInvalidBase64String") from None
        item = Item(raw, mailbox.folders["drafts"].identity, datetime.now(UTC), is_read=True, is_draft=True)
        mailbox.items[item.identity] = item
        return Reply(201, {"id": item.identity, "isDraft": True})

    def _send(self, mailbox: DoubleMailbox, request: Request, item: Item) -> Reply:
        _need(request, "Mail.Send")
        if not item.is_draft:
            raise No(400, "ErrorInvalidRequest", "it is no draft")
        if request.headers.get("Content-Length", "0") != "0" or request.body:
            raise No(400, "ErrorInvalidRequest", "send takes no body")
        if not item.recipients("toRecipients"):
            raise No(400, "ErrorInvalidRecipients", "At least one recipient isn't valid.")
        mailbox.send(item)
        return Reply(202)

    # Batches

    def _batch(self, request: Request) -> Reply:
        parts = request.json()["requests"]
        identities = [part["id"] for part in parts]
        if (
            len(parts) > 20
            or len(set(identities)) != len(parts)
            or not all(isinstance(i, str) for i in identities)
        ):
            raise No(400, "BadRequest", "20 parts at most, each with an id of its own")
        replies = []
        for part in parts:
            body = json.dumps(part["body"]).encode() if "body" in part else b""
            headers = {name.title(): value for name, value in part.get("headers", {}).items()}
            asked = Request(part["method"], part["url"], headers, body, request.claims)
            made = self.part_fault(asked) or self.answer(asked)
            replies.append(
                {"id": part["id"], "status": made.status, "headers": made.headers, "body": made.content}
            )
        random.shuffle(replies)
        return Reply(200, {"responses": replies})


def _need(request: Request, permission: str) -> None:
    has = {*request.claims.get("roles", ()), *str(request.claims.get("scp", "")).split()}
    if permission == "Mail.Read" and "Mail.ReadWrite" in has:
        return
    if permission not in has:
        raise No(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")


def _check_headers(message: Mapping[str, Any]) -> None:
    """api/user-sendmail and observed refusals: x- alone, one to five."""
    if "internetMessageHeaders" not in message:
        return
    names = [each["name"] for each in message["internetMessageHeaders"]]
    if not all(name.lower().startswith("x-") for name in names):
        raise No(400, "InvalidInternetMessageHeader", "should start with 'x-' or 'X-'")
    if not 1 <= len(names) <= 5:
        raise No(400, "InvalidInternetMessageHeaderCollection")


def _fits(item: Item, written: str) -> bool:
    """The filters that pages show; anything else is refused."""
    marked = _MARKED.fullmatch(written)
    if marked:  # values are compared without case (api/singlevaluelegacyextendedproperty-get)
        return item.extended.get(marked[1], "").lower() == marked[2].replace("''", "'").lower()
    for clause in written.split(" and ") if written else ():
        name, operator, value = clause.split(" ", 2)
        match name, operator:
            case "receivedDateTime", "ge":
                since = datetime.fromisoformat(value)
                fits = item.received_at.replace(microsecond=0) >= since
            case "isRead", "eq" if value in ("true", "false"):
                fits = item.is_read is (value == "true")
            case "internetMessageId", "eq" if value[0] == value[-1] == "'":
                fits = item.internet_message_id() == value[1:-1].replace("''", "'")
            case _:
                raise No(400, "ErrorInvalidUrlQueryFilter", f"not understood: {clause}")
        if not fits:
            return False
    return True
