"""Nodes to plain values: texts with the environment put in, secrets kept apart, lists and mappings."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import yaml

from emailint.config.problems import Spoiled, Unset, Wrong

if TYPE_CHECKING:
    from emailint.config.document import Document
    from emailint.config.environment import Environment
    from emailint.config.problems import Location, Problem

SECRET_KEYS: Final = frozenset(
    {"password", "client_secret", "certificate_password", "refresh_token", "heartbeat"}
)
PATTERNS: Final = frozenset({"when", "allow", "deny"})
"""At and below these keys a lone `$` is itself: patterns end with it."""
_TYPED_KEY: Final = "fields"
"""Below this key YAML's numbers and truth values stay what they are; elsewhere a value's grammar decides."""

_TYPED_TAGS: Final = frozenset("tag:yaml.org,2002:" + name for name in ("int", "float", "bool"))


class Plain:
    """Makes the values of one document; `problems` and the `spoiled` locations grow as it goes."""

    def __init__(self, document: Document, environment: Environment) -> None:
        self.problems: list[Problem] = []
        self.spoiled = Spoiled()
        self._document = document
        self._environment = environment
        self._typed = yaml.constructor.SafeConstructor()

    def whole(self) -> dict[str, Any]:
        """All keys but the `x-…` ones at the top."""
        entries = self._document.entries(self._document.root)
        return {
            name: self._value(node, (name,), name)
            for name, (_, node) in entries.items()
            if not name.startswith("x-")
        }

    def _value(self, node: yaml.Node, location: Location, name: str) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, location, name)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(child, (*location, index), "") for index, child in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return {
                key: self._value(child, (*location, key), _TYPED_KEY if name == _TYPED_KEY else key)
                for key, (_, child) in self._document.entries(node).items()
            }
        raise TypeError(node)

    def _scalar(self, node: yaml.ScalarNode, location: Location, name: str) -> Any:
        if node.tag == "tag:yaml.org,2002:null":
            return None
        if name == _TYPED_KEY and node.tag in _TYPED_TAGS:
            with contextlib.suppress(ValueError, KeyError):  # such as `0x_`, which is text after all
                return self._typed.construct_object(node)
        secret = name in SECRET_KEYS
        try:
            if not secret and PATTERNS.intersection(location):
                return self._environment.fill_pattern(node.value)
            fill = self._environment.fill_secret if secret else self._environment.fill
            return fill(node.value)
        except Wrong as wrong:
            self.spoiled.mark(location)
            if isinstance(wrong, Unset) and not self._environment.complete:
                return None  # the env_file is complained of, and this may be no more than its consequence
            self.problems.append(self._document.problem(location, wrong.what, wrong.cure, quoted=not secret))
            return None
