"""Pings of a service that raises an alarm when they stop, as healthchecks.io takes them.

They are made in a thread of their own, and may cost a sweep `SECONDS` at its end and nothing else: what does
not get through is missed by the service, which is what it is there for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from emailint.config.known_secrets import hidden
from emailint.config.secrets import reveal
from emailint.errors import EmailintError, LockTimeout, Scope

if TYPE_CHECKING:
    from emailint.config.model import Config
    from emailint.store.records import OpenError
    from emailint.sweep.result import SweepResult

SECONDS: Final = 5.0
"""How long the end of a sweep may be kept waiting."""

TIME_OUTS: Final = (2.0, 2.0)
"""Seconds for connecting, and for which the service may be silent."""

MOST: Final = 10_000
"""Characters of what is said of a failure."""

END: Final = ""
FAIL: Final = "fail"
START: Final = "start"

Ping = tuple[str, str]
"""What stands behind the URL, and what is said with it."""


@dataclass(slots=True)
class Heartbeat:
    """The pings of one sweep; no call raises, and none but the last waits."""

    config: Config
    _pings: SimpleQueue[Ping] = field(default_factory=SimpleQueue)
    _thread: Thread | None = None

    def start(self) -> None:
        """The sweep has its store and begins."""
        self._ping(START, "")

    def end(self, result: SweepResult) -> None:
        """The sweep is over, and its store is free again."""
        if self._thread is None:
            return  # it gave way: the sweep that is running speaks for both
        if result.trouble:
            self._last(FAIL, "\n".join(_lines(result)))
        else:
            self._last(END, "")

    def fail(self, error: EmailintError) -> None:
        """The sweep ended by this error; one that waited in vain for its store is no news of mail."""
        if not isinstance(error, LockTimeout):
            self._last(FAIL, f"{error.kind}: {error}")

    def _last(self, what: str, body: str) -> None:
        self._ping(what, hidden(self.config, body)[:MOST])
        if self._thread is not None:
            self._thread.join(SECONDS)

    def _ping(self, what: str, body: str) -> None:
        if self.config.heartbeat is None:
            return
        self._pings.put((what, body))
        if self._thread is None:
            self._thread = Thread(target=self._beat, name="heartbeat", daemon=True)
            self._thread.start()

    def _beat(self) -> None:
        what = START
        while what == START:
            what, body = self._pings.get()
            try:
                self._post(what, body)
            except Exception:  # noqa: BLE001, S112 - whatever keeps a ping is missed by the service, not by us
                continue

    def _post(self, what: str, body: str) -> None:
        from emailint.oauth.http import new_session  # noqa: PLC0415 - costs 100 ms, and only heartbeats need it

        if self.config.heartbeat is None:
            return
        url = target(reveal(self.config.heartbeat, seconds=SECONDS), what)
        with new_session(None) as session:
            answer = session.post(
                url,
                data=body.encode("ascii", "backslashreplace"),
                timeout=TIME_OUTS,
                allow_redirects=False,
                stream=True,
            )
            answer.close()


def target(url: str, what: str) -> str:
    """The URL of a ping. Raises ValueError for one that is not https: it would tell everybody the key."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("the heartbeat is no https URL")
    path = f"{parts.path.rstrip('/')}/{what}" if what else parts.path
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _lines(result: SweepResult) -> list[str]:
    """What is wrong, without a word of any mail: errors of single mails by kind and id alone."""
    failed = [f"{each.name}: not well" for each in result.integrations if each.error]
    total = result.totals
    counted = f"failed {total.failed}, held {total.held}, quarantined {total.quarantined}"
    return [*failed, counted, *map(_line, result.news)]


def _line(error: OpenError) -> str:
    trouble = error.trouble
    said = error.error_id if trouble.scope == Scope.MESSAGE else trouble.message
    return f"{trouble.integration or 'all'}: {trouble.kind}: {said}"
