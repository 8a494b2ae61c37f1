"""What all mappings of keys have in common: how keys are declared, and how what was written is read by them.

Reading goes on after the first thing that is wrong, so that all of it can be told at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn, Self, get_args, get_origin

from emailint.config.problems import Location, Wrong

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

Refused = list[tuple[Location, Wrong]]
"""What was refused, in the order in which the keys are declared."""


class UnknownKey(Wrong):
    """A key that its mapping does not have."""


class Misshapen(Wrong):
    """No list where one must be, or no mapping."""


_UNKNOWN: Final = UnknownKey("unknown key", "take it out")
_NO_LIST: Final = Misshapen("must be a list", "write its entries as `- entry`, one a line")
_NO_MAPPING: Final = Misshapen("must be a mapping", "write `key: value` lines below it")


class Grammar:
    """What stands in `Annotated` for one kind of value: `parse` alone decides, `schema` tells editors."""

    __slots__ = ("parse", "schema")

    def __init__(self, parse: Callable[[object], object], schema: dict[str, Any]) -> None:
        self.parse = parse
        self.schema = schema

    def read(self, value: object, location: Location, refused: Refused) -> object:
        """The value as it is meant."""
        try:
            return self.parse(value)
        except Wrong as wrong:
            refused.append((location, wrong))
            return None


class Key:
    """A key as it is declared; its annotation says which values it takes."""

    def __init__(
        self, description: str, alias: str | None, default: object, examples: list[object] | None
    ) -> None:
        self.description = description
        self.alias = alias
        self.default = default
        self.examples = examples

    def bind(self, name: str, annotation: Any) -> None:
        """Take the attribute's name and its annotation: a kind, `tuple[kind, ...]`, or either `| None`.

        A kind is `Annotated` with a grammar, or a class of keys.
        """
        self.name = name
        self.written = self.alias or name
        self.nullable = not _metadata(annotation) and type(None) in get_args(annotation)
        inner = get_args(annotation)[0] if self.nullable else annotation
        self.many = get_origin(inner) is tuple
        kind = get_args(inner)[0] if self.many else inner
        self.kind: Grammar | type[Keys] = next(iter(_metadata(kind)), kind)

    def read(self, value: object, location: Location, refused: Refused) -> object:
        """The value as it is meant; what is wrong with it is added to `refused`."""
        if value is None and self.nullable:
            return None
        if not self.many:
            return self.kind.read(value, location, refused)
        if not isinstance(value, list):
            refused.append((location, _NO_LIST))
            return None
        return tuple(self.kind.read(each, (*location, at), refused) for at, each in enumerate(value))


def _metadata(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__metadata__", ())


def key(
    description: str,
    *,
    alias: str | None = None,
    default: object = None,
    examples: list[object] | None = None,
) -> Any:
    """A key that may be left out; `default` is for editors, `resolve.py` has the last word."""
    return Key(description, alias, default, examples)


class Keys:
    """A mapping of known keys, none of which must be there: what was not written is None."""

    declared: ClassVar[dict[str, Key]] = {}
    """The keys by the names that people write."""

    def __init_subclass__(cls) -> None:
        """Take in what the class declares, after what it inherits; the annotations must not be text."""
        cls.declared = dict(cls.declared)
        for name, annotation in cls.__annotations__.items():
            own: Key = vars(cls)[name]
            own.bind(name, annotation)
            cls.declared[own.written] = own
            setattr(cls, name, None)

    def __init__(self, **values: object) -> None:
        vars(self).update(values)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name} is what was written, and stays so")

    @property
    def written(self) -> AbstractSet[str]:
        """The names of the attributes of all keys that were written, with null too."""
        return vars(self).keys()

    @classmethod
    def read(cls, values: object, location: Location, refused: Refused) -> Self:
        """The keys of a mapping; what is wrong is left out and added to `refused`."""
        if not isinstance(values, dict):
            refused.append((location, _NO_MAPPING))
            return cls()
        found = {
            each.name: each.read(values[written], (*location, written), refused)
            for written, each in cls.declared.items()
            if written in values
        }
        refused += [((*location, name), _UNKNOWN) for name in values if name not in cls.declared]
        return cls(**found)
