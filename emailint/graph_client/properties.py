"""MAPI properties that Graph shows where they are asked for (api/singlevaluelegacyextendedproperty-get)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PROPERTIES: Final = "singleValueExtendedProperties"


def expanded(name: str) -> str:
    """`$expand` for one property, named as in `Integer 0x0E08`."""
    return f"{PROPERTIES}($filter=id eq '{name}')"


def values_of(message: Mapping[str, Any]) -> dict[str, str]:
    """The values that are shown, by names in lower case; of tags without type and zeros: `0xe08`."""
    shown = message.get(PROPERTIES)
    found = {}
    for each in shown if isinstance(shown, list) else ():
        if isinstance(each, dict) and isinstance(each.get("id"), str):
            found[_alike(each["id"])] = str(each.get("value"))
    return found


def integer_of(message: Mapping[str, Any], name: str) -> int | None:
    """An integer that is not negative; None where it is not shown."""
    value = values_of(message).get(_alike(name), "")
    return int(value) if value.isdecimal() else None


def _alike(name: str) -> str:
    tag = name.lower().rpartition(" ")[2]
    return f"0x{tag[2:].lstrip('0')}" if tag.startswith("0x") else name.lower()
