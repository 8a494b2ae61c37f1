"""Draws the way of a message, file by file: `python -m docs.site.way docs/pictures/way.svg`."""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stop(NamedTuple):
    """One stop: what happens, in which files, and what is durable then."""

    what: str
    files: tuple[str, ...]
    durable: str = ""


WAY: Final = (
    Stop("lock, open the store", ("sweep/opening.py", "store/lock.py")),
    Stop(
        "connect, list what is unread",
        ("sweep/connect.py", "sources/imap.py", "sources/graph.py", "sources/maildir.py"),
    ),
    Stop(
        "note what is in flight",
        ("sweep/order.py", "store/ledger.py"),
        "who was being read, should it kill us",
    ),
    Stop("fetch a batch, unmarked", ("sweep/mailbox.py", "sweep/delivery.py")),
    Stop("read: octets to a message", ("message/read.py", "sweep/readers.py")),
    Stop(
        "decide: alias, workspace, fields", ("routing/route.py", "routing/workspace.py", "routing/rules.py")
    ),
    Stop("decide: is it answered", ("reply/policy.py",)),
    Stop("keep the attachments", ("store/attachments.py", "sweep/taking.py"), "attachments"),
    Stop("the one transaction", ("store/ledger_batch.py",), "THE CASE EXISTS"),
    Stop("project", ("store/projection.py",), "its line of cases.jsonl"),
    Stop("mark, move", ("sweep/order.py", "sources/protocol.py"), "the mail is read"),
    Stop(
        "send, begun at most once",
        ("sweep/post.py", "reply/compose.py", "outbound/gate.py"),
        "`sending`, then `sent`",
    ),
)
_HEIGHT: Final = 52
_GAP: Final = 18


def picture() -> str:
    """The whole picture; readable on a light and on a dark page, since it brings its own ground."""
    height = len(WAY) * (_HEIGHT + _GAP) + 30
    body = "\n".join(line for at, stop in enumerate(WAY) for line in _stop(at, stop))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 {height}" role="img" font-family="sans-serif">\n'
        "<title>The way of a message</title>\n"
        f'<rect width="900" height="{height}" rx="8" fill="#fcfcfd"/>\n{body}\n</svg>\n'
    )


def _stop(at: int, stop: Stop) -> Iterator[str]:
    top = 20 + at * (_HEIGHT + _GAP)
    strong = stop.durable.isupper() or "EXISTS" in stop.durable
    fill = "#d5e8d4" if stop.durable else "#e8eaf6"
    yield (
        f'<rect x="20" y="{top}" width="560" height="{_HEIGHT}" rx="6" fill="{fill}" stroke="#39424e"'
        f' stroke-width="{3 if strong else 1}"/>'
    )
    yield f'<text x="34" y="{top + 21}" font-size="15" font-weight="bold" fill="#111">{escape(stop.what)}</text>'
    files = escape("   ".join(stop.files))
    yield f'<text x="34" y="{top + 41}" font-size="12" font-family="monospace" fill="#333">{files}</text>'
    if stop.durable:
        weight = ' font-weight="bold"' if strong else ""
        yield (
            f'<text x="600" y="{top + 31}" font-size="13"{weight} fill="#1b5e20">durable: {escape(stop.durable)}</text>'
        )
    if at + 1 < len(WAY):
        below = top + _HEIGHT
        yield f'<path d="M300 {below}v{_GAP - 5}m-4-5l4 5l4-5" fill="none" stroke="#39424e" stroke-width="1.5"/>'


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture(), encoding="utf-8")
