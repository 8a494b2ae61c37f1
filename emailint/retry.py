"""The only policies by which something is tried again within one sweep.

Only what is harmless to repeat: opening a connection. Everything else waits for the next sweep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from emailint.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PAUSES = (0.5, 1.5)
"""Seconds before the second try, by chance between these, so that many mailboxes do not come at once."""


def connecting(open_connection: Callable[[], T], may_retry: Callable[[], bool]) -> T:
    """Open a connection; once more when it failed in passing and `may_retry` still agrees.

    Raises what the last try raised.
    """
    try:
        return open_connection()
    except ConnectionFailed as error:
        if not may_retry():
            raise
        return _once_more(open_connection, error)


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
