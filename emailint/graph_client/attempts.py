"""How often one request is tried, and how long its next try waits."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from emailint.graph_client.answers import BROKEN, TRY_LATER, Refused

if TYPE_CHECKING:
    from emailint.errors import ConnectionFailed
    from emailint.graph_client.client import GraphClient

TRIES: Final = 6
FOR_ONE_MAIL: Final = 2
SHORT: Final = 5.0
"""Seconds that others may have to wait for one mail that is tried again."""
_FIRST_PAUSE: Final = 1.0


class Attempts:
    """How often one request was tried, and whether it may be once more.

    With `one_mail`, where Graph is in trouble (and not where it throttles: 429) twice is enough, and once
    where the second try would have to wait for more than SHORT seconds, or the first took as long: whoever
    asks goes on with other mail, and comes back to this one.
    """

    def __init__(self, client: GraphClient, *, repeat: bool, one_mail: bool) -> None:
        self._client = client
        self._repeat = repeat
        self._one_mail = one_mail
        self._tries = 0
        self._renewed = False
        self._lost = False

    def lost(self, error: ConnectionFailed, seconds: float) -> None:
        """No answer: once more at once, since a kept connection may have been closed meanwhile."""
        if self._lost or not self._repeat or (self._one_mail and seconds > SHORT):
            raise error
        self._lost = True

    def refused(self, refused: Refused, token: str) -> None:
        """An answer that is none: returns where the request may be sent again, else raises."""
        if refused.status == 401 and not self._renewed:
            self._renewed = True
            self._client.settings.tokens.renewed(token)
            return
        self._tries += 1
        if not self._may_help(refused):
            raise refused
        error = refused.explained(self._client.settings.mailbox)
        if self._tries >= TRIES:
            raise error
        seconds = pause_before(self._tries, refused.wait)
        if self._keeps_others(refused, seconds):
            if refused.wait is not None:
                self._client.hold(refused, refused.wait)
            raise refused
        self._client.hold(refused, seconds)
        self._client.wait(seconds, error)

    def _may_help(self, refused: Refused) -> bool:
        """Whether the same request may be answered otherwise later."""
        may_repeat = self._repeat or refused.status == 429
        hopeless = self._tries > 1 and (
            refused.status in BROKEN or (refused.status == 504 and refused.wait is None and self._tries > 2)
        )
        return refused.status in TRY_LATER and may_repeat and not hopeless

    def _keeps_others(self, refused: Refused, seconds: float) -> bool:
        """Whether to leave one mail alone for now."""
        too_long = self._tries >= FOR_ONE_MAIL or seconds > SHORT
        return self._one_mail and refused.status != 429 and too_long


def pause_before(tries: int, told: float | None) -> float:
    """Seconds before the next try: what the server says, else doubling from one, by chance a little more."""
    if told is not None:
        return told
    doubled: float = _FIRST_PAUSE * 2 ** (tries - 1)
    return doubled * random.uniform(1.0, 1.25)  # noqa: S311 - spreads load, keeps no secret
