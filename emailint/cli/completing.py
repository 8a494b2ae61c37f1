"""What a shell offers for names and ids: from files alone, quickly, and nothing where anything is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click
    from click.shell_completion import CompletionItem

    from emailint.config.outline import Outline

NEWEST: Final = 262_144
"""Octets at the end of errors.jsonl in which errors are looked for."""


def integration_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Integrations of the configuration that begin so, but for those that were given already."""
    try:
        names = _outline(ctx).integrations
    except Exception:  # noqa: BLE001 - whatever is wrong, a shell that completes is not the place to tell it
        return []
    given = ctx.params.get(param.name or "") or ()
    return [name for name in names if name.startswith(incomplete) and name not in given]


def error_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Open errors of the store that begin so, as the end of errors.jsonl has them, the newest first."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - no other run pays for it

    given = ctx.params.get(param.name or "") or ()
    try:
        found = list(_open_errors(_outline(ctx)))
    except Exception:  # noqa: BLE001 - as above
        return []
    return [
        CompletionItem(error_id, help=terminal_safe(about))
        for error_id, about in reversed(found)
        if error_id.startswith(incomplete) and error_id not in given
    ]


def _outline(ctx: click.Context) -> Outline:
    from emailint.config.load import find  # noqa: PLC0415 - no command but a completing shell pays for it
    from emailint.config.outline import outline  # noqa: PLC0415 - as above

    named = ctx.find_root().params.get("config")
    return outline(find(str(Path(named).expanduser()) if named else None))


def _open_errors(config: Outline) -> Iterator[tuple[str, str]]:
    """Ids and what they are about, in the order in which they came."""
    path = config.store / "errors.jsonl"
    if not path.is_file():
        return
    with path.open("rb") as file:
        begin = max(0, path.stat().st_size - NEWEST)
        file.seek(begin)
        lines = file.read(NEWEST).splitlines()[1 if begin else 0 :]
    open_now: dict[str, str] = {}
    for record in map(_record, lines):
        error_id = str(record.get("error_id") or "")
        open_now.pop(error_id, None)
        if error_id and record.get("event") != "closed":
            open_now[error_id] = f"{record.get('kind')} {record.get('integration') or ''}".strip()
    yield from open_now.items()


def _record(line: bytes) -> dict[str, object]:
    """One line; a torn one says nothing."""
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
