"""Which mailboxes a command is about."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from emailint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emailint.config.model import Config, Integration


def chosen(config: Config, names: Sequence[str]) -> list[Integration]:
    """The enabled integrations, or those named. Raises UsageError for a name that is not there."""
    known = {integration.name: integration for integration in config.integrations}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(
            f"no integration is named {unknown[0]!r} in {config.path}",
            hint=f"the integrations there are: {', '.join(known) or 'none'}",
        )
    if names:
        return [known[name] for name in dict.fromkeys(names)]
    enabled = [integration for integration in config.integrations if integration.enabled]
    if len(enabled) > config.concurrency:
        random.shuffle(enabled)  # where a deadline may cut the sweep short, nobody is always last
    return enabled
