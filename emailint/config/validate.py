"""Plain values to `ConfigKeys`: every value by its own grammar, every problem at once.

What is wrong is taken out of the values and the rest is tried again, so that a slip in one value does not
hide what does not fit together elsewhere; `spoiled` tells the later checks what they cannot judge.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

from emailint.config.keys import ConfigKeys
from emailint.config.keys_base import Grammar, Keys, Misshapen, UnknownKey
from emailint.config.plain import SECRET_KEYS
from emailint.config.problems import Problem, path_of

if TYPE_CHECKING:
    from emailint.config.document import Document
    from emailint.config.keys_base import Refused
    from emailint.config.plain import Plain
    from emailint.config.problems import Location, Wrong


_LISTS_OF_MAPPINGS: Final = ("integrations", "aliases", "rules")


def validated(values: dict[str, Any], document: Document, plain: Plain) -> ConfigKeys:
    """The keys that hold water; problems and spoiled locations are added to those of `plain`."""
    refused: Refused = []
    keys = ConfigKeys.read(values, (), refused)
    if not refused:
        return keys
    meant: list[Location] = []
    for location, wrong in refused:
        if not plain.spoiled.touches(location):
            plain.problems.append(_problem(wrong, location, document, meant))
    locations = [location for location, _ in refused]
    for location in locations:
        _take_out(values, location)
    for location in (*locations, *meant):
        plain.spoiled.mark(location)
    return ConfigKeys.read(values, (), [])


def _problem(wrong: Wrong, location: Location, document: Document, meant: list[Location]) -> Problem:
    if isinstance(wrong, UnknownKey):
        return _unknown_key(location, document, meant)
    quoted = not isinstance(wrong, Misshapen) and location[-1] not in SECRET_KEYS
    return document.problem(location, wrong.what, wrong.cure, quoted=quoted)


def _unknown_key(location: Location, document: Document, meant: list[Location]) -> Problem:
    above, name = location[:-1], str(location[-1])
    known = _known_keys(above)
    if place := _place_below(above, name):
        return document.problem(location, "unknown key", f"it belongs under `{place}`")
    for end in range(len(above) - 1, -1, -1):
        if name in _known_keys(above[:end]):
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


def _known_keys(location: Location) -> tuple[str, ...]:
    """The keys of the mapping at a location."""
    return tuple(_inner(_model_at(location)))


def _place_below(location: Location, name: str) -> str | None:
    """Where below a location a key of this name belongs (`reply.limit`), the nearest first; or None."""
    level = [("", _model_at(location))]
    while level:
        deeper = [
            (f"{place}.{key}".removeprefix("."), model)
            for place, above in level
            for key, model in _inner(above).items()
            if model is not None
        ]
        for place, model in deeper:
            if name in _inner(model):
                return place
        level = deeper
    return None


def _model_at(location: Location) -> type[Keys]:
    model: type[Keys] = ConfigKeys
    for part in location:
        if isinstance(part, str):
            model = _inner(model)[part] or Keys
    return model


def _inner(model: type[Keys]) -> dict[str, type[Keys] | None]:
    """Each key by the name people write, with the model of its mapping or of its entries."""
    return {
        name: None if isinstance(each.kind, Grammar) else each.kind for name, each in model.declared.items()
    }
