"""The raw header fields of a message or part, in order; decoded only when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emailint.message import words
from emailint.message.clean import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Headers:
    """Ordered header fields; names are compared without case.

    `hint` is the charset that the text of the mail declares: raw 8-bit header text is tried with it
    before it is guessed.
    """

    __slots__ = ("_fields", "_index", "_unseen", "hint")

    def __init__(
        self,
        fields: Iterable[tuple[str, bytes]] = (),
        hint: str | None = None,
        unseen: frozenset[int] = frozenset(),
    ) -> None:
        """`fields`: name as it is written, and the value's raw bytes with its folds.

        `unseen`: the numbers of those that a mail server which cleans the headers may not have seen.
        """
        self._fields = tuple(fields)
        self._unseen = unseen
        self._index: dict[str, list[bytes]] = {}
        self.hint = hint
        for name, raw in self._fields:
            self._index.setdefault(name.lower(), []).append(raw)

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Name as written and raw value of each field, from the top."""
        return iter(self._fields)

    def __len__(self) -> int:
        """How many fields there are."""
        return len(self._fields)

    def __contains__(self, name: str) -> bool:
        """Whether there is a field of this name."""
        return name.lower() in self._index

    def names(self) -> list[str]:
        """The names of the fields in lower case, each once, from the top."""
        return list(self._index)

    def present(self, names: Iterable[str]) -> list[str]:
        """Those of some names of which there is a field, in the order in which they are given."""
        index = self._index
        return [name for name in names if name.lower() in index]

    def raw(self, name: str) -> bytes | None:
        """The topmost field's raw value, folds included; None when there is none."""
        raws = self._index.get(name.lower())
        return raws[0] if raws else None

    def raws(self, name: str) -> list[bytes]:
        """The raw values of all fields of this name, from the top."""
        return list(self._index.get(name.lower(), ()))

    def first(self, name: str) -> str | None:
        """The topmost field as one line of text, encoded words as they stand; None when there is none.

        For fields that programs read (Auto-Submitted, Return-Path, Authentication-Results).
        """
        raw = self.raw(name)
        return None if raw is None else one_line(words.plain(raw, self.hint))

    def all(self, name: str) -> list[str]:
        """Like `first`, for all fields of this name from the top."""
        return [one_line(words.plain(raw, self.hint)) for raw in self._index.get(name.lower(), ())]

    def sure(self, name: str) -> list[str]:
        """Like `all`, without fields that stand where mail servers see none: they may be anybody's."""
        if name not in self:
            return []
        raws = (
            raw
            for number, (each, raw) in enumerate(self._fields)
            if number not in self._unseen and each.lower() == name.lower()
        )
        return [one_line(words.plain(raw, self.hint)) for raw in raws]

    def text(self, name: str) -> str | None:
        """The topmost field as people read it: one line, encoded words decoded (RFC 2047)."""
        raw = self.raw(name)
        return None if raw is None else one_line(words.decode(raw, self.hint))
