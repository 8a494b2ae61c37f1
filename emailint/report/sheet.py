"""A table as a value, and its plain text. Whatever stands in a cell is made safe for a terminal here."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


NARROWEST: Final = 10
"""Characters that an elastic column keeps, however narrow the screen."""


class Tone(StrEnum):
    """How a cell is meant; a screen gives it a colour, plain text does without."""

    PLAIN = "plain"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. `below` stands under `text`: what to do about it, say."""

    text: str
    tone: Tone = Tone.PLAIN
    below: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """`room`: the narrowest screen, in characters, that shows it. `elastic`: may be narrower than what it
    holds, which is then cut, or goes over several lines where `wrap` says so.
    """

    title: str
    right: bool = False
    elastic: bool = False
    wrap: bool = False
    room: int = 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table. `more` counts rows that were left out."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    more: int = 0


def plain_lines(sheet: Sheet) -> Iterator[str]:
    """The whole sheet in aligned columns, two blanks apart; nothing is cut, nothing is drawn."""
    heads = [column.title.upper() for column in sheet.columns]
    rows = [[terminal_safe(cell.text) for cell in row] for row in sheet.rows]
    widths = [max(map(cells, column)) for column in zip(heads, *rows, strict=True)]
    if sheet.title:
        yield sheet.title
    yield _line(sheet.columns, heads, widths)
    for texts, row in zip(rows, sheet.rows, strict=True):
        yield _line(sheet.columns, texts, widths)
        yield from (f"    {terminal_safe(cell.below)}" for cell in row if cell.below)
    if sheet.more:
        yield f"... and {sheet.more:,} more"


def fitted(sheet: Sheet, shown: Sequence[int], room: int) -> list[int]:
    """Widths of the columns `shown` that together take at most `room`, as far as the elastic ones give."""
    columns = [sheet.columns[number] for number in shown]
    widths = [
        max(cells(terminal_safe(text)) for text in (column.title, *(row[number].text for row in sheet.rows)))
        for column, number in zip(columns, shown, strict=True)
    ]
    elastic = [number for number, column in enumerate(columns) if column.elastic]
    for _ in range(sum(widths) - room):
        widest = max(elastic, key=lambda number: widths[number], default=None)
        if widest is None or widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    return widths


def plain_row(row: Sequence[Cell], widths: Sequence[int]) -> Iterator[str]:
    """One row by itself; `widths` are those of all cells but the last."""
    texts = [terminal_safe(cell.text) for cell in row]
    padded = [text + " " * (width - cells(text)) for text, width in zip(texts, widths, strict=False)]
    yield " ".join([*padded, *texts[len(widths) :]]).rstrip()
    yield from (f"    {terminal_safe(cell.below)}" for cell in row if cell.below)


def cells(text: str) -> int:
    """How many columns of a terminal the text takes (UAX 11; combining characters take none)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def _line(columns: Sequence[Column], texts: Sequence[str], widths: Sequence[int]) -> str:
    padded = []
    for column, text, width in zip(columns, texts, widths, strict=True):
        blanks = " " * (width - cells(text))
        padded.append(blanks + text if column.right else text + blanks)
    return "  ".join(padded).rstrip()
