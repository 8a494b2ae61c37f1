"""Plain values to `ConfigKeys`: every value by its own grammar, every problem at once.

What is wrong is taken out of the values and the rest is tried again, so that a slip in one value does not hide
what does not fit together elsewhere; `spoiled` tells the later checks what they cannot judge.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from emailint.config.keys import ConfigKeys, known_keys
from emailint.config.problems import Problem, Wrong

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from emailint.config.document import Document
    from emailint.config.problems import Location
    from emailint.config.plain import Plain

_SECRETIVE = ("password", "client_secret")


def validated(values: dict[str, Any], document: Document, plain: Plain) -> ConfigKeys:
    """The keys that hold water; problems and spoiled locations are added to those of `plain`."""
    try:
        return ConfigKeys.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    for detail in details:
        location = tuple(detail["loc"])
        if not is_spoiled(location, plain.spoiled):
            plain.problems.append(_problem(detail, location, document, plain.spoiled))
    for detail in details:
        _take_out(values, tuple(detail["loc"]), plain.spoiled)
    return ConfigKeys.model_validate(values)


def is_spoiled(location: Location, spoiled: set[Location]) -> bool:
    """Whether something at, above or below a location has been complained of already."""
    return any(bad[: len(location)] == location or location[: len(bad)] == bad for bad in spoiled)


def _problem(detail: ErrorDetails, location: Location, document: Document, spoiled: set[Location]) -> Problem:
    if detail["type"] == "extra_forbidden":
        return _unknown_key(location, document, spoiled)
    wrong = detail.get("ctx", {}).get("error")
    if isinstance(wrong, Wrong):
        quoted = location[-1] not in _SECRETIVE
        return document.problem(location, wrong.what, wrong.cure, quoted=quoted)
    if detail["type"] == "tuple_type":
        return document.problem(location, "must be a list", "write its entries as `- entry`, one a line")
    return document.problem(location, "must be a mapping", "write `key: value` lines below it")


def _unknown_key(location: Location, document: Document, spoiled: set[Location]) -> Problem:
    above, name = location[:-1], str(location[-1])
    known = known_keys(above)
    near = difflib.get_close_matches(name.lower(), known, n=1)
    if near:
        spoiled.add((*above, near[0]))
        return document.problem(location, "unknown key", f"did you mean `{near[0]}`?")
    return document.problem(location, "unknown key", f"take it out; known here are {', '.join(known)}")


def _take_out(values: dict[str, Any], location: Location, spoiled: set[Location]) -> None:
    """Remove a value; of a list of mappings an entry is emptied, so that the others keep their places."""
    holder: Any = values
    for part in location[:-1]:
        holder = holder[part]
    last = location[-1]
    spoiled.add(location)
    if isinstance(holder, list):
        holder[last] = {}
    else:
        holder.pop(last, None)
