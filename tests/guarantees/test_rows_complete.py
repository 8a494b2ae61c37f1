"""The list of a hundred rows and its tests say the same numbers."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "guarantees" / "hostile.md"
ROWS = list(range(1, 101))


def test_every_row_has_a_test() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(HERE.glob("test_rows_*.py")))
    tested = {int(number) for number in re.findall(r"^def test_row_(\d{3})_", text, re.MULTILINE)}
    assert sorted(tested) == ROWS


def test_every_row_stands_in_the_document_once_and_in_order() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)] == ROWS
