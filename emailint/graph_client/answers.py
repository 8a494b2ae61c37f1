"""What Graph answers, and what its refusals mean (learn.microsoft.com/graph/errors)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from emailint.errors import (
    ConnectionFailed,
    FolderMissing,
    FolderReadOnly,
    LoginRefused,
    ProtocolFailed,
    SourceError,
    Throttled,
)
from emailint.oauth.http import clean, retry_after

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TRY_LATER: Final = frozenset({429, 500, 502, 503, 504})
BROKEN: Final = frozenset({500, 502})
"""Worth one more try, and no more: a mail that Exchange cannot convert ends so each time."""
AGAIN: Final = "the mail stays unread, and the next run tries again"

_MOVING: Final = frozenset(
    {"ErrorMailboxMoveInProgress", "ErrorMailboxStoreUnavailable", "ErrorServerBusy", "MailboxInfoStale"}
)
_NO_MAILBOX: Final = frozenset(
    {
        "ErrorInvalidUser",
        "ErrorNonExistentMailbox",
        "MailboxNotEnabledForRESTAPI",
        "MailboxNotFound",
        "Request_ResourceNotFound",
        "ResourceNotFound",
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `whole` is False where reading stopped at the limit. `ids` name it to Microsoft."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    ids: str = ""
    whole: bool = True

    def mapping(self) -> dict[str, Any]:
        """The JSON object in it; raises ProtocolFailed for anything else."""
        try:
            found = json.loads(self.content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ProtocolFailed(f"Graph answered what is no JSON object ({self.ids})", hint=AGAIN)
        return found

    @property
    def wait(self) -> float | None:
        """Seconds that it asks to wait."""
        return retry_after(self.headers)


class Refused(Exception):
    """Graph refused a request. Its callers say what that means; it never leaves their rooms.

    `codes` are error.code and those nested in innerError; only they are branched on, never the message.
    `foreign`: a redirect or a page, as proxies and filters make them, and not Graph.
    """

    def __init__(self, answer: Answer, secret: str = "") -> None:
        self.status = answer.status
        self.ids = answer.ids
        self.wait = answer.wait
        error = _error_in(answer.content)
        self.codes = tuple(clean(code)[:80] for code in _codes(error))
        self.foreign = not error and (
            300 <= answer.status < 400 or (answer.status < 500 and answer.content.lstrip().startswith(b"<"))
        )
        self.text = clean(str(error.get("message") or ""), secret)
        super().__init__(f"{self.status} {self.code}")

    @property
    def code(self) -> str:
        """error.code, "" without one."""
        return self.codes[0] if self.codes else ""

    @property
    def gone(self) -> bool:
        """Whether Graph says that an item is not there: moved, deleted, never there."""
        return self.status in (404, 410) and not self.foreign and not _NO_MAILBOX.intersection(self.codes)

    @property
    def mailbox_busy(self) -> bool:
        """Whether it says that too many requests were at work on one mailbox."""
        return self.status == 429 and (
            "ApplicationThrottled" in self.codes
            or any("MailboxConcurrency" in each for each in (*self.codes, self.text))
        )

    def explained(
        self, doing: str, otherwise: type[SourceError] | None = None, hint: str = ""
    ) -> SourceError:
        """The error for people; `otherwise` and `hint` are for what has no meaning of its own."""
        kind, what, cure = _meaning(self)
        if self.status == 403 and otherwise is FolderReadOnly:
            kind = otherwise
        if kind is None:
            kind, cure = otherwise or ProtocolFailed, hint or cure
        said = f"{self.status} {self.code} {self.text}".strip()
        wait = f", for {self.wait:.0f} s" if self.wait and kind is Throttled else ""
        message = f"{doing}: {what or 'Graph refused'}{wait}: {said} ({self.ids})"
        return kind(message, hint=cure, retry_after=self.wait)


_GRANT: Final = (
    "the app needs Mail.ReadWrite and Mail.Send (application permissions with admin consent, or RBAC for"
    " Applications in Exchange), and the mailbox must lie in the scope of that role or access policy;"
    " changes take up to two hours"
)

_EXISTING: Final = (
    "check mailbox and username: the user or shared mailbox must exist in this tenant, with a licence for"
    " Exchange Online (shared mailboxes need none), and not on a server of your own"
)
_SEND_AS: Final = "give the app or the person Send As for the address in reply.from, or take reply.from out"
_CLOUD: Final = (
    "sign in anew where a person did (emailint authorize); else check oauth.tenant, graph.base_url (the cloud"
    " must be the tenant's), and this machine's clock"
)

_NOT_GRAPH: Final = (
    "something in between answers in its place: check graph.base_url, and HTTPS_PROXY and NO_PROXY; a proxy"
    " or filter has to let its host through"
)

_Meaning = tuple["type[SourceError] | None", str, str]

_IN_TROUBLE: Final[_Meaning] = (ConnectionFailed, "Graph is in trouble", AGAIN)
_BUSY: Final[_Meaning] = (
    Throttled,
    "Graph asks to wait",
    "wait; the mail stays unread, and later runs take it up",
)
_BY_CODE: Final[tuple[tuple[frozenset[str], _Meaning], ...]] = (
    (_MOVING, (Throttled, "the mailbox cannot be used for the moment", AGAIN)),
    (_NO_MAILBOX, (LoginRefused, "there is no such mailbox in Exchange Online", _EXISTING)),
    # with 401, and no other token will name more
    (frozenset({"NoPermissionsInAccessToken"}), (LoginRefused, "the token names no permission", _GRANT)),
)
_BY_STATUS: Final[dict[int, _Meaning]] = {
    401: (LoginRefused, "The access token is invalid, and a fresh one too", _CLOUD),
    403: (LoginRefused, "the app may not do this with this mailbox", _GRANT),
    429: _BUSY,
    503: _BUSY,
    500: _IN_TROUBLE,
    502: _IN_TROUBLE,
    504: _IN_TROUBLE,
}


def _meaning(refused: Refused) -> _Meaning:
    codes = set(refused.codes)
    if refused.foreign:
        return ProtocolFailed, "what answered is not Graph", _NOT_GRAPH
    for known, meaning in _BY_CODE:
        if known & codes:
            return meaning
    if refused.status == 403 and "ErrorSendAsDenied" in codes:
        return LoginRefused, "the mailbox may not send as this address", _SEND_AS
    if refused.status == 404 and codes & {"ErrorItemNotFound", "ErrorFolderNotFound"}:
        return FolderMissing, "it is not there", "check the folder's name"
    return _BY_STATUS.get(refused.status, (None, "", AGAIN))


def _error_in(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    error = found.get("error") if isinstance(found, dict) else None
    return error if isinstance(error, dict) else {}


def _codes(error: dict[str, Any]) -> Iterator[str]:
    """error.code, then what innerError (or innererror) nests, at most ten deep."""
    for _ in range(10):
        if isinstance(error.get("code"), str):
            yield error["code"]
        inner = error.get("innerError") or error.get("innererror")
        if not isinstance(inner, dict):
            return
        error = inner
