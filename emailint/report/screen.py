"""Sheets and lines on a terminal, by rich; or as plain text where there is none."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

from emailint.report.sheet import Tone, cells, fitted, plain_lines, plain_row
from emailint.report.tree import plain_tree
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.text import Text

    from emailint.report.sheet import Cell, Sheet
    from emailint.report.tree import Node

BOXES: Final = 60
"""Narrower screens get no lines around cells."""

_STYLES: Final = {
    Tone.PLAIN: "",
    Tone.GOOD: "green",
    Tone.WARNING: "yellow",
    Tone.BAD: "bold red",
    Tone.QUIET: "dim",
}


def drawn(stream: TextIO, *, plain: bool = False) -> bool:
    """Whether lines, colours and movement are for this stream: a terminal that can, and nobody declined."""
    return stream.isatty() and not plain and os.environ.get("TERM", "").lower() not in {"dumb", "unknown"}


def show(sheet: Sheet, *, plain: bool = False, stream: TextIO | None = None) -> None:
    """Print a sheet on standard output: drawn on a terminal, plain elsewhere or when `plain` is asked for."""
    stream = stream or sys.stdout
    if not drawn(stream, plain=plain):
        stream.writelines(f"{line}\n" for line in plain_lines(sheet))
        return
    _draw(sheet, console(stream))


def show_row(row: Sequence[Cell], widths: Sequence[int], *, plain: bool = False) -> None:
    """Print one row at once, for what takes its time; `widths` are those of all cells but the last."""
    if not drawn(sys.stdout, plain=plain):
        sys.stdout.writelines(f"{line}\n" for line in plain_row(row, widths))
        sys.stdout.flush()
        return
    from rich.table import Table  # noqa: PLC0415 - cron never pays for rich

    grid = Table.grid(padding=(0, 1))
    for width in widths:
        grid.add_column(min_width=width, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(*map(_cell, row))
    console(sys.stdout).print(grid)


def show_tree(node: Node, *, plain: bool = False) -> None:
    """Print a tree on standard output: drawn on a terminal, plain elsewhere or when `plain` is asked for."""
    if not drawn(sys.stdout, plain=plain):
        sys.stdout.writelines(f"{line}\n" for line in plain_tree(node))
        return
    from rich.tree import Tree  # noqa: PLC0415 - cron never pays for rich

    def grow(tree: Tree, below: Sequence[Node]) -> Tree:
        for each in below:
            grow(tree.add(_text(each.text, _STYLES[each.tone])), each.below)
        return tree

    console(sys.stdout).print(grow(Tree(_text(node.text, _STYLES[node.tone])), node.below))


def console(stream: TextIO, width: int | None = None) -> Console:
    """A console that reads no markup, no emoji codes and highlights nothing.

    NO_COLOR (no-color.org), CLICOLOR=0 (bixense.com/clicolors) and TERM count.
    """
    from rich.console import Console  # noqa: PLC0415 - cron never pays for rich

    return Console(file=stream, markup=False, emoji=False, highlight=False, width=width, no_color=_no_color())


def _no_color() -> bool | None:
    return True if os.environ.get("CLICOLOR") == "0" else None  # None: rich looks for NO_COLOR


def _draw(sheet: Sheet, screen: Console) -> None:
    from rich import box  # noqa: PLC0415 - cron never pays for rich
    from rich.table import Table  # noqa: PLC0415 - cron never pays for rich

    shown = [number for number, column in enumerate(sheet.columns) if column.room <= screen.width]
    room = screen.width - 3 * len(shown) - 1
    widths = fitted(sheet, shown, room)
    if sum(widths) > room and len(shown) > 1:
        _draw_one_by_one(sheet, screen)
        return
    lines = box.ROUNDED if screen.encoding.startswith("utf") else box.ASCII
    table = Table(
        title=_text(sheet.title, "bold") if sheet.title else None,
        title_justify="left",
        box=lines if screen.width >= BOXES else None,
        padding=(0, 1),
    )
    for number, width in zip(shown, widths, strict=True):
        column = sheet.columns[number]
        table.add_column(
            _text(column.title, "bold"),
            justify="right" if column.right else "left",
            width=width,
            no_wrap=not column.wrap,
            overflow="fold" if column.wrap else "ellipsis",
        )
    for row in sheet.rows:
        table.add_row(*(_cell(row[number]) for number in shown))
    screen.print(table)
    if sheet.more:
        screen.print(f"and {sheet.more:,} more")


def _draw_one_by_one(sheet: Sheet, screen: Console) -> None:
    """Each row as lines of their own, a column each: for screens that no table fits on. Nothing is cut."""
    from rich.table import Table  # noqa: PLC0415 - cron never pays for rich

    if sheet.title:
        screen.print(_text(sheet.title, "bold"))
    titles = max(cells(column.title) for column in sheet.columns)
    for row in sheet.rows:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=titles, no_wrap=True)
        grid.add_column(overflow="fold")
        for column, cell in zip(sheet.columns, row, strict=True):
            if cell.text or cell.below:
                grid.add_row(_text(column.title, "bold"), _cell(cell))
        screen.print(grid)
        screen.print()
    if sheet.more:
        screen.print(f"{sheet.more:,} more")


def _cell(cell: Cell) -> Text:
    whole = _text("", "")
    whole.append_text(_text(cell.text, _STYLES[cell.tone]))
    if cell.below:
        whole.append("\n").append_text(_text(cell.below, ""))
    return whole


def _text(content: str, style: str) -> Text:
    from rich.text import Text  # noqa: PLC0415 - cron never pays for rich

    return Text(terminal_safe(content), style=style)
