"""Threads that work through the mailboxes, kindly to each host."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emailint.config.model import Integration

PER_HOST = 10
"""Connections to one host at once: providers refuse more than 10 to 15."""


@dataclass(slots=True)
class Crew:
    """Takes integrations host by host, each host's in order, passing over hosts that are busy.

    `work` must not raise. `running` tells which are at work now.
    """

    work: Callable[[Integration], None]
    running: dict[str, str] = field(default_factory=dict)
    _waiting: dict[str, deque[Integration]] = field(default_factory=dict)
    _at_host: Counter[str] = field(default_factory=Counter)
    _turn: Condition = field(default_factory=Condition)

    def go(self, integrations: Sequence[Integration], threads: int) -> None:
        """Work through all of them; returns when the last one is done."""
        for integration in integrations:
            self._waiting.setdefault(host_of(integration), deque()).append(integration)
        count = min(threads, len(integrations))
        crew = [Thread(target=self._member, name=f"mailbox-{number}", daemon=True) for number in range(count)]
        for member in crew:
            member.start()
        for member in crew:
            member.join()

    def _member(self) -> None:
        while (integration := self._next()) is not None:
            try:
                self.work(integration)
            finally:
                self._done(integration)

    def _next(self) -> Integration | None:
        with self._turn:
            while self._waiting:
                host = next((host for host in self._waiting if self._at_host[host] < PER_HOST), None)
                if host is not None:
                    return self._take(host)
                self._turn.wait()
            return None

    def _take(self, host: str) -> Integration:
        queue = self._waiting.pop(host)
        integration = queue.popleft()
        if queue:
            self._waiting[host] = queue
        self._at_host[host] += 1
        self.running[integration.name] = host
        return integration

    def _done(self, integration: Integration) -> None:
        with self._turn:
            self._at_host[host_of(integration)] -= 1
            del self.running[integration.name]
            self._turn.notify_all()


def host_of(integration: Integration) -> str:
    """What the limit of connections counts: the server, or the folder of a Maildir."""
    return (integration.host or str(integration.path or integration.name)).lower()
