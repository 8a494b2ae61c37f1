"""An error as the ledger keeps it: what it says, where it happened, and no secret."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from emailint.store.records import Trouble

if TYPE_CHECKING:
    from emailint.config.model import Integration
    from emailint.errors import EmailintError
    from emailint.sweep.troubles import About


def trouble_of(error: EmailintError, integration: Integration | None, about: About) -> Trouble:
    """What went wrong, as the ledger keeps it."""
    return Trouble(
        kind=error.kind,
        scope=error.scope.value,
        transient=error.transient,
        message=str(error),
        hint=error.hint,
        subject_key=about.key or about.locus or about.case_id or "",
        integration=integration.name if integration else None,
        mailbox=integration.mailbox if integration else None,
        locus=about.locus,
        message_id=about.message_id,
        subject=about.subject,
        case_id=about.case_id,
        detail=stack(error),
        attempt=about.attempt,
    )


def stack(error: BaseException) -> str:
    """Where it happened: file, line and function of each frame, without source text, locals or messages.

    Texts of foreign exceptions are left out, since they may repeat a secret.
    """
    lines = []
    cause: BaseException | None = error
    while cause is not None:
        frames = traceback.extract_tb(cause.__traceback__)
        lines.append(type(cause).__name__)
        lines += [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(lines)
