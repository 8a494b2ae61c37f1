"""Bars as SVG: small enough for a page to hold, legible on light and on dark ground."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from benchmarks.contest import EMAILINT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.contest import Outcome

WIDTH, LABEL, ROW, TOP = 760, 210, 26, 44
_BAR = WIDTH - LABEL - 90
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.t{font-weight:600}.b{fill:#8c959f}.own{fill:#1a7f37}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.b{fill:#6e7681}.own{fill:#3fb950}}"
)


def draw(outcome: Outcome) -> str:
    """One bar a contestant, the quickest on top; its length is the median of the seconds."""
    bars = sorted((outcome.spread(name).median, name) for name in outcome.costs)
    longest = bars[-1][0]
    rows = [_row(number, name, seconds, longest) for number, (seconds, name) in enumerate(bars)]
    return _framed(outcome.workload.title, rows)


def _row(number: int, name: str, seconds: float, longest: float) -> str:
    y = TOP + number * ROW
    width = max(1.0, seconds / longest * _BAR)
    kind = "b own" if name == EMAILINT else "b"
    return (
        f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
        f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{width:.0f}" height="18" rx="2"/>'
        f'<text x="{LABEL + width + 8:.0f}" y="{y + 14}">{seconds:.2f} s</text>'
    )


def _framed(title: str, rows: Sequence[str]) -> str:
    height = TOP + len(rows) * ROW + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' aria-label="{escape(title)}"><style>{_STYLE}</style>'
        f'<text class="t" x="8" y="24">{escape(title)}: seconds, less is better</text>{"".join(rows)}</svg>\n'
    )
