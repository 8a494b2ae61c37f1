"""Plain values to `ConfigKeys`: every value by its own grammar, every problem at once.

What is wrong is taken out of the values and the rest is tried again, so that a slip in one value does not
hide what does not fit together elsewhere; `spoiled` tells the later checks what they cannot judge.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from emailint.config.keys import ConfigKeys, known_keys, place_below
from emailint.config.plain import SECRET_KEYS
from emailint.config.problems import Problem, Wrong, path_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from emailint.config.document import Document
    from emailint.config.plain import Plain
    from emailint.config.problems import Location


_LISTS_OF_MAPPINGS: Final = ("integrations", "aliases")


def validated(values: dict[str, Any], document: Document, plain: Plain) -> ConfigKeys:
    """The keys that hold water; problems and spoiled locations are added to those of `plain`."""
    try:
        return ConfigKeys.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    locations = [tuple(detail["loc"]) for detail in details]
    meant: list[Location] = []
    for location, detail in zip(locations, details, strict=True):
        if not plain.spoiled.touches(location):
            plain.problems.append(_problem(detail, location, document, meant))
    for location in locations:
        _take_out(values, location)
    for location in (*locations, *meant):
        plain.spoiled.mark(location)
    return ConfigKeys.model_validate(values)


def _problem(detail: ErrorDetails, location: Location, document: Document, meant: list[Location]) -> Problem:
    if detail["type"] == "extra_forbidden":
        return _unknown_key(location, document, meant)
    wrong = detail.get("ctx", {}).get("error")
    if isinstance(wrong, Wrong):
        quoted = location[-1] not in SECRET_KEYS
        return document.problem(location, wrong.what, wrong.cure, quoted=quoted)
    if detail["type"] == "tuple_type":
        return document.problem(location, "must be a list", "write its entries as `- entry`, one a line")
    return document.problem(location, "must be a mapping", "write `key: value` lines below it")


def _unknown_key(location: Location, document: Document, meant: list[Location]) -> Problem:
    above, name = location[:-1], str(location[-1])
    known = known_keys(above)
    if place := place_below(above, name):
        return document.problem(location, "unknown key", f"it belongs under `{place}`")
    for end in range(len(above) - 1, -1, -1):
        if name in known_keys(above[:end]):
            return document.problem(location, "unknown key", f"it belongs to {path_of(above[:end])}")
    near = difflib.get_close_matches(name.lower(), known, n=1)
    if near:
        meant.append((*above, near[0]))
        return document.problem(location, "unknown key", f"did you mean `{near[0]}`?")
    return document.problem(location, "unknown key", f"take it out; known here are {', '.join(known)}")


def _take_out(values: dict[str, Any], location: Location) -> None:
    """Remove a value; of a list of mappings an entry is emptied, so that the others keep their places."""
    holder: Any = values
    for part in location[:-1]:
        if isinstance(holder, dict) and part not in holder:
            return  # gone already, with something above it
        holder = holder[part]
    last: Any = location[-1]
    if not isinstance(holder, list):
        holder.pop(last, None)
    elif location[-2] in _LISTS_OF_MAPPINGS:
        holder[last] = {}
    else:
        _take_out(values, location[:-1])
