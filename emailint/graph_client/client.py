"""One mailbox in Graph: requests that wait as they are told to, and never send a token elsewhere."""

from __future__ import annotations

import json
import math
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from emailint.errors import ConnectionFailed, ProtocolFailed, SourceError, Throttled
from emailint.graph_client.answers import AGAIN, Answer, Refused
from emailint.graph_client.attempts import Attempts
from emailint.graph_client.limits import A_MAILBOX, AN_APP, AN_APP_IN_NEED, slots_of
from emailint.oauth.http import SILENCE_SECONDS, clean, new_session, time_outs, unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import requests

    from emailint.oauth.tokens import Tokens

GRAPH: Final = "https://graph.microsoft.com"
JSON_OCTETS: Final = 32_000_000
"""Of an answer that is no message."""
PATIENCE: Final = 300.0
"""Seconds that one request may spend waiting, where a sweep has no deadline."""
EMPTY_PAGES, PAGES = 1_000, 10_000
"""So many pages of one list, and empty ones in a row, are believed to have an end."""
LONGEST_REQUEST: Final = 120.0
"""Seconds for one whole answer."""
MARGIN: Final = 2.0
"""Seconds that must be left after a wait, or it is not begun."""
_PIECE: Final = 65_536
_SAFE_IN_ID: Final = "=-_"
_SAFE_IN_QUERY: Final = "$,()'="
"""Colon, slash and blank are to be escaped (api/singlevaluelegacyextendedproperty-get)."""


@dataclass(frozen=True, slots=True)
class GraphSettings:
    """One mailbox.

    `base_url`: root of Graph with or without `/v1.0`. `person`: the token is the mailbox owner's own, so that
    `/me` is asked; else `/users/{mailbox}`. `app`: what shares the limits of an application. `time_left`:
    seconds until the sweep ends.
    """

    mailbox: str
    tokens: Tokens = field(repr=False)
    base_url: str = GRAPH
    person: bool = False
    app: str = ""
    ca_file: Path | None = None
    time_left: Callable[[], float] = field(default=lambda: math.inf, repr=False)

    @property
    def root(self) -> str:
        """`https://graph.microsoft.com`."""
        return self.base_url.rstrip("/").removesuffix("/v1.0")

    @property
    def host(self) -> str:
        """The one host that tokens are sent to."""
        return urlsplit(self.root).netloc.lower()

    @property
    def home(self) -> str:
        """`/me`, or `/users/payroll@example.org`."""
        return "/me" if self.person else f"/users/{quote(self.mailbox, safe='@')}"


def query_of(parameters: Mapping[str, str]) -> str:
    """`?$select=id&$top=10`, spaces as %20; "" for none."""
    pairs = (f"{name}={quote(value, safe=_SAFE_IN_QUERY)}" for name, value in parameters.items())
    return f"?{'&'.join(pairs)}" if parameters else ""


