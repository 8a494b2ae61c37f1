"""The JSON Schema of `integrations.yaml`, for editors with a YAML language server.

`python -m emailint.config.schema` writes it anew to `integrations.schema.json` beside this file. It is looser
than `load`: what values look like in detail, and whether they fit together, only `emailint check` tells.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from emailint.config.keys import ConfigKeys

FILE: Final = Path(__file__).with_name("integrations.schema.json")

_REQUIRED: Final = {"IntegrationKeys": ["name", "mailbox"], "AliasKeys": ["address"]}


def schema() -> dict[str, Any]:
    """The schema (draft 7, which editors know best): each key with description, kind, default, examples."""
    made = _tidied(ConfigKeys.model_json_schema(ref_template="#/definitions/{model}"))
    definitions = {name: _required(name, body) for name, body in made.pop("$defs").items()}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "emailint configuration (integrations.yaml)",
        **made,
        "required": ["integrations"],
        "patternProperties": {"^x-": {"description": "ignored; a place for anchors of your own"}},
        "definitions": definitions,
    }


def text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _required(name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "required": _REQUIRED[name]} if name in _REQUIRED else body


def _tidied(node: Any) -> Any:
    """Without generated titles and null defaults, and with alternatives of alternatives on one level."""
    if isinstance(node, list):
        return [_tidied(child) for child in node]
    if not isinstance(node, dict):
        return node
    found: dict[str, Any] = {
        name: {key: _tidied(value) for key, value in child.items()}
        if name == "properties"
        else _tidied(child)
        for name, child in node.items()
        if not (name == "title" and isinstance(child, str)) and not (name == "default" and child is None)
    }
    if "anyOf" in found:
        found["anyOf"] = list(_alternatives(found["anyOf"]))
    return found


def _alternatives(choices: list[Any]) -> Any:
    for choice in choices:
        if choice.keys() == {"anyOf"}:
            yield from _alternatives(choice["anyOf"])
        else:
            yield choice


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
