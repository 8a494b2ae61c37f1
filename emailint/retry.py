"""The only policies by which something is tried again within one sweep.

Only what is harmless to repeat: opening a connection. Everything else waits for the next sweep.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from emailint.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

T = TypeVar("T")

PAUSES = (0.5, 1.5)
"""Seconds before the second try, by chance between these, so that many mailboxes do not come at once."""


@contextmanager
def connected(source: AbstractContextManager[T], may_retry: Callable[[], bool]) -> Iterator[T]:
    """Enter a source; once more when connecting failed in passing and `may_retry` still agrees.

    Raises what the last try raised.
    """
    try:
        entered = source.__enter__()
    except ConnectionFailed as error:
        if not may_retry():
            raise
        entered = _once_more(source.__enter__, error)
    with ExitStack() as stack:
        stack.push(source)
        yield entered


def _once_more(open_connection: Callable[[], T], failure: ConnectionFailed) -> T:
    # tenacity is imported when something failed: cron would pay for it every minute
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random  # noqa: PLC0415

    failures = [failure]

    def attempt() -> T:
        if failures:
            raise failures.pop()
        return open_connection()

    twice = Retrying(
        stop=stop_after_attempt(2),
        wait=wait_random(*PAUSES),
        retry=retry_if_exception_type(ConnectionFailed),
        reraise=True,
    )
    return twice(attempt)
