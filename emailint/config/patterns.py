"""Patterns of rules and lists, none of which can run away, whatever a mail holds.

A text pattern is words that must stand in the text, or `/…/`, a regular expression for RE2, whose time is
linear in the text (docs/decisions/0020-patterns.md). A sender pattern is an address, a domain, or a glob of
one, or again `/…/`. Nothing of it minds case.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from emailint.config.problems import Wrong

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKED_AT: Final = 100_000
"""So many characters of a text are looked at."""
LONGEST: Final = 1_000
"""Characters of a pattern."""
MOST_STEPS: Final = 2_000
"""States of a compiled expression: with LOOKED_AT it bounds the time of a match to a fraction of a second."""
_MEMORY: Final = 4 << 20
_ADDRESS_LENGTH: Final = 320

_ADDRESS: Final = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
_DOMAIN: Final = re.compile(r"[\w*?](?:[\w.*?-]*[\w*?])?")

Search = "Callable[[Searched], bool]"


class Searched:
    """A text and what patterns make of it, each made once and only if a pattern asks."""

    def __init__(self, text: str) -> None:
        self.text = text[:LOOKED_AT]

    @cached_property
    def words(self) -> str:
        """Without case, with one blank between words."""
        return _words(self.text)

    @cached_property
    def octets(self) -> bytes:
        """UTF-8, as RE2 reads it."""
        return self.text.encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class TextPattern:
    """A pattern of a subject or body; equal to any other that is written alike."""

    source: str
    _search: Callable[[Searched], bool] = field(compare=False, repr=False)

    def matches(self, text: Searched) -> bool:
        """Whether it stands anywhere in the text."""
        return self._search(text)


@dataclass(frozen=True, slots=True)
class SenderPattern:
    """A pattern of a sender. `exact`: it names one address, and so goes before any other kind."""

    source: str
    exact: bool
    _search: Callable[[str], bool] = field(compare=False, repr=False)

    def matches(self, address: str) -> bool:
        """Whether the address is meant; "" never is."""
        return bool(address) and self._search(address[:_ADDRESS_LENGTH].lower())


def text_pattern(source: str) -> TextPattern:
    """The pattern that is written so. Raises Wrong."""
    _bound(source)
    if expression := _expression(source):
        search = _compiled(expression)
        return TextPattern(source, lambda text: search(text.octets))
    wanted = _words(source)
    if not wanted:
        raise Wrong("is blank", "write the words to look for")
    return TextPattern(source, lambda text: wanted in text.words)


def sender_pattern(source: str) -> SenderPattern:
    """`ann@client.example`, `client.example`, `*.client.example`, `billing-*@client.example` or `/…/`.

    What has no `@` is compared with the domain alone; `@client.example` is the domain too. Raises Wrong.
    """
    _bound(source)
    if expression := _expression(source):
        search = _compiled(expression)
        return SenderPattern(source, False, lambda address: search(address.encode("utf-8", "replace")))
    lower = source.lower()
    whole = "@" in lower.removeprefix("@")
    wanted = lower.removeprefix("@")
    if not (_ADDRESS if whole else _DOMAIN).fullmatch(wanted):
        raise Wrong(
            "is neither address nor domain", "write ann@client.example, client.example or *@client.example"
        )
    compare = _glob(wanted) if "*" in wanted or "?" in wanted else wanted.__eq__
    if whole:
        return SenderPattern(source, "*" not in wanted and "?" not in wanted, compare)
    return SenderPattern(source, False, lambda address: compare(address.rpartition("@")[2]))


def _bound(source: str) -> None:
    if len(source) > LONGEST:
        raise Wrong(f"is longer than {LONGEST} characters", "write several shorter patterns")


def _words(text: str) -> str:
    return " ".join(text.split()).casefold()


def _expression(source: str) -> str:
    return source[1:-1] if len(source) > 2 and source[0] == source[-1] == "/" else ""


def _glob(wanted: str) -> Callable[[str], bool]:
    """`*` and `?` alone are special; the standard library's translation never backtracks far."""
    compiled = re.compile(fnmatch.translate(wanted.replace("[", "[[]")))
    return lambda text: compiled.match(text) is not None


def _compiled(expression: str) -> Callable[[bytes], bool]:
    try:
        import re2  # noqa: PLC0415 - an optional part, needed by no one who writes no expression
    except ImportError:
        raise Wrong(
            "is a regular expression, and RE2 is not installed",
            "run: pip install 'emailint[patterns]', or write the words to look for",
        ) from None
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        compiled = re2.compile(expression, options)
    except re2.error as error:
        raise Wrong(f"is no regular expression of RE2: {_said(error)}", _CURE) from None
    if compiled.programsize > MOST_STEPS:
        raise Wrong("is too large a regular expression", "use fewer or smaller repetitions")
    return lambda octets: compiled.search(octets) is not None


_CURE: Final = "see its syntax; look-around and back-references are not in it, for they can run away"


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
