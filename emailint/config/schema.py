"""The JSON Schema of `integrations.yaml`, for editors with a YAML language server.

`python -m emailint.config.schema` writes it anew to `integrations.schema.json` beside this file. It is looser
than `load`: what values look like in detail, and whether they fit together, only `emailint check` tells.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emailint.config.keys import ConfigKeys
from emailint.config.keys_base import Grammar, Key, Keys

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE: Final = Path(__file__).with_name("integrations.schema.json")

_REQUIRED: Final = {"IntegrationKeys": ["name", "mailbox"], "AliasKeys": ["address"]}
_VARIABLE: Final = {"pattern": r"\$\{[A-Za-z_]", "type": "string"}


def schema() -> dict[str, Any]:
    """The schema (draft 7, which editors know best): each key with description, kind, default, examples."""
    definitions = {model.__name__: _mapping(model) for model in _models_below(ConfigKeys)}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "emailint configuration (integrations.yaml)",
        **_mapping(ConfigKeys),
        "required": ["integrations"],
        "patternProperties": {"^x-": {"description": "ignored; a place for anchors of your own"}},
        "definitions": dict(sorted(definitions.items())),
    }


def text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _models_below(model: type[Keys]) -> Iterator[type[Keys]]:
    for each in model.declared.values():
        if not isinstance(each.kind, Grammar):
            yield each.kind
            yield from _models_below(each.kind)


def _mapping(model: type[Keys]) -> dict[str, Any]:
    required = {"required": _REQUIRED[model.__name__]} if model.__name__ in _REQUIRED else {}
    return {
        "additionalProperties": False,
        "description": model.__doc__,
        "properties": {name: _property(each) for name, each in model.declared.items()},
        "type": "object",
        **required,
    }


def _property(key: Key) -> dict[str, Any]:
    choices = list(_choices(key.kind))
    if key.many:
        items = {"anyOf": choices} if choices[1:] else choices[0]
        choices = [{"items": items, "type": "array"}]
    if key.nullable:
        choices.append({"type": "null"})
    more = {"default": key.default, "description": key.description, "examples": key.examples}
    return {"anyOf": choices} | {name: value for name, value in more.items() if value is not None}


def _choices(kind: Grammar | type[Keys]) -> Iterator[Any]:
    """What may stand for one value; of most texts an editor cannot tell whether they name a variable."""
    if not isinstance(kind, Grammar):
        yield {"$ref": f"#/definitions/{kind.__name__}"}
        return
    told = _in_order(kind.schema)
    yield from told.get("anyOf", [told])
    if told.keys() & {"pattern", "format"} or told.get("type") != "string":
        yield _VARIABLE


def _in_order(node: Any) -> Any:
    """With the words of each schema in the order of the alphabet, which keeps the file the same."""
    if isinstance(node, list):
        return [_in_order(child) for child in node]
    if not isinstance(node, dict):
        return node
    return {
        name: {key: _in_order(child) for key, child in value.items()}
        if name == "properties"
        else _in_order(value)
        for name, value in sorted(node.items())
    }


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
