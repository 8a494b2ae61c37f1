"""The port of access tokens, and one holder of them for all mailboxes of an application."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

WARN_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class End:
    """The last day of what an application signs in with; `what` is it in words."""

    what: str
    last_day: date

    def days_left(self, today: date | None = None) -> int:
        """Whole days, negative once it has expired."""
        return (self.last_day - (today or datetime.now(UTC).date())).days

    @property
    def soon(self) -> bool:
        """Whether it is time to make a new one."""
        return self.days_left() <= WARN_DAYS

    def __str__(self) -> str:
        days = self.days_left()
        if days < 0:
            return f"the {self.what} expired {-days} days ago"
        return f"the {self.what} expires in {days} days"


class Tokens(Protocol):
    """Access tokens of one sign-in. Safe to call from several threads; raises SourceErrors only.

    No token, secret or key ever stands in a text, a repr or an exception that comes out of here.
    """

    def token(self) -> str:
        """A token that is good for some minutes still: a kept one, or a new one."""
        ...

    def renewed(self, dead: str) -> str:
        """Another token than the one that a server has just refused."""
        ...

    def warnings(self) -> list[str]:
        """What is to be known besides: when a secret or certificate ends, and a clock that is wrong."""
        ...

    def end(self) -> End | None:
        """When the secret or certificate ends, as far as that is known once a token was asked for."""
        ...


_shared: dict[Hashable, Tokens] = {}
_lock = threading.Lock()


def shared(sign_in: Hashable, make: Callable[[], Tokens]) -> Tokens:
    """The one holder of tokens for equal sign-ins, as long as the process lives."""
    with _lock:
        if sign_in not in _shared:
            _shared[sign_in] = make()
        return _shared[sign_in]


def forget_shared() -> None:
    """Begin anew, as a new process would."""
    with _lock:
        _shared.clear()
