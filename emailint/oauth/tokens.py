"""The port of access tokens, and one holder of them for all mailboxes of an application."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


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
        """What will go wrong soon: a secret or certificate that expires within 30 days."""
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
