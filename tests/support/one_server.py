"""One server of a kind in a test process, however many conftest files name its fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Server(Protocol):
    """What is started once."""

    def stop(self) -> None: ...


S = TypeVar("S", bound=Server)


class OneServer(Generic[S]):
    """Starts a server for its first user, and stops it after its last one."""

    def __init__(self, start: Callable[[], S]) -> None:
        self._start = start
        self._running: list[S] = []
        self._users = 0

    def lend(self) -> Iterator[S]:
        """For a fixture of the session: `yield from server.lend()`."""
        if not self._running:
            self._running.append(self._start())
        self._users += 1
        yield self._running[0]
        self._users -= 1
        if not self._users:
            self._running.pop().stop()
