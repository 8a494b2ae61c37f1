"""How many replies of one mailbox were begun within a minute, over sweeps: what `per_minute` counts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from emailint.store.ledger import Ledger
    from emailint.sweep.clock import Clock

WINDOW: Final = 60.0


@dataclass(slots=True)
class Pace:
    """Counts by the name of the integration. Those of an earlier sweep count as begun when this one began."""

    ledger: Ledger
    clock: Clock
    _begun: dict[str, deque[float]] = field(default_factory=dict)

    def lately(self, integration: str) -> int:
        """Replies begun within the last minute."""
        begun, since = self._of(integration), self.clock.monotonic() - WINDOW
        while begun and begun[0] <= since:
            begun.popleft()
        return len(begun)

    def begin(self, integration: str) -> None:
        """One more is begun now."""
        self._of(integration).append(self.clock.monotonic())

    def _of(self, integration: str) -> deque[float]:
        if integration not in self._begun:
            earlier = self.ledger.begun_lately(integration, self.clock.now())
            self._begun[integration] = deque([self.clock.monotonic()] * earlier)
        return self._begun[integration]