class GraphClient:
    """Requests to one mailbox. All verbs raise SourceErrors, and Refused where Graph says no."""

    def __init__(
        self,
        settings: GraphSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._sleep = sleep
        self._session: requests.Session | None = None
        self._opening = threading.Lock()
        self._app = slots_of((settings.host, settings.app), AN_APP)
        self._slots = slots_of((settings.host, settings.app, settings.mailbox), A_MAILBOX)

    def close(self) -> None:
        """Close connections; never raises."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def message(self, identity: str, *rest: str) -> str:
        """The path of a message, or of something below it."""
        return "/".join((self.settings.home, "messages", quote(identity, safe=_SAFE_IN_ID), *rest))

    def folder(self, identity: str, *rest: str) -> str:
        """The path of a folder by id or well-known name, or of something below it."""
        return "/".join((self.settings.home, "mailFolders", quote(identity, safe=_SAFE_IN_ID), *rest))

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object at a path."""
        return self.request("GET", path + query_of(parameters or {})).mapping()

    def pages(self, path: str, parameters: Mapping[str, str]) -> Iterator[list[dict[str, Any]]]:
        """The entries of a list, page by page; every nextLink is followed whole, on this host alone.

        Raises ProtocolFailed where pages have no end, ConnectionFailed where there is no time for more.
        """
        url: str | None = path + query_of(parameters)
        seen = {url}
        empty = 0
        while url is not None:
            answer = self.request("GET", url)
            page = answer.mapping()
            entries = page.get("value")
            if not isinstance(entries, list):
                raise ProtocolFailed(f"Graph answered a list without entries ({answer.ids})", hint=AGAIN)
            yield [entry for entry in entries if isinstance(entry, dict)]
            url = self._next(page, answer.ids)
            if url is None:
                return
            empty = 0 if entries else empty + 1
            if url in seen or empty > EMPTY_PAGES or len(seen) > PAGES:
                raise ProtocolFailed(
                    f"Graph's pages lead round in a circle; they were not read further ({answer.ids})"
                )
            if self.settings.time_left() <= 0:
                raise ConnectionFailed(
                    f"no time was left to read all pages of a list ({answer.ids})", hint=AGAIN
                )
            seen.add(url)

    def request(  # noqa: PLR0913 - each is a part of a request
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        repeat: bool = True,
        limit: int = JSON_OCTETS,
        slots: int = 1,
        one_mail: bool = False,
    ) -> Answer:
        """One request, to its end: throttling waited for, a dead token renewed once.

        `path` begins after `/v1.0`, or is a nextLink. `body` is sent as JSON, bytes as they are. Without
        `repeat` it is sent again only where Graph has said that it did nothing (401, 429). Of more than
        `limit` octets the rest is not read. `one_mail`: others wait for this one, so that it is given up soon
        (see `Attempts`). Raises Refused for what is not a success.
        """
        attempts = Attempts(self, repeat=repeat, one_mail=one_mail)
        while True:
            self._wait_for_others()
            token = self.settings.tokens.token()
            sent = _headers(token, headers or {}, json=body is not None)
            silence = self._silence(repeat=repeat, one_mail=one_mail)
            begun = self._clock()
            try:
                with self._slots.taken(slots), self._app.taken(slots):
                    answer = self._send(method, path, body, sent, limit, silence)
            except ConnectionFailed as error:
                attempts.lost(error, self._clock() - begun)
                continue
            if answer.status < 300:
                self._slots.pause(answer.wait or 0.0)  # done, and a wish for the next request
                return answer
            attempts.refused(Refused(answer, token), token)

    def _silence(self, *, repeat: bool, one_mail: bool) -> float:
        """Seconds for which Graph may say nothing: what is no harm to repeat ends with the sweep."""
        if not repeat:
            return SILENCE_SECONDS
        left = self.settings.time_left()
        return time_outs(left / 3 if one_mail else left)[1]

    def wait(self, seconds: float, error: SourceError) -> None:
        """Let so many seconds pass; raises `error` instead where too little time would be left."""
        left = min(self.settings.time_left(), PATIENCE)
        if seconds + MARGIN > left:
            error.retry_after = error.retry_after or seconds
            raise error
        until = self._clock() + seconds
        while (rest := until - self._clock()) > 0:
            if self.settings.time_left() <= 0:  # the sweep was told to end
                raise error
            self._sleep(min(rest, 1.0))

    def hold(self, refused: Refused, seconds: float) -> None:
        """Nobody asks this mailbox for so long; and fewer ask at once if that was the trouble."""
        self._slots.pause(seconds)
        if refused.mailbox_busy:
            self._app.lower(AN_APP_IN_NEED)

    def _wait_for_others(self) -> None:
        """Another thread was told to wait with this mailbox."""
        seconds = self._slots.pause_left
        if seconds > 0:
            where = self.settings.mailbox
            self.wait(seconds, Throttled(f"{where}: Graph asks to wait", hint=AGAIN, retry_after=seconds))

    def _next(self, page: Mapping[str, Any], ids: str) -> str | None:
        link = page.get("@odata.nextLink")
        if link is None:
            return None
        parts = urlsplit(link) if isinstance(link, str) else urlsplit("")
        if parts.scheme != "https" or parts.netloc.lower() != self.settings.host:
            raise ProtocolFailed(
                f"Graph's next page is said to be at {clean(parts.netloc) or 'no address'}, which is not"
                f" {self.settings.host}; it was not asked, and no token was sent there ({ids})",
                hint="something between here and Graph changes its answers, or Graph is broken",
            )
        return str(link)

    def _send(
        self, method: str, path: str, body: object, headers: Mapping[str, str], limit: int, silence: float
    ) -> Answer:
        import requests  # noqa: PLC0415 - see oauth.http

        url = path if path.startswith("https://") else f"{self.settings.root}/v1.0{path}"
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        ids = f"client-request-id {headers['client-request-id']}"
        session = self._opened()
        try:
            with session.request(
                method,
                url,
                data=data,
                headers=headers,
                auth=_as_written(url),
                allow_redirects=False,
                stream=True,
                timeout=(time_outs(self.settings.time_left())[0], silence),
            ) as response:
                named = clean(response.headers.get("request-id", ""))[:60]
                ids = f"request-id {named}, {ids}" if named else ids
                content, whole = self._read(response, limit, ids)
                return Answer(response.status_code, response.headers, content, ids, whole)
        except (requests.RequestException, OSError) as error:
            lost = unreachable(error, url)
            raise type(lost)(f"{lost} ({ids})", hint=lost.hint) from None

    def _opened(self) -> requests.Session:
        with self._opening:
            self._session = self._session or new_session(self.settings.ca_file)
            return self._session

    def _read(self, response: requests.Response, limit: int, ids: str) -> tuple[bytes, bool]:
        until = self._clock() + max(SILENCE_SECONDS, min(LONGEST_REQUEST, self.settings.time_left()))
        content = bytearray()
        for piece in response.iter_content(_PIECE):
            content += piece
            if len(content) > limit:
                return bytes(content[:limit]), False
            if self._clock() > until:
                raise ConnectionFailed(
                    f"{self.settings.host} did not finish its answer in time ({ids})", hint=AGAIN
                )
        return bytes(content), True


def _headers(token: str, headers: Mapping[str, str], *, json: bool) -> dict[str, str]:
    return {
        "Accept": "application/json",
        "Accept-Encoding": "identity",  # so that what is read is what was counted
        "Authorization": f"Bearer {token}",
        "Prefer": 'IdType="ImmutableId"',
        "client-request-id": str(uuid.uuid4()),
        **({"Content-Type": "application/json"} if json else {}),
        **headers,
    }


def _as_written(url: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Ask for exactly this: requests would write some of a nextLink's escapes in another way.

    urllib3 still writes `%3a` as `%3A`, which is the same (RFC 3986 section 6.2.2.1).
    """

    def put_back(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.url = url
        return request

    return put_back
