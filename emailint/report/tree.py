"""A tree as a value, and its plain text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.report.sheet import Tone
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Node:
    """One line, and what belongs to it."""

    text: str
    tone: Tone = Tone.PLAIN
    below: tuple[Node, ...] = ()


def plain_tree(node: Node, depth: int = 0) -> Iterator[str]:
    """A line a node, two blanks further in for each level."""
    yield f"{'  ' * depth}{terminal_safe(node.text)}"
    for each in node.below:
        yield from plain_tree(each, depth + 1)
