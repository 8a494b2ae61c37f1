"""The pages about routing: their examples are configurations that load, their tables are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emailint.config.load import load
from emailint.config.rules import WORKSPACE_RULES, When

DOCS = Path(__file__).parents[3] / "docs"
ROUTING = DOCS / "reference/routing.md"
PAGES = [ROUTING, DOCS / "how-to/distribution-groups.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_load(page: Path, tmp_path: Path) -> None:
    (example,) = re.findall(
        r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    file = tmp_path / "integrations.yaml"
    file.write_text(example, encoding="utf-8")
    file.chmod(0o600)
    config = load(file, {"DESK_PASSWORD": "x"})
    assert config.integrations[0].aliases


def test_tables_are_complete() -> None:
    text = ROUTING.read_text(encoding="utf-8")
    first = [row.replace("`", "").split(", ") for row in re.findall(r"^\| (`[^|]+`) \|", text, re.MULTILINE)]
    named = [name for row in first for name in row]
    conditions = [name.replace("sender", "from") for name in When.__dataclass_fields__]
    assert [name for name in named if name in WORKSPACE_RULES] == list(WORKSPACE_RULES)
    assert set(conditions) <= set(named)
