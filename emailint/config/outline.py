"""The little of a configuration that completion in a shell needs, of a file that may be wrong elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from emailint.config.document import MAXIMUM_OCTETS, Document

_STORE = "data"


@dataclass(frozen=True, slots=True)
class Outline:
    """Names of the integrations, as they stand there, and the store's folder."""

    integrations: tuple[str, ...]
    store: Path


def outline(path: Path) -> Outline:
    """Read it; no secret is fetched, no variable filled in.

    Raises OSError, Refused for what is no YAML mapping, ValueError for what is no ordinary file or too large.
    """
    if not path.is_file() or path.stat().st_size > MAXIMUM_OCTETS:
        raise ValueError(path)
    document = Document(str(path), path.read_bytes())
    top = _fields(document, document.root)
    listed = top.get("integrations")
    each = listed.value if isinstance(listed, yaml.SequenceNode) else []
    names = (_fields(document, node).get("name") for node in each)
    store = top.get("store")
    folder = store.value if isinstance(store, yaml.ScalarNode) else _STORE
    return Outline(
        tuple(name.value for name in names if isinstance(name, yaml.ScalarNode)),
        path.parent / Path(folder).expanduser(),
    )


def _fields(document: Document, node: yaml.Node) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key: value for key, (_, value) in document.entries(node).items()}
