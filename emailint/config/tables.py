"""Lists of flat mappings in a YAML file, each with its line: how a small directory is written down.

    employees:
      - {id: E-1, name: Ann Lee, work_address: ann@client.example, workspace: 1201}

Values are the texts that stand there, so that YAML 1.1 has no say in `no`, `012` or `1e5`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from emailint.config.document import Document, Refused
from emailint.config.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class Row:
    """One mapping of one list. A list of texts is joined by blanks; null is the empty text."""

    table: str
    line: int
    values: Mapping[str, str]


def read_tables(file: str, raw: bytes, names: Sequence[str]) -> tuple[Sequence[Row], Sequence[Problem]]:
    """The rows of the lists with these names, in their order, and everything that is no such row."""
    try:
        document = Document(file, raw, f"begin with `{names[0]}:` and its entries as `- {{id: …}}`")
    except Refused as refused:
        return (), refused.problems
    rows: list[Row] = []
    problems: list[Problem] = []
    for name, (key, node) in document.entries(document.root).items():
        if name.startswith("x-"):
            continue
        if name not in names:
            what, cure = "unknown key", f"known here are {', '.join(names)}"
            problems.append(Problem(file, key.start_mark.line + 1, name, what, cure))
        elif isinstance(node, yaml.SequenceNode):
            _read_list(document, name, node, rows, problems)
        elif not _is_null(node):
            what, cure = "must be a list", "write its entries as `- {id: …}`, one a line"
            problems.append(document.problem((name,), what, cure))
    return rows, problems


def _read_list(
    document: Document, name: str, node: yaml.SequenceNode, rows: list[Row], problems: list[Problem]
) -> None:
    for index, child in enumerate(node.value):
        if not isinstance(child, yaml.MappingNode):
            what, cure = "must be a mapping", "write `key: value` pairs"
            problems.append(document.problem((name, index), what, cure))
            continue
        values = {}
        for key, (_, value) in document.entries(child).items():
            text = _text(value)
            if text is None:
                what, cure = "must be one value, or a list of values", "write no mapping here"
                problems.append(document.problem((name, index, key), what, cure))
            else:
                values[key] = text
        rows.append(Row(name, child.start_mark.line + 1, values))


def _text(node: yaml.Node) -> str | None:
    if isinstance(node, yaml.ScalarNode):
        return "" if _is_null(node) else str(node.value)
    if isinstance(node, yaml.SequenceNode):
        parts = [_text(child) for child in node.value if isinstance(child, yaml.ScalarNode)]
        if len(parts) == len(node.value):
            return " ".join(part for part in parts if part)
    return None


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL
