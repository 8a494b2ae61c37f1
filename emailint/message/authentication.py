"""Verdicts of the one trusted authentication service (Authentication-Results, RFC 8601)."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

from emailint.message.model import Authentication

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emailint.message.headers import Headers

TOPMOST_WITHOUT_ID: Final = "topmost-without-id"
"""The `authserv_id` of servers that write no identifier of their own (Microsoft 365)."""

_FIELD: Final = "Authentication-Results"
_LONGEST: Final = 16_000
_VERSION: Final = "1"
# A token: quoted string (one that is never closed takes all that follows) | separator | anything else.
# Comments are gone before this is applied.
_TOKEN: Final = re.compile(r'"((?:[^"\\]|\\.|\\$)*)(?:"|$)|([;=/])|([^\s;=/"]+)')

Result = tuple[str, str, frozenset[str]]
"""Method, its result, and the `ptype.property` names that came with it; all in lower case."""


def read(headers: Headers, authserv_id: str | None) -> Authentication:
    """What the trusted service says of DMARC, SPF and DKIM; all None when it says nothing.

    Only the topmost Authentication-Results that bears `authserv_id` counts (RFC 8601 sections 2.5 and 5):
    everything below it may have come with the mail. `topmost-without-id` means the topmost one of all,
    provided that it bears no identifier. A field that stands where mail servers see none, behind a line
    that ends the headers for them or with a blank before its colon, is none: they cannot have removed a
    forged one there. ARC-Authentication-Results is never read. Of several results
    for one method: DKIM passes if any signature does, SPF of the envelope sender goes before SPF of the
    HELO name, and a DMARC pass counts only if no other DMARC result disagrees.
    """
    results = _trusted_results(headers.sure(_FIELD), authserv_id)
    return Authentication(
        dmarc=_dmarc([result for method, result, _ in results if method == "dmarc"]),
        spf=_spf([(result, names) for method, result, names in results if method == "spf"]),
        dkim=_dkim([result for method, result, _ in results if method == "dkim"]),
    )


def _trusted_results(values: Sequence[str], authserv_id: str | None) -> list[Result]:
    wanted = (authserv_id or "").strip().lower()
    if not wanted:
        return []
    if wanted == TOPMOST_WITHOUT_ID:
        values, wanted = values[:1], ""
    for value in values:
        sections = _sections(value)
        identity, version = _identity(sections[0])
        if identity == wanted:
            if version != _VERSION:
                return []
            return list(_results(sections if identity == "" else sections[1:]))
    return []


def _identity(section: Sequence[str]) -> tuple[str, str]:
    """The authserv-id, "" where the field starts with a result instead, and the version."""
    if not section or "=" in section:
        return "", _VERSION
    identity = section[0].lower()
    return identity, section[1] if len(section) > 1 else _VERSION


def _sections(value: str) -> list[list[str]]:
    """The field's tokens, cut at the semicolons."""
    sections: list[list[str]] = [[]]
    for match in _TOKEN.finditer(_without_comments(value[:_LONGEST])):
        quoted, separator, word = match.groups()
        if separator == ";":
            sections.append([])
        else:
            sections[-1].append(separator or word or _unescaped(quoted))
    return sections


def _unescaped(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted)


def _without_comments(value: str) -> str:
    """RFC 5322 comments become one blank; they nest, and quoted strings may hold parentheses."""
    kept: list[str] = []
    depth = 0
    in_quotes = False
    position = 0
    while position < len(value):
        character = value[position]
        step = 2 if character == "\\" else 1
        if in_quotes:
            in_quotes = character != '"'
        elif character == "(":
            depth += 1
            kept.append(" ")
        elif character == ")" and depth:
            depth -= 1
            position += 1
            continue
        elif character == '"' and not depth:
            in_quotes = True
        if not depth:
            kept.append(value[position : position + step])
        position += step
    return "".join(kept)


def _results(sections: Sequence[Sequence[str]]) -> Iterator[Result]:
    """Each `method[/version]=result`; what cannot be read so, `none` among it, is left out."""
    for section in sections:
        match section:
            case [method, "=", result, *rest] | [method, "/", "1", "=", result, *rest]:
                yield method.lower(), result.lower(), frozenset(_names(rest))
            case _:
                continue


def _names(tokens: Sequence[str]) -> Iterator[str]:
    for name, sign in itertools.pairwise(tokens):
        if sign == "=":
            yield name.lower()


def _dmarc(results: Sequence[str]) -> str | None:
    return next((result for result in results if result != "pass"), results[0] if results else None)


def _dkim(results: Sequence[str]) -> str | None:
    return next((result for result in results if result == "pass"), results[0] if results else None)


def _spf(results: Sequence[tuple[str, frozenset[str]]]) -> str | None:
    envelope = [result for result, names in results if "smtp.helo" not in names or "smtp.mailfrom" in names]
    chosen = envelope or [result for result, _ in results]
    return chosen[0] if chosen else None
